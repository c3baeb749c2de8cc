"""Tablets: the screens in rooms at which learners sign in, each with a secret address of its own.

An address is kept as a keyed digest, which opens nothing. One tablet's address per tenant and room.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, select

from identity.addresses import Addresses
from identity.audit import AuditTrail, Event
from identity.database import insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue
from identity.keys import MasterKey
from identity.renewal import Renewed
from identity.tables import TABLETS
from identity.tenants import get_tenant

SECONDS = 2.0
"""How long a running process may go on as before after a tablet was added or removed."""

_ADDRESSES = "tablet addresses"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class TabletSession:
    """A session that a tablet signs in to, with its name for people ('' for none)."""

    id: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tablet:
    """One tablet. Without sessions, a learner's code tells the session. `emails`: who has no code may give an address.

    `home` is the base of the IRIs of the institution's activities, '' for the usual one.
    """

    tenant: str
    room: str
    sessions: tuple[TabletSession, ...]
    emails: bool
    home: str
    created_at: datetime
    digest: str = field(repr=False)
    """Of its address: names the tablet where its address must not stand."""


def add_tablet(
    engine: Engine,
    master: MasterKey,
    trail: AuditTrail,
    tenant: str,
    room: str,
    sessions: Sequence[TabletSession],
    *,
    emails: bool,
    home: str = "",
    who: str,
    why: str,
) -> str:
    """Add a tablet and return its token, the secret end of its address, drawn at random and told never again.

    Raises InvalidValue, UnknownTenant, AlreadyExists, IdentityUnavailable.
    """
    if not room.strip() or len(room) > _LONGEST:
        raise InvalidValue(f"A room's name has 1 to {_LONGEST} characters.")
    if emails and not sessions:
        raise InvalidValue("Who gives an e-mail address does not tell the session: name one or more.")
    get_tenant(engine, tenant)
    token, digest = Addresses(master, _ADDRESSES).draw()
    row = {
        "tenant": tenant,
        "room": room,
        "digest": digest,
        "sessions": json.dumps([[session.id, session.name] for session in sessions]),
        "emails": emails,
        "home": home,
        "created_at": datetime.now(UTC),
    }
    with writing(engine) as connection:
        insert_new(connection, TABLETS, [row])
        query = select(TABLETS.c.digest).where(TABLETS.c.tenant == tenant, TABLETS.c.room == room)
        if connection.scalar(query) != digest:
            raise AlreadyExists(
                f"Tenant {tenant!r} has a tablet in {room!r} already: remove it first for a new address."
            )
        trail.append_to(connection, Event(tenant, who, "tablet-added", room, why))
    return token


def list_tablets(engine: Engine, tenant: str) -> list[Tablet]:
    """Return the tenant's tablets by room. Raises UnknownTenant, IdentityUnavailable."""
    get_tenant(engine, tenant)
    with reading(engine) as connection:
        return [tablet for tablet in _list(connection) if tablet.tenant == tenant]


def remove_tablet(engine: Engine, trail: AuditTrail, tenant: str, room: str, *, who: str, why: str) -> bool:
    """Forget a tablet and its address; returns whether there was one. Raises IdentityUnavailable."""
    with writing(engine) as connection:
        done = connection.execute(delete(TABLETS).where(TABLETS.c.tenant == tenant, TABLETS.c.room == room))
        if done.rowcount:
            trail.append_to(connection, Event(tenant, who, "tablet-removed", room, why))
    return done.rowcount > 0


class Tablets:
    """All tablets, as they were SECONDS ago at most. Safe to use from several threads."""

    def __init__(self, engine: Engine, master: MasterKey, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._addresses = Addresses(master, _ADDRESSES)
        self._known = Renewed(self._read, SECONDS, clock)

    def find(self, token: str) -> Tablet | None:
        """Return the tablet at this address, None where there is none; may take a query.

        While the database does not answer, what it answered last holds. Raises IdentityUnavailable where it never did.
        """
        return self._addresses.find(self._known.get(), token)

    def _read(self, _before: dict[str, Tablet] | None) -> dict[str, Tablet]:
        with reading(self._engine) as connection:
            return {tablet.digest: tablet for tablet in _list(connection)}


def _list(connection: Connection) -> list[Tablet]:
    query = select(TABLETS).order_by(TABLETS.c.tenant, TABLETS.c.room)
    return [_to_tablet(row) for row in connection.execute(query)]


def _to_tablet(row: Row[Any]) -> Tablet:
    sessions = tuple(TabletSession(*each) for each in json.loads(row.sessions))
    return Tablet(row.tenant, row.room, sessions, row.emails, row.home, row.created_at, row.digest)
