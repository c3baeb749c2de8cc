"""What a POST makes of two JSON documents: the members of the second over those of the first, one level deep.

Members are moved as they were written, so a number keeps its digits and a value its order of keys.
"""

from __future__ import annotations

import json
import re
from email.message import Message
from typing import Final

from lrs.errors import BadRequest
from xapi_profiles.errors import MalformedJson
from xapi_profiles.json_text import parse_json

_SPACE: Final = re.compile(r"[ \t\n\r]*")
# Only where a value ends is of interest: what its numbers are is not.
_DECODER: Final = json.JSONDecoder(parse_int=str, parse_float=str)


def is_json(content_type: str) -> bool:
    """Return whether a document of this content type can be merged: application/json in UTF-8."""
    parsed = Message()
    parsed["content-type"] = content_type
    media = parsed.get_content_type() if "/" in content_type else ""
    return media == "application/json" and parsed.get_content_charset("utf-8") in ("utf-8", "utf8", "us-ascii")


def merge(existing: bytes, posted: bytes) -> bytes:
    """Return the object `existing` with the members of the object `posted` set (XAPI-00183, XAPI-00184).

    Raises BadRequest when one of them is no JSON object.
    """
    members = read_members(existing, "The document that is there") | read_members(posted)
    return ("{" + ",".join(f"{name}:{value}" for name, value in members.items()) + "}").encode()


def read_members(document: bytes, what: str = "The document") -> dict[str, str]:
    """Return the members of a JSON object: names as JSON strings, and values as they are written.

    Raises BadRequest, which calls the document `what`.
    """
    try:
        parsed = parse_json(document)
    except MalformedJson as error:
        raise BadRequest(
            f"{what} is not JSON at line {error.line}, column {error.column}: {error.reason}.",
            code=error.code,
            details={"line": error.line, "column": error.column, "offset": error.offset},
        ) from None
    if not isinstance(parsed, dict):
        raise _not_an_object(what)
    try:
        return _split(document.decode())
    except RecursionError:
        raise BadRequest(f"{what} is nested too deeply to be merged.", code="malformed-json") from None


def refuse_type(what: str) -> BadRequest:
    """Return the refusal of a document that is not of a content type that can be merged."""
    return BadRequest(
        f"{what} is not application/json in UTF-8, and only such documents are merged: use PUT to replace it.",
        code="content-type",
    )


def _split(text: str) -> dict[str, str]:
    # The text is a JSON object, as has been checked.
    members: dict[str, str] = {}
    place = _skip(text, _skip(text, 0) + 1)
    while text[place] != "}":
        name, place = _DECODER.raw_decode(text, place)
        start = _skip(text, _skip(text, place) + 1)
        _, place = _DECODER.raw_decode(text, start)
        members[json.dumps(name)] = text[start:place]
        place = _skip(text, place)
        if text[place] == ",":
            place = _skip(text, place + 1)
    return members


def _skip(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    assert match is not None  # noqa: S101 (it matches nothing at all)
    return match.end()


def _not_an_object(what: str) -> BadRequest:
    return BadRequest(f"{what} is not a JSON object, and only objects are merged.", code="not-an-object")
