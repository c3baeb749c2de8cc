"""Erasing a person: their keys are destroyed, and tombstones keep them from ever being made again.

A tombstone is a pseudonym with the moment of its erasure. What was accepted before that moment and is read again (a
replay of the log, a retry) is stored under the same pseudonym and sealed under a key that is thrown away, so that
counts stay true and nobody is found. What is accepted after it is refused, or belongs to a new person: the
successor of that pseudonym, which nobody can tell from any other without the tenant's keys.
"""

from __future__ import annotations

import functools
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, cast, get_args

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from sqlalchemy import Connection, Engine, and_, delete, insert, select, text, update

from identity.audit import AuditTrail, Event
from identity.database import reading, writing
from identity.errors import InvalidValue
from identity.keys import KEY_BYTES, TenantKeys
from identity.pseudonyms import PSEUDONYM_CHARACTERS
from identity.tables import CODES, DOCUMENTS, ERASURES, LEARNER_KEYS

Later = Literal["refuse", "new-person"]
"""What becomes of statements of an erased person that come later."""

ERASED = "subject-erased"
"""How the audit trail calls an erasure."""

_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Tombstone:
    """That somebody was erased: `at` in milliseconds since 1970 UTC, and what becomes of later statements."""

    at: int
    later: Later


class Erased:
    """Those of one tenant who were erased, as of one moment."""

    __slots__ = ("_tombstones",)

    def __init__(self, tombstones: Mapping[str, Tombstone]) -> None:
        """Take the tombstones by pseudonym."""
        self._tombstones = dict(tombstones)

    def __bool__(self) -> bool:
        return bool(self._tombstones)

    def __contains__(self, pseudonym: str) -> bool:
        return pseudonym in self._tombstones

    def items(self) -> Iterable[tuple[str, Tombstone]]:
        """Return pseudonyms with their tombstones."""
        return self._tombstones.items()

    def also(self, tombstones: Mapping[str, Tombstone]) -> Erased:
        """Return these and more."""
        return Erased({**self._tombstones, **tombstones})

    def list_names(self, keys: TenantKeys, pseudonym: str) -> list[str]:
        """Return under which pseudonyms a person has been stored, the one of now last: one more than erasures."""
        names = [pseudonym]
        while names[-1] in self._tombstones:
            names.append(succeed(keys, names[-1]))
        return names

    def name(self, keys: TenantKeys, pseudonyms: tuple[str, ...], accepted: float = float("inf")) -> str:
        """Return the pseudonym under which a person is stored by what was `accepted` then (milliseconds), or is now.

        `pseudonyms` are those of an identifier under the tenant's keys, newest first. Where later statements are
        refused, what is returned is the pseudonym of nobody.
        """
        pseudonym = self._find(pseudonyms)
        while (tombstone := self._tombstones.get(pseudonym)) is not None and accepted >= tombstone.at:
            pseudonym = succeed(keys, pseudonym)
        return pseudonym

    def follow(self, keys: TenantKeys, pseudonyms: tuple[str, ...]) -> tuple[str, ...]:
        """Return the pseudonyms of an identifier, or the one of the new person that somebody erased may have become."""
        name = self.name(keys, pseudonyms)
        return pseudonyms if name == pseudonyms[0] else (name,)

    def refuses(self, keys: TenantKeys, pseudonyms: tuple[str, ...], accepted: float = float("inf")) -> bool:
        """Return whether what was accepted then, or is now, is to be refused because it names this person."""
        pseudonym = self._find(pseudonyms)
        while (tombstone := self._tombstones.get(pseudonym)) is not None and accepted >= tombstone.at:
            if tombstone.later == "refuse":
                return True
            pseudonym = succeed(keys, pseudonym)
        return False

    def _find(self, pseudonyms: tuple[str, ...]) -> str:
        # Who was erased before the tenant's key was rotated is erased under the new one too.
        return next((name for name in pseudonyms if name in self._tombstones), pseudonyms[0])


NOBODY = Erased({})


def succeed(keys: TenantKeys, pseudonym: str) -> str:
    """Return the pseudonym of the new person that an erased one may become."""
    # Not under the pseudonyms' own key, which may be rotated: a successor stays.
    key = _succession_key(keys.fingerprint)
    return hmac.digest(key, pseudonym.encode(), "sha256").hex()[:PSEUDONYM_CHARACTERS]


@functools.lru_cache(maxsize=1_000)
def _succession_key(fingerprint: bytes) -> bytes:
    return HKDFExpand(SHA256(), KEY_BYTES, b"jalon successors").derive(fingerprint)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One person's erasure as the identity database has it. `number` is that of its entry in the audit trail."""

    number: int
    tenant: str
    pseudonyms: tuple[str, ...]
    at: datetime
    later: Later
    who: str
    why: str
    keys: int
    """How many learner's keys were destroyed."""
    documents: int
    """How many documents were removed."""
    receipt: str | None
    """The signed receipt; None until everything was reached."""

    @property
    def tombstone(self) -> Tombstone:
        """What stands for each of the pseudonyms."""
        return Tombstone(to_milliseconds(self.at), self.later)


def to_milliseconds(moment: datetime) -> int:
    """Return milliseconds since 1970 UTC, rounded down."""
    return int(moment.timestamp() * 1000)


def parse_later(value: object) -> Later:
    """Return what a receipt or an operator says of later statements. Raises InvalidValue."""
    if value in get_args(Later):
        return cast("Later", value)
    raise InvalidValue(f"What becomes of later statements is one of {', '.join(get_args(Later))}.")


def list_targets(engine: Engine, keys: TenantKeys, pseudonyms: Iterable[str], erased: Erased) -> list[str]:
    """Return which pseudonyms have to be erased that a person is not found under any more, sorted; none if all are.

    A person who was erased before may have come back as a new one, and is then erased under that name too.
    """
    names = [erased.list_names(keys, pseudonym) for pseudonym in pseudonyms]
    # Whether somebody came back under it only the vault knows.
    successors = {name for _, *later in names for name in later} - {name for name, _ in erased.items()}
    targets = {first for first, *later in names if not later} - successors
    if successors:
        targets |= _find_known(engine, keys.tenant, successors)
    return sorted(targets)


def erase(
    engine: Engine,
    audit: AuditTrail,
    tenant: str,
    pseudonyms: Sequence[str],
    *,
    later: Later,
    who: str,
    why: str,
    at: datetime | None = None,
    action: str = ERASED,
) -> int:
    """Destroy the keys of these pseudonyms and remove their documents and codes, for good; return the number.

    All or nothing: keys, documents, tombstones and the entry in the audit trail are one transaction. From then on
    no process makes such a key again. What is erased already is left as it is, under its own number. `at` is the
    moment after which statements are later ones, now unless given. Raises IdentityUnavailable.
    """
    about = sorted(set(pseudonyms))
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            # Whoever is making keys or documents ends first, and whoever comes after sees the tombstones.
            connection.execute(text("LOCK TABLE erasures IN EXCLUSIVE MODE"))
        known = dict(_read_numbers(connection, tenant, about))
        if len(known) == len(about):
            return max(known.values())  # somebody else was as quick
        keys = documents = 0
        for chunk in _chunks(about):
            of_keys, of_documents = LEARNER_KEYS.c, DOCUMENTS.c
            where = and_(of_keys.tenant == tenant, of_keys.pseudonym.in_(chunk))
            keys += connection.execute(delete(LEARNER_KEYS).where(where)).rowcount
            where = and_(of_documents.tenant == tenant, of_documents.agent.in_(chunk))
            documents += connection.execute(delete(DOCUMENTS).where(where)).rowcount
            connection.execute(delete(CODES).where(CODES.c.tenant == tenant, CODES.c.pseudonym.in_(chunk)))
        moment = at or datetime.now(UTC)
        details = {"later": later, "keys": keys, "documents": documents}
        number = audit.append_to(connection, Event(tenant, who, action, " ".join(about), why, details)).number
        rows = [
            {"tenant": tenant, "pseudonym": name, "number": number, "at": moment, "later": later, "receipt": None}
            for name in about
            if name not in known
        ]
        connection.execute(insert(ERASURES), rows)
    return number


def find_erased(connection: Connection, tenant: str, pseudonyms: Sequence[str]) -> set[str]:
    """Return which of these were erased; until this transaction of `writing` ends, nobody else is."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE erasures IN SHARE MODE"))
    return {name for name, _ in _read_numbers(connection, tenant, pseudonyms)}


def find_erasure(engine: Engine, audit: AuditTrail, number: int) -> Erasure:
    """Return the erasure of this number. Raises InvalidValue when there is none."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(ERASURES).where(ERASURES.c.number == number).order_by(ERASURES.c.pseudonym)
        ).all()
    entries = audit.read(after=number - 1, limit=1)
    if not rows or not entries or entries[0].number != number:
        raise InvalidValue(f"There is no erasure number {number}.")
    row, event = rows[0], entries[0].event
    return Erasure(
        number,
        row.tenant,
        tuple(row.pseudonym for row in rows),
        row.at,
        row.later,
        event.who,
        event.why,
        int(event.details.get("keys", 0)),
        int(event.details.get("documents", 0)),
        row.receipt,
    )


def list_numbers(
    engine: Engine, tenant: str, pseudonyms: Iterable[str] | None = None, *, unfinished: bool = False
) -> list[int]:
    """Return the numbers of a tenant's erasures, or of those of some pseudonyms, oldest first."""
    columns = ERASURES.c
    query = select(columns.number).distinct().where(columns.tenant == tenant).order_by(columns.number)
    if unfinished:
        query = query.where(columns.receipt.is_(None))
    if pseudonyms is not None:
        query = query.where(columns.pseudonym.in_(sorted(pseudonyms)))
    with reading(engine) as connection:
        return list(connection.scalars(query))


def keep_receipt(engine: Engine, number: int, receipt: str) -> None:
    """Keep the receipt of an erasure that is finished."""
    with writing(engine) as connection:
        connection.execute(update(ERASURES).where(ERASURES.c.number == number).values(receipt=receipt))


def list_exports(audit: AuditTrail, tenant: str, pseudonyms: Iterable[str]) -> list[dict[str, Any]]:
    """Return the exports that may hold these persons, as the audit trail knows them: they are out of reach."""
    wanted = set(pseudonyms)
    found = []
    for entry in audit.read_actions(tenant, "-exported"):
        about = set(entry.event.about.split())
        if entry.event.action == "subject-exported" and not about & wanted:
            continue
        found.append(
            {
                "number": entry.number,
                "at": entry.at.isoformat(timespec="seconds"),
                "action": entry.event.action,
                "details": dict(entry.event.details),
            }
        )
    return found


def _find_known(engine: Engine, tenant: str, pseudonyms: Iterable[str]) -> set[str]:
    columns = LEARNER_KEYS.c
    query = select(columns.pseudonym).where(columns.tenant == tenant, columns.pseudonym.in_(sorted(pseudonyms)))
    with reading(engine) as connection:
        return set(connection.scalars(query))


def _read_numbers(connection: Connection, tenant: str, pseudonyms: Sequence[str]) -> Iterable[tuple[str, int]]:
    columns = ERASURES.c
    for chunk in _chunks(pseudonyms):
        query = select(columns.pseudonym, columns.number)
        query = query.where(columns.tenant == tenant, columns.pseudonym.in_(chunk))
        yield from ((row.pseudonym, row.number) for row in connection.execute(query))


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
