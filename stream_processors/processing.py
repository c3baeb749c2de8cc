"""One batch through all its steps: read, settle, pseudonymise, write, record progress; then it may be acknowledged.

Faust is not known here: records come in, rows go out through a Store, so that everything but the driver can be tested
without Kafka. Nothing of a batch is acknowledged before its progress is written, and progress is written last: after a
crash at any point the records are read again, and what was stored of them is recognised by its place in the log.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from clickhouse.errors import RowsRefused, StoreUnavailable
from clickhouse.statements import Existing, Links, Row
from identity.errors import IdentityUnavailable, UnidentifiedAgent
from identity.keys import MasterKey
from identity.policy import Policy
from identity.retention import Periods
from identity.sealing import Sealed
from identity.tenants import Tenant
from identity.vault import Vault
from stream_processors.dead_letters import to_dead_letter_rows, to_stray_rows
from stream_processors.erased_persons import list_refused
from stream_processors.errors import DeadLetter
from stream_processors.expiry import leave_out_expired
from stream_processors.persons import Persons
from stream_processors.reading import Batch, Candidate, IncomingRecord, TenantBatch, locate, read_records
from stream_processors.references import find_targets, link
from stream_processors.relations import list_subjects
from stream_processors.rows import (
    ProgressRow,
    SharedRow,
    TenantRow,
    TenantRows,
    seal_statements,
    to_ledger_rows,
    to_open_reference_rows,
    to_rows,
    to_voiding_rows,
)
from stream_processors.seen import Seen
from stream_processors.settling import settle
from xapi_profiles.json_text import dump_json
from xapi_profiles.templates import ConformanceChecker

T = TypeVar("T")

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0


class Store(Protocol):
    """Where rows go. Every method raises StoreUnavailable when it may pass later; inserts may raise RowsRefused."""

    async def read_progress(self, topic: str) -> dict[int, int]:
        """Return the offset per partition below which everything is stored."""
        ...

    async def find_ids(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Existing]:
        """Return what is stored of these ids."""
        ...

    async def find_links(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Links]:
        """Return, of those of these ids that are stored, what a statement that refers to them inherits."""
        ...

    async def read_copied_revision(self, tenant: str) -> int:
        """Return the revision up to which the tenant's database knows how pseudonyms stand."""
        ...

    async def insert(self, tenant: str, rows: Sequence[TenantRow], token: str) -> None:
        """Insert rows, all of one kind, into the tenant's table of that kind; the same token again inserts nothing."""
        ...

    async def insert_shared(self, rows: Sequence[SharedRow], token: str) -> None:
        """Insert rows, all of one kind, into the table of that kind which all tenants share."""
        ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """A batch that has been read and checked, and nothing of it stored yet."""

    records: list[IncomingRecord]
    batch: Batch

    @property
    def statements(self) -> int:
        """How many statements the records hold."""
        return sum(tally.accepted for part in self.batch.tenants.values() for tally in part.tallies.values())


class Processor:
    """Takes batches of records to the store, in order; the next may be prepared while one is being stored."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        master: MasterKey,
        find_tenant: Callable[[str], Tenant | None],
        *,
        find_policy: Callable[[str], Policy] = lambda _tenant: Policy(),
        find_periods: Callable[[str], Periods] = lambda _tenant: Periods(),
        find_checker: Callable[[str], ConformanceChecker] = lambda _tenant: ConformanceChecker(()),
        now: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._vault = vault
        self._master = master
        self._find_tenant = find_tenant
        self._find_policy = find_policy
        self._find_periods = find_periods
        self._find_checker = find_checker
        self._now = now
        self._pause = pause
        self._progress: dict[int, int] | None = None
        self._seen = Seen()
        self._persons = Persons(store, vault)

    def forget_progress(self) -> None:
        """Read the progress anew before the next batch: partitions have been assigned, and another may have gone on."""
        self._progress = None

    async def process(self, records: Sequence[IncomingRecord]) -> int:
        """Prepare and store; return, once ClickHouse has answered, how many statements the records held."""
        prepared = await self.prepare(records)
        await self.store(prepared)
        return prepared.statements

    async def prepare(self, records: Sequence[IncomingRecord]) -> Prepared:
        """Read and check the records that are not yet stored. The batch before may still be being stored.

        What is out of reach (the vault, ClickHouse) is waited for, here and in `store`, as long as it takes.
        """
        return await self._until_it_works(lambda: self._prepare(records))

    async def store(self, prepared: Prepared) -> None:
        """Store a batch and record its progress; returns when ClickHouse has answered. One at a time."""
        if prepared.records:
            await self._until_it_works(lambda: self._store_batch(prepared))

    async def _until_it_works(self, step: Callable[[], Awaitable[T]]) -> T:
        pause, waiting = _FIRST_PAUSE_SECONDS, False
        while True:
            try:
                result = await step()
            except Exception as error:  # noqa: BLE001 (none leaves the stream: it would be acknowledged unstored)
                if not waiting:
                    _tell(error)
                waiting = True
                await self._pause(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            else:
                if waiting:
                    logger.warning("processing-goes-on")
                return result

    async def _prepare(self, records: Sequence[IncomingRecord]) -> Prepared:
        if self._progress is None:
            self._progress = await self._store.read_progress(records[0].topic)
        progress = self._progress
        new = [record for record in records if record.offset >= progress.get(record.partition, 0)]
        # Parsing, checking and sealing keep a core busy: in a thread, so that heartbeats and fetches go on.
        batch = await asyncio.to_thread(self._read, new)
        _tell_dropped(batch.dropped)
        return Prepared(new, batch)

    def _read(self, records: Sequence[IncomingRecord]) -> Batch:
        batch = read_records(records, self._find_tenant, self._vault.tenant_keys, self._find_checker)
        leave_out_expired(batch, self._find_periods, int(self._now() * 1000))
        return batch

    async def _store_batch(self, prepared: Prepared) -> None:
        records, batch = prepared.records, prepared.batch.copy()
        await asyncio.to_thread(self._drop_removed, batch)
        token = name_token(records)
        try:
            await _finish(
                *(self._write_tenant(part, f"{token}/{tenant}") for tenant, part in batch.tenants.items()),
                self._write_stray(batch, token),
            )
        except Exception:
            self._seen.forget()
            raise
        reached = next_offsets(records)
        await self._store.insert_shared(
            [ProgressRow(records[0].topic, *reach) for reach in reached.items()],
            ",".join(f"{partition}:{offset}" for partition, offset in reached.items()),
        )
        if self._progress is not None:
            self._progress.update(reached)

    def _drop_removed(self, batch: Batch) -> None:
        """Take out of a batch what belongs to tenants that were removed since it was read: it has no place any more."""
        dropped = {}
        for name in list(batch.tenants):
            tenant = self._find_tenant(name)
            if tenant is not None and tenant.is_gone:
                dropped[name] = len(batch.tenants.pop(name).tallies)
        _tell_dropped(dropped)

    async def _write_tenant(self, part: TenantBatch, token: str) -> None:
        tenant = part.tenant.id
        part.erased = await asyncio.to_thread(self._vault.erased, tenant)
        existing = await self._store.find_ids(tenant, {candidate.id for candidate in part.candidates})
        new = leave_out_erased(part, settle(part, existing))
        rows = await self._to_rows(part, new)
        statements = rows.statements
        if any(row.refers_to for row in statements):
            targets = find_targets(statements)
            statements = link(statements, await self._store.find_links(tenant, targets) if targets else {})
        dead = len(part.refused)
        await _finish(
            self._insert(part, new, statements, token),
            self._store.insert(tenant, to_voiding_rows(statements), token),
            self._store.insert(tenant, to_open_reference_rows(statements), token),
            self._store.insert(tenant, rows.activities, token),
            self._store.insert(tenant, rows.agents, token),
            self._write_outcome(part, token),
        )
        if len(part.refused) > dead:
            await self._write_outcome(part, f"{token}!{len(part.refused)}")

    async def _write_outcome(self, part: TenantBatch, token: str) -> None:
        """Write what became of the records; written again, it replaces what was there."""
        dead_letters = await asyncio.to_thread(to_dead_letter_rows, part) if part.refused else []
        await _finish(
            self._store.insert(part.tenant.id, to_ledger_rows(part), token),
            self._store.insert(part.tenant.id, dead_letters, token),
        )

    async def _to_rows(self, part: TenantBatch, new: list[Candidate]) -> TenantRows:
        """Return the rows of the new candidates; what cannot be stored, or not now, leaves them as a dead letter."""
        # Those of the batch may have been prepared under a key of the tenant that was rotated since.
        part.keys = await asyncio.to_thread(self._vault.tenant_keys, part.tenant.id)
        sealed = await self._seal(part, new)
        subjects = [frozenset(list_subjects(one.statement)) for one in sealed]
        restricted = await self._persons.find_restricted(
            part.tenant.id, frozenset().union(*subjects), now=bool(part.keys.older)
        )
        if restricted:
            for place in reversed(range(len(new))):
                if not restricted.isdisjoint(subjects[place]):
                    del sealed[place]
                    withdraw(part, new.pop(place), DeadLetter("restricted", "Processing of a person is paused."))
        return await asyncio.to_thread(to_rows, part, new, sealed, self._vault.learner_keys, self._seen)

    async def _seal(self, part: TenantBatch, new: list[Candidate]) -> list[Sealed]:
        policy = await asyncio.to_thread(self._find_policy, part.tenant.id)
        while True:
            try:
                return await asyncio.to_thread(seal_statements, part, new, self._vault.learner_keys, policy)
            except UnidentifiedAgent as error:
                candidate = new.pop(error.index)
                reason = DeadLetter(error.code, "An agent holds nothing that identifies.", pointer=error.pointer)
                withdraw(part, candidate, reason)

    async def _insert(self, part: TenantBatch, new: Sequence[Candidate], rows: Sequence[Row], token: str) -> None:
        """Insert the rows; if ClickHouse refuses some, find which by halving, and keep these as dead letters."""
        if not rows:
            return
        try:
            await self._store.insert(part.tenant.id, rows, f"{token}/{len(rows)}")
        except RowsRefused as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                await self._insert(part, new[:middle], rows[:middle], f"{token}<{middle}")
                await self._insert(part, new[middle:], rows[middle:], f"{token}>{middle}")
                return
            withdraw(part, new[0], DeadLetter(error.code, "ClickHouse refuses a value of this statement."))

    async def _write_stray(self, batch: Batch, token: str) -> None:
        await self._store.insert_shared(to_stray_rows(batch.stray, self._master), token)


async def _finish(*steps: Awaitable[None]) -> None:
    """Wait until every step has ended, then raise what the first failed one raised: none goes on behind a retry."""
    for outcome in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


def _tell(error: Exception) -> None:
    """Log once per outage what is waited for; of a fault of ours only where it was: its text may hold a name."""
    if isinstance(error, (StoreUnavailable, IdentityUnavailable)):
        logger.warning("processing-waits", extra={"code": error.code, "reason": str(error)})
    else:
        logger.error("processing-fails", extra={"error": locate(error)})


def _tell_dropped(dropped: Mapping[str, int]) -> None:
    for tenant, records in dropped.items():
        logger.warning("records-of-removed-tenant-dropped", extra={"tenant": tenant, "records": records})


def withdraw(part: TenantBatch, candidate: Candidate, reason: DeadLetter) -> None:
    """Make a dead letter of a candidate that was already counted as stored."""
    part.tallies[candidate.record].stored -= 1
    part.refuse(candidate.record, candidate.position, reason, dump_json(candidate.statement), candidate.fingerprint)


def leave_out_erased(part: TenantBatch, candidates: list[Candidate]) -> list[Candidate]:
    """Return the candidates without those whose person was erased and is refused; these become dead letters."""
    refused = list_refused(part, candidates)
    for candidate, reason in refused:
        withdraw(part, candidate, reason)
    left_out = {id(candidate) for candidate, _ in refused}
    return [candidate for candidate in candidates if id(candidate) not in left_out]


def next_offsets(records: Iterable[IncomingRecord]) -> dict[int, int]:
    """Return, per partition, the offset after the last of the records."""
    reached: dict[int, int] = {}
    for record in records:
        reached[record.partition] = max(reached.get(record.partition, 0), record.offset + 1)
    return reached


def name_token(records: Sequence[IncomingRecord]) -> str:
    """Name a batch by topic, partitions and offsets, so that inserting it again can be recognised."""
    spans: dict[int, tuple[int, int]] = {}
    for record in records:
        first, last = spans.get(record.partition, (record.offset, record.offset))
        spans[record.partition] = (min(first, record.offset), max(last, record.offset))
    parts = ",".join(f"{partition}:{first}-{last}" for partition, (first, last) in sorted(spans.items()))
    return f"{records[0].topic}/{parts}"
