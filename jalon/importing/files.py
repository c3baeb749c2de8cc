"""Reads statements from files as they are found: JSON, JSON Lines, either gzipped, or standard input."""

from __future__ import annotations

import gzip
import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from jalon.errors import WrongInput
from xapi_profiles.errors import MalformedJson
from xapi_profiles.json_text import parse_json

STANDARD_INPUT = "-"
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Found:
    """One statement as it was found; `problem` says why it can't be read, `raw` is then its text."""

    place: str
    statement: Any
    problem: str = ""
    raw: str = ""


def read_statements(paths: Sequence[str]) -> Iterator[Found]:
    """Yield every statement of the files in order, told apart by place (`file:line` or `file[index]`).

    A line that is not JSON is yielded with its problem, and reading goes on. Raises WrongInput for a file that
    cannot be opened or uncompressed.
    """
    for path in paths:
        name = "standard input" if path == STANDARD_INPUT else Path(path).name
        try:
            with _open(path) as stream:
                yield from _read(stream, name)
        except (OSError, EOFError, gzip.BadGzipFile) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise WrongInput(f"{name} cannot be read: {reason}.") from error


@contextmanager
def _open(path: str) -> Iterator[BinaryIO]:
    with ExitStack() as stack:
        stream = sys.stdin.buffer if path == STANDARD_INPUT else stack.enter_context(Path(path).open("rb"))
        if cast("io.BufferedReader", stream).peek(2)[:2] == _GZIP:
            stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
        yield cast("BinaryIO", stream)


def _read(stream: BinaryIO, name: str) -> Iterator[Found]:
    first = b""
    number = 0
    for line in stream:
        number += 1
        if line.strip():
            first = line
            break
    if not first:
        return
    if first.lstrip().startswith(b"["):
        yield from _read_array(first + stream.read(), name)
        return
    try:
        statement = parse_json(first)
    except MalformedJson as error:
        rest = stream.read()
        yield from _read_whole_or_lines(first, rest, name, number, error)
        return
    yield Found(f"{name}:{number}", statement)
    yield from _read_lines(stream, name, number)


def _read_array(raw: bytes, name: str) -> Iterator[Found]:
    try:
        statements = parse_json(raw)
    except MalformedJson as error:
        raise WrongInput(f"{name} begins as a JSON array, but: {error}") from None
    for index, statement in enumerate(statements):
        yield Found(f"{name}[{index}]", statement)


def _read_whole_or_lines(first: bytes, rest: bytes, name: str, number: int, error: MalformedJson) -> Iterator[Found]:
    """Take a first line that is no document for the beginning of one over several lines, else for a bad line."""
    try:
        yield Found(f"{name}:{number}", parse_json(first + rest))
    except MalformedJson:
        yield Found(f"{name}:{number}", None, error.reason, first.decode("utf-8", "replace").rstrip("\r\n"))
        yield from _read_lines(io.BytesIO(rest), name, number)


def _read_lines(stream: BinaryIO, name: str, number: int) -> Iterator[Found]:
    for line_number, line in enumerate(stream, number + 1):
        if not line.strip():
            continue
        place = f"{name}:{line_number}"
        try:
            yield Found(place, parse_json(line))
        except MalformedJson as error:
            yield Found(place, None, error.reason, line.decode("utf-8", "replace").rstrip("\r\n"))
