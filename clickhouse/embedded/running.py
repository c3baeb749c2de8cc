"""A query on its way: the engine works in a thread, its result comes through a pipe, and it can be given up."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from concurrent.futures import Executor

from clickhouse.embedded.engine import Engine, Outcome

PIECE = 1 << 18
_PIPE_SIZE = 1 << 20
_KILL_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.5)


class Running:
    """One statement that writes its result to a pipe. Close it in every case; that stops the engine's work too."""

    def __init__(self, engine: Engine, marker: str) -> None:
        self._engine = engine
        self._marker = marker
        self._pipe = -1
        self._work: asyncio.Future[Outcome] | None = None

    def start(self, executor: Executor, work: Callable[[str], Outcome]) -> None:
        """Begin `work(path)` in a thread; what it writes to the file at `path` comes out of `read`."""
        self._pipe, sending = os.pipe()
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            fcntl.fcntl(sending, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        os.set_blocking(self._pipe, False)

        def run() -> Outcome:
            try:
                return work(f"/dev/fd/{sending}")
            finally:
                os.close(sending)

        try:
            self._work = asyncio.get_running_loop().run_in_executor(executor, run)
        except BaseException:
            os.close(sending)
            raise

    async def read(self) -> bytes:
        """Return the next piece of the result; empty at its end."""
        while True:
            try:
                return os.read(self._pipe, PIECE)
            except BlockingIOError:
                await self._wait_readable()

    async def _wait_readable(self) -> None:
        # Not connect_read_pipe: uvloop closes such a descriptor twice, the second time whatever an engine's thread has
        # opened under its number since.
        loop = asyncio.get_running_loop()
        readable: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._pipe, _resolve, readable)
        try:
            await readable
        finally:
            loop.remove_reader(self._pipe)

    async def outcome(self) -> Outcome:
        """Return what the statement did, after the end of its result.

        Raises ServerError if it failed, be it after a part of the result.
        """
        assert self._work is not None  # noqa: S101 - start() comes first
        return await asyncio.shield(self._work)

    async def close(self) -> None:
        """Let go of the query. If it still runs it is killed, and this waits until the engine has let go of it."""
        if self._pipe >= 0:
            pipe, self._pipe = self._pipe, -1
            os.close(pipe)
        work = self._work
        if work is None:
            return
        attempt = 0
        while not work.done():
            await asyncio.to_thread(self._engine.kill, self._marker)
            pause = _KILL_PAUSES[min(attempt, len(_KILL_PAUSES) - 1)]
            await asyncio.wait({work}, timeout=pause)
            attempt += 1
        if not work.cancelled():
            work.exception()


def _resolve(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
