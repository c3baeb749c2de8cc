"""Bounds on the head of a request, its line and headers, which is read before the application hears of it.

Uvicorn bounds neither its size nor its time: without this one connection could fill the memory, and many that never
finish their first line could take every descriptor.
"""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from typing import ClassVar

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lrs.errors import HeadTooLarge, LrsError, RequestTimeout
from lrs.limits import Limits


class BoundedHead(HttpToolsProtocol):
    """Uvicorn's protocol; a connection whose next request is too long in its head, in bytes or time, is ended."""

    head_bytes: ClassVar[int]
    head_seconds: ClassVar[float]

    _in_head = True
    _received = 0
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has arrived, unless the head is over a limit with it."""
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        self._received += len(data)
        if self._received > self.head_bytes:
            self._refuse(HeadTooLarge(f"The request's headers are over the limit of {self.head_bytes} bytes."))
        elif self._deadline is None:
            self._await_head()

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._in_head = True
        self._received = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header; what follows a body as trailers is nobody's here and could go on without end."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Hand the request over: from here the application's limits hold."""
        self._in_head = False
        self._stop_waiting()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._deadline = self.loop.call_later(self.head_seconds, self._give_up)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._refuse(RequestTimeout(f"The request's headers did not arrive within {self.head_seconds:g} s."))

    def _refuse(self, error: LrsError) -> None:
        self._stop_waiting()
        if self.transport.is_closing():
            return
        body = orjson.dumps(error.to_json())
        head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[error.status] + head.encode() + body)
        self.transport.close()


def bound_head(limits: Limits) -> type[BoundedHead]:
    """Return the protocol with these limits."""
    return type("LimitedHead", (BoundedHead,), {"head_bytes": limits.head_bytes, "head_seconds": limits.head_seconds})
