"""A request of ClickHouse's HTTP interface: what it asks, with which settings and data, and on whose behalf."""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request

from clickhouse.embedded.compression import choose_coding, choose_decoder
from clickhouse.embedded.engine import External
from clickhouse.embedded.errors import ServerError

MAX_TEXT = 16 << 20
_MAX_EXTERNAL = 64 << 20

# What the HTTP interface itself takes; all else in the address is a setting, a parameter or an external table's.
_TRANSPORT = frozenset({
    "query", "database", "default_format", "query_id", "user", "password", "session_id", "session_check",
    "session_timeout", "wait_end_of_query", "buffer_size", "compress", "decompress", "quota_key", "role",
    "client_protocol_version", "stacktrace", "enable_http_compression", "send_progress_in_http_headers",
    "http_headers_progress_interval_ms", "framing", "cancel_http_readonly_queries_on_client_close",
    "add_http_cors_header", "http_zlib_compression_level", "close_session", "http_response_buffer_size",
    "http_wait_end_of_query", "log_comment",
})  # fmt: skip
_QUERY_ID = re.compile(r"[\x21-\x7e]{1,128}")
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXTERNAL_KEYS = ("_structure", "_types", "_format")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client says it is."""

    name: str
    password: str = field(repr=False)
    given: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """A request's parts, with the body still to be read."""

    text: bytes
    body: AsyncIterator[bytes]
    database: str
    default_format: str
    query_id: str
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    externals: tuple[External, ...]
    wait_end: bool
    coding: str | None
    readonly: bool


def read_credentials(request: Request) -> Credentials:
    """Return name and password from ClickHouse's own headers, Basic authentication or the address.

    Raises ServerError (AUTHENTICATION_FAILED) for a scheme other than Basic.
    """
    headers, query = request.headers, request.query_params
    if "x-clickhouse-user" in headers or "x-clickhouse-key" in headers:
        return Credentials(headers.get("x-clickhouse-user", "default"), headers.get("x-clickhouse-key", ""))
    if "authorization" in headers:
        scheme, _, rest = headers["authorization"].partition(" ")
        if scheme.lower() != "basic":
            raise ServerError("AUTHENTICATION_FAILED", f"{scheme}: only Basic authentication is supported")
        try:
            name, _, password = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise ServerError(
                "AUTHENTICATION_FAILED", "The Authorization header is not valid Basic authentication"
            ) from None
        return Credentials(name, password)
    if "user" in query or "password" in query:
        return Credentials(query.get("user", "default"), query.get("password", ""))
    return Credentials("default", "", given=False)


def _query_id(wish: str) -> str:
    if not wish:
        return str(uuid.uuid4())
    if not _QUERY_ID.fullmatch(wish):
        raise ServerError("BAD_ARGUMENTS", "query_id must be 1 to 128 printable signs")
    return wish


def _is_on(value: str | None) -> bool:
    return value is not None and value.lower() not in {"", "0", "false"}


async def read_query(request: Request) -> Query:
    """Take a request apart. Its body is not read yet, unless it is a form.

    Raises ServerError for what the embedded server does not support, and for a broken form.
    """
    given: dict[str, str] = dict(request.query_params)
    _refuse_unsupported(given)
    externals: tuple[External, ...] = ()
    body = _read_body(request)
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        fields, externals = await _read_form(request, given)
        given |= fields
        body = _nothing()
    settings: dict[str, str] = {}
    parameters: dict[str, str] = {}
    used = {external.name + key for external in externals for key in _EXTERNAL_KEYS}
    for name, value in given.items():
        if name.startswith("param_"):
            parameters[_name(name[len("param_") :])] = value
        elif name not in _TRANSPORT and name not in used:
            settings[_name(name)] = value
    accepts = request.headers.get("accept-encoding", "")
    return Query(
        text=given.get("query", "").encode(),
        body=body,
        database=given.get("database", request.headers.get("x-clickhouse-database", "")),
        default_format=_name(given.get("default_format", request.headers.get("x-clickhouse-format", "TabSeparated"))),
        query_id=_query_id(given.get("query_id", "")),
        settings=settings,
        parameters=parameters,
        externals=externals,
        wait_end=_is_on(given.get("wait_end_of_query")) or _is_on(given.get("http_wait_end_of_query")),
        coding=choose_coding(accepts) if _is_on(given.get("enable_http_compression", "1")) else None,
        readonly=request.method in {"GET", "HEAD"},
    )


def _name(text: str) -> str:
    if not _SETTING.fullmatch(text):
        raise ServerError("BAD_ARGUMENTS", f"{text[:40]!r} is no name of a setting, a parameter or a format")
    return text


def _refuse_unsupported(given: Mapping[str, str]) -> None:
    for name in ("compress", "decompress"):
        if _is_on(given.get(name)):
            raise ServerError(
                "NOT_IMPLEMENTED",
                f"{name}=1 (ClickHouse's own block compression) is not supported by the embedded server; "
                "use Accept-Encoding and Content-Encoding with lz4, zstd, gzip or deflate",
            )
    if _is_on(given.get("session_check")):
        raise ServerError("SESSION_NOT_FOUND", "Session not found: the embedded server keeps no sessions")
    if given.get("role"):
        raise ServerError("NOT_IMPLEMENTED", "The role parameter is not supported by the embedded server")


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


async def _read_body(request: Request) -> AsyncIterator[bytes]:
    decoder = choose_decoder(request.headers.get("content-encoding", ""))
    try:
        async for piece in request.stream():
            if piece:
                yield decoder.add(piece) if decoder else piece
    except ClientDisconnect as error:
        raise ServerError("NETWORK_ERROR", "The client went away before the request was complete") from error
    if decoder:
        decoder.finish()


async def _read_form(request: Request, given: Mapping[str, str]) -> tuple[dict[str, str], tuple[External, ...]]:
    fields: dict[str, str] = {}
    externals = []
    try:
        async with request.form(max_files=32, max_part_size=MAX_TEXT) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    data = await value.read(_MAX_EXTERNAL + 1)
                    if len(data) > _MAX_EXTERNAL:
                        raise ServerError(
                            "QUERY_IS_TOO_LARGE", f"External table {name[:64]} is larger than {_MAX_EXTERNAL} bytes"
                        )
                    externals.append(_read_external(name, data, given))
                else:
                    fields[name] = value
    except (MultiPartException, HTTPException) as error:
        raise ServerError("BAD_ARGUMENTS", f"The form is broken: {getattr(error, 'detail', None) or error}") from error
    except ClientDisconnect as error:
        raise ServerError("NETWORK_ERROR", "The client went away before the request was complete") from error
    return fields, tuple(externals)


def _read_external(name: str, data: bytes, given: Mapping[str, str]) -> External:
    structure = given.get(f"{name}_structure")
    if structure is None:
        types = given.get(f"{name}_types")
        if not types:
            raise ServerError(
                "BAD_ARGUMENTS", f"External table {name} needs {name}_structure or {name}_types in the address"
            )
        structure = ", ".join(f"_{place} {kind}" for place, kind in enumerate(_split_types(types), start=1))
    return External(_name(name), structure, _name(given.get(f"{name}_format", "TabSeparated")), data)


def _split_types(types: str) -> list[str]:
    parts, depth = [""], 0
    for sign in types:
        depth += (sign == "(") - (sign == ")")
        if sign == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts]
