"""The stored statements as the LRS sees them, and their one real form: a tenant's database in ClickHouse."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Iterable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from aiohttp import ClientError
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError

from clickhouse.activities import Definition, read_definitions
from clickhouse.agents import read_agent_forms
from clickhouse.connection import AsyncClient, ClickHouseAddress, connect_async
from clickhouse.databases import name_tenant_database
from clickhouse.errors import StoreUnavailable
from clickhouse.persons import find_histories, read_copied_revision_async
from clickhouse.progress import read_progress
from clickhouse.statement_query import StatementQuery, query_statements
from clickhouse.statements import Existing, StoredStatement, find_ids, get_statement
from identity.links import History
from lrs.errors import StatementsUnavailable

_logger = logging.getLogger(__name__)

T = TypeVar("T")

_PERSONS_SECONDS = 1.0


class StatementStore(Protocol):
    """What the LRS needs of the store. Everything raises StatementsUnavailable when it does not answer."""

    async def start(self) -> None:
        """Make ready; returns at once, whether or not the store can be reached."""

    async def stop(self) -> None:
        """Disconnect."""

    async def find_ids(self, tenant: str, ids: Iterable[UUID]) -> dict[UUID, Existing]:
        """Return what is known of those of the ids that are stored."""

    async def get_statement(self, tenant: str, statement_id: UUID) -> tuple[StoredStatement, bool] | None:
        """Return one statement, and whether it is voided; None of one whose person's processing is paused."""

    async def query_statements(self, tenant: str, query: StatementQuery) -> list[StoredStatement]:
        """Return the statements that match and are neither voided nor withheld, in the order of storing."""

    async def find_histories(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, History]:
        """Return whom those of the pseudonyms count as that count as another one."""

    async def read_definitions(self, tenant: str, ids: Sequence[str]) -> dict[str, list[Definition]]:
        """Return the definitions of those activities that have any, the latest last."""

    async def read_agent_forms(self, tenant: str, pseudonym: str) -> list[str]:
        """Return the sealed forms in which an agent was named, the latest first."""

    async def read_progress(self) -> dict[int, int]:
        """Return, per partition, the offset below which every record can be read."""


class ClickHouseStore:
    """The store in ClickHouse. Connects at the first use and again after a failure."""

    def __init__(self, address: ClickHouseAddress, topic: str, *, answer_seconds: float = 10) -> None:
        self._address = address
        self._topic = topic
        self._answer_seconds = answer_seconds
        self._client: AsyncClient | None = None
        self._connecting = asyncio.Lock()
        self._reachable = True
        self._without_persons: dict[str, float] = {}

    async def start(self) -> None:
        """Nothing to do before the first use."""

    async def stop(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def find_ids(self, tenant: str, ids: Iterable[UUID]) -> dict[UUID, Existing]:
        """See StatementStore."""
        client = await self._connected()
        return await self._answer(find_ids(client, name_tenant_database(tenant), ids))

    async def get_statement(self, tenant: str, statement_id: UUID) -> tuple[StoredStatement, bool] | None:
        """See StatementStore."""
        client = await self._connected()
        withholds = await self._has_persons(client, tenant)
        return await self._answer(
            get_statement(client, name_tenant_database(tenant), statement_id, withholds=withholds)
        )

    async def query_statements(self, tenant: str, query: StatementQuery) -> list[StoredStatement]:
        """See StatementStore."""
        client = await self._connected()
        withholds = await self._has_persons(client, tenant)
        return await self._answer(query_statements(client, name_tenant_database(tenant), query, withholds=withholds))

    async def find_histories(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, History]:
        """See StatementStore."""
        client = await self._connected()
        if not await self._has_persons(client, tenant):
            return {}
        return await self._answer(find_histories(client, name_tenant_database(tenant), pseudonyms))

    async def read_definitions(self, tenant: str, ids: Sequence[str]) -> dict[str, list[Definition]]:
        """See StatementStore."""
        client = await self._connected()
        return await self._answer(read_definitions(client, name_tenant_database(tenant), ids))

    async def read_agent_forms(self, tenant: str, pseudonym: str) -> list[str]:
        """See StatementStore."""
        client = await self._connected()
        return await self._answer(read_agent_forms(client, name_tenant_database(tenant), pseudonym))

    async def read_progress(self) -> dict[int, int]:
        """See StatementStore."""
        return await self._answer(read_progress(await self._connected(), self._topic))

    async def _has_persons(self, client: AsyncClient, tenant: str) -> bool:
        """Return whether anything was ever linked or restricted here; of those without, looked up once a second."""
        until = self._without_persons.get(tenant)
        if until is None or (until and until < time.monotonic()):
            revision = await self._answer(read_copied_revision_async(client, name_tenant_database(tenant)))
            until = self._without_persons[tenant] = 0.0 if revision else time.monotonic() + _PERSONS_SECONDS
        return not until

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:
                self._client = await self._answer(connect_async(self._address))
        return self._client

    async def _answer(self, call: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(self._answer_seconds):
                result = await call
        except (DriverError, StoreUnavailable, ClientError, OSError) as error:
            if self._reachable:
                self._reachable = False
                # The driver's text may quote a query, and a query may quote a statement: the kind is enough here.
                _logger.warning(
                    "store_unreachable", extra={"error": type(error).__name__, "code": getattr(error, "code", None)}
                )
            raise StatementsUnavailable(
                "The stored statements cannot be read now. Send the request again later."
            ) from error
        if not self._reachable:
            self._reachable = True
            _logger.info("store_reached")
        return result
