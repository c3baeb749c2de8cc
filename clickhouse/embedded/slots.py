"""How many queries run at a time: readers cannot take the places that the owner's inserts and reads need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from clickhouse.embedded.entities import User
from clickhouse.embedded.errors import ServerError


class Slots:
    """Places for running queries; readers together have half of them."""

    def __init__(self, queries: int, wait: float) -> None:
        self._queries = queries
        self._wait = wait
        self._places = asyncio.Semaphore(queries)
        self._reader_places = asyncio.Semaphore(max(1, queries // 2))
        self._ids: set[tuple[str, str]] = set()

    @asynccontextmanager
    async def take(self, query_id: str, reader: User | None) -> AsyncIterator[None]:
        """Hold a place for the query of a reader, or of the owner (None), waiting for it a bounded time.

        Raises ServerError: TOO_MANY_SIMULTANEOUS_QUERIES, QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING.
        """
        name = reader.name if reader else ""
        # What others run is nobody's business: an id is a login's own.
        place = (name, query_id)
        if place in self._ids:
            raise ServerError("QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING", f"Query with id = {query_id} is already running")
        most = int(dict(reader.limits.settings).get("max_concurrent_queries_for_user", "0")) if reader else 0
        running = sum(login == name for login, _ in self._ids)
        if most and running >= most:
            raise ServerError(
                "TOO_MANY_SIMULTANEOUS_QUERIES",
                f"Too many simultaneous queries for user {name}. Current: {running}, maximum: {most}",
            )
        self._ids.add(place)
        try:
            async with AsyncExitStack() as held:
                try:
                    async with asyncio.timeout(self._wait):
                        if reader is not None:
                            await held.enter_async_context(self._reader_places)
                        await held.enter_async_context(self._places)
                except TimeoutError:
                    raise ServerError(
                        "TOO_MANY_SIMULTANEOUS_QUERIES",
                        f"Too many simultaneous queries. Maximum: {self._queries}, waited {self._wait:g} s",
                    ) from None
                yield
        finally:
            self._ids.discard(place)
