"""An INSERT's data on the way to the engine: gathered in a file until the body is complete, in bounded memory.

The engine sees a file only when all of it is there. So a body that breaks off leaves nothing behind, however long it
was, and one that is sent again makes the same blocks whatever the network did, which is how the engine recognises it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

from clickhouse.embedded.errors import ServerError

_PIECE = 1 << 20


async def gather(first: bytes, body: AsyncIterator[bytes] | None, scratch: Path) -> IO[bytes]:
    """Return a file without a name, in the folder `scratch`, that holds `first` and all of `body`.

    It is the caller's to close.

    Raises ServerError: the body's own when it breaks off, NOT_ENOUGH_SPACE if the disk cannot hold it.
    """
    file = tempfile.TemporaryFile(buffering=0, dir=scratch)  # noqa: SIM115 - handed to the caller
    try:
        if body is None:
            await _write(file, first)
            return file
        gathered = bytearray(first)
        async for piece in body:
            gathered += piece
            if len(gathered) >= _PIECE:
                await _write(file, gathered)
                gathered = bytearray()
        await _write(file, gathered)
    except BaseException:
        file.close()
        raise
    return file


async def _write(file: IO[bytes], data: bytes | bytearray) -> None:
    try:
        if len(data) < _PIECE:
            _write_all(file, data)
            return
        writing = asyncio.ensure_future(asyncio.to_thread(_write_all, file, data))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # Nobody may close the file while its number is being written to.
            await asyncio.wait({writing})
            raise
    except OSError as error:
        raise ServerError("NOT_ENOUGH_SPACE", f"The data of the insert cannot be kept: {error.strerror}") from error


def _write_all(file: IO[bytes], data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
