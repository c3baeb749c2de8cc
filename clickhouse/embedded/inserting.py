"""An INSERT whose data are still arriving: from the event loop to the engine's thread, in bounded memory."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor

from clickhouse.embedded.engine import Engine, Outcome, Session
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.statements import Insert

# One size whatever the network does, so that an insert sent again makes the same blocks and is recognised.
_PIECE = 8 << 20
_WAITING = 2
_PAUSE = 0.005


class Feed:
    """Hands a body to the engine piece by piece. A body that breaks off is not committed."""

    def __init__(self, engine: Engine, session: Session, insert: Insert) -> None:
        self._engine = engine
        self._session = session
        self._insert = insert
        self._pieces: queue.Queue[bytes | ServerError | None] = queue.Queue(maxsize=_WAITING)
        self._ended = threading.Event()

    async def run(self, executor: Executor, first: bytes, body: AsyncIterator[bytes]) -> Outcome:
        """Insert `first` and all of `body`.

        Raises ServerError: the engine's, or the body's own when it breaks off.
        """
        work = asyncio.get_running_loop().run_in_executor(executor, self._insert_pieces)
        try:
            async for piece in _in_pieces(first, body):
                await self._put(piece, work)
            await self._put(None, work)
        except BaseException as error:
            await self._put(_broken_off(error), work)
            await asyncio.wait({work})
            work.exception()
            raise
        return await asyncio.shield(work)

    async def _put(self, piece: bytes | ServerError | None, work: asyncio.Future[Outcome]) -> None:
        while not self._ended.is_set():
            try:
                self._pieces.put_nowait(piece)
            except queue.Full:
                await asyncio.wait({work}, timeout=_PAUSE)
            else:
                return

    def _insert_pieces(self) -> Outcome:
        try:
            return self._engine.insert(self._session, self._insert.head, self._insert.format, self._take())
        finally:
            self._ended.set()

    def _take(self) -> Iterator[bytes]:
        while (piece := self._pieces.get()) is not None:
            if isinstance(piece, ServerError):
                raise piece
            yield piece


def _broken_off(error: BaseException) -> ServerError:
    return error if isinstance(error, ServerError) else ServerError("NETWORK_ERROR", "The request was broken off")


async def _in_pieces(first: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    gathered = bytearray(first)
    async for data in body:
        gathered += data
        while len(gathered) >= _PIECE:
            yield bytes(gathered[:_PIECE])
            del gathered[:_PIECE]
    yield bytes(gathered)
