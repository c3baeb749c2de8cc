"""The days that are simulated, numbered from 0, and instants in whole seconds since 1970."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

Span = tuple[int, int]
"""From an instant to a later one."""

NOON_BREAK: Final = 13 * 60
"""The minute of the day at which the afternoon begins."""

_SATURDAY: Final = 5
_AUGUST: Final = 8
_HOLIDAYS: Final = frozenset({(1, 1), (5, 1), (5, 8), (7, 14), (11, 1), (11, 11), (12, 25)})
_SEASON: Final = (1.2, 0.7, 1.3, 0.7, 1.0, 0.9, 0.2, 0.05, 0.8, 1.3, 1.4, 0.7)


@dataclass(frozen=True)
class Calendar:
    """`days` days from `first` on, in the institute's time zone; days before and after have numbers too."""

    first: date
    days: int
    zone: ZoneInfo
    _midnights: dict[int, int] = field(default_factory=dict, repr=False, compare=False)

    def date_of(self, day: int) -> date:
        """Return the date of a day."""
        return self.first + timedelta(days=day)

    def at(self, day: int, minute: int, second: int = 0) -> int:
        """Return the instant of a minute of the local clock on a day: the clock is never changed by day."""
        noon = self._midnights.get(day)
        if noon is None:
            moment = datetime.combine(self.date_of(day), time(12), self.zone)
            noon = self._midnights[day] = round(moment.timestamp())
        return noon + (minute - 12 * 60) * 60 + second

    def day_of(self, instant: int) -> int:
        """Return the number of the local day that an instant lies in."""
        return (self.local(instant).date() - self.first).days

    def local(self, instant: int) -> datetime:
        """Return an instant by the local clock."""
        return datetime.fromtimestamp(instant, self.zone)

    def is_working(self, day: int) -> bool:
        """Say whether the institute teaches on a day: not at weekends, on holidays, at the year's end or in August."""
        one = self.date_of(day)
        closed = one.month == _AUGUST or (one.month, one.day) >= (12, 24) or (one.month, one.day) in _HOLIDAYS
        return one.weekday() < _SATURDAY and not closed

    def next_working(self, day: int) -> int:
        """Return the first working day that is not before a day."""
        while not self.is_working(day):
            day += 1
        return day

    def season(self, day: int) -> float:
        """Return how much is asked for at a time of the year, 1 on average."""
        return _SEASON[self.date_of(day).month - 1]

    def half_day(self, instant: int) -> str:
        """Return the name of the half-day of an instant, such as `2025-11-20 am`."""
        local = self.local(instant)
        return f"{local:%Y-%m-%d} {'am' if local.hour * 60 + local.minute < NOON_BREAK else 'pm'}"

    def cut(self, span: Span) -> Iterator[Span]:
        """Yield the half-days of a span within one day."""
        border = self.at(self.day_of(span[0]), NOON_BREAK)
        if span[0] < border < span[1]:
            yield span[0], border
            yield border, span[1]
        else:
            yield span


def tell_utc(instant: int) -> str:
    """Return an instant as ISO 8601 in UTC."""
    return datetime.fromtimestamp(instant, UTC).isoformat()
