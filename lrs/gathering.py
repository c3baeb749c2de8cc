"""Many who ask the same thing at once are served by few calls.

A thousand requests a second must not mean a thousand queries, so what is asked while a call is under way waits and
goes into the next one together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gathering(Generic[Item, Result]):
    """At most one call under way; the next takes every item asked for in the meantime.

    An answer always comes from a call that began after it was asked for.
    """

    def __init__(self, call: Callable[[list[Item]], Awaitable[Result]]) -> None:
        self._call = call
        self._items: list[Item] = []
        self._next: asyncio.Future[Result] | None = None
        self._running: asyncio.Task[None] | None = None

    async def ask(self, *items: Item) -> Result:
        """Return the result of a call that begins after now and covers `items`; raises what that call raises."""
        self._items.extend(items)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        # One who gives up must not take the answer from the others.
        return await asyncio.shield(self._next)

    async def _run(self) -> None:
        try:
            while self._next is not None:
                items, answer = self._items, self._next
                self._items, self._next = [], None
                try:
                    answer.set_result(await self._call(items))
                except Exception as error:  # noqa: BLE001 (handed to everyone who asked)
                    answer.set_exception(error)
                    answer.exception()  # they may all have given up, which is no fault
        finally:
            self._running = None
