"""What an event of a calendar says (RFC 5545), of all that it may say the little that makes a booking.

Dates, durations and time zones are read by the library icalendar, value by value: it takes twice as long for an event.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from producers.errors import RowRejected, UnreadableInput
from producers.icalendar.calendars import Block, read_properties

_PARAMETER = re.compile(r';([A-Za-z0-9-]+)=("[^"]*"|[^;]*)')
_ESCAPED = re.compile(r"\\(.)")


class Moment(NamedTuple):
    """A date-time, or a whole day: the clock's time, and the zone that the clock stands in."""

    wall: datetime
    zone: tzinfo
    whole_day: bool

    @property
    def instant(self) -> datetime:
        """The moment as an aware datetime."""
        return self.wall.replace(tzinfo=self.zone)

    @property
    def key(self) -> str:
        """What names an occurrence: its day, or its instant in UTC."""
        return self.wall.date().isoformat() if self.whole_day else self.instant.astimezone(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Event:
    """An event. `rules` are RRULEs as text; `recurrence` names the occurrence of a series that this one replaces."""

    uid: str
    starts: Moment
    length: timedelta
    summary: str
    location: str
    cancelled: bool
    changed: datetime | None
    rules: Sequence[str] = ()
    added: Sequence[Moment] = ()
    left_out: Sequence[Moment] = ()
    recurrence: Moment | None = None


class _Value(NamedTuple):
    parameters: Mapping[str, str]
    text: str


_Found = Mapping[str, Sequence[_Value]]


def read_zones(zones: str, name: str) -> None:
    """Make a calendar's own time zones known to `parse_event`, and forget those of the last one.

    Raises UnreadableInput.
    """
    import icalendar  # noqa: PLC0415 - slow to load, and only used here

    icalendar.use_zoneinfo()  # type: ignore[no-untyped-call]
    try:
        icalendar.Calendar.from_ical(zones)
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise UnreadableInput(f"A time zone (VTIMEZONE) of {name} is malformed.") from error


def parse_event(block: Block, zone: ZoneInfo) -> Event:
    """Return what an event says; times of no zone are in `zone`. Raises RowRejected."""
    found: dict[str, list[_Value]] = {}
    for one in read_properties(block.text):
        found.setdefault(one.name, []).append(_Value(_read_parameters(one.head), one.value.strip()))
    uid = _text(found, "UID")
    if not uid:
        raise RowRejected("UID is missing.")
    if "EXRULE" in found:
        raise RowRejected("EXRULE is not supported: it is of the old form of iCalendar.")
    if any("RANGE" in one.parameters for one in found.get("RECURRENCE-ID", ())):
        raise RowRejected("RANGE=THISANDFUTURE is not supported: split the series in the calendar.")
    starts = _moment(found, "DTSTART", zone)
    if starts is None:
        raise RowRejected("DTSTART is missing.")
    changed = _moment(found, "LAST-MODIFIED", zone) or _moment(found, "CREATED", zone)
    return Event(
        uid,
        starts,
        _length(found, starts, zone),
        _text(found, "SUMMARY"),
        _text(found, "LOCATION"),
        _text(found, "STATUS").upper() == "CANCELLED",
        changed.instant if changed else None,
        [one.text for one in found.get("RRULE", ())],
        list(_moments(found, "RDATE", zone)),
        list(_moments(found, "EXDATE", zone)),
        _moment(found, "RECURRENCE-ID", zone),
    )


def _length(found: _Found, starts: Moment, zone: ZoneInfo) -> timedelta:
    """Return how long an event lasts: of whole days, days by the calendar."""
    ends, duration = _moment(found, "DTEND", zone), _single(found, "DURATION")
    if ends is not None and ends.whole_day != starts.whole_day:
        raise RowRejected("DTSTART and DTEND are not of one kind.")
    length: object = timedelta(days=1) if starts.whole_day else timedelta(0)
    if ends is not None and starts.whole_day:
        length = ends.wall - starts.wall
    elif ends is not None:
        length = ends.instant.astimezone(UTC) - starts.instant.astimezone(UTC)
    elif duration is not None:
        length = _read_value(duration.text, "", "DURATION")
    if not isinstance(length, timedelta) or length <= timedelta(0):
        raise RowRejected("The event does not last: DTEND is missing or not after DTSTART.")
    return length


def _moment(found: _Found, name: str, zone: ZoneInfo) -> Moment | None:
    value = _single(found, name)
    return None if value is None else _to_moment(value, value.text, name, zone)


def _moments(found: _Found, name: str, zone: ZoneInfo) -> Iterator[Moment]:
    for value in found.get(name, ()):
        for text in value.text.split(","):
            yield _to_moment(value, text, name, zone)


def _to_moment(value: _Value, text: str, name: str, zone: ZoneInfo) -> Moment:
    tzid = value.parameters.get("TZID", "")
    moment = _read_value(text, tzid, name)
    if isinstance(moment, datetime):
        if moment.tzinfo is not None:
            return Moment(moment.replace(tzinfo=None), moment.tzinfo, whole_day=False)
        if tzid:
            raise RowRejected(f"The time zone of {name} is unknown.")
        return Moment(moment, zone, whole_day=False)
    if isinstance(moment, date):
        return Moment(datetime.combine(moment, time()), zone, whole_day=True)
    raise RowRejected(f"{name} is neither a date nor a date-time.")


def _read_value(text: str, tzid: str, name: str) -> object:
    """Return a date, a date-time, a duration or whatever else a text is. Raises RowRejected."""
    from icalendar.prop import vDDDTypes  # noqa: PLC0415 - slow to load, and only used here

    try:
        if not tzid.startswith("/"):
            return vDDDTypes.from_ical(text, tzid or None)  # type: ignore[no-untyped-call]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the zone's name had to be guessed
            return vDDDTypes.from_ical(text, tzid)  # type: ignore[no-untyped-call]
    except (ValueError, OverflowError) as error:
        raise RowRejected(f"{name} is malformed.") from error


def _read_parameters(head: str) -> dict[str, str]:
    return {name.upper(): value.strip('"') for name, value in _PARAMETER.findall(head)}


def _single(found: _Found, name: str) -> _Value | None:
    values = found.get(name, ())
    if len(values) > 1:
        raise RowRejected(f"{name} is there twice.")
    return values[0] if values else None


def _text(found: _Found, name: str) -> str:
    value = found.get(name)
    return " ".join(_ESCAPED.sub(_unescape, value[0].text).split()) if value else ""


def _unescape(match: re.Match[str]) -> str:
    return " " if match[1] in "nN" else match[1]
