"""Tenants: the institutions that share an installation and must never see anything of each other."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, Row, select

from identity.database import insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue, UnknownTenant
from identity.keys import MasterKey
from identity.tables import TENANTS
from identity.vault import create_tenant_keys

_ID = re.compile(r"[a-z][a-z0-9-]{1,30}")


@dataclass(frozen=True, slots=True)
class Tenant:
    """One institution. `timezone` is the IANA zone in which its half-days are counted."""

    id: str
    name: str
    timezone: str
    created_at: datetime


def add_tenant(
    engine: Engine,
    master: MasterKey,
    id: str,  # noqa: A002 (the field's name)
    name: str,
    timezone: str = "Europe/Paris",
) -> Tenant:
    """Add a tenant with its keys, whole or not at all; again with the same values changes nothing.

    Raises InvalidValue, AlreadyExists when the tenant stands with another name or time zone, and
    IdentityUnavailable.
    """
    if not _ID.fullmatch(id):
        raise InvalidValue("A tenant's id has 2 to 31 lower-case letters, digits and hyphens and begins with a letter.")
    if not name.strip():
        raise InvalidValue("A tenant needs a name.")
    if timezone not in zoneinfo.available_timezones():
        raise InvalidValue("A tenant's time zone is an IANA name such as Europe/Paris or Indian/Reunion.")
    with writing(engine) as connection:
        insert_new(
            connection,
            TENANTS,
            [{"id": id, "name": name, "timezone": timezone, "created_at": datetime.now(UTC)}],
        )
        tenant = _to_tenant(connection.execute(select(TENANTS).where(TENANTS.c.id == id)).one())
        if (tenant.name, tenant.timezone) != (name, timezone):
            raise AlreadyExists(f"There is a tenant {id!r} already, with another name or time zone.")
        create_tenant_keys(connection, master, id)
    return tenant


def get_tenant(engine: Engine, id: str) -> Tenant:  # noqa: A002 (the field's name)
    """Return the tenant. Raises UnknownTenant, IdentityUnavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(TENANTS).where(TENANTS.c.id == id)).one_or_none()
    if row is None:
        raise UnknownTenant(id)
    return _to_tenant(row)


def list_tenants(engine: Engine) -> list[Tenant]:
    """Return all tenants by id. Raises IdentityUnavailable."""
    with reading(engine) as connection:
        return [_to_tenant(row) for row in connection.execute(select(TENANTS).order_by(TENANTS.c.id))]


def _to_tenant(row: Row[tuple[str, str, str, datetime]]) -> Tenant:
    return Tenant(id=row.id, name=row.name, timezone=row.timezone, created_at=row.created_at)
