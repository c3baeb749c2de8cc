"""When an event takes place within a window: its series expanded, by the clock of its own time zone."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from producers.errors import RowRejected
from producers.icalendar.events import Event, Moment

MOST: Final = 5_000
"""Occurrences that one event may have within the window."""

_FREQUENCIES: Final = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})
_DAY: Final = timedelta(days=1)


class Window(NamedTuple):
    """What is looked at: everything that ends after `first` and starts before `last`, both aware."""

    first: datetime
    last: datetime


class Occurrence(NamedTuple):
    """One time that an event takes place: its key within the series ('' outside of one), and from when to when."""

    key: str
    starts: datetime
    ends: datetime

    @property
    def duration(self) -> timedelta:
        """How long it takes, even over a change of clocks."""
        return self.ends.astimezone(UTC) - self.starts.astimezone(UTC)


def expand(event: Event, window: Window, replaced: Collection[Moment] = ()) -> list[Occurrence]:
    """Return the occurrences of an event within the window, without those that others replace. Raises RowRejected."""
    if event.recurrence is not None:
        return _within(_occur(event, event.starts, event.recurrence.key), window)
    if not event.rules and not event.added:
        return _within(_occur(event, event.starts, ""), window)
    out = [*event.left_out, *replaced]
    days = {moment.wall.date() for moment in out if moment.whole_day}
    instants = {moment.instant.astimezone(UTC) for moment in out if not moment.whole_day}
    found: dict[str, Occurrence] = {}
    for moment in (event.starts, *event.added, *_by_rules(event, window)):
        if moment.wall.date() in days or (not moment.whole_day and moment.instant.astimezone(UTC) in instants):
            continue
        for one in _within(_occur(event, moment, moment.key), window):
            found[one.key] = one
        if len(found) > MOST:
            raise RowRejected(f"The event takes place more than {MOST} times within the window.")
    return sorted(found.values(), key=lambda one: one.starts)


def _occur(event: Event, moment: Moment, key: str) -> Occurrence:
    starts = moment.instant
    if moment.whole_day:
        return Occurrence(key, starts, moment._replace(wall=moment.wall + event.length).instant)
    return Occurrence(key, starts, (starts.astimezone(UTC) + event.length).astimezone(moment.zone))


def _within(one: Occurrence, window: Window) -> list[Occurrence]:
    return [one] if one.starts < window.last and one.ends > window.first else []


def _by_rules(event: Event, window: Window) -> Iterator[Moment]:
    """Yield the moments of the rules around the window: the clock's time is what a rule repeats."""
    zone = event.starts.zone
    first = window.first.astimezone(zone).replace(tzinfo=None) - event.length - _DAY
    last = window.last.astimezone(zone).replace(tzinfo=None) + _DAY
    for text in event.rules:
        for wall in _walk(text, event.starts, last):
            if wall > last:
                break
            if wall >= first:
                yield event.starts._replace(wall=wall)


def _walk(text: str, starts: Moment, last: datetime) -> Iterator[datetime]:
    from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # noqa: PLC0415 - only used here

    parts = dict(part.split("=", 1) for part in text.upper().split(";") if "=" in part)
    if parts.get("FREQ") not in _FREQUENCIES:
        raise RowRejected("A rule repeats more often than daily, or without a frequency: it is not supported.")
    if parts.get("INTERVAL", "1").strip("0") == "" or "RSCALE" in parts:
        raise RowRejected("A rule has an interval of 0, or another calendar than the Gregorian: it is not supported.")
    until = _until(parts.pop("UNTIL", ""), starts)
    try:
        rule = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=starts.wall)
    except (ValueError, KeyError, TypeError) as error:
        raise RowRejected("A rule (RRULE) is malformed.") from error
    # A rule with a count must not have an end too; walking on is broken off then.
    if "COUNT" not in parts:
        rule = rule.replace(until=min(until or last, last))
    for wall in rule:
        if until is not None and wall > until:
            break
        yield wall


def _until(text: str, starts: Moment) -> datetime | None:
    """Return the last moment of a rule by the clock of its series."""
    if not text:
        return None
    try:
        until = datetime.fromisoformat(text)
    except ValueError as error:
        raise RowRejected("UNTIL of a rule is malformed.") from error
    if until.tzinfo is not None:
        return until.astimezone(starts.zone).replace(tzinfo=None)
    if "T" not in text and not starts.whole_day:
        return until + _DAY - timedelta(seconds=1)
    return until
