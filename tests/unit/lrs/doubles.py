"""Stand-ins for the two edges of the LRS: the log and the store. Between them `process` does what the stream does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import UUID

from clickhouse.activities import Definition
from clickhouse.statement_query import StatementQuery, list_choices
from clickhouse.statements import VOIDED, Existing, Place, StoredStatement
from clickhouse.terms import name_term
from identity.errors import IdentityUnavailable
from identity.fingerprint import fingerprint
from identity.links import History
from identity.person_changes import list_restricted, read_person_changes
from identity.sealing import pseudonymise, seal_agent, seal_definition
from identity.vault import Vault
from lrs.log import Appended
from stream_processors import relations
from stream_processors.completion import complete
from xapi_profiles.json_text import dump_json, parse_json
from xapi_profiles.record import parse_headers

T = TypeVar("T")


async def soon(awaitable: Awaitable[T]) -> T:
    """Wait for what a test needs to go on; a test that hangs tells nothing."""
    async with asyncio.timeout(10):
        return await awaitable


@dataclass
class Record:
    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]
    stamp: float

    @property
    def statements(self) -> list[dict[str, Any]]:
        return parse_json(self.value)


class MemoryLog:
    """A log in memory. `acknowledges` holds acknowledgements back while it is clear; `failure` is raised
    instead of every answer, `failures` one by one instead of an acknowledgement.
    """

    def __init__(self, partitions: int = 2) -> None:
        self.partitions: list[list[Record]] = [[] for _ in range(partitions)]
        self.acknowledges = asyncio.Event()
        self.acknowledges.set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.failure: Exception | None = None
        self.failures: list[Exception] = []
        self.end_calls = 0
        self.asked = asyncio.Event()
        self.sent = asyncio.Event()
        self.started = self.stopped = False
        self._pending: list[float] = []
        self._stamp = 0.0

    @property
    def records(self) -> list[Record]:
        return [record for partition in self.partitions for record in partition]

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [statement for record in self.records for statement in record.statements]

    async def start(self) -> None:
        self.started = True

    async def stop(self) -> None:
        self.stopped = True

    async def append(self, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> Appended:
        now = time.time()
        self._pending.append(now)
        self.sent.set()
        try:
            await self.acknowledges.wait()
            if self.failures:
                raise self.failures.pop(0)
            if self.failure is not None:
                raise self.failure
            partition = sum(key) % len(self.partitions)
            # What was acknowledged before was appended at an earlier millisecond, whatever the partition.
            self._stamp = max(time.time(), self._stamp + 0.001)
            self.partitions[partition].append(Record(key, value, list(headers), self._stamp))
            return Appended(partition, len(self.partitions[partition]) - 1)
        finally:
            self._pending.remove(now)

    async def end_offsets(self) -> dict[int, int]:
        self.end_calls += 1
        ends = {number: len(records) for number, records in enumerate(self.partitions)}
        self.asked.set()
        await self.answers.wait()
        if self.failure is not None:
            raise self.failure
        return ends

    def pending_since(self) -> float | None:
        return min(self._pending, default=None)


@dataclass
class Stored:
    existing: Existing
    statement: StoredStatement
    terms: set[int]
    verb: str
    refers_to: UUID | None


@dataclass
class MemoryStore:
    """A store in memory. While `prompt`, asking for progress first stores whatever the log holds."""

    log: MemoryLog
    vault: Vault
    prompt: bool = True
    tenants: dict[str, dict[UUID, Stored]] = field(default_factory=dict)
    definitions: dict[str, dict[str, list[Definition]]] = field(default_factory=dict)
    persons: dict[str, tuple[dict[str, History], frozenset[str]]] = field(default_factory=dict)
    agents: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    progress: dict[int, int] = field(default_factory=dict)
    failure: Exception | None = None
    lookups: list[list[UUID]] = field(default_factory=list)
    readings: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def process(self) -> None:
        for partition, records in enumerate(self.log.partitions):
            for offset in range(self.progress.get(partition, 0), len(records)):
                self._store(records[offset], partition, offset)
            if records:
                self.progress[partition] = len(records)

    async def find_ids(self, tenant: str, ids: Iterable[UUID]) -> dict[UUID, Existing]:
        asked = list(ids)
        self.lookups.append(asked)
        await self._answer()
        rows = self.tenants.get(tenant, {})
        return {statement_id: rows[statement_id].existing for statement_id in asked if statement_id in rows}

    async def get_statement(self, tenant: str, statement_id: UUID) -> tuple[StoredStatement, bool] | None:
        await self._answer()
        rows = self.tenants.get(tenant, {})
        stored = rows.get(statement_id)
        if stored is None or self._is_withheld(tenant, stored):
            return None
        return stored.statement, _is_voided(stored, rows)

    async def query_statements(self, tenant: str, query: StatementQuery) -> list[StoredStatement]:
        await self._answer()
        rows = self.tenants.get(tenant, {})
        found = [
            row
            for row in rows.values()
            if _matches(row, query, rows) and not _is_voided(row, rows) and not self._is_withheld(tenant, row)
        ]
        found.sort(key=lambda row: _order(row.statement.place), reverse=not query.ascending)
        return [row.statement for row in found][: query.limit]

    async def find_histories(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, History]:
        histories, _ = self._copy_persons(tenant)
        return {name: histories[name] for name in pseudonyms if name in histories and histories[name].person != name}

    def _is_withheld(self, tenant: str, row: Stored) -> bool:
        _, restricted = self._copy_persons(tenant)
        return any(name_term("agent", name) in row.terms for name in restricted)

    def _copy_persons(self, tenant: str) -> tuple[dict[str, History], frozenset[str]]:
        """Return what the store was told of persons: what it was told last while the vault does not answer."""
        with contextlib.suppress(IdentityUnavailable):
            histories = {one.pseudonym: one.history for one in read_person_changes(self.vault, tenant, 0).standings}
            self.persons[tenant] = histories, list_restricted(self.vault, tenant)
        return self.persons.get(tenant, ({}, frozenset()))

    async def read_definitions(self, tenant: str, ids: Sequence[str]) -> dict[str, list[Definition]]:
        await self._answer()
        known = self.definitions.get(tenant, {})
        return {activity: known[activity] for activity in ids if activity in known}

    async def read_agent_forms(self, tenant: str, pseudonym: str) -> list[str]:
        await self._answer()
        return list(reversed(self.agents.get((tenant, pseudonym), [])))

    async def read_progress(self) -> dict[int, int]:
        self.readings += 1
        await self._answer()
        if self.prompt:
            self.process()
        return dict(self.progress)

    async def _answer(self) -> None:
        self.asked.set()
        await self.answers.wait()
        if self.failure is not None:
            raise self.failure

    def _store(self, record: Record, partition: int, offset: int) -> None:
        origin = parse_headers(record.headers)
        tenant = origin.tenant
        keys = self.vault.tenant_keys(tenant)
        rows = self.tenants.setdefault(tenant, {})
        stored = int(record.stamp * 1000)
        for position, accepted in enumerate(record.statements):
            statement_id = UUID(accepted["id"])
            if statement_id in rows:
                continue
            print_ = fingerprint(accepted, keys.fingerprint)
            statement = complete(accepted, statement_id, origin, stored)
            (sealed,) = pseudonymise(
                [statement],
                keys,
                lambda names: self.vault.learner_keys(tenant, names, version=keys.version, older=names),
            )
            for name, original in sealed.originals:
                key = self.vault.learner_keys(tenant, [name])[name]
                self.agents.setdefault((tenant, name), []).append(seal_agent(name, original, key))
            activities = (relations.list_activities(one) for one in (sealed.statement, sealed.shown))
            for activity, shown in zip(*activities, strict=True) if origin.defines else ():
                if "definition" in activity:
                    known = self.definitions.setdefault(tenant, {}).setdefault(activity["id"], [])
                    known.append(self._to_definition(tenant, activity, shown, sealed.owners))
            rows[statement_id] = Stored(
                Existing(print_, partition, offset, position),
                StoredStatement(
                    statement_id,
                    Place(stored, partition, offset, position),
                    dump_json(sealed.statement).decode(),
                    sealed.sealed,
                ),
                set(relations.list_terms(sealed.statement, keys)),
                statement["verb"]["id"],
                relations.find_reference(statement),
            )

    def _to_definition(
        self, tenant: str, activity: dict[str, Any], shown: dict[str, Any], owners: Sequence[str]
    ) -> Definition:
        content, original = dump_json(activity["definition"]), dump_json(shown["definition"])
        if content == original:
            return Definition(content.decode())
        keys = self.vault.learner_keys(tenant, owners)
        return Definition(content.decode(), seal_definition(activity["id"], original, owners, keys))


def _order(place: Place) -> tuple[int, int, int, int]:
    return place.stored, place.partition, place.offset, place.position


def _is_voided(row: Stored, rows: dict[UUID, Stored]) -> bool:
    return row.verb != VOIDED and any(
        other.verb == VOIDED and other.refers_to == row.statement.id for other in rows.values()
    )


def _has_terms(row: Stored, terms: set[int], rows: dict[UUID, Stored], passed: frozenset[UUID] = frozenset()) -> bool:
    if terms <= row.terms:
        return True
    target = rows.get(row.refers_to) if row.refers_to else None
    if target is None or target.statement.id in passed:
        return False
    return _has_terms(target, terms, rows, passed | {row.statement.id})


def _matches(row: Stored, query: StatementQuery, rows: dict[UUID, Stored]) -> bool:
    place = row.statement.place
    if not any(
        _has_terms(row, set(choice.terms), rows)
        and (choice.since is None or place.stored >= choice.since)
        and (choice.until is None or place.stored < choice.until)
        for choice in list_choices(query)
    ):
        return False
    if query.since is not None and place.stored <= query.since:
        return False
    if query.until is not None and place.stored > query.until:
        return False
    if query.after is not None:
        later = _order(place) > _order(query.after)
        return later if query.ascending else _order(place) < _order(query.after)
    return True
