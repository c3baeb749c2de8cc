"""Which pages of other sites may use the LRS from a browser (CORS).

Content that speaks xAPI runs in browsers and is rarely served by the LRS's own host. No cookie takes part: a page sends
a credential that it has been given, so what an origin is allowed here is not access but the attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

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


def allow_origins(origins: Sequence[str]) -> Middleware:
    """Return what answers preflights, for any header, and lets pages of these origins read every answer; "*" is any."""
    return Middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=METHODS,
        allow_headers=["*"],
        expose_headers=EXPOSED,
        max_age=_DAY,
    )
