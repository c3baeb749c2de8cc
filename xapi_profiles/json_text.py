"""JSON in and out without loss: what a sender wrote is what a reader gets, number for number.

orjson is many times as fast as anything else, and bends two things: of a key that comes twice it keeps the last, and a
number that a 64-bit integer or a double cannot hold it rounds. Here the first is refused with its place, and the
second is kept as a ExactNumber, a float that remembers its text (docs/decisions/0016). The usual document has neither;
that is recognised by writing it again, which costs a third of reading it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, NamedTuple, Self

import orjson

from xapi_profiles.errors import MalformedJson, RepeatedKey

MAX_DEPTH: Final = 254
"""How deep objects and arrays may be nested in each other: as deep as orjson writes."""
MAX_NUMBER_LENGTH: Final = 1000
"""The longest number, in characters: far beyond any use, and cheap to compute with."""

# White space outside of strings, the space inside of them, and whatever is not ASCII.
_BESIDE: Final = b" \t\n\r" + bytes(range(0x80, 0x100))
_STRING_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+\-]?\d+)?', re.DOTALL | re.ASCII)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]', re.DOTALL)
_PARTS = re.compile(r"(-?)(\d+)(?:\.(\d+))?(?:[eE]([+\-]?\d+))?", re.ASCII)
_DEPTHS: Final = MappingProxyType({"{": 1, "[": 1, "}": -1, "]": -1})
_LEAST, _MOST = -(2**63), 2**64 - 1
_INFINITE: Final = "number is infinity when parsed as double"


class ExactNumber(float):
    """A number that no double equals: to compute with it is to compute with the nearest, to write it is exact."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Self:
        """Take the number as JSON writes it."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __reduce__(self) -> tuple[type[ExactNumber], tuple[str]]:
        """Copies and pickles keep the text."""
        return ExactNumber, (self.text,)

    @property
    def canonical(self) -> str:
        """The one form in which equal numbers are equal texts: digits without zeros at either end, and an exponent."""
        sign, whole, fraction, exponent = _split(self.text)
        digits = (whole + fraction).lstrip("0")
        if not digits:
            return "0"
        shorter = digits.rstrip("0")
        return f"{sign}{shorter}e{int(exponent) - len(fraction) + len(digits) - len(shorter)}"

    @property
    def decimal(self) -> Decimal:
        """The number itself; beyond what Decimal can hold, an infinity or zero of its sign."""
        try:
            return Decimal(self.text)
        except ArithmeticError:
            return Decimal(float(self))


def parse_json(raw: bytes) -> Any:  # noqa: ANN401 -- JSON can be anything, and is checked next
    """Return the JSON document in `raw` (UTF-8, no byte order mark), every number in it exactly.

    Numbers that neither a 64-bit integer nor a double equals are ExactNumbers. Raises MalformedJson with the place
    when it is no JSON, is nested deeper than MAX_DEPTH or has a number longer than MAX_NUMBER_LENGTH, and its kind
    RepeatedKey when an object has a key twice.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not error.msg.startswith(_INFINITE):
            raise _refuse(error) from None
        _check_grammar(raw.decode())
        return _parse_exactly(raw)
    try:
        written = orjson.dumps(value)
    except TypeError:
        # The only thing that can be read and not written.
        raise _locate_depth(raw.decode()) from None
    return value if written == raw or _says_the_same(written, raw) else _parse_exactly(raw)


def _says_the_same(written: bytes, raw: bytes) -> bool:
    """Tell whether two documents have the same numbers and keys: they differ in white space and escapes alone.

    False may also mean that it is not worth finding out.
    """
    written, raw = written.translate(None, _BESIDE), raw.translate(None, _BESIDE)
    return written == raw or (b"\\" in raw and _without_escapes(written) == _without_escapes(raw))


def _without_escapes(text: bytes) -> bytes:
    """Leave out the characters written as \\uXXXX, which orjson writes as themselves, and unescape slashes."""
    first, *others = text.split(b"\\")
    parts = [first]
    rest = iter(others)
    for part in rest:
        if part[:1] == b"u":
            parts.append(part[5:])
        elif part[:1] == b"/":
            parts.append(part)
        elif part:
            parts += (b"\\", part)
        else:
            # An escaped backslash: what follows is text, whatever it looks like.
            parts += (b"\\\\", next(rest))
    return b"".join(parts)


def dump_json(value: object, *, option: int | None = None) -> bytes:
    """Return a document as JSON in UTF-8, ExactNumbers as they were written. Options are orjson's.

    Raises TypeError for what JSON cannot carry.
    """
    return orjson.dumps(value, default=_write_exactly, option=option)


def dump_canonical_json(value: object) -> bytes:
    """Return a document with its keys in order, equal ExactNumbers in one form; for digests, not for reading."""
    return orjson.dumps(value, default=_write_canonically, option=orjson.OPT_SORT_KEYS)


def _write_exactly(value: object) -> orjson.Fragment:
    if type(value) is ExactNumber:
        return orjson.Fragment(value.text)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _write_canonically(value: object) -> orjson.Fragment:
    if type(value) is ExactNumber:
        return orjson.Fragment(value.canonical)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _parse_exactly(raw: bytes) -> Any:  # noqa: ANN401
    """Read what is known to be JSON with the standard library, which gives away a number's text."""
    text = raw.decode()
    try:
        return json.loads(text, object_pairs_hook=_to_object, parse_float=_to_number, parse_int=_to_integer)
    except _Repeated:
        raise _locate_repeated_key(text) from None
    except _TooLong:
        raise _locate_long_number(text) from None


def _check_grammar(text: str) -> None:
    """Raise MalformedJson for what orjson refuses to read or to write, numbers beyond a double aside."""

    def shorten(match: re.Match[str]) -> str:
        token = match[0]
        # Of the same length, so that places stay where they are.
        return token if token[0] == '"' or isfinite(float(token)) else "1".ljust(len(token))

    try:
        orjson.dumps(orjson.loads(_STRING_OR_NUMBER.sub(shorten, text)))
    except orjson.JSONDecodeError as error:
        raise _refuse(error) from None
    except TypeError:
        raise _locate_depth(text) from None


class _Repeated(Exception):
    """An object has a key twice."""


class _TooLong(Exception):
    """A number is longer than MAX_NUMBER_LENGTH."""


def _to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Repeated
    return found


def _to_integer(text: str) -> int | float:
    if len(text) < 19:  # noqa: PLR2004 (it fits into 64 bits)
        return int(text)
    return _to_number(text)


def _to_number(text: str) -> int | float:
    if len(text) > MAX_NUMBER_LENGTH:
        raise _TooLong
    number = float(text)
    try:
        exact = Decimal(text)
    except ArithmeticError:
        return ExactNumber(text)
    # The shortest text that reads as this double, which is how it will be written.
    if exact == Decimal(repr(number)):
        return number
    return int(exact) if _LEAST <= exact <= _MOST and exact == exact.to_integral_value() else ExactNumber(text)


def _split(text: str) -> tuple[str, str, str, str]:
    match = _PARTS.fullmatch(text)
    if match is None:
        raise ValueError("not a number of JSON")
    return match[1], match[2], match[3] or "", match[4] or "0"


def _refuse(error: orjson.JSONDecodeError) -> MalformedJson:
    before = error.doc[: error.pos].encode("utf-8", "surrogatepass")
    return MalformedJson(error.msg.partition(": line")[0], line=error.lineno, column=error.colno, offset=len(before))


def _place(text: str, position: int) -> dict[str, int]:
    before = text[:position]
    line_start = before.rfind("\n") + 1
    return {"line": before.count("\n") + 1, "column": position - line_start + 1, "offset": len(before.encode())}


class _Key(NamedTuple):
    """A key of an object: where it stands in the text, how deep its object is, and the JSON pointer of its value."""

    name: str
    position: int
    pointer: str
    repeated: bool


def _locate_repeated_key(text: str) -> MalformedJson:
    key = next(key for key in _walk_keys(text) if key.repeated)
    return RepeatedKey(key.name, key.pointer, **_place(text, key.position))


def _locate_long_number(text: str) -> MalformedJson:
    position = next(
        match.start()
        for match in _STRING_OR_NUMBER.finditer(text)
        if match[0][0] != '"' and len(match[0]) > MAX_NUMBER_LENGTH
    )
    return MalformedJson(f"a number is longer than {MAX_NUMBER_LENGTH} characters", **_place(text, position))


def _walk_keys(text: str) -> Iterator[_Key]:
    """Yield the keys of a document that is known to be JSON, in the order in which they stand there."""
    path: list[str | int] = []  # of the containers that are open: the key or the index being read
    keys: list[set[str]] = []  # what each has had so far
    string, position = "", 0
    for match in _TOKEN.finditer(text):
        mark = match[0]
        if mark[0] == '"':
            string, position = mark, match.start()
        elif mark == ":":
            path[-1] = name = json.loads(string)
            pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)
            yield _Key(name, position, pointer, name in keys[-1])
            keys[-1].add(name)
        elif mark in "{[":
            path.append("" if mark == "{" else 0)
            keys.append(set())
        elif mark in "}]":
            path.pop()
            keys.pop()
        elif isinstance(path[-1], int):
            path[-1] += 1


def _locate_depth(text: str) -> MalformedJson:
    depth, position = 0, 0
    for match in _TOKEN.finditer(text):
        depth += _DEPTHS.get(match[0], 0)
        if depth > MAX_DEPTH:
            position = match.start()
            break
    return MalformedJson(f"objects and arrays are nested deeper than {MAX_DEPTH} levels", **_place(text, position))
