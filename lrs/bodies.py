"""Reading a request's body within its limits: nothing is read that is known to be too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from lrs.errors import BadRequest, RequestTimeout, TooLarge
from lrs.limits import Limits
from lrs.room import Room


class BodyReader:
    """Reads bodies, and holds no more bytes of them at once than the limits say."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.room = Room(limits.bodies_bytes)
        """Where the bodies that are read or being handled count."""

    @property
    def held(self) -> int:
        """Bytes of the bodies that are read or being handled."""
        return self.room.held

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[bytes]:
        """Give the body; its bytes count as held until the block ends.

        Raises TooLarge (before reading, when the length is said), RequestTimeout, Overloaded, BadRequest.
        """
        self._check_length(request.headers.get("content-length"))
        chunks: list[bytes] = []
        with self.room.share() as share:
            try:
                async with asyncio.timeout(self._limits.body_seconds):
                    async for chunk in request.stream():
                        share.take(len(chunk))
                        if share.taken > self._limits.body_bytes:
                            raise self._too_large()
                        chunks.append(chunk)
            except TimeoutError:
                raise RequestTimeout(
                    f"The body did not arrive within {self._limits.body_seconds:g} s: send less at once.",
                    headers={"Connection": "close"},
                ) from None
            # Starlette ends a body with an empty chunk.
            yield b"".join(chunks) if len(chunks) > 2 else chunks[0]  # noqa: PLR2004

    def _check_length(self, header: str | None) -> None:
        if header is None:
            return
        if not (header.isascii() and header.isdigit()):
            raise BadRequest("Content-Length is a number of bytes.", code="content-length")
        if int(header) > self._limits.body_bytes:
            raise self._too_large()

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"The body is over the limit of {self._limits.body_bytes} bytes: send less at once.",
            details={"limit": self._limits.body_bytes},
        )
