"""ClickHouse's HTTP interface as an ASGI application, and the process that serves it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from clickhouse.embedded.access import Users
from clickhouse.embedded.configuration import Limits
from clickhouse.embedded.entities import User
from clickhouse.embedded.errors import CannotStart, ServerError
from clickhouse.embedded.requests import Query, read_credentials, read_query
from clickhouse.embedded.responses import Answer, Server
from clickhouse.embedded.service import Service

logger = logging.getLogger(__name__)
_DISPLAY_NAME = "jalon-embedded"
_METHODS = ["GET", "HEAD", "POST", "PUT", "OPTIONS"]


class QueryEndpoint:
    """Takes every query, whatever the method."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; give a reading query up when its client goes away."""
        request = Request(scope, receive)
        engine = self._service.engine
        server = Server(_DISPLAY_NAME, engine.version, engine.timezone)
        answer = Answer(send, server, "")
        try:
            if request.method in {"GET", "HEAD", "OPTIONS"} and "query" not in request.query_params:
                await PlainTextResponse("Ok.\n", headers={"X-ClickHouse-Server-Display-Name": server.name})(
                    scope, receive, send
                )
                return
            user = await self._service.authenticate(read_credentials(request))
            query = await read_query(request)
            answer = Answer(send, server, query.query_id, query.coding)
            await self._run(user, query, answer, receive)
        except ServerError as error:
            if answer.begun:
                raise
            await answer.fail(error)
        except Exception:
            if answer.begun:
                raise
            logger.exception("query failed inside the server")
            await answer.fail(ServerError("UNKNOWN_EXCEPTION", "The embedded server failed; its log says more"))

    async def _run(self, user: User | None, query: Query, answer: Answer, receive: Receive) -> None:
        gone: asyncio.Task[None] | None = None

        async def give_up_when_gone() -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            work.cancel()

        def watch() -> None:
            nonlocal gone
            gone = asyncio.create_task(give_up_when_gone())

        work = asyncio.create_task(self._service.answer(user, query, answer, watch))
        try:
            await asyncio.wait({work})
        except asyncio.CancelledError:
            work.cancel()
            raise
        finally:
            if gone is not None:
                gone.cancel()
        if not work.cancelled():
            work.result()


def _route(service: Service, routes: list[Route]) -> None:
    async def ping(_request: Request) -> PlainTextResponse:
        return PlainTextResponse("Ok.\n")

    routes.extend([Route("/ping", ping), Route("/replicas_status", ping)])
    routes.extend(Route(path, QueryEndpoint(service), methods=_METHODS) for path in ("/", "/query"))


def build_app(directory: Path, *, owner: str, owner_password: str, limits: Limits | None = None) -> Starlette:
    """Return the application over `directory`. The engine starts and stops with the application's lifespan.

    Raises CannotStart if the users' file cannot be read; the lifespan does if the directory is in use or unreadable.
    """
    path = directory / "users.json"
    try:
        users = Users(path, owner, owner_password)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotStart(f"Cannot read the users in {path}: {error!r}. Restore that file, or remove it.") from error
    service = Service(directory, users, limits or Limits())

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        if not service.engine.version:
            await asyncio.to_thread(service.start)
        try:
            yield
        finally:
            await asyncio.to_thread(service.stop)

    routes: list[Route] = []
    _route(service, routes)
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.service = service
    return app


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise CannotStart(
            f"Cannot listen on {host}:{port} for ClickHouse: {error.strerror}. Free that port or choose another."
        ) from error
    return listening


def serve(directory: Path, host: str, port: int, *, owner: str, owner_password: str) -> None:
    """Serve ClickHouse's HTTP interface over `directory` until SIGTERM or SIGINT, then return.

    Raises CannotStart, whose text is one sentence: the port is taken, the directory is used by a running server or
    cannot be opened.
    """
    listening = _listen(host, port)
    try:
        app = build_app(directory, owner=owner, owner_password=owner_password)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                lifespan="on",
                timeout_graceful_shutdown=10,
                timeout_keep_alive=75,
                server_header=False,
            )
        )
        # Uvicorn takes the signals itself while it serves, and raises them again at its end, when all is done.
        # One that comes before, while the engine starts, must not be lost.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: setattr(server, "should_exit", True))
        service: Service = app.state.service
        service.start()
        tempfile.tempdir = str(service.scratch)
        server.run(sockets=[listening])
    finally:
        listening.close()
