"""How many queries run at a time: readers cannot take the places that the owner's inserts and reads need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from clickhouse.embedded.errors import ServerError


class Slots:
    """Places for running queries; readers together have half of them."""

    def __init__(self, queries: int, wait: float) -> None:
        self._queries = queries
        self._wait = wait
        self._places = asyncio.Semaphore(queries)
        self._reader_places = asyncio.Semaphore(max(1, queries // 2))
        self._ids: set[str] = set()

    @asynccontextmanager
    async def take(self, query_id: str, *, reader: bool) -> AsyncIterator[None]:
        """Hold a place for the query, waiting for it a bounded time.

        Raises ServerError: TOO_MANY_SIMULTANEOUS_QUERIES, QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING.
        """
        if query_id in self._ids:
            raise ServerError("QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", f"Query with id = {query_id} is already running")
        self._ids.add(query_id)
        try:
            async with AsyncExitStack() as held:
                try:
                    async with asyncio.timeout(self._wait):
                        if reader:
                            await held.enter_async_context(self._reader_places)
                        await held.enter_async_context(self._places)
                except TimeoutError:
                    raise ServerError(
                        "TOO_MANY_SIMULTANEOUS_QUERIES",
                        f"Too many simultaneous queries. Maximum: {self._queries}, waited {self._wait:g} s",
                    ) from None
                yield
        finally:
            self._ids.discard(query_id)
