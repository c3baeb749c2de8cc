"""Which pages of other sites may use the LRS from a browser (CORS).

Content that speaks xAPI runs in browsers and is rarely served by the LRS's own host. No cookie takes part: a page sends
a credential that it has been given, so what an origin is allowed here is not access but the attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lrs.negotiation import CONSISTENT_HEADER, DUPLICATES_HEADER, VERSION_HEADER

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")

EXPOSED: Final = (
    "Allow",
    "Content-Length",
    "Content-Type",
    "Date",
    "ETag",
    "Last-Modified",
    "Location",
    "Retry-After",
    "WWW-Authenticate",
    VERSION_HEADER,
    "X-Experience-API-Hash",
    CONSISTENT_HEADER,
    DUPLICATES_HEADER,
)
"""What a page may read of an answer, beside its body."""

_DAY = 24 * 60 * 60


class CrossOrigin:
    """Answers preflights, for any header, and lets pages of these origins read every answer; "*" is any origin.

    What no browser sent for a page of another site passes by: most requests, which so cost nothing here.
    """

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        self._app = app
        self._cors = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED,
            max_age=_DAY,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif any(name == b"origin" for name, _ in scope["headers"]):
            await self._cors(scope, receive, send)
        else:

            async def vary(message: Message) -> None:
                # A cache must not give this answer to a page of another site.
                if message["type"] == "http.response.start":
                    message["headers"].append((b"vary", b"Origin"))
                await send(message)

            await self._app(scope, receive, vary)
