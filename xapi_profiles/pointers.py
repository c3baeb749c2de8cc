"""Places in JSON documents: how a report names one, and what it shows of what is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from xapi_profiles.json_text import dump_json

_EXCERPT: Final = 60


class _Absent:
    """Stands for a value that is not there, which null does not."""


ABSENT: Final = _Absent()


def write_pointer(path: Iterable[str | int]) -> str:
    """Return the JSON pointer (RFC 6901) of a place, by the keys and indexes that lead to it."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def step(value: object, part: str | int) -> object:
    """Return the member of a JSON value with this key or index, ABSENT if there is none."""
    if isinstance(value, dict):
        return value.get(part, ABSENT)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return ABSENT


def value_at(document: object, path: Iterable[str | int]) -> object:
    """Return the value at a place of a document, ABSENT if there is none."""
    for part in path:
        document = step(document, part)
    return document


def excerpt(value: object) -> str:
    """Return a value as JSON, cut to a short line; an object, an array or nothing by that name."""
    if value is ABSENT:
        return "nothing"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    try:
        # The length of what a sender put there is theirs: encode no more of it than is shown.
        text = dump_json(value[: _EXCERPT + 1] if isinstance(value, str) else value).decode()
    except TypeError:
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"
