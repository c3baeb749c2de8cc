"""A store in memory, at the edge where ClickHouse would be; its inserts can be made to fail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from clickhouse.errors import RowsRefused
from clickhouse.persons import PersonRow
from clickhouse.statements import Existing, Links, Row
from stream_processors.rows import (
    TABLES,
    ActivityRow,
    AgentRow,
    DeadLetterRow,
    LedgerRow,
    OpenReferenceRow,
    SharedRow,
    StrayRow,
    TenantRow,
    VoidingRow,
)

_KEYS: dict[type[Any], Callable[[Any], object]] = {
    VoidingRow: lambda row: row,
    OpenReferenceRow: lambda row: row.id,
    ActivityRow: lambda row: (row.id, row.digest),
    AgentRow: lambda row: (row.pseudonym, row.digest),
    LedgerRow: lambda row: (row.partition, row.offset),
    DeadLetterRow: lambda row: (row.partition, row.offset, row.position),
    PersonRow: lambda row: row.pseudonym,
}


class MemoryStore:
    """What ClickHouse would hold: keyed as the tables are, so that writing again replaces."""

    def __init__(self) -> None:
        self.statements: dict[str, dict[UUID, Row]] = defaultdict(dict)
        self.inserted: list[tuple[UUID, int, int, int]] = []
        self.ledger: dict[str, dict[tuple[int, int], LedgerRow]] = defaultdict(dict)
        self.dead_letters: dict[str, dict[tuple[int, int, int], DeadLetterRow]] = defaultdict(dict)
        self.voidings: dict[str, dict[VoidingRow, VoidingRow]] = defaultdict(dict)
        self.open_references: dict[str, dict[UUID, OpenReferenceRow]] = defaultdict(dict)
        self.activities: dict[str, dict[tuple[str, int], ActivityRow]] = defaultdict(dict)
        self.agents: dict[str, dict[tuple[str, int], AgentRow]] = defaultdict(dict)
        self.persons: dict[str, dict[str, PersonRow]] = defaultdict(dict)
        self.stray: dict[tuple[int, int], StrayRow] = {}
        self.progress: dict[int, int] = {}
        self.tokens: set[str] = set()
        self.failures: dict[str, list[BaseException]] = defaultdict(list)
        self.refused_verbs: set[str] = set()

    def fail_next(self, where: str, error: BaseException) -> None:
        """Let the next insert into a table fail, or the next call of a method that reads."""
        self.failures[where].append(error)

    def _maybe_fail(self, where: str) -> None:
        if self.failures[where]:
            raise self.failures[where].pop(0)

    async def read_progress(self, topic: str) -> dict[int, int]:
        del topic
        self._maybe_fail("read_progress")
        return dict(self.progress)

    async def find_ids(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Existing]:
        self._maybe_fail("find_ids")
        rows = self.statements[tenant]
        return {
            one: Existing(rows[one].fingerprint, rows[one].partition, rows[one].offset, rows[one].position)
            for one in ids
            if one in rows
        }

    async def find_links(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Links]:
        self._maybe_fail("find_links")
        rows = self.statements[tenant]
        return {
            one: Links([rows[one].terms, *rows[one].inherited], rows[one].open_reference) for one in ids if one in rows
        }

    async def read_copied_revision(self, tenant: str) -> int:
        self._maybe_fail("read_copied_revision")
        return max((row.revision for row in self.persons[tenant].values()), default=0)

    async def insert(self, tenant: str, rows: Sequence[TenantRow], token: str) -> None:
        if not rows:
            return
        table = TABLES[type(rows[0])]
        self._maybe_fail(table)
        if table == "statements":
            self._insert_statements(tenant, cast("Sequence[Row]", rows), token)
            return
        kept = getattr(self, table)[tenant]
        for row in rows:
            kept[_KEYS[type(row)](row)] = row

    async def insert_shared(self, rows: Sequence[SharedRow], token: str) -> None:
        del token
        for row in rows:
            if isinstance(row, StrayRow):
                self.stray[row.partition, row.offset] = row
            else:
                self._maybe_fail("progress")
                self.progress[row.partition] = max(self.progress.get(row.partition, 0), row.next_offset)

    def _insert_statements(self, tenant: str, rows: Sequence[Row], token: str) -> None:
        if any(row.verb in self.refused_verbs for row in rows):
            raise RowsRefused("ClickHouse refuses rows (code 53).")
        if token in self.tokens:
            return
        self.tokens.add(token)
        for row in rows:
            self.inserted.append((row.id, row.partition, row.offset, row.position))
            self.statements[tenant].setdefault(row.id, row)
