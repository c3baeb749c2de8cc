"""Bookings of rooms: GRR's table, exported at the end of each month, and calendars of the amphitheatres.

Each session books its room; others book rooms too. A booking changes when its session does. What a month's export does
not show (a booking made and withdrawn within the month) nobody is told.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from producers.simulation.year.attendance import SessionDay
from producers.simulation.year.calendar import Calendar, Span
from producers.simulation.year.people import Room
from producers.simulation.year.world import Table, World

OPENING: Final = 9 * 3600
"""Seconds for which a room can be used on a working day: what its use rate is measured against."""
SERIES: Final = 12
"""Weeks of the series of meetings in a calendar: each of its times is a booking."""

_EXPORT: Final = Table(
    (
        "id", "start_time", "end_time", "name", "statut_entry", "moderate", "supprimer", "timestamp",
        "room_name", "capacity", "area_name", "enable_periods",
    ),
    quoting=csv.QUOTE_ALL,
)  # fmt: skip
_STAMP: Final = "%Y%m%dT%H%M%S"


class Version(NamedTuple):
    """A booking from a day on; None where it is withdrawn."""

    since: int
    room: Room
    span: Span | None


class Booking(NamedTuple):
    """A room booked for one span of a session ('' for another purpose), or not granted, as it came to be."""

    number: int
    title: str
    session: str
    versions: tuple[Version, ...]
    granted: bool = True

    def at(self, day: int) -> Version | None:
        """Return how the booking stands on a day, None before it was made."""
        known = [version for version in self.versions if version.since <= day]
        return known[-1] if known else None


class Bookings:
    """Both systems: which of them books a room is the room's own."""

    def __init__(self, world: World) -> None:
        self._world = world
        booked = [*_book_sessions(world), *_book_others(world)]
        self._bookings = [one._replace(number=number) for number, one in enumerate(booked, start=1)]
        self._told: dict[int, tuple[str, Span] | None] = {}

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:  # noqa: ARG002 - rooms are booked before
        """Write the export and the calendar where a month ends with a day."""
        calendar = self._world.calendar
        if day + 1 == calendar.days or calendar.date_of(day).month != calendar.date_of(day + 1).month:
            self._export(day)
            self._publish(day)

    def close(self) -> None:
        """Add up for how long each kind of rooms was booked within the days that were simulated."""
        calendar, tally = self._world.calendar, self._world.tally
        first, last = calendar.at(0, 0), calendar.at(calendar.days, 0)
        for one in self._bookings:
            version = one.at(calendar.days - 1)
            if one.granted and version and version.span and first <= version.span[0] < last:
                tally.booked[version.room.kind] += version.span[1] - version.span[0]
        for begin, end, room in _list_series(self._world):
            if first <= begin < last:
                tally.booked[room.kind] += end - begin

    def _export(self, day: int) -> None:
        rows: list[Sequence[object]] = []
        count = self._world.tally.sources["grr"]
        for one in self._list(day, in_grr=True):
            version = one.at(day)
            if version is None:
                continue
            rows.append(_tell_entry(one, version, self._world.calendar))
            count.statements += self._count_changes(one, version)
        rows.append((999_999, "demain", "", "Réunion", "-", 0, 0, "", "Salle", 12, "Salles de formation", "n"))
        count.rejected += 1
        count.rows += len(rows)
        path = self._world.directory / "grr" / f"reservations_{self._world.calendar.date_of(day)}.csv"
        _EXPORT.append(path, rows)

    def _publish(self, day: int) -> None:
        """Write the calendar of the amphitheatres: events of single bookings, and a series."""
        calendar, count = self._world.calendar, self._world.tally.sources["icalendar"]
        lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Institut//Amphitheatres//FR", "METHOD:PUBLISH"]
        events = 1
        for one in self._list(day, in_grr=False):
            version = one.at(day)
            if version is None:
                continue
            events += 1
            lines += _tell_event(one, version, calendar)
            count.statements += self._count_changes(one, version)
        series = list(_list_series(self._world))
        begin, end, room = series[0]
        lines += [
            "BEGIN:VEVENT",
            "UID:comite@salles.example.org",
            f"DTSTAMP:{_utc(begin - 86_400)}",
            f"DTSTART;TZID=Europe/Paris:{calendar.local(begin):{_STAMP}}",
            f"DTEND;TZID=Europe/Paris:{calendar.local(end):{_STAMP}}",
            f"RRULE:FREQ=WEEKLY;COUNT={SERIES}",
            "SUMMARY:Comité de direction",
            f"LOCATION:{room.name}",
            "ORGANIZER;CN=Direction:mailto:direction@institut.example.org",
            "END:VEVENT",
            # Rubbish: an event that ends before it begins.
            "BEGIN:VEVENT",
            "UID:rebut@salles.example.org",
            f"DTSTART:{_utc(end)}",
            f"DTEND:{_utc(begin)}",
            "SUMMARY:À l'envers",
            f"LOCATION:{room.name}",
            "END:VEVENT",
            "END:VCALENDAR",
        ]
        if count.rows == 0:
            count.statements += len(series)
        count.rows += events + 1
        count.rejected += 1
        # The same name each month: a calendar is known again by it.
        path = self._world.directory / "icalendar" / str(calendar.date_of(day)) / "amphitheatres.ics"
        path.parent.mkdir(parents=True)
        path.write_text("\r\n".join(lines) + "\r\n", encoding="utf-8", newline="")

    def _list(self, day: int, *, in_grr: bool) -> Iterator[Booking]:
        for one in self._bookings:
            version = one.at(day)
            if version and version.room.in_grr is in_grr:
                yield one

    def _count_changes(self, one: Booking, version: Version) -> int:
        """Count the statements by which a reader of all exports is told of a booking's state."""
        now = (version.room.name, version.span) if one.granted and version.span else None
        before = self._told.get(one.number)
        self._told[one.number] = now
        return 0 if now == before else (before is not None) + (now is not None)


def _book_sessions(world: World) -> Iterator[Booking]:
    for session in world.plan.sessions:
        for place in range(len(session.final.rows)):
            versions = [
                Version(one.since, one.room, one.rows[place]) for one in session.versions if one.room is not None
            ]
            if not versions:
                continue
            if session.cancelled is not None:
                versions.append(versions[-1]._replace(since=session.cancelled, span=None))
            yield Booking(0, session.module.name, session.id, tuple(versions))


def _book_others(world: World) -> Iterator[Booking]:
    """Yield meetings, which take rooms early or late in the day; some are never granted, some are withdrawn."""
    rng = world.draw("meetings", 0)
    rooms, calendar = world.institute.rooms, world.calendar
    for number in range(max(6, calendar.days)):
        day = int(rng.integers(calendar.days))
        room = rooms[int(rng.integers(len(rooms)))]
        begin = calendar.at(day, 17 * 60 + 30)
        made = Version(day - int(rng.integers(2, 30)), room, (begin, begin + 5400))
        versions = [made]
        if number % 9 == 4:  # noqa: PLR2004 - some are withdrawn
            versions.append(made._replace(since=day - 1, span=None))
        elif number % 9 == 7:  # noqa: PLR2004 - some last longer than was thought
            versions.append(made._replace(since=day - 1, span=(begin, begin + 7200)))
        yield Booking(0, "Réunion de service", "", tuple(versions), granted=number % 11 != 3 or not room.in_grr)  # noqa: PLR2004


def _list_series(world: World) -> Iterator[tuple[int, int, Room]]:
    """Yield the times of the weekly committee: Mondays before everything else."""
    room = next(one for one in world.institute.rooms if not one.in_grr)
    monday = -world.calendar.first.weekday() % 7
    for week in range(SERIES):
        day = monday + 7 * week
        yield world.calendar.at(day, 7 * 60 + 30), world.calendar.at(day, 8 * 60 + 15), room


def _tell_entry(one: Booking, version: Version, calendar: Calendar) -> Sequence[object]:
    span = version.span or _last_span(one)
    title = f"{one.title} [{one.session}]" if one.session else one.title
    changed = f"{calendar.date_of(version.since)} 07:15:00"
    moderate = 2 if one.number % 5 == 0 else 0
    return (
        one.number,
        *span,
        title,
        "-",
        moderate if one.granted else 1,
        int(version.span is None),
        changed,
        version.room.name,
        version.room.capacity,
        version.room.kind.value,
        "n",
    )


def _tell_event(one: Booking, version: Version, calendar: Calendar) -> Iterable[str]:
    begin, end = version.span or _last_span(one)
    title = f"{one.title} [{one.session}]" if one.session else one.title
    changed = calendar.at(version.since, 7 * 60 + 15)
    return (
        "BEGIN:VEVENT",
        f"UID:{one.number}@salles.example.org",
        f"DTSTAMP:{_utc(changed)}",
        f"LAST-MODIFIED:{_utc(changed)}",
        f"DTSTART;TZID=Europe/Paris:{calendar.local(begin):{_STAMP}}",
        f"DTEND;TZID=Europe/Paris:{calendar.local(end):{_STAMP}}",
        f"SUMMARY:{title}".replace(",", "\\,"),
        f"LOCATION:{version.room.name}",
        "ATTENDEE;CN=Secrétariat:mailto:secretariat@institut.example.org",
        f"STATUS:{'CONFIRMED' if version.span else 'CANCELLED'}",
        "END:VEVENT",
    )


def _last_span(one: Booking) -> Span:
    return [version.span for version in one.versions if version.span][-1]


def _utc(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant, UTC):{_STAMP}}Z"
