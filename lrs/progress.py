"""Following how far the stream has stored the log, without a query per request.

One poller serves everybody: it asks often while somebody waits, seldom while accepted records are only remembered,
and not at all otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from lrs.errors import StatementsUnavailable

Progress = Mapping[int, int]

_FASTEST, _SLOWEST, _IDLE, _AFTER_FAILURE = 0.004, 0.05, 0.5, 0.25


def has_passed(progress: Progress, ends: Progress) -> bool:
    """Return whether everything below `ends` is stored; a partition that holds nothing needs no progress."""
    return all(end == 0 or progress.get(partition, 0) >= end for partition, end in ends.items())


class ProgressWatch:
    """The last progress read, and who waits for which. `follow` is told of every reading."""

    def __init__(
        self,
        read: Callable[[], Awaitable[Progress]],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._read = read
        self._pause = pause
        self._last: Progress = {}
        self._waiting: dict[asyncio.Future[None], Progress] = {}
        self._poller: asyncio.Task[None] | None = None
        self._round = 0
        self._hurry = asyncio.Event()
        self._follow: Callable[[Progress], bool] | None = None

    def follow(self, follower: Callable[[Progress], bool]) -> None:
        """Tell `follower` of every reading; while it returns True the watch goes on though nobody waits."""
        self._follow = follower

    def wake(self) -> None:
        """Begin to watch, if it is not under way."""
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll())

    async def reach(self, ends: Progress) -> None:
        """Return once everything below `ends` is stored. The caller bounds the wait."""
        if has_passed(self._last, ends):
            return
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[arrived] = ends
        self._round = 0
        self._hurry.set()
        self.wake()
        try:
            await arrived
        finally:
            self._waiting.pop(arrived, None)

    async def stop(self) -> None:
        """End the polling; whoever still waits goes on waiting until their bound."""
        if self._poller is not None:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)

    async def _poll(self) -> None:
        try:
            while True:
                failed = False
                try:
                    self._last = await self._read()
                except StatementsUnavailable:  # told once by the store
                    failed = True
                for arrived, ends in list(self._waiting.items()):
                    if not arrived.done() and has_passed(self._last, ends):
                        arrived.set_result(None)
                        del self._waiting[arrived]
                followed = self._follow is not None and self._follow(self._last)
                if not self._waiting and not followed:
                    return
                await self._rest(failed=failed)
        finally:
            self._poller = None

    async def _rest(self, *, failed: bool) -> None:
        if self._waiting:
            self._round += 1
            await self._pause(_AFTER_FAILURE if failed else min(_FASTEST * 1.25**self._round, _SLOWEST))
            return
        # Nobody waits: rest long, but whoever comes ends the rest.
        self._hurry.clear()
        resting = asyncio.ensure_future(self._pause(_IDLE))
        hurried = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait((resting, hurried), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (resting, hurried):
                task.cancel()
            await asyncio.gather(resting, hurried, return_exceptions=True)
