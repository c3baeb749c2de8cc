"""Inserts that can be repeated: one block, its columns known beforehand, under a deduplication token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from clickhouse_connect.driver.insert import InsertContext

from clickhouse.connection import AsyncClient, translate_errors


class Writer:
    """Inserts rows through one client; not for concurrent inserts into the same table."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._contexts: dict[tuple[str, str], InsertContext] = {}

    async def insert(
        self, database: str, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], token: str
    ) -> None:
        """Insert rows in the order of `columns`; the same token again inserts nothing.

        When this returns, ClickHouse has answered: the rows are durable and queryable.
        Raises RowsRefused when these rows can't be stored, StoreUnavailable when none can now or no answer came.
        """
        if not rows:
            return
        with translate_errors():
            context = self._contexts.get((database, table))
            if context is None:
                context = await self._client.create_insert_context(table, database=database, column_names=list(columns))
                self._contexts[database, table] = context
            context.settings = {
                "insert_deduplication_token": token,
                # What is derived from the rows is recognised by the token as well, and completed if it was cut short.
                "deduplicate_blocks_in_dependent_materialized_views": 1,
            }
            try:
                context.data = rows
                await self._client.insert(context=context)
            except Exception:
                # A context that failed keeps state of the failure; the next insert begins with a new one.
                del self._contexts[database, table]
                raise

    async def close(self) -> None:
        """Close the client."""
        await self._client.close()
