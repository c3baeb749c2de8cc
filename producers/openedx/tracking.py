"""A line of Open edX's tracking log, read with suspicion: what happened, whose act it was, and its details."""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from producers.errors import RowRejected, UnreadableInput

_GZIP: Final = b"\x1f\x8b"
_LONGEST = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tracked:
    """An event. `kind` is its type, `source` is `server`, `browser` or `mobile`; `details` are not parsed yet."""

    kind: str
    source: str
    line: Mapping[str, Any]

    @property
    def at(self) -> datetime:
        """When it happened; without an offset UTC is meant. Raises RowRejected."""
        try:
            moment = datetime.fromisoformat(text(self.line, "time"))
        except ValueError:
            raise RowRejected("time is not an ISO 8601 time.") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def context(self) -> Mapping[str, Any]:
        """Where it happened, empty where that is not told."""
        context = self.line.get("context")
        return context if isinstance(context, dict) else {}

    def read_details(self) -> Mapping[str, Any]:
        """Return `event`, an object or the JSON text of one. Raises RowRejected."""
        details = self.line.get("event")
        if isinstance(details, str):
            try:
                details = orjson.loads(details)
            except orjson.JSONDecodeError:
                raise RowRejected("event is a text that is not JSON.") from None
        if not isinstance(details, dict):
            raise RowRejected("event is no object.")
        return details


def parse_line(line: bytes) -> Tracked:
    """Read a line of the log, which a log server may have put something before. Raises RowRejected."""
    begin = line.find(b"{")
    try:
        content = orjson.loads(line[max(begin, 0) :])
    except orjson.JSONDecodeError:
        raise RowRejected("The line is not JSON.") from None
    if not isinstance(content, dict):
        raise RowRejected("The line is not a JSON object.")
    kind = text(content, "event_type") or text(content, "name")
    if not kind:
        raise RowRejected("The line has neither event_type nor name.")
    return Tracked(kind, text(content, "event_source"), content)


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a log, compressed with gzip or not. Raises UnreadableInput."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == _GZIP
        with gzip.open(path) if packed else path.open("rb") as log:
            while line := log.readline(_LONGEST):
                if len(line) == _LONGEST:
                    raise UnreadableInput(f"{path} is no tracking log: a line of it is longer than 8 MB.")
                yield line
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableInput(f"{path} is cut or damaged: get it again.") from error
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}.") from error


def text(parent: Mapping[str, Any], key: str) -> str:
    """Return a member that is a text, '' for any other."""
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def read_number(parent: Mapping[str, Any], *keys: str) -> float | None:
    """Return the first of these members that is there, a number of 0 or more. Raises RowRejected."""
    value = next((parent[key] for key in keys if parent.get(key) not in (None, "")), None)
    if value is None:
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise RowRejected(f"{keys[0]} is not a number of 0 or more.")
    return round(number, 3)


def read_user(parent: Mapping[str, Any]) -> str:
    """Return `user_id`, a number or the text of one, '' without. Raises RowRejected."""
    value = parent.get("user_id")
    if value is None or value == "":
        return ""
    number = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (number.isascii() and number.isdecimal()):
        raise RowRejected("user_id is not a number.")
    return number
