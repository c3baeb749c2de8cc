"""Tenants: the institutions that share an installation and must never see anything of each other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal, cast
from zoneinfo import available_timezones

from sqlalchemy import Connection, Engine, Row, select, update

from identity.audit import AuditTrail, Event
from identity.database import insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue, TenantSuspended, UnknownTenant
from identity.keys import MasterKey
from identity.tables import TENANTS
from identity.vault import create_tenant_keys

State = Literal["active", "suspended", "removing", "removed"]
"""`suspended`: kept whole, used by nobody. `removing`: past the point of no return. `removed`: a tombstone."""

GONE: tuple[State, ...] = ("removing", "removed")

_ID = re.compile(r"[a-z][a-z0-9-]{1,30}")
_list_timezones = cache(available_timezones)  # which reads some 600 files each time


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one query of an analyst may take, and what each analyst's queries of an hour may take together."""

    query_seconds: int = 30
    query_mib: int = 1024
    query_rows: int = 100_000_000
    """Rows read."""
    hour_seconds: int = 1200

    def __post_init__(self) -> None:
        for field in fields(self):
            if not 0 < getattr(self, field.name) < 2**31:
                raise InvalidValue(
                    f"The limit {field.name.replace('_', '-')} is a whole number from 1 to 2,147,483,647."
                )


@dataclass(frozen=True, slots=True)
class Tenant:
    """One institution. `timezone` is the IANA zone in which its half-days are counted."""

    id: str
    name: str
    timezone: str
    created_at: datetime
    state: State = "active"
    limits: QueryLimits = QueryLimits()

    @property
    def is_gone(self) -> bool:
        """Whether nothing may be stored for it any more."""
        return self.state in GONE


def add_tenant(
    engine: Engine,
    master: MasterKey,
    id: str,  # noqa: A002 (the field's name)
    name: str,
    timezone: str = "Europe/Paris",
    *,
    who: str = "process:jalon",
) -> Tenant:
    """Add a tenant with its keys, whole or not at all; again with the same values changes nothing.

    Raises InvalidValue, AlreadyExists when the tenant stands with another name or time zone or was removed, and
    IdentityUnavailable.
    """
    if not _ID.fullmatch(id):
        raise InvalidValue("A tenant's id has 2 to 31 lower-case letters, digits and hyphens and begins with a letter.")
    if not name.strip():
        raise InvalidValue("A tenant needs a name.")
    if timezone not in _list_timezones():
        raise InvalidValue("A tenant's time zone is an IANA name such as Europe/Paris or Indian/Reunion.")
    with writing(engine) as connection:
        now = datetime.now(UTC)
        insert_new(connection, TENANTS, [{"id": id, "name": name, "timezone": timezone, "created_at": now}])
        tenant = _to_tenant(connection.execute(select(TENANTS).where(TENANTS.c.id == id)).one())
        if tenant.is_gone:
            raise AlreadyExists(f"A tenant {id!r} was removed, and its id is not used again: take another one.")
        if (tenant.name, tenant.timezone) != (name, timezone):
            raise AlreadyExists(f"There is a tenant {id!r} already, with another name or time zone.")
        create_tenant_keys(connection, master, id)
        if tenant.created_at == now:  # it is ours, and not one that was there
            AuditTrail(engine, master).append_to(connection, Event(id, who, "tenant-added"))
    return tenant


def get_tenant(engine: Engine, id: str) -> Tenant:  # noqa: A002 (the field's name)
    """Return the tenant, suspended or not. Raises UnknownTenant, also for one that is removed; IdentityUnavailable."""
    tenant = find_tenant(engine, id)
    if tenant is None or tenant.is_gone:
        raise UnknownTenant(id)
    return tenant


def get_active_tenant(engine: Engine, id: str) -> Tenant:  # noqa: A002 (the field's name)
    """Return the tenant if it may be used now. Raises UnknownTenant, TenantSuspended, IdentityUnavailable."""
    tenant = get_tenant(engine, id)
    if tenant.state != "active":
        raise TenantSuspended(id)
    return tenant


def find_tenant(engine: Engine, id: str) -> Tenant | None:  # noqa: A002 (the field's name)
    """Return the tenant in whatever state it is, its tombstone too; None when there never was one.

    Raises IdentityUnavailable.
    """
    with reading(engine) as connection:
        row = _find(connection, id)
    return None if row is None else _to_tenant(row)


def list_tenants(engine: Engine, *, gone: bool = False) -> list[Tenant]:
    """Return all tenants by id, with `gone` also those that are removed. Raises IdentityUnavailable."""
    query = select(TENANTS).order_by(TENANTS.c.id)
    if not gone:
        query = query.where(TENANTS.c.state.not_in(GONE))
    with reading(engine) as connection:
        return [_to_tenant(row) for row in connection.execute(query)]


def suspend_tenant(engine: Engine, trail: AuditTrail, id: str, *, who: str, why: str) -> None:  # noqa: A002
    """Let nobody use the tenant until it is resumed; of one that is suspended nothing changes.

    Raises UnknownTenant, IdentityUnavailable.
    """
    _change(engine, trail, id, {"state": "suspended"}, Event(id, who, "tenant-suspended", why=why))


def resume_tenant(engine: Engine, trail: AuditTrail, id: str, *, who: str, why: str) -> None:  # noqa: A002
    """Let the tenant be used again; of one that is active nothing changes.

    Raises UnknownTenant, IdentityUnavailable.
    """
    _change(engine, trail, id, {"state": "active"}, Event(id, who, "tenant-resumed", why=why))


def set_limits(
    engine: Engine,
    trail: AuditTrail,
    id: str,  # noqa: A002 (the field's name)
    limits: QueryLimits,
    *,
    who: str,
    why: str,
) -> None:
    """Give the tenant's analysts these limits. Raises UnknownTenant, IdentityUnavailable."""
    values = asdict(limits)
    _change(engine, trail, id, values, Event(id, who, "tenant-limits-changed", why=why, details=values))


def _change(engine: Engine, trail: AuditTrail, tenant: str, values: Mapping[str, Any], event: Event) -> None:
    with writing(engine) as connection:
        row = _find(connection, tenant)
        if row is None or row.state in GONE:
            raise UnknownTenant(tenant)
        if any(getattr(row, name) != value for name, value in values.items()):
            connection.execute(update(TENANTS).where(TENANTS.c.id == tenant).values(**values))
            trail.append_to(connection, event)


def _find(connection: Connection, tenant: str) -> Row[Any] | None:
    return connection.execute(select(TENANTS).where(TENANTS.c.id == tenant)).one_or_none()


def _to_tenant(row: Row[Any]) -> Tenant:
    limits = QueryLimits(**{field.name: getattr(row, field.name) for field in fields(QueryLimits)})
    return Tenant(
        id=row.id,
        name=row.name,
        timezone=row.timezone,
        created_at=row.created_at,
        state=cast("State", row.state),
        limits=limits,
    )
