"""Statements on their way out with their attachments: multipart/mixed, each content once, streamed (attachments=true).

A signature holds the statement with all its names, so that a credential which sees pseudonyms does not get it.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from typing import NamedTuple

from starlette.responses import Response, StreamingResponse

from lrs.attachments.descriptions import Description, describe
from lrs.attachments.multipart import MEDIA_TYPE
from lrs.attachments.storage import AttachmentStore
from lrs.callers import Caller
from xapi_profiles.json_text import parse_json


class _Wanted(NamedTuple):
    """An attachment that may have a part, and the statement it belongs to."""

    description: Description
    statement_id: str


class _Content(NamedTuple):
    sha2: str
    content_type: str
    pieces: AsyncIterator[bytes]


async def answer_with_attachments(
    body: bytes,
    statements: Iterable[bytes],
    caller: Caller,
    store: AttachmentStore,
    *,
    headers: Mapping[str, str] | None = None,
    with_content: bool = True,
) -> Response:
    """Return the answer whose first part is `body`, JSON, and whose others are the contents of `statements`.

    The statements are the JSON of those that the caller may see. An attachment that came with a fileUrl alone has no
    part. Without `with_content` (HEAD) nothing is read, and the answer has no body. Raises AttachmentsUnavailable;
    what goes wrong later breaks the answer off.
    """
    boundary = secrets.token_hex(16)
    media_type = f"{MEDIA_TYPE}; boundary={boundary}"
    if not with_content:
        return StreamingResponse(_nothing(), headers=headers, media_type=media_type)
    contents = _find(_list_wanted(statements, caller), caller, store)
    # The first is looked for before the answer begins: what is out of reach is then said with a status.
    first = await anext(contents, None)
    return StreamingResponse(_write(boundary, body, first, contents), headers=headers, media_type=media_type)


def _list_wanted(statements: Iterable[bytes], caller: Caller) -> dict[str, list[_Wanted]]:
    wanted: dict[str, list[_Wanted]] = {}
    for index, raw in enumerate(statements):
        if b'"attachments"' not in raw:
            continue
        statement = parse_json(raw)
        for description in describe(statement, index):
            if description.is_signature and not caller.credential.sees_identities:
                continue
            wanted.setdefault(description.sha2, []).append(_Wanted(description, statement["id"]))
    return wanted


async def _find(
    wanted: Mapping[str, list[_Wanted]], caller: Caller, store: AttachmentStore
) -> AsyncGenerator[_Content, None]:
    """Give those contents that one of their statements came with."""
    for sha2, places in wanted.items():
        for description, statement_id in places:
            if description.has_file_url and not await store.was_sent(caller.tenant, statement_id, sha2):
                continue
            pieces = await store.read(caller.keys, sha2)
            if pieces is not None:
                yield _Content(sha2, description.attachment["contentType"], pieces)
            break


async def _write(
    boundary: str, body: bytes, first: _Content | None, others: AsyncIterator[_Content]
) -> AsyncIterator[bytes]:
    delimiter = f"\r\n--{boundary}".encode()
    yield delimiter[2:] + b"\r\nContent-Type: application/json\r\n\r\n" + body
    content = first
    while content is not None:
        yield delimiter + _write_headers(content)
        async for piece in content.pieces:
            yield piece
        content = await anext(others, None)
    yield delimiter + b"--\r\n"


def _write_headers(content: _Content) -> bytes:
    # A quoted parameter may hold any character, a header may not.
    sound = content.content_type.isascii() and content.content_type.isprintable()
    return (
        f"\r\nContent-Type: {content.content_type if sound else 'application/octet-stream'}\r\n"
        f"Content-Transfer-Encoding: binary\r\nX-Experience-API-Hash: {content.sha2}\r\n\r\n"
    ).encode("ascii")


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
