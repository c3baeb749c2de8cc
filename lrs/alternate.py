"""The alternate request syntax of xAPI 1.0.x (Communication 1.3): any request as a POST with a form.

It was made for browsers that could send nothing else. `POST …?method=PUT` carries in its form what would have been
the query, some of the headers, and the body as `content`. Here it is rewritten into the request that was meant, so
that no resource knows of it. xAPI 2.0.0 has it no more, and it is refused there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lrs.bodies import BodyReader
from lrs.errors import BadRequest, LrsError, UnsupportedEncoding
from lrs.frame import ROOT, answer_error, negotiate
from lrs.negotiation import V2, VERSION_HEADER

CODE: Final = "alternate-syntax"
METHODS: Final = ("GET", "HEAD", "PUT", "POST", "DELETE")
MAX_FIELDS: Final = 100

# The form's fields that are headers (1.3.s3.b7). The length is not taken from there: what arrived counts.
_AS_HEADERS: Final = frozenset(
    {"authorization", "x-experience-api-version", "content-type", "content-length", "if-match", "if-none-match"}
)
_OF_THE_FORM: Final = frozenset({b"content-type", b"content-length", b"transfer-encoding"})
_WITH_CONTENT: Final = frozenset({"PUT", "POST"})


@dataclass(frozen=True, slots=True)
class Form:
    """A form taken apart: `headers` with names in lower case, `query` as it would stand in an address."""

    headers: dict[str, str]
    query: str
    content: bytes | None


class AlternateSyntax:
    """Wraps the application: see the module. It stands inside of Frame."""

    def __init__(self, app: ASGIApp, bodies: BodyReader, thread_bytes: int) -> None:
        self._app = app
        self._bodies = bodies
        self._thread_bytes = thread_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or b"method" not in scope["query_string"] or not scope["path"].startswith(ROOT):
            await self._app(scope, receive, send)
            return
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if all(name != "method" for name, _ in pairs):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            method = _read_method(scope, pairs)
            async with self._bodies.read(request) as body:
                if len(body) > self._thread_bytes:
                    form = await asyncio.to_thread(read_form, body)
                else:
                    form = read_form(body)
                content = _rewrite(scope, method, form)
                await self._app(scope, _Once(content, receive), send)
        except LrsError as error:
            response = await answer_error(request, error)
            await response(scope, receive, send)


class _Once:
    """Gives the body that was in the form, then whatever comes from the connection."""

    def __init__(self, content: bytes, receive: Receive) -> None:
        self._content: bytes | None = content
        self._receive = receive

    async def __call__(self) -> Message:
        if self._content is None:
            return await self._receive()
        content, self._content = self._content, None
        return {"type": "http.request", "body": content, "more_body": False}


def read_form(body: bytes) -> Form:
    """Take a form apart. Raises BadRequest when it is none, or has a header or the content twice."""
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, strict_parsing=bool(body), errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise BadRequest(
            "The body is no form: send fields as name=value, percent-encoded UTF-8 and joined by &.", code=CODE
        ) from None
    taken: dict[str, str] = {}
    query: list[tuple[str, str]] = []
    for name, value in pairs:
        key = name.lower()
        if name != "content" and key not in _AS_HEADERS:
            query.append((name, value))
        elif key in taken:
            raise BadRequest(f"The form has the field {key} more than once: send it once.", code="repeated-parameter")
        elif name != "content" and not (value.isprintable() and value.isascii()):
            raise BadRequest(f"The field {key} of the form is no header: it has other characters.", code=CODE)
        else:
            taken[key] = value
    content = taken.pop("content", None)
    return Form(taken, urlencode(query), None if content is None else content.encode())


def _read_method(scope: Scope, pairs: list[tuple[str, str]]) -> str:
    """Return the method that is meant. Raises BadRequest, UnsupportedEncoding for what cannot be such a request."""
    if scope["xapi_version"] == V2:
        raise BadRequest(
            "xAPI 2.0.0 has no alternate request syntax: send the request itself, without the parameter method.",
            code=CODE,
        )
    if scope["method"] != "POST":
        raise BadRequest("The alternate request syntax, a parameter method, is sent with POST only.", code=CODE)
    if len(pairs) > 1:
        raise BadRequest(
            "Beside method the address has no parameters: in the alternate request syntax they are fields of the form.",
            code=CODE,
        )
    method = pairs[0][1]
    if method not in METHODS:
        raise BadRequest(f"method is one of {', '.join(METHODS)}, in capitals.", code=CODE)
    headers = Headers(scope=scope)
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/x-www-form-urlencoded":
        raise BadRequest(
            "The alternate request syntax is sent as application/x-www-form-urlencoded.", code="content-type"
        )
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedEncoding("Compressed bodies are not read here: send the body without Content-Encoding.")
    return method


def _rewrite(scope: Scope, method: str, form: Form) -> bytes:
    """Make the request the one that was meant, and return its body. Raises BadRequest."""
    if VERSION_HEADER.lower() in form.headers:
        scope["xapi_version"] = negotiate(form.headers[VERSION_HEADER.lower()])
        if scope["xapi_version"] == V2:
            raise BadRequest("xAPI 2.0.0 has no alternate request syntax: send the request itself.", code=CODE)
    if (form.content is not None) != (method in _WITH_CONTENT):
        needs = "needs the field content, which is its body" if form.content is None else "takes no field content"
        raise BadRequest(f"{method} {needs}.", code="parameter-missing" if form.content is None else CODE)
    replaced = _OF_THE_FORM | {name.encode() for name in form.headers}
    headers = [(name, value) for name, value in scope["headers"] if name not in replaced]
    own = {name: value for name, value in form.headers.items() if name != "content-length"}
    content = form.content or b""
    if form.content is not None:
        own = {"content-type": "application/json", **own, "content-length": str(len(content))}
    headers += [(name.encode(), value.encode()) for name, value in own.items()]
    # In place: what stands around this request looks at the same scope when it is answered.
    scope.update(method=method, query_string=form.query.encode(), headers=headers)
    return content
