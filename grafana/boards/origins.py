"""Nothing is changed by a page of another site: browsers say where a request comes from; forms carry a token too."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class SameOrigin:
    """ASGI middleware: refuses an unsafe request (403) that a browser says comes from another origin than ours.

    Ours are `public_url`'s and the one that the request itself is addressed to. A client that says nothing is let
    through to the check of the form's token.
    """

    def __init__(self, app: ASGIApp, *, public_url: str) -> None:
        self._app = app
        self._public = urlsplit(public_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, or refuse."""
        if scope["type"] == "http" and scope["method"] not in _SAFE and not self._is_ours(Headers(scope=scope)):
            refusal = PlainTextResponse("This was sent by a page of another site: open the boards and try again.", 403)
            await refusal(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc.lower() in {self._public, headers.get("host", "").lower()}
