"""Answers in ClickHouse's form: its headers, results in pieces, and errors before or in the middle of a result."""

from __future__ import annotations

import asyncio
import json
import secrets
import string
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from starlette.types import Send

from clickhouse.embedded.compression import Encoder, open_encoder
from clickhouse.embedded.engine import Outcome
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.running import PIECE, Running

# A client that takes nothing for this long is given up, in seconds.
_PATIENCE = 300
_LARGE = 1 << 17
_IN_MEMORY = 8 << 20
_TYPES = {
    "tabseparated": "text/tab-separated-values; charset=UTF-8",
    "tsv": "text/tab-separated-values; charset=UTF-8",
    "csv": "text/csv; charset=UTF-8; header=absent",
    "csvwithnames": "text/csv; charset=UTF-8; header=present",
    "json": "application/json; charset=UTF-8",
    "jsoncompact": "application/json; charset=UTF-8",
    "jsoneachrow": "application/x-ndjson; charset=UTF-8",
    "native": "application/octet-stream",
    "rowbinary": "application/octet-stream",
    "parquet": "application/octet-stream",
    "arrow": "application/octet-stream",
    "arrowstream": "application/octet-stream",
    "xml": "application/xml; charset=UTF-8",
}


@dataclass(frozen=True, slots=True)
class Server:
    """What every answer says about the server."""

    name: str
    version: str
    timezone: str


def summarise(outcome: Outcome) -> str:
    """Return X-ClickHouse-Summary."""
    return json.dumps(
        {
            "read_rows": str(outcome.read_rows),
            "read_bytes": str(outcome.read_bytes),
            "written_rows": str(outcome.written_rows),
            "written_bytes": str(outcome.written_bytes),
            "total_rows_to_read": str(outcome.read_rows),
            "result_rows": str(outcome.result_rows or outcome.written_rows),
            "result_bytes": str(len(outcome.data) or outcome.written_bytes),
            "elapsed_ns": str(int(outcome.seconds * 1e9)),
        },
        separators=(",", ":"),
    )


class Answer:
    """One answer on its way to one client."""

    def __init__(self, send: Send, server: Server, query_id: str, coding: str | None = None) -> None:
        self._send = send
        self._server = server
        self._query_id = query_id
        self._coding = coding
        self.begun = False

    async def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.begun = True
        given = {
            "X-ClickHouse-Server-Display-Name": self._server.name,
            "X-ClickHouse-Query-Id": self._query_id,
            "X-ClickHouse-Timezone": self._server.timezone,
            **headers,
        }
        raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in given.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def fail(self, error: ServerError) -> None:
        """Send the error as the whole answer. Nothing may have been sent before."""
        body = error.render(self._server.version).encode()
        headers = {
            "Content-Type": "text/plain; charset=UTF-8",
            "X-ClickHouse-Exception-Code": str(error.number),
            "Content-Length": str(len(body)),
        }
        if error.status == 401:  # noqa: PLR2004 - the one status that asks for a password
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        await self._begin(error.status, headers)
        await self._send({"type": "http.response.body", "body": body})

    async def done(self, outcome: Outcome, output_format: str) -> None:
        """Send a result that is complete."""
        await self._whole(outcome.data, outcome, output_format)

    async def _whole(self, data: bytes, outcome: Outcome, output_format: str) -> None:
        headers = self._describe(output_format) | {"X-ClickHouse-Summary": summarise(outcome)}
        if self._coding and data:
            encoder = open_encoder(self._coding)
            data = await _off_loop(encoder, data) + encoder.finish()
            headers["Content-Encoding"] = self._coding
        headers["Content-Length"] = str(len(data))
        await self._begin(200, headers)
        await self._send({"type": "http.response.body", "body": data})

    def _describe(self, output_format: str) -> dict[str, str]:
        return {
            "Content-Type": _TYPES.get(output_format.lower(), "text/plain; charset=UTF-8"),
            "X-ClickHouse-Format": output_format,
        }

    async def stream(self, running: Running, output_format: str, *, wait_end: bool, scratch: Path) -> None:
        """Send a result as the engine makes it; a short one, or with `wait_end` any, only once it is complete.

        Raises ServerError if the query fails before anything was sent.
        """
        first = bytearray()
        while piece := await running.read():
            first += piece
            if len(first) >= PIECE:
                break
        else:
            outcome = await running.outcome()
            await self._whole(bytes(first) + outcome.data, outcome, output_format)
            return
        if wait_end:
            await self._stream_complete(bytes(first), running, output_format, scratch)
        else:
            await self._stream_as_made(bytes(first), running, output_format)

    async def _stream_complete(self, first: bytes, running: Running, output_format: str, scratch: Path) -> None:
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY, dir=str(scratch)) as kept:
            kept.write(first)
            while piece := await running.read():
                kept.write(piece)
            outcome = await running.outcome()
            kept.seek(0)
            await self._begin_stream(output_format, {"X-ClickHouse-Summary": summarise(outcome)})
            await self._send_all(_pieces_of(kept))

    async def _stream_as_made(self, first: bytes, running: Running, output_format: str) -> None:
        tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        await self._begin_stream(
            output_format, {"X-ClickHouse-Summary": summarise(Outcome()), "X-ClickHouse-Exception-Tag": tag}
        )
        await self._send_all(self._pieces_as_made(first, running, tag))

    async def _begin_stream(self, output_format: str, headers: dict[str, str]) -> None:
        headers |= self._describe(output_format)
        if self._coding:
            headers["Content-Encoding"] = self._coding
        await self._begin(200, headers)

    async def _pieces_as_made(self, first: bytes, running: Running, tag: str) -> AsyncIterator[bytes]:
        yield first
        while piece := await running.read():
            yield piece
        try:
            await running.outcome()
        except ServerError as error:
            # The status has gone out: ClickHouse marks the place with a tag that the headers announced.
            text = error.render(self._server.version).encode()
            mark = tag.encode()
            yield (
                b"\r\n__exception__\r\n" + mark + b"\r\n" + text + b"%d " % len(text) + mark + b"\r\n__exception__\r\n"
            )

    async def _send_all(self, pieces: AsyncIterator[bytes]) -> None:
        encoder = open_encoder(self._coding) if self._coding else None
        async for piece in pieces:
            data = await _off_loop(encoder, piece) if encoder else piece
            if data:
                async with asyncio.timeout(_PATIENCE):
                    await self._send({"type": "http.response.body", "body": data, "more_body": True})
        await self._send({"type": "http.response.body", "body": encoder.finish() if encoder else b""})


async def _pieces_of(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := file.read(PIECE):
        yield piece


async def _off_loop(encoder: Encoder, data: bytes) -> bytes:
    if len(data) < _LARGE:
        return encoder.add(data)
    return await asyncio.to_thread(encoder.add, data)
