"""ISO 8601 times and durations as the typed columns hold them: whole milliseconds, and half-days of a time zone."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from stream_processors.errors import DeadLetter
from xapi_profiles.datatypes import read_duration, read_timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# What DateTime64 of ClickHouse can hold, and a number of milliseconds that can still be added up (285,000 years).
EARLIEST = -2_208_988_800_000
LATEST = 10_413_705_600_000
LONGEST = 2**53
_NOON_BREAK = 13
_QUARTER_HOUR = 900_000


def parse_timestamp(text: str, pointer: str) -> int:
    """Return milliseconds since 1970 UTC; without a zone UTC is meant. Raises DeadLetter for what is no time.

    A time outside of what the column holds, 1900 to 2299, becomes the nearest one; the statement keeps its own.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
    except ValueError:
        moment = _read_unusual(text, pointer)
    return max(EARLIEST, min((moment - _EPOCH) // _MILLISECOND, LATEST))


@functools.lru_cache(maxsize=1_000)
def format_timestamp(milliseconds: int) -> str:
    """Return RFC 3339 in UTC with milliseconds, as `stored` is written."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def _read_unusual(text: str, pointer: str) -> datetime:
    """Read what only the specification's own grammar allows: a leap second, a basic format."""
    try:
        return read_timestamp(text)
    except ValueError:
        raise DeadLetter(
            "unstorable-timestamp", "The time has no form that the specification allows.", pointer=pointer
        ) from None


def parse_duration(text: str) -> int | None:
    """Return milliseconds, LONGEST at most, or None where the text is no ISO 8601 duration.

    Years and months count their means.
    """
    try:
        return round(min(read_duration(text) * 1000, LONGEST))
    except ValueError:
        return None


def name_half_day(milliseconds: int, zone: ZoneInfo) -> str:
    """Return the half-day of an instant in the tenant's zone, such as `2026-11-22 am`; afternoons begin at 13:00."""
    return _name_quarter(milliseconds // _QUARTER_HOUR, zone)


@functools.lru_cache(maxsize=10_000)
def _name_quarter(quarter: int, zone: ZoneInfo) -> str:
    """All of a quarter of an hour lies in one half-day: offsets of zones in use are multiples of it."""
    local = (_EPOCH + timedelta(milliseconds=quarter * _QUARTER_HOUR)).astimezone(zone)
    return f"{local.year:04}-{local.month:02}-{local.day:02} {'am' if local.hour < _NOON_BREAK else 'pm'}"
