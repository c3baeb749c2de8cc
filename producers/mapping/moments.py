"""Cells as values: what people write for dates, durations, numbers, yes and no. Each raises ValueError otherwise."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from pydantic_core import PydanticCustomError

from producers.naming import slug
from xapi_profiles.datatypes import check_duration, read_duration

YES: Final = frozenset({"oui", "o", "yes", "y", "true", "vrai", "x", "1"})
NO: Final = frozenset({"non", "n", "no", "false", "faux", "0"})

_DIRECTIVES: Final = frozenset("YymdHIMSfpz%")
_CLOCK = re.compile(r"(\d{1,4})\s*(?:[hH]|:(?=\d))\s*(?:([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?)?\s*(?:min|mn|m)?")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_UNITS: Final = {"hours": 3600, "minutes": 60, "seconds": 1}
_ANY_DAY: Final = date(2000, 1, 1)
_REMEMBERED: Final = 8192

Unit = Literal["hours", "minutes", "seconds"]


def check_format(text: str) -> None:
    """Raise ValueError for what is no format of strptime that reads the same everywhere."""
    directives = re.findall(r"%(.?)", text)
    unknown = next((one for one in directives if one not in _DIRECTIVES), None)
    if unknown is not None:
        raise ValueError(f"%{unknown} is not supported in a format; use %Y %y %m %d %H %I %M %S %f %p %z")
    if not set(directives) - {"%"}:
        raise ValueError("a format has directives such as %d/%m/%Y %H:%M")
    repeated = next((one for one in directives if one != "%" and directives.count(one) > 1), None)
    if repeated:
        raise ValueError(f"%{repeated} stands twice in the format")


@lru_cache(_REMEMBERED)
def parse_moment(text: str, formats: tuple[str, ...], zone: ZoneInfo) -> datetime:
    """Return the instant that a text tells, in the zone unless it has its own offset. ISO 8601 is always read."""
    moment = _parse(text, formats)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)


@lru_cache(_REMEMBERED)
def parse_clock(text: str, formats: tuple[str, ...]) -> datetime:
    """Return a time of the day (`9:30`, `9h30`), or a date with it, to be compared with another one."""
    match = _CLOCK.fullmatch(text)
    if match is not None:
        return datetime.combine(_ANY_DAY, time(int(match[1]), int(match[2] or 0), int(match[3] or 0)))
    return _parse(text, formats)


def parse_duration(text: str, unit: Unit | None) -> timedelta:
    """Return the duration that a text tells: ISO 8601, `3:30`, `3h30`, or a number where a unit is given."""
    match = _CLOCK.fullmatch(text)
    if match is not None:
        return timedelta(hours=int(match[1]), minutes=int(match[2] or 0), seconds=int(match[3] or 0))
    if text.startswith("P"):
        try:
            return timedelta(seconds=read_duration(check_duration(text)))
        except (PydanticCustomError, OverflowError) as error:
            raise ValueError from error
    if unit is None:
        raise ValueError
    duration = timedelta(seconds=parse_number(text) * _UNITS[unit])
    if duration < timedelta():
        raise ValueError
    return duration


def parse_number(text: str) -> float:
    """Return a number as people write it: `1 234,5`, `12.5`, `85 %` (which is 85)."""
    plain = "".join(text.split()).removesuffix("%").replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        raise ValueError
    number = float(plain)
    if not math.isfinite(number):
        raise ValueError
    return number


def parse_truth(text: str, yes: Collection[str] = YES, no: Collection[str] = NO) -> bool:
    """Return whether a text means yes; `yes` and `no` are slugs."""
    word = slug(text)
    if word in yes:
        return True
    if word in no:
        return False
    raise ValueError


def simplify(number: float) -> int | float:
    """Return a whole number as an int: 4, not 4.0."""
    return int(number) if number.is_integer() else number


def _parse(text: str, formats: Sequence[str]) -> datetime:
    for one in formats:
        try:
            return datetime.strptime(text, one)  # noqa: DTZ007 - the caller gives it its zone
        except ValueError:
            continue
    # What a spreadsheet holds as a date comes as ISO 8601, whatever the format of the texts is.
    return datetime.fromisoformat(text)
