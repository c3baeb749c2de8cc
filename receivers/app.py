"""The ASGI application: webhooks, the pages of rooms' tablets, and whether anything can be taken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import orjson
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from identity.connections import Connections
from identity.keys import MasterKey
from identity.standing import Standing
from identity.webhooks import Webhooks
from lrs.bodies import BodyReader
from lrs.errors import LrsError, Unavailable
from lrs.frame import Guard, answer_error, answer_json
from lrs.limits import MIB, Limits
from lrs.log import AcceptedLog
from producers.naming import Naming
from receivers.checkin.endpoint import PATH as ROOMS
from receivers.checkin.endpoint import CheckInEndpoint
from receivers.checkin.pages import Pages
from receivers.delivery import Delivery
from receivers.rejected import RejectedRows
from receivers.webhooks import PATH as HOOKS
from receivers.webhooks import WebhookEndpoint

LIMITS: Final = Limits(body_bytes=MIB, bodies_bytes=32 * MIB, body_seconds=10, query_bytes=4096)
"""What the LRS bounds, with what suits an event of a webhook."""
ANSWER_SECONDS: Final = 2.5
"""How long a sender waits for Kafka: Zoom gives up after three seconds."""
MOST_AT_ONCE: Final = 100
"""Requests of one webhook under way; more is answered 503."""

_THREADS: Final = 8
_DRAIN_SECONDS: Final = 3
_READY_SECONDS: Final = 2.0
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application is made of. `public_url` is how systems and browsers reach it; `folder` holds rejected rows.

    `name_tenant` returns the naming of a tenant, from its id and the base of its activities' IRIs ('' for the usual).
    """

    log: AcceptedLog
    engine: Engine
    master: MasterKey
    name_tenant: Callable[[str, str], Naming]
    folder: Path
    public_url: str
    limits: Limits = LIMITS
    answer_seconds: float = ANSWER_SECONDS
    most_at_once: int = MOST_AT_ONCE
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """The clock of the tablets."""


def create_app(parts: Parts) -> Starlette:
    """Return the application; its lifespan connects to Kafka, and flushes what was sent."""
    delivery = Delivery(parts.log, answer_seconds=parts.answer_seconds)
    executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="receivers")
    standing, bodies = Standing(parts.engine), BodyReader(parts.limits)
    webhooks = WebhookEndpoint(
        Webhooks(parts.engine, parts.master),
        standing,
        Connections(parts.engine, parts.master),
        parts.name_tenant,
        delivery,
        RejectedRows(parts.folder),
        bodies,
        executor,
        public_url=parts.public_url,
        most_at_once=parts.most_at_once,
    )
    pages = Pages(parts.public_url)
    check_in = CheckInEndpoint(
        parts.engine, parts.master, standing, parts.name_tenant, delivery, pages, bodies, executor, now=parts.now
    )

    async def tell_ready(_request: Request) -> Response:
        kafka = await _reaches(parts.log)
        return answer_json(orjson.dumps({"kafka": kafka}), status=200 if kafka else 503)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await parts.log.start()
        try:
            yield
        finally:
            try:
                async with asyncio.timeout(_DRAIN_SECONDS):
                    await delivery.drain()
            except TimeoutError:
                _LOG.warning("stopped_with_unacknowledged_records")
            await parts.log.stop()
            executor.shutdown(wait=False, cancel_futures=True)

    app = Starlette(
        routes=[
            Route(f"{HOOKS}/{{token}}", webhooks.take, methods=["POST"]),
            Route(f"{ROOMS}/{{token}}", check_in.show, methods=["GET"]),
            Route(f"{ROOMS}/{{token}}", check_in.sign_in, methods=["POST"]),
            Route("/assets/{group}/{name}", pages.assets.respond, methods=["GET"]),
            Route("/ready", tell_ready, methods=["GET"]),
        ],
        middleware=[Middleware(Guard, query_bytes=parts.limits.query_bytes)],
        exception_handlers={LrsError: answer_error, HTTPException: answer_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


async def _reaches(log: AcceptedLog) -> bool:
    try:
        async with asyncio.timeout(_READY_SECONDS):
            await log.end_offsets()
    except (Unavailable, TimeoutError):
        return False
    return True
