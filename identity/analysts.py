"""Analysts: who may query one tenant's database in ClickHouse, with any client that speaks its HTTP interface.

ClickHouse checks the passwords. What is kept of one is the salted hash that ClickHouse itself takes, so that a login
can be made anew wherever the tenant's database is; a fast hash will do, since every password is drawn at random.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, Row, delete, select

from identity.audit import AuditTrail, Event
from identity.database import insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue
from identity.tables import ANALYSTS
from identity.tenants import get_tenant

# Logins are named TENANT__NAME: without a double underscore in NAME, none can be taken for another tenant's.
_NAME = re.compile(r"[a-z](?:_?[a-z0-9]){0,21}")
_LONGEST = 22
_PASSWORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Analyst:
    """One login. `password_hash` is the SHA-256 of password and salt, in hexadecimal."""

    tenant: str
    name: str
    password_hash: str = field(repr=False)
    salt: str = field(repr=False)
    created_at: datetime


def add_analyst(
    engine: Engine, trail: AuditTrail, tenant: str, name: str, *, who: str, why: str
) -> tuple[Analyst, str]:
    """Add an analyst and return them with their password, drawn at random and told never again.

    Raises InvalidValue, UnknownTenant, AlreadyExists, IdentityUnavailable.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        raise InvalidValue(
            f"An analyst's name has 1 to {_LONGEST} lower-case letters, digits and single underscores, "
            "and begins with a letter."
        )
    get_tenant(engine, tenant)
    password, salt = secrets.token_urlsafe(_PASSWORD_BYTES), secrets.token_hex(16)
    digest = hashlib.sha256((password + salt).encode()).hexdigest()
    row = {
        "tenant": tenant,
        "name": name,
        "password_hash": digest,
        "salt": salt,
        "created_at": datetime.now(UTC),
    }
    with writing(engine) as connection:
        insert_new(connection, ANALYSTS, [row])
        analyst = next(one for one in _list(connection, tenant) if one.name == name)
        if analyst.password_hash != digest:
            raise AlreadyExists(
                f"Tenant {tenant!r} has an analyst {name!r} already: remove it first for a new password."
            )
        trail.append_to(connection, Event(tenant, who, "analyst-added", name, why))
    return analyst, password


def list_analysts(engine: Engine, tenant: str) -> list[Analyst]:
    """Return the tenant's analysts by name. Raises IdentityUnavailable."""
    with reading(engine) as connection:
        return list(_list(connection, tenant))


def remove_analyst(engine: Engine, trail: AuditTrail, tenant: str, name: str, *, who: str, why: str) -> bool:
    """Forget an analyst; returns whether there was one. Their login is the caller's to drop.

    Raises IdentityUnavailable.
    """
    with writing(engine) as connection:
        done = connection.execute(delete(ANALYSTS).where(ANALYSTS.c.tenant == tenant, ANALYSTS.c.name == name))
        if done.rowcount:
            trail.append_to(connection, Event(tenant, who, "analyst-removed", name, why))
    return done.rowcount > 0


def _list(connection: Connection, tenant: str) -> Sequence[Analyst]:
    query = select(ANALYSTS).where(ANALYSTS.c.tenant == tenant).order_by(ANALYSTS.c.name)
    return [_to_analyst(row) for row in connection.execute(query)]


def _to_analyst(row: Row[tuple[str, str, str, str, datetime]]) -> Analyst:
    return Analyst(row.tenant, row.name, row.password_hash, row.salt, row.created_at)
