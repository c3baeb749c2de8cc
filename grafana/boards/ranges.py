"""Time ranges as Grafana's addresses write them: `now-6h`, `now/d`, milliseconds, ISO 8601."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from grafana.errors import RangeError

LONGEST = timedelta(days=3660)

_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_RELATIVE = re.compile(r"now(?:(?P<sign>[+-])(?P<count>\d{1,5})(?P<unit>[smhdw]))?(?P<rounded>/d)?", re.ASCII)
_MILLISECONDS = re.compile(r"\d{9,14}", re.ASCII)
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
_INTERVAL = re.compile(r"(?P<count>\d+)(?P<unit>[smhdw])", re.ASCII)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A span of time; both ends are aware and `start` lies before `end`."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Return how long the span is, in seconds."""
        return (self.end - self.start).total_seconds()


def read_range(start: str, end: str, *, now: datetime, zone: tzinfo) -> TimeRange:
    """Return the range that two texts of an address mean, days being those of `zone`; raises RangeError."""
    span = TimeRange(_read_moment(start, now, zone, last=False), _read_moment(end, now, zone, last=True))
    if span.start >= span.end:
        raise RangeError("The range ends before it starts.")
    if span.end - span.start > LONGEST:
        raise RangeError(f"The range is longer than {LONGEST.days} days.")
    return span


def choose_interval(span: TimeRange, least: str = "1s", points: int = 120) -> int:
    """Return the round number of seconds, `least` or more, that cuts the range into at most `points` steps."""
    wanted = max(span.seconds / points, read_interval(least))
    return next((step for step in _STEPS if step >= wanted), _STEPS[-1])


def read_interval(text: str) -> int:
    """Return the seconds of an interval such as `10m`; raises RangeError."""
    found = _INTERVAL.fullmatch(text)
    if found is None:
        raise RangeError(f"{text[:20]!r} is not an interval such as 10m.")
    return int(int(found["count"]) * _UNITS[found["unit"]].total_seconds())


def _read_moment(text: str, now: datetime, zone: tzinfo, *, last: bool) -> datetime:
    try:
        relative = _RELATIVE.fullmatch(text)
        if relative is not None:
            return _read_relative(relative, now, zone, last=last)
        if _MILLISECONDS.fullmatch(text):
            return datetime.fromtimestamp(int(text) / 1000, tz=UTC)
        moment = datetime.fromisoformat(text)
        local = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise RangeError(f"{text[:40]!r} is not a time such as now-6h, now/d or 2026-11-22T09:00.") from error


def _read_relative(found: re.Match[str], now: datetime, zone: tzinfo, *, last: bool) -> datetime:
    moment = now.astimezone(UTC)
    if found["sign"]:
        shift = int(found["count"]) * _UNITS[found["unit"]]
        moment = moment + shift if found["sign"] == "+" else moment - shift
    if found["rounded"]:
        local = moment.astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if last:
            tomorrow = (midnight + timedelta(days=1)).replace(fold=0)
            return tomorrow.astimezone(UTC) - timedelta(milliseconds=1)
        return midnight.astimezone(UTC)
    return moment
