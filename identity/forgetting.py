"""What the identity database forgets when its period has passed: documents, and the keys of who is gone.

The key of a learner goes when nothing is left that it opens. Whose data is being deleted is noted beforehand, so that a
deletion which was cut short is completed by the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, not_, select

from identity.database import insert_new, reading, writing
from identity.tables import DEPARTING, DOCUMENTS, LEARNER_KEYS

_CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class OldDocuments:
    """How many documents were stored before some instant, their size, and when the oldest of the others was stored."""

    count: int
    bytes: int
    oldest_left: datetime | None


def count_documents(
    engine: Engine, tenant: str, resource: str, before: datetime, held: AbstractSet[str] = frozenset()
) -> OldDocuments:
    """Tell of the documents of a resource that were stored before an instant, but for those of who is `held`.

    Raises IdentityUnavailable.
    """
    columns = DOCUMENTS.c
    size = func.coalesce(func.sum(func.length(columns.content) + func.length(columns.label)), 0)
    old = _old(tenant, resource, before, held)
    here = and_(columns.tenant == tenant, columns.resource == resource)
    with reading(engine) as connection:
        found = connection.execute(select(func.count(), size).where(old)).one()
        oldest = connection.execute(
            select(columns.stored_at).where(here, not_(old)).order_by(columns.stored_at).limit(1)
        ).scalar_one_or_none()
    return OldDocuments(found[0], int(found[1]), oldest)


def delete_documents(
    engine: Engine, tenant: str, resource: str, before: datetime, held: AbstractSet[str] = frozenset()
) -> int:
    """Delete what `count_documents` tells of; return how many. Raises IdentityUnavailable."""
    with writing(engine) as connection:
        return connection.execute(delete(DOCUMENTS).where(_old(tenant, resource, before, held))).rowcount


def _old(tenant: str, resource: str, before: datetime, held: AbstractSet[str]) -> ColumnElement[bool]:
    columns = DOCUMENTS.c
    old = and_(columns.tenant == tenant, columns.resource == resource, columns.stored_at < before)
    return and_(old, columns.agent.not_in(sorted(held))) if held else old


def note_departing(engine: Engine, tenant: str, pseudonyms: Iterable[str]) -> None:
    """Note learners some of whose data is about to be deleted. Raises IdentityUnavailable."""
    rows = [{"tenant": tenant, "pseudonym": each} for each in pseudonyms]
    with writing(engine) as connection:
        for start in range(0, len(rows), _CHUNK):
            insert_new(connection, DEPARTING, rows[start : start + _CHUNK])


def list_departing(engine: Engine, tenant: str) -> list[str]:
    """Return the learners that were noted. Raises IdentityUnavailable."""
    columns = DEPARTING.c
    with reading(engine) as connection:
        query = select(columns.pseudonym).where(columns.tenant == tenant).order_by(columns.pseudonym)
        return list(connection.execute(query).scalars())


def list_owners(engine: Engine, tenant: str, resource: str, before: datetime) -> list[str]:
    """Return whose documents of a resource were stored before an instant. Raises IdentityUnavailable."""
    columns = DOCUMENTS.c
    old = and_(columns.tenant == tenant, columns.resource == resource, columns.stored_at < before)
    with reading(engine) as connection:
        query = select(columns.agent).where(old, columns.agent != "").distinct().order_by(columns.agent)
        return list(connection.execute(query).scalars())


def list_without_documents(
    engine: Engine, tenant: str, pseudonyms: Sequence[str], before: Mapping[str, datetime]
) -> list[str]:
    """Return those of the learners that have no document but what was stored, by resource, `before` some instant.

    Raises IdentityUnavailable.
    """
    with reading(engine) as connection:
        return [each for chunk in _chunk(pseudonyms) for each in _drop_owners(connection, tenant, chunk, before)]


def forget_learners(engine: Engine, tenant: str, gone: Sequence[str], noted: Sequence[str]) -> int:
    """Destroy the keys of the learners that are `gone`, unless they have a document after all; take back the notes.

    Returns how many keys were destroyed. Raises IdentityUnavailable.
    """
    destroyed = 0
    with writing(engine) as connection:
        for chunk in _chunk(gone):
            without = _drop_owners(connection, tenant, chunk, {})
            here = and_(LEARNER_KEYS.c.tenant == tenant, LEARNER_KEYS.c.pseudonym.in_(without))
            destroyed += connection.execute(delete(LEARNER_KEYS).where(here)).rowcount
        for chunk in _chunk(noted):
            connection.execute(delete(DEPARTING).where(DEPARTING.c.tenant == tenant, DEPARTING.c.pseudonym.in_(chunk)))
    return destroyed


def _drop_owners(
    connection: Connection, tenant: str, pseudonyms: Sequence[str], before: Mapping[str, datetime]
) -> list[str]:
    columns = DOCUMENTS.c
    old = [and_(columns.resource == resource, columns.stored_at < instant) for resource, instant in before.items()]
    here = and_(columns.tenant == tenant, columns.agent.in_(pseudonyms), *(not_(each) for each in old))
    owners = set(connection.execute(select(columns.agent).where(here).distinct()).scalars())
    return [each for each in pseudonyms if each not in owners]


def _chunk(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
