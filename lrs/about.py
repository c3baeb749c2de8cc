"""Resources that need no credential: what this LRS speaks, and whether it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import orjson
from starlette.requests import Request
from starlette.responses import Response

from lrs.errors import Unavailable
from lrs.frame import answer_json
from lrs.negotiation import SUPPORTED
from lrs.parameters import read_parameters
from lrs.services import Services

_READY_SECONDS = 2.0


class About:
    """Endpoints over the services of one process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._identity: asyncio.Future[None] | None = None

    async def about(self, request: Request) -> Response:
        """Answer the versions of xAPI that are spoken here."""
        read_parameters(request.query_params.multi_items())
        return answer_json(orjson.dumps({"version": list(SUPPORTED), "extensions": {}}))

    async def health(self, _request: Request) -> Response:
        """Answer that the process runs."""
        return answer_json(b'{"status":"ok"}')

    async def ready(self, _request: Request) -> Response:
        """Answer whether Kafka and ClickHouse answer: 200, or 503 naming which do not.

        Whether the identity database answers is told too and makes no 503: without it the LRS goes on accepting from
        whom it knows, and whoever took it out of service for that would lose what it accepts.
        """
        kafka, clickhouse, identity = await asyncio.gather(
            _answers(self._services.log.end_offsets()),
            _answers(self._services.store.read_progress()),
            self._finds_identity(),
        )
        status = 200 if kafka and clickhouse else 503
        found = {"kafka": kafka, "clickhouse": clickhouse, "identity": identity}
        return answer_json(orjson.dumps(found), status=status)

    async def _finds_identity(self) -> bool:
        # One check at a time, however often it is asked: one that hangs keeps its thread.
        if self._identity is None or self._identity.done():
            self._identity = asyncio.ensure_future(asyncio.to_thread(self._services.authenticator.check))
            self._identity.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait({self._identity}, timeout=_READY_SECONDS)
        return bool(done) and not self._identity.cancelled() and self._identity.exception() is None


async def _answers(call: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await call
    except (Unavailable, TimeoutError):
        return False
    return True
