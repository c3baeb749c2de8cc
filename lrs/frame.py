"""What every request has in common: version, honest headers, errors as JSON, a log without identities.

A pure ASGI middleware, as it runs for every request and must cost little.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import unquote_to_bytes

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lrs.barrier import Barrier
from lrs.errors import BadRequest, InternalError, LrsError, MethodNotAllowed, NotFound, QueryTooLong
from lrs.negotiation import CONSISTENT_HEADER, V1, V2, VERSION_HEADER, negotiate_version

_logger = logging.getLogger(__name__)

ROOT = "/xAPI"
_SENDERS = 10_000
_NO_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


def answer_json(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return Response(body, status, headers, "application/json")


def version_of(request: Request) -> str:
    """Return the version in which the request is answered. Raises BadRequest when it names none that is known."""
    version = request.scope["xapi_version"]
    if isinstance(version, BadRequest):
        raise version
    return str(version)


async def answer_error(request: Request, error: Exception) -> Response:
    """Turn an expected error into its answer."""
    if isinstance(error, HTTPException):
        error = _translate(error, request)
    if not isinstance(error, LrsError):
        raise error
    return _answer(error)


class Frame:
    """Stands around everything: settles the version, adds the headers that every answer has, tells of slow requests."""

    def __init__(self, app: ASGIApp, barrier: Barrier, slow_seconds: float) -> None:
        self._app = app
        self._barrier = barrier
        self._slow_seconds = slow_seconds
        self._spoken = _Spoken()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        headers = Headers(scope=scope)
        scope["xapi_version"] = version = negotiate(headers.get(VERSION_HEADER))
        exchange = _Exchange(scope, send, self._spoken.settle(headers.get("authorization"), version), self._barrier)
        await self._app(scope, receive, exchange.send)
        seconds = time.perf_counter() - begun
        if seconds > self._slow_seconds:
            # The path, never the query string: a query names agents.
            _logger.warning(
                "slow_request",
                extra={
                    "method": scope["method"],
                    "route": _route(scope),
                    "status": exchange.status,
                    "seconds": seconds,
                },
            )


class Guard:
    """Stands next to the application: refuses queries that are too long, and turns a fault into an answer."""

    def __init__(self, app: ASGIApp, query_bytes: int) -> None:
        self._app = app
        self._query_bytes = query_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if len(scope["query_string"]) > self._query_bytes:
            refusal = QueryTooLong(
                f"The query string is over the limit of {self._query_bytes} bytes.",
                details={"limit": self._query_bytes},
            )
            await _answer(refusal)(scope, receive, send)
            return
        if not is_query(scope["query_string"]):
            broken = BadRequest(
                "The query string is not percent-encoded UTF-8: write % as %25, and other characters as their bytes.",
                code="query-encoding",
            )
            await _answer(broken)(scope, receive, send)
            return
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 (the last one who can answer)
            fault = _tell(error, scope)
            if begun:
                raise InternalError("The answer broke off.") from None
            await _answer(fault)(scope, receive, send)


class _Spoken:
    """In which version an answer is given to a request that names none: the one that its sender last spoke.

    Such a request is refused either way; but what the refusal is labelled with, each version wants to be itself.
    """

    def __init__(self) -> None:
        self._speak_v1: set[int] = set()

    def settle(self, sender: str | None, version: str | BadRequest) -> str:
        if isinstance(version, BadRequest):
            return V1 if hash(sender) in self._speak_v1 else V2
        if version == V1:
            if len(self._speak_v1) >= _SENDERS:
                self._speak_v1.clear()
            self._speak_v1.add(hash(sender))
        else:
            self._speak_v1.discard(hash(sender))
        return version


class _Exchange:
    """Sends one answer: adds the headers that every answer has, and leaves out the body of an answer to HEAD."""

    def __init__(self, scope: Scope, send: Send, spoken: str, barrier: Barrier) -> None:
        self._scope = scope
        self._send = send
        self._spoken = spoken
        self._barrier = barrier
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self._scope["path"].startswith(ROOT):
                headers = MutableHeaders(scope=message)
                version = self._scope["xapi_version"]
                headers[VERSION_HEADER] = self._spoken if isinstance(version, BadRequest) else version
                headers[CONSISTENT_HEADER] = _format_instant(
                    self._scope.get("consistent_through") or self._barrier.consistent_through
                )
        elif self._scope["method"] == "HEAD":
            message = {**message, "body": b""}
        await self._send(message)


def is_query(text: bytes) -> bool:
    """Return whether a query string says what it says: read leniently, two different ids could become the same one."""
    if not text.isascii() or _NO_ESCAPE.search(text):
        return False
    try:
        unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        return False
    return True


def negotiate(header: str | None) -> str | BadRequest:
    """Return the version in which a request is answered, or why there is none: not every resource needs one."""
    try:
        return negotiate_version(header)
    except BadRequest as error:
        return error


def _format_instant(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"


def _answer(error: LrsError) -> Response:
    # What was found may identify somebody, and goes to the sender alone: no cache may keep it.
    headers = {"Cache-Control": "no-store", **error.headers}
    return answer_json(orjson.dumps(error.to_json()), status=error.status, headers=headers)


def _tell(error: Exception, scope: Scope) -> InternalError:
    """Log a fault, without the exception's text, which may quote a statement; return what its victim is told."""
    request_id = secrets.token_hex(8)
    _logger.error(
        "request_failed",
        extra={
            "request_id": request_id,
            "method": scope["method"],
            "route": _route(scope),
            "error": type(error).__name__,
            "places": _places(error),
        },
    )
    return InternalError(
        "The LRS has a fault of its own: tell its operator the request's id.", details={"request_id": request_id}
    )


def _route(scope: Scope) -> str:
    path: str = scope["path"]
    return path if path.startswith((ROOT, "/health", "/ready")) and len(path) < 60 else "(other)"  # noqa: PLR2004


def _places(error: Exception) -> list[str]:
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{code.co_filename}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-8:]


def _translate(error: HTTPException, request: Request) -> LrsError:
    if error.status_code == 405:  # noqa: PLR2004
        allowed = ", ".join(sorted(error.headers["Allow"].split(", "))) if error.headers else ""
        return MethodNotAllowed(
            f"{request.method} is not a method of this resource; it has {allowed}.", headers={"Allow": allowed}
        )
    return NotFound("There is no such resource here.")
