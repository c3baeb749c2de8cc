"""The audit trail: who saw identities, exported, erased or changed what, when and why.

Each entry carries a keyed digest over itself and the entry before, so that none can be altered, moved or taken out
from among the others without `verify` telling; only whoever has the master key could write the chain anew. What was
cut off at the end shows by a head noted elsewhere, as every signed receipt notes one. No entry names a person:
`about` is a pseudonym, a credential's key, a file's digest.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row, insert, select, text

from identity.database import reading, writing
from identity.errors import AuditBroken, InvalidValue
from identity.keys import MasterKey
from identity.tables import AUDIT

_PURPOSE = "audit"
_START = "0" * 64
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Event:
    """What is told to the trail. `tenant` is "" for what concerns the whole installation.

    `who` is `operator:NAME`, `credential:KEY`, `person:NAME` or `process:NAME`; `action` a verb and what it is done
    to (`identities-read`, `subject-erased`, `policy-changed`); `about` whom or what it was done to, never by a name
    or an identifier; `why` the reason that was given.
    """

    tenant: str
    who: str
    action: str
    about: str = ""
    why: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the trail, with its place in it."""

    number: int
    at: datetime
    event: Event
    digest: str


@dataclass(frozen=True, slots=True)
class Head:
    """How long the trail is and what its last entry's digest is: enough to tell later that nothing was cut off."""

    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Return the head that `str` wrote. Raises InvalidValue."""
        number, colon, digest = text.partition(":")
        if not colon or not number.isdecimal() or len(digest) != len(_START):
            raise InvalidValue("A head of the audit trail is written NUMBER:DIGEST, as `jalon audit verify` prints it.")
        return cls(int(number), digest)


class AuditTrail:
    """Appends to the trail and reads it. Safe to use from several threads and processes."""

    def __init__(self, engine: Engine, master: MasterKey) -> None:
        self._engine = engine
        self._key = master.derive(_PURPOSE)

    def append(self, *events: Event) -> Head:
        """Write the events, all or none of them; returns once they are durable. Raises IdentityUnavailable."""
        with writing(self._engine) as connection:
            return self.append_to(connection, *events)

    def append_to(self, connection: Connection, *events: Event) -> Head:
        """Write the events in the transaction of what they tell of: both are committed, or neither is.

        The connection is one of `writing`. Nobody else can append until it ends, so append last.
        """
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
        head = _read_head(connection)
        at = datetime.now(UTC)
        rows = []
        for event in events:
            row: dict[str, Any] = {
                "number": head.number + 1,
                "at": at,
                "tenant": event.tenant,
                "who": event.who,
                "action": event.action,
                "about": event.about,
                "why": event.why,
                "details": orjson.dumps(dict(event.details), option=orjson.OPT_SORT_KEYS).decode(),
            }
            row["digest"] = self._digest(head.digest, row)
            head = Head(head.number + 1, row["digest"])
            rows.append(row)
        if rows:
            connection.execute(insert(AUDIT), rows)
        return head

    def head(self) -> Head:
        """Return where the trail ends now. Raises IdentityUnavailable."""
        with reading(self._engine) as connection:
            return _read_head(connection)

    def read(self, *, tenant: str | None = None, after: int = 0, limit: int = 100) -> list[Entry]:
        """Return entries after the one numbered `after`, oldest first; of one tenant, or of all."""
        query = select(AUDIT).where(AUDIT.c.number > after).order_by(AUDIT.c.number).limit(limit)
        if tenant is not None:
            query = query.where(AUDIT.c.tenant == tenant)
        with reading(self._engine) as connection:
            return [_to_entry(row) for row in connection.execute(query)]

    def read_actions(self, tenant: str, ending: str) -> list[Entry]:
        """Return a tenant's entries whose action ends so, oldest first."""
        query = select(AUDIT).where(AUDIT.c.tenant == tenant, AUDIT.c.action.endswith(ending, autoescape=True))
        with reading(self._engine) as connection:
            return [_to_entry(row) for row in connection.execute(query.order_by(AUDIT.c.number))]

    def verify(self, expected: Sequence[Head] = ()) -> Head:
        """Return the head of a trail that is whole, and that holds every `expected` head.

        Raises AuditBroken, which names the first entry that is not what it was, IdentityUnavailable.
        """
        head = Head(0, _START)
        wanted = {each.number: each.digest for each in expected}
        for row in self._rows():
            if row.number != head.number + 1:
                raise AuditBroken(head.number + 1, "it is missing")
            digest = self._digest(head.digest, row._asdict())
            if not hmac.compare_digest(digest, row.digest):
                raise AuditBroken(row.number, "it, or its place, was changed")
            if wanted.get(row.number, digest) != digest:
                raise AuditBroken(row.number, "it is not the one whose digest was noted")
            head = Head(row.number, digest)
        beyond = [number for number in wanted if number > head.number]
        if beyond:
            raise AuditBroken(head.number + 1, f"the trail reached number {max(beyond)} once and was cut off")
        return head

    def _rows(self) -> Iterator[Row[Any]]:
        number = 0
        while True:
            query = select(AUDIT).where(AUDIT.c.number > number).order_by(AUDIT.c.number).limit(_PAGE)
            with reading(self._engine) as connection:
                rows = connection.execute(query).all()
            yield from rows
            if len(rows) < _PAGE:
                return
            number = rows[-1].number

    def _digest(self, previous: str, row: Mapping[str, Any]) -> str:
        fields = [row[name] for name in ("number", "tenant", "who", "action", "about", "why", "details")]
        content = orjson.dumps([previous, row["at"].astimezone(UTC).isoformat(), *fields])
        return hmac.digest(self._key, content, "sha256").hex()


def _read_head(connection: Connection) -> Head:
    query = select(AUDIT.c.number, AUDIT.c.digest).order_by(AUDIT.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return Head(0, _START) if row is None else Head(row.number, row.digest)


def _to_entry(row: Row[Any]) -> Entry:
    event = Event(row.tenant, row.who, row.action, row.about, row.why, orjson.loads(row.details))
    return Entry(row.number, row.at, event, row.digest)
