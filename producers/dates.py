"""Dates as people's systems write them: 24/11/2026 or 11/24/2026, with or without AM and PM, in some time zone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from producers.errors import RowRejected

_DATE = re.compile(
    r"(?P<a>\d{1,4})[/.-](?P<b>\d{1,2})[/.-](?P<c>\d{2,4})[ T,]+(?:(?:à|a)\s+)?"
    r"(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2}))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
)
_LAST_MONTH = 12


class DateOrder(StrEnum):
    """How a date such as 03/04/2026 is read."""

    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


def is_moment(text: str) -> bool:
    """Say whether a text has the shape of a date and an hour."""
    return _DATE.fullmatch(text) is not None


def find_date_order(dates: Iterable[str]) -> DateOrder:
    """Say whether dates have the day or the month first: by one that can only be read one way, else by AM and PM."""
    clocks = set()
    for match in filter(None, map(_DATE.fullmatch, dates)):
        first, second = int(match["a"]), int(match["b"])
        if first > _LAST_MONTH:
            return DateOrder.DAY_FIRST
        if second > _LAST_MONTH:
            return DateOrder.MONTH_FIRST
        clocks.add(match["half"] is not None)
    return DateOrder.MONTH_FIRST if True in clocks else DateOrder.DAY_FIRST


def parse_moment(text: str, zone: ZoneInfo, *, month_first: bool) -> datetime:
    """Return the instant that a cell tells, in the zone. Raises RowRejected."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise RowRejected("A time is not a date and an hour.")
    first, second, third = (int(match[name]) for name in "abc")
    if len(match["a"]) == 4:  # noqa: PLR2004 - a year
        year, month, day = first, second, third
    elif month_first:
        year, month, day = third, first, second
    else:
        year, month, day = third, second, first
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    try:
        return datetime(
            year if year > 99 else 2000 + year,  # noqa: PLR2004 - a year of two digits
            month,
            day,
            hour,
            int(match["minute"]),
            int(match["second"] or 0),
            tzinfo=zone,
        )
    except ValueError:
        raise RowRejected("A time is not one of the calendar.") from None
