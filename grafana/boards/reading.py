"""Queries of panels, run as the tenant's own ClickHouse user: what a board may see is ClickHouse's decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import aiohttp
from clickhouse_connect.driver.exceptions import ClickHouseError as DriverError
from clickhouse_connect.driver.exceptions import DatabaseError
from starlette.concurrency import run_in_threadpool

from clickhouse.connection import AsyncClient, ClickHouseAddress, connect_async
from clickhouse.databases import name_reader, name_tenant_database
from clickhouse.errors import StoreUnavailable
from grafana.errors import QueryFailed
from identity.errors import IdentityError

# ClickHouse's codes: READONLY, ACCESS_DENIED, AUTHENTICATION_FAILED, WRONG_PASSWORD and their like.
_REFUSALS = frozenset({164, 192, 193, 194, 497, 516})
_SLOWNESS = frozenset({159, 160, 202, 241})


@dataclass(frozen=True, slots=True)
class Answer:
    """A panel's data: columns as (name, ClickHouse type), rows of JSON values with times as epoch milliseconds."""

    columns: tuple[tuple[str, str], ...]
    rows: list[list[Any]]

    def to_json(self) -> dict[str, Any]:
        """Return what a browser is sent."""
        return {"columns": [{"name": name, "type": kind} for name, kind in self.columns], "rows": self.rows}


class Reader(Protocol):
    """Whoever can run a tenant's query."""

    async def read(self, tenant: str, sql: str) -> Answer:
        """Return the rows; raises QueryFailed."""
        ...

    async def close(self) -> None:
        """Give up what is held."""
        ...


class ClickHouseReader:
    """Reads over HTTP with one client per tenant, at most `at_once` queries at a time, each within `seconds`.

    `secret_of(tenant)` returns the password of the tenant's ClickHouse user; it may block.
    """

    def __init__(
        self, address: ClickHouseAddress, secret_of: Callable[[str], str], *, at_once: int = 6, seconds: float = 20
    ) -> None:
        self._address = address
        self._secret_of = secret_of
        self._seconds = seconds
        self._places = asyncio.Semaphore(at_once)
        self._clients: dict[str, asyncio.Task[AsyncClient]] = {}

    async def read(self, tenant: str, sql: str) -> Answer:
        """Run `sql` in the tenant's database as its user; raises QueryFailed, whose text names no data."""
        try:
            async with self._places, asyncio.timeout(self._seconds):
                client = await self._connect(tenant)
                result = await client.query(sql, query_tz="UTC", settings={})
        except TimeoutError as error:
            raise QueryFailed("slow", f"The query took longer than {self._seconds:.0f} s.") from error
        except (DriverError, StoreUnavailable, IdentityError, aiohttp.ClientError, OSError) as error:
            raise await self._explain(tenant, error) from error
        columns = tuple((name, kind.name) for name, kind in zip(result.column_names, result.column_types, strict=True))
        return Answer(columns, [[_to_json(value) for value in row] for row in result.result_rows])

    async def close(self) -> None:
        """Close every client."""
        for tenant in list(self._clients):
            await self._forget(tenant)

    async def _connect(self, tenant: str) -> AsyncClient:
        task = self._clients.get(tenant)
        if task is None:
            task = self._clients[tenant] = asyncio.create_task(self._open(tenant))
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done() and self._clients.get(tenant) is task:
                del self._clients[tenant]
            raise

    async def _open(self, tenant: str) -> AsyncClient:
        secret = await run_in_threadpool(self._secret_of, tenant)
        address = self._address.as_user(name_reader(tenant), secret, name_tenant_database(tenant))
        return await connect_async(address)

    async def _forget(self, tenant: str) -> None:
        task = self._clients.pop(tenant, None)
        if task is None:
            return
        if not task.done():
            task.cancel()
        elif not task.cancelled() and task.exception() is None:
            await task.result().close()

    async def _explain(self, tenant: str, error: Exception) -> QueryFailed:
        """Say what an error means for a reader; after a broken connection the next query makes a new one."""
        told = error.__cause__ if isinstance(error, StoreUnavailable) else error
        code = told.code if isinstance(told, DatabaseError) else None
        if code is None:
            await self._forget(tenant)
            return QueryFailed("unreachable", "ClickHouse does not answer.")
        if code in _REFUSALS:
            await self._forget(tenant)
            return QueryFailed("refused", "ClickHouse refused the tenant's user.")
        if code in _SLOWNESS:
            return QueryFailed("slow", "ClickHouse gave the query up: too long, or too much at once.")
        return QueryFailed("query", f"ClickHouse cannot run the query (code {code}).")


def _to_json(value: object) -> object:
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return round(aware.timestamp() * 1000)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float) and value != value:  # noqa: PLR0124 (the definition of NaN)
        return None
    return value
