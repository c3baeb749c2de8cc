"""The Store of the processors: a tenant's tables in ClickHouse, and those that all tenants share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from clickhouse.connection import AsyncClient
from clickhouse.databases import SHARED, name_tenant_database
from clickhouse.persons import read_copied_revision_async
from clickhouse.progress import read_progress
from clickhouse.statements import Existing, Links, find_ids, find_links
from clickhouse.writing import Writer
from stream_processors.rows import TABLES, SharedRow, TenantRow


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

    async def read_copied_revision(self, tenant: str) -> int:
        """Return the revision up to which the tenant's database knows how pseudonyms stand."""
        return await read_copied_revision_async(self._client, name_tenant_database(tenant))

    async def insert(self, tenant: str, rows: Sequence[TenantRow], token: str) -> None:
        """Insert rows, all of one kind, into the tenant's table of that kind; the same token again inserts nothing."""
        await self._insert(name_tenant_database(tenant), rows, token)

    async def insert_shared(self, rows: Sequence[SharedRow], token: str) -> None:
        """Insert rows, all of one kind, into the table of that kind which all tenants share."""
        await self._insert(SHARED, rows, token)

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()

    async def _insert(self, database: str, rows: Sequence[TenantRow | SharedRow], token: str) -> None:
        if rows:
            kind = type(rows[0])
            await self._writer.insert(database, TABLES[kind], kind._fields, rows, token)
