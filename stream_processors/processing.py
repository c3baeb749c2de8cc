"""One batch through all its steps: read, settle, pseudonymise, write, record progress; then it may be acknowledged.

Faust is not known here: records come in, rows go out through a Store, so that everything but the driver can be tested
without Kafka. Nothing of a batch is acknowledged before its progress is written, and progress is written last: after a
crash at any point the records are read again, and what was stored of them is recognised by its place in the log.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from clickhouse.errors import RowsRefused, StoreUnavailable
from clickhouse.statements import Existing, Links, Row
from identity.errors import IdentityUnavailable, UnidentifiedAgent
from identity.keys import MasterKey
from identity.tenants import Tenant
from identity.vault import Vault
from stream_processors.errors import DeadLetter
from stream_processors.reading import Batch, Candidate, IncomingRecord, TenantBatch, locate, read_records
from stream_processors.references import find_targets, link
from stream_processors.rows import (
    ActivityRow,
    AgentRow,
    DeadLetterRow,
    LedgerRow,
    OpenReferenceRow,
    ProgressRow,
    StrayRow,
    TenantRows,
    VoidingRow,
    to_dead_letter_rows,
    to_ledger_rows,
    to_open_reference_rows,
    to_rows,
    to_stray_rows,
    to_voiding_rows,
)
from stream_processors.seen import Seen
from stream_processors.settling import settle
from xapi_profiles.json_text import dump_json

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

    async def insert_statements(self, tenant: str, rows: Sequence[Row], token: str) -> None:
        """Insert statements; the same token again inserts nothing."""
        ...

    async def insert_voidings(self, tenant: str, rows: Sequence[VoidingRow], token: str) -> None:
        """Insert what is voided."""
        ...

    async def insert_open_references(self, tenant: str, rows: Sequence[OpenReferenceRow], token: str) -> None:
        """Insert references to what had not come."""
        ...

    async def insert_activities(self, tenant: str, rows: Sequence[ActivityRow], token: str) -> None:
        """Insert definitions of activities."""
        ...

    async def insert_agents(self, tenant: str, rows: Sequence[AgentRow], token: str) -> None:
        """Insert forms in which agents were named."""
        ...

    async def insert_ledger(self, tenant: str, rows: Sequence[LedgerRow], token: str) -> None:
        """Insert what became of records."""
        ...

    async def insert_dead_letters(self, tenant: str, rows: Sequence[DeadLetterRow], token: str) -> None:
        """Insert what was refused."""
        ...

    async def insert_stray(self, rows: Sequence[StrayRow], token: str) -> None:
        """Insert the records of no known tenant."""
        ...

    async def insert_progress(self, rows: Sequence[ProgressRow]) -> None:
        """Record how far each partition is stored."""
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
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._vault = vault
        self._master = master
        self._find_tenant = find_tenant
        self._pause = pause
        self._progress: dict[int, int] | None = None
        self._seen = Seen()

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
        batch = await asyncio.to_thread(read_records, new, self._find_tenant, self._vault.tenant_keys)
        return Prepared(new, batch)

    async def _store_batch(self, prepared: Prepared) -> None:
        records, batch = prepared.records, prepared.batch.copy()
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
        await self._store.insert_progress([ProgressRow(records[0].topic, *reach) for reach in reached.items()])
        if self._progress is not None:
            self._progress.update(reached)

    async def _write_tenant(self, part: TenantBatch, token: str) -> None:
        tenant = part.tenant.id
        existing = await self._store.find_ids(tenant, {candidate.id for candidate in part.candidates})
        new = settle(part, existing)
        rows = await self._to_rows(part, new)
        statements = rows.statements
        if any(row.refers_to for row in statements):
            targets = find_targets(statements)
            statements = link(statements, await self._store.find_links(tenant, targets) if targets else {})
        dead = len(part.refused)
        await _finish(
            self._insert(part, new, statements, token),
            self._store.insert_voidings(tenant, to_voiding_rows(statements), token),
            self._store.insert_open_references(tenant, to_open_reference_rows(statements), token),
            self._store.insert_activities(tenant, rows.activities, token),
            self._store.insert_agents(tenant, rows.agents, token),
            self._write_outcome(part, token),
        )
        if len(part.refused) > dead:
            await self._write_outcome(part, f"{token}!{len(part.refused)}")

    async def _write_outcome(self, part: TenantBatch, token: str) -> None:
        """Write what became of the records; written again, it replaces what was there."""
        await _finish(
            self._store.insert_ledger(part.tenant.id, to_ledger_rows(part), token),
            self._store.insert_dead_letters(part.tenant.id, to_dead_letter_rows(part), token),
        )

    async def _to_rows(self, part: TenantBatch, new: list[Candidate]) -> TenantRows:
        """Return the rows of the new candidates; one that holds no agent to replace leaves them as a dead letter."""
        while True:
            try:
                return await asyncio.to_thread(to_rows, part, new, self._vault.learner_keys, self._seen)
            except UnidentifiedAgent as error:
                candidate = new.pop(error.index)
                reason = DeadLetter(error.code, "An agent holds nothing that identifies.", pointer=error.pointer)
                withdraw(part, candidate, reason)

    async def _insert(self, part: TenantBatch, new: Sequence[Candidate], rows: Sequence[Row], token: str) -> None:
        """Insert the rows; if ClickHouse refuses some, find which by halving, and keep these as dead letters."""
        if not rows:
            return
        try:
            await self._store.insert_statements(part.tenant.id, rows, f"{token}/{len(rows)}")
        except RowsRefused as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                await self._insert(part, new[:middle], rows[:middle], f"{token}<{middle}")
                await self._insert(part, new[middle:], rows[middle:], f"{token}>{middle}")
                return
            withdraw(part, new[0], DeadLetter(error.code, "ClickHouse refuses a value of this statement."))

    async def _write_stray(self, batch: Batch, token: str) -> None:
        if batch.stray:
            await self._store.insert_stray(to_stray_rows(batch.stray, self._master), token)


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


def withdraw(part: TenantBatch, candidate: Candidate, reason: DeadLetter) -> None:
    """Make a dead letter of a candidate that was already counted as stored."""
    part.tallies[candidate.record].stored -= 1
    part.refuse(candidate.record, candidate.position, reason, dump_json(candidate.statement))


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
