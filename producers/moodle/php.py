"""PHP's serialisation, as Moodle's log holds it in `other`: read strictly, and only what is data.

`serialize()` writes `N;`, `b:1;`, `i:5;`, `d:0.5;`, `s:5:"hello";` (the length counts bytes) and `a:1:{key value}`.
Objects, and references to what was written before, are refused: nothing in a log needs them, and they are how such text
is abused.
"""

from __future__ import annotations

import math
import re
from typing import Final

from producers.errors import RowRejected

Value = bool | int | float | str | dict[int | str, "Value"] | None

DEPTH: Final = 20
"""How deep arrays may lie in one another."""
_SCALAR = re.compile(
    rb"N;|b:(?P<flag>[01]);|i:(?P<whole>-?[0-9]{1,19});|d:(?P<point>-?[0-9]{1,400}(?:\.[0-9]{1,400})?(?:[eE][+-]?[0-9]{1,3})?);"
)
_STRING = re.compile(rb's:([0-9]{1,9}):"')
_ARRAY = re.compile(rb"a:([0-9]{1,9}):\{")
_SHORTEST_ENTRY = len(b"i:0;N;")


def parse_php(text: str) -> Value:
    """Return the value of a serialised text: arrays as dicts in their order. Raises RowRejected."""
    data = text.encode("utf-8", "surrogatepass")
    value, end = _read(data, 0, DEPTH)
    if end != len(data):
        raise _refusal("goes on after its end")
    return value


def _read(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    scalar = _SCALAR.match(data, at)
    if scalar is not None:
        return _to_scalar(scalar), scalar.end()
    string = _STRING.match(data, at)
    if string is not None:
        return _read_string(data, string)
    array = _ARRAY.match(data, at)
    if array is not None:
        return _read_array(data, array, depth)
    if data[at : at + 2] in (b"O:", b"C:", b"E:", b"r:", b"R:"):
        raise _refusal("holds an object or a reference, which is not read")
    raise _refusal("is cut or malformed")


def _to_scalar(match: re.Match[bytes]) -> bool | int | float | None:
    if match["flag"] is not None:
        return match["flag"] == b"1"
    if match["whole"] is not None:
        return int(match["whole"])
    if match["point"] is not None:
        number = float(match["point"])
        if not math.isfinite(number):
            raise _refusal("holds a number that is too large")
        return number
    return None


def _read_string(data: bytes, match: re.Match[bytes]) -> tuple[str, int]:
    end = match.end() + int(match[1])
    if data[end : end + 2] != b'";':
        raise _refusal("holds a text of another length than it says")
    try:
        return data[match.end() : end].decode(), end + 2
    except UnicodeDecodeError:
        raise _refusal("holds a text that is not UTF-8") from None


def _read_array(data: bytes, match: re.Match[bytes], depth: int) -> tuple[Value, int]:
    count, at = int(match[1]), match.end()
    if depth == 0:
        raise _refusal("is nested too deep")
    # Before anything is read for it: a length costs its writer nothing.
    if count * _SHORTEST_ENTRY > len(data) - at:
        raise _refusal("holds fewer entries than it says")
    entries: dict[int | str, Value] = {}
    for _ in range(count):
        key, at = _read(data, at, 0)
        if isinstance(key, bool) or not isinstance(key, int | str) or key in entries:
            raise _refusal("has a key that is none, or twice")
        entries[key], at = _read(data, at, depth - 1)
    if data[at : at + 1] != b"}":
        raise _refusal("holds more entries than it says")
    return entries, at + 1


def _refusal(what: str) -> RowRejected:
    return RowRejected(f"other is no readable PHP serialisation: it {what}.")
