"""JSONPath as xAPI Profiles allow it: children, indexes, `*`, unions, descents, and whole paths joined by `|`.

A path is compiled once and then walked for every statement of a stream: why not by a library is told in
docs/decisions/0027.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, Final

Find = Callable[[object], list[Any]]
"""Returns the values that a path finds in a JSON value, in the order of the document."""

_STEP = re.compile(
    r"(?P<descent>\.\.)(?P<below>[\w\-@]+|\*)|\.(?P<child>[\w\-@]+|\*)|\[\s*(?P<members>(?:'[^']*'|\"[^\"]*\"|[^\]])*)\]"
)
_MEMBER = re.compile(r"'(?P<single>[^']*)'|\"(?P<double>[^\"]*)\"|(?P<index>\d+)|(?P<all>\*)")
_BAR = re.compile(r"\|(?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)")
_EVERYTHING: Final = object()
_CHILDREN: Final = 4
_DESCENDANTS: Final = 50

_Member = str | int | object
_Step = tuple[bool, tuple[_Member, ...]]  # whether it descends, and which members it takes


def compile_path(text: str) -> Find:
    """Return what finds a path's values; the text is one that profile.JsonPath accepts."""
    alternatives = [_parse(part.strip()) for part in _BAR.split(text)]
    if len(alternatives) == 1:
        steps = alternatives[0]
        keys = [members[0] for descends, members in steps if not descends and len(members) == 1]
        if len(keys) == len(steps) and all(type(key) is str for key in keys):
            return _compile_children([str(key) for key in keys])

    def find(value: object) -> list[Any]:
        return [found for steps in alternatives for found in _walk(value, steps)]

    return find


def weigh_path(text: str) -> int:
    """Return what walking a path costs in a statement of usual size, in look-ups of a child, as measured."""
    return sum(
        prod(
            (_DESCENDANTS if descends else 1) * sum(_CHILDREN if each is _EVERYTHING else 1 for each in members)
            for descends, members in _parse(part.strip())
        )
        for part in _BAR.split(text)
    )


def _compile_children(keys: Sequence[str]) -> Find:
    """The usual path, of children only, without the machinery of the others."""

    def find(value: object) -> list[Any]:
        for key in keys:
            if type(value) is not dict or key not in value:
                return []
            value = value[key]
        return [value]

    return find


def _parse(text: str) -> list[_Step]:
    # The leading $ may be missing: a first name then is a child of the root.
    text = text[1:] if text.startswith("$") else f".{text}"
    return [(match["descent"] is not None, _read_members(match)) for match in _STEP.finditer(text)]


def _read_members(match: re.Match[str]) -> tuple[_Member, ...]:
    name = match["below"] or match["child"]
    if name:
        return (_EVERYTHING if name == "*" else name,)
    return tuple(
        _EVERYTHING
        if member["all"]
        else int(member["index"])
        if member["index"]
        else member["single"]
        if member["single"] is not None
        else member["double"]
        for member in _MEMBER.finditer(match["members"])
    )


def _walk(value: object, steps: Sequence[_Step]) -> list[Any]:
    values: list[Any] = [value]
    for descends, members in steps:
        if descends:
            values = [below for each in values for below in _descend(each)]
        values = [found for each in values for member in members for found in _take(each, member)]
    return values


def _take(value: object, member: _Member) -> Sequence[Any]:
    if type(value) is dict:
        if member is _EVERYTHING:
            return tuple(value.values())
        return (value[member],) if type(member) is str and member in value else ()
    if type(value) is list:
        if member is _EVERYTHING:
            return value
        return (value[member],) if type(member) is int and member < len(value) else ()
    return ()


def _descend(value: object) -> Iterator[Any]:
    yield value
    children = value.values() if type(value) is dict else value if type(value) is list else ()
    for child in children:
        yield from _descend(child)
