"""The end of a tenant in the identity database: its keys and everything else that names it go, a tombstone stays.

The tombstone keeps the id from being used again, tells a worker to drop the tenant's records that are still in the log,
and says what the tenant held, so that a removal that broke off half-way still gives a true receipt.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, select, update

from identity.accounts import remove_people
from identity.audit import AuditTrail, Event, Head
from identity.database import reading, writing
from identity.errors import UnknownTenant
from identity.tables import AUDIT, METADATA, TENANTS
from identity.tenants import GONE


def count_rows(engine: Engine, tenant: str) -> dict[str, int]:
    """Return how many rows of each table belong to the tenant. Raises IdentityUnavailable."""
    with reading(engine) as connection:
        counts = {
            str(table.name): connection.execute(
                select(func.count()).select_from(table).where(table.c.tenant == tenant)
            ).scalar_one()
            for table in METADATA.sorted_tables
            if _belongs_to_a_tenant(table.name)
        }
    return {name: count for name, count in counts.items() if count}


def begin_removal(
    engine: Engine, trail: AuditTrail, tenant: str, held: Mapping[str, Any], *, who: str, why: str
) -> dict[str, Any]:
    """Let nothing be stored for the tenant any more, for good, and note what it `held`; returns what is noted.

    Of a removal that was begun before, nothing changes. Raises UnknownTenant, IdentityUnavailable.
    """
    with writing(engine) as connection:
        state, noted = _read(connection, tenant)
        if state in GONE:
            return noted
        noted = {"begun": _now(), **held}
        _write(connection, tenant, "removing", noted)
        trail.append_to(connection, Event(tenant, who, "tenant-removal-begun", why=why, details=noted))
    return noted


def finish_removal(
    engine: Engine, trail: AuditTrail, tenant: str, done: Mapping[str, Any], *, who: str, why: str
) -> tuple[dict[str, Any], Head]:
    """Destroy the tenant's keys and remove every row of it but the tombstone, all at once.

    Returns what the tombstone notes, with what was `done`, and the head of the audit trail. Again removes what a
    process has written since. Raises UnknownTenant, IdentityUnavailable.
    """
    with writing(engine) as connection:
        state, noted = _read(connection, tenant)
        remove_people(connection, tenant)
        for table in reversed(METADATA.sorted_tables):
            if _belongs_to_a_tenant(table.name):
                connection.execute(delete(table).where(table.c.tenant == tenant))
        if state != "removed":
            noted |= {**done, "finished": _now()}
            _write(connection, tenant, "removed", noted)
        # An institution's name is not needed to keep its id from being used again.
        connection.execute(update(TENANTS).where(TENANTS.c.id == tenant).values(name=""))
        head = trail.append_to(connection, Event(tenant, who, "tenant-removed", why=why, details=noted))
    return noted, head


def read_removal(engine: Engine, tenant: str) -> dict[str, Any]:
    """Return what is noted of a tenant's removal, nothing when none was begun. Raises UnknownTenant."""
    with reading(engine) as connection:
        return _read(connection, tenant)[1]


def _belongs_to_a_tenant(table: str) -> bool:
    # What was done for a tenant outlives it; but for that, whatever names a tenant goes with it.
    return "tenant" in METADATA.tables[table].c and table != AUDIT.name


def _read(connection: Connection, tenant: str) -> tuple[str, dict[str, Any]]:
    query = select(TENANTS.c.state, TENANTS.c.removal).where(TENANTS.c.id == tenant)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise UnknownTenant(tenant)
    return row.state, json.loads(row.removal or "{}")


def _write(connection: Connection, tenant: str, state: str, noted: Mapping[str, Any]) -> None:
    values = {"state": state, "removal": json.dumps(noted, sort_keys=True)}
    connection.execute(update(TENANTS).where(TENANTS.c.id == tenant).values(values))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
