"""The Store of the processors: a tenant's tables in ClickHouse."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from clickhouse.connection import AsyncClient
from clickhouse.databases import SHARED, name_tenant_database
from clickhouse.progress import read_progress
from clickhouse.statements import Existing, Links, Row, find_ids, find_links
from clickhouse.writing import Writer
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


class ClickHouseStore:
    """Implements stream_processors.processing.Store over one client."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._writer = Writer(client)

    async def read_progress(self, topic: str) -> dict[int, int]:
        """Return the offset per partition below which everything is stored."""
        return await read_progress(self._client, topic)

    async def find_ids(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Existing]:
        """Return what is stored of these ids."""
        return await find_ids(self._client, name_tenant_database(tenant), ids)

    async def find_links(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Links]:
        """Return, of those of these ids that are stored, what a statement that refers to them inherits."""
        return await find_links(self._client, name_tenant_database(tenant), ids)

    async def insert_statements(self, tenant: str, rows: Sequence[Row], token: str) -> None:
        """Insert statements; the same token again inserts nothing."""
        await self._writer.insert(name_tenant_database(tenant), "statements", Row._fields, rows, token)

    async def insert_voidings(self, tenant: str, rows: Sequence[VoidingRow], token: str) -> None:
        """Insert what is voided."""
        await self._writer.insert(name_tenant_database(tenant), "voidings", VoidingRow._fields, rows, token)

    async def insert_open_references(self, tenant: str, rows: Sequence[OpenReferenceRow], token: str) -> None:
        """Insert references to what had not come."""
        columns = OpenReferenceRow._fields
        await self._writer.insert(name_tenant_database(tenant), "open_references", columns, rows, token)

    async def insert_activities(self, tenant: str, rows: Sequence[ActivityRow], token: str) -> None:
        """Insert definitions of activities."""
        await self._writer.insert(name_tenant_database(tenant), "activities", ActivityRow._fields, rows, token)

    async def insert_agents(self, tenant: str, rows: Sequence[AgentRow], token: str) -> None:
        """Insert forms in which agents were named."""
        await self._writer.insert(name_tenant_database(tenant), "agents", AgentRow._fields, rows, token)

    async def insert_ledger(self, tenant: str, rows: Sequence[LedgerRow], token: str) -> None:
        """Insert what became of records."""
        await self._writer.insert(name_tenant_database(tenant), "ledger", LedgerRow._fields, rows, token)

    async def insert_dead_letters(self, tenant: str, rows: Sequence[DeadLetterRow], token: str) -> None:
        """Insert what was refused."""
        await self._writer.insert(name_tenant_database(tenant), "dead_letters", DeadLetterRow._fields, rows, token)

    async def insert_stray(self, rows: Sequence[StrayRow], token: str) -> None:
        """Insert the records of no known tenant."""
        await self._writer.insert(SHARED, "dead_letters", StrayRow._fields, rows, token)

    async def insert_progress(self, rows: Sequence[ProgressRow]) -> None:
        """Record how far each partition is stored."""
        token = ",".join(f"{row.partition}:{row.next_offset}" for row in rows)
        await self._writer.insert(SHARED, "progress", ProgressRow._fields, rows, token)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()
