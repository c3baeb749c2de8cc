"""A store in memory, at the edge where ClickHouse would be; its inserts can be made to fail."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from clickhouse.errors import ClickHouseError, RowsRefused
from clickhouse.statements import Existing, Links, Row
from stream_processors.rows import (
    ActivityRow,
    AgentRow,
    DeadLetterRow,
    LedgerRow,
    OpenReferenceRow,
    ProgressRow,
    StrayRow,
    VoidingRow,
)


class MemoryStore:
    """What ClickHouse would hold: keyed as the tables are, so that writing again replaces."""

    def __init__(self) -> None:
        self.statements: dict[str, dict[UUID, Row]] = defaultdict(dict)
        self.inserted: list[tuple[UUID, int, int, int]] = []
        self.ledger: dict[str, dict[tuple[int, int], LedgerRow]] = defaultdict(dict)
        self.dead_letters: dict[str, dict[tuple[int, int, int], DeadLetterRow]] = defaultdict(dict)
        self.voidings: dict[str, set[VoidingRow]] = defaultdict(set)
        self.open_references: dict[str, dict[UUID, OpenReferenceRow]] = defaultdict(dict)
        self.activities: dict[str, dict[tuple[str, int], ActivityRow]] = defaultdict(dict)
        self.agents: dict[str, dict[tuple[str, int], AgentRow]] = defaultdict(dict)
        self.stray: dict[tuple[int, int], StrayRow] = {}
        self.progress: dict[int, int] = {}
        self.tokens: set[str] = set()
        self.failures: dict[str, list[ClickHouseError]] = defaultdict(list)
        self.refused_verbs: set[str] = set()

    def fail_next(self, method: str, error: ClickHouseError) -> None:
        self.failures[method].append(error)

    def _maybe_fail(self, method: str) -> None:
        if self.failures[method]:
            raise self.failures[method].pop(0)

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

    async def insert_voidings(self, tenant: str, rows: Sequence[VoidingRow], token: str) -> None:
        del token
        self._maybe_fail("insert_voidings")
        self.voidings[tenant].update(rows)

    async def insert_open_references(self, tenant: str, rows: Sequence[OpenReferenceRow], token: str) -> None:
        del token
        self._maybe_fail("insert_open_references")
        self.open_references[tenant].update({row.id: row for row in rows})

    async def insert_activities(self, tenant: str, rows: Sequence[ActivityRow], token: str) -> None:
        del token
        self._maybe_fail("insert_activities")
        self.activities[tenant].update({(row.id, row.digest): row for row in rows})

    async def insert_agents(self, tenant: str, rows: Sequence[AgentRow], token: str) -> None:
        del token
        self._maybe_fail("insert_agents")
        self.agents[tenant].update({(row.pseudonym, row.digest): row for row in rows})

    async def insert_statements(self, tenant: str, rows: Sequence[Row], token: str) -> None:
        self._maybe_fail("insert_statements")
        if any(row.verb in self.refused_verbs for row in rows):
            raise RowsRefused("ClickHouse refuses rows (code 53).")
        if token in self.tokens:
            return
        self.tokens.add(token)
        for row in rows:
            self.inserted.append((row.id, row.partition, row.offset, row.position))
            self.statements[tenant].setdefault(row.id, row)

    async def insert_ledger(self, tenant: str, rows: Sequence[LedgerRow], token: str) -> None:
        del token
        self._maybe_fail("insert_ledger")
        self.ledger[tenant].update({(row.partition, row.offset): row for row in rows})

    async def insert_dead_letters(self, tenant: str, rows: Sequence[DeadLetterRow], token: str) -> None:
        del token
        self._maybe_fail("insert_dead_letters")
        self.dead_letters[tenant].update({(row.partition, row.offset, row.position): row for row in rows})

    async def insert_stray(self, rows: Sequence[StrayRow], token: str) -> None:
        del token
        self.stray.update({(row.partition, row.offset): row for row in rows})

    async def insert_progress(self, rows: Sequence[ProgressRow]) -> None:
        self._maybe_fail("insert_progress")
        for row in rows:
            self.progress[row.partition] = max(self.progress.get(row.partition, 0), row.next_offset)
