"""A multipart/mixed body, read as it arrives: nothing of a part's content is held here.

python-multipart finds boundaries and headers; what this adds is bounds, the headers' form, and whether the body ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser

from lrs.attachments import refusals
from lrs.attachments.refusals import refuse

MEDIA_TYPE: Final = "multipart/mixed"
MAX_HEADERS: Final = 16
MAX_HEADER_BYTES: Final = 4096

# RFC 2046, 5.1.1: 1 to 70 of these, no space at the end.
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]")


@dataclass(frozen=True, slots=True)
class PartBegun:
    """The number of a part, from 1, and its headers by their names in lower case."""

    number: int
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PartEnded:
    """All of a part's content has been given."""


Event = PartBegun | bytes | PartEnded


def read_boundary(content_type: str | None) -> str | None:
    """Return the boundary that a Content-Type names, None when it is another type's. Raises BadRequest."""
    parsed = Message()
    parsed["content-type"] = content_type or ""
    if content_type is None or parsed.get_content_type() != MEDIA_TYPE:
        return None
    boundary = parsed.get_param("boundary")
    if not isinstance(boundary, str) or not boundary:
        raise refuse(
            "multipart",
            refusals.BOUNDARY_NAMED,
            "the Content-Type multipart/mixed names no boundary: add boundary=…",
            content_type,
        )
    if not _BOUNDARY.fullmatch(boundary):
        raise refuse(
            "multipart",
            refusals.BOUNDARY_NAMED,
            "a boundary has 1 to 70 letters, digits and '()+_,-./:=? (RFC 2046, 5.1.1).",
            boundary,
        )
    return boundary


class MultipartReader:
    """Turns the bytes of one body into events. After a refusal it is of no more use."""

    def __init__(self, boundary: str) -> None:
        self._events: list[Event] = []
        self._headers: dict[str, str] = {}
        self._name = bytearray()
        self._value = bytearray()
        self._parts = 0
        self._ended = False
        self._parser = MultipartParser(
            boundary.encode("ascii"),
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._extend_name,
                "on_header_value": self._extend_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._take_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_count=MAX_HEADERS,
            max_header_size=MAX_HEADER_BYTES,
        )

    def feed(self, chunk: bytes) -> list[Event]:
        """Return what more of the body holds. Raises BadRequest."""
        self._events = []
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise self._malformed(str(error)) from None
        return self._events

    def finish(self) -> None:
        """Check that the body came to its end. Raises BadRequest."""
        if not self._ended:
            raise self._malformed("it ends before its last boundary")
        if not self._parts:
            raise self._malformed("it has no parts")

    def _malformed(self, found: str) -> Exception:
        return refuse(
            "multipart",
            refusals.BOUNDARY_BEFORE_PARTS,
            "this is no multipart body with a boundary before each part and after the last (RFC 2046).",
            found,
            part=self._parts or None,
        )

    def _begin_part(self) -> None:
        self._parts += 1
        self._headers = {}

    def _extend_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _extend_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        name = self._name.decode("latin-1").lower()
        if name in self._headers:
            raise refuse(
                "multipart",
                refusals.BOUNDARY_BEFORE_PARTS,
                f"the header {name} is there twice.",
                name,
                part=self._parts,
            )
        self._headers[name] = self._value.decode("latin-1").strip()
        self._name.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        self._events.append(PartBegun(self._parts, self._headers))

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        self._events.append(data[start:end])

    def _end_part(self) -> None:
        self._events.append(PartEnded())

    def _end(self) -> None:
        self._ended = True
