"""Calendars to bookings of rooms: what they hold within a window is compared with what they held the last time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import httpx

from producers.bookings import Booking, Reading, draft, tell
from producers.errors import RowRejected
from producers.icalendar.calendars import Block, find_uid, split_calendar
from producers.icalendar.events import Event, Moment, parse_event, read_zones
from producers.icalendar.recurrence import Window, expand
from producers.naming import Naming, derive_uuid, slug
from producers.rows import Draft, Milestone, Place, Rejected, Row
from producers.texts import decode, read_bytes
from producers.titles import SESSION_PATTERN, name_session
from producers.web import fetch, find_host

_SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Bookings:
    """How the institution's calendars book rooms.

    `room` is that of events without a LOCATION; '' means that they book none. Times of no zone are in `zone`.
    """

    zone: ZoneInfo
    window: Window
    room: str = ""
    session_pattern: str = SESSION_PATTERN


class _Calendar(NamedTuple):
    """A calendar to read: where it is, the name by which it is shown, and the key by which it is known again."""

    address: str
    name: str
    key: str


class ICalendarSource:
    """Some calendars, files or addresses (http, https, webcal), seen at the moment `at`.

    Only the bookings of calendars that are given, and start within the window, can vanish; those of an event that could
    not be read do not.
    """

    name = "icalendar"

    def __init__(
        self,
        addresses: Sequence[str],
        bookings: Bookings,
        client: httpx.Client,
        *,
        at: datetime,
        largest_loss: float = 0.5,
    ) -> None:
        self._calendars = [_name(address, number) for number, address in enumerate(addresses, start=1)]
        self._bookings, self._client = bookings, client
        self._at, self._largest_loss = at, largest_loss
        self._broken: set[str | None] = set()

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:
        """Yield every event with what it changes, then what is gone. Raises UnreadableInput or SuspiciousInput."""
        return tell(state, self._read(), may_vanish=self._may_vanish, at=self._at, largest_loss=self._largest_loss)

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return a statement per change that a row brings."""
        return [draft(naming, self.name, change) for change in row.fields]

    def _read(self) -> Iterator[Reading | Rejected]:
        for calendar in self._calendars:
            text = decode(self._fetch(calendar.address))
            parts = split_calendar(text, calendar.name)
            read_zones(parts.zones, calendar.name)
            yield from self._read_events(parts.events, calendar)

    def _fetch(self, address: str) -> bytes:
        return fetch(self._client, address) if _is_url(address) else read_bytes(Path(address))

    def _read_events(self, blocks: Sequence[Block], calendar: _Calendar) -> Iterator[Reading | Rejected]:
        events: list[tuple[Block, Event]] = []
        for block in blocks:
            try:
                events.append((block, parse_event(block, self._bookings.zone)))
            except RowRejected as rejection:
                yield self._reject(block, calendar, str(rejection))
        replaced: dict[str, list[Moment]] = {}
        for _, event in events:
            if event.recurrence is not None:
                replaced.setdefault(event.uid, []).append(event.recurrence)
        for block, event in events:
            if event.uid in self._broken:
                yield self._reject(block, calendar, "Another part of this series could not be read.")
                continue
            try:
                bookings = self._book(event, replaced.get(event.uid, ()), calendar)
            except RowRejected as rejection:
                yield self._reject(block, calendar, str(rejection))
                continue
            place = Place(calendar.name, block.line)
            if event.cancelled:
                yield Reading(place, block.text, {}, tuple(bookings))
            else:
                yield Reading(place, block.text, bookings)

    def _reject(self, block: Block, calendar: _Calendar, reason: str) -> Rejected:
        self._broken.add(find_uid(block))
        return Rejected(Place(calendar.name, block.line), reason, block.text)

    def _book(self, event: Event, replaced: Sequence[Moment], calendar: _Calendar) -> dict[str, Booking]:
        """Return the bookings of an event by key: of each of its rooms, at each time it takes place in the window."""
        rooms = [room for part in (event.location or self._bookings.room).split(";") if slug(room := part.strip())]
        if not rooms:
            return {}
        session = name_session(self._bookings.session_pattern, event.summary)
        booked = {}
        for occurrence in expand(event, self._bookings.window, replaced):
            starts = occurrence.starts.astimezone(self._bookings.zone)
            for room in rooms:
                booked[_SEPARATOR.join((event.uid, occurrence.key, slug(room)))] = Booking(
                    room,
                    starts,
                    occurrence.duration,
                    session,
                    calendar=calendar.key,
                    changed=event.changed,
                )
        return booked

    def _may_vanish(self, key: str, booking: Booking) -> bool:
        uid = key.partition(_SEPARATOR)[0]
        return (
            None not in self._broken
            and uid not in self._broken
            and booking.starts < self._bookings.window.last
            and any(calendar.key == booking.calendar for calendar in self._calendars)
        )


def _name(address: str, number: int) -> _Calendar:
    """Name a calendar without its address, which is often all that keeps it from strangers."""
    if not _is_url(address):
        name = Path(address).name
        return _Calendar(address, name, name)
    url = "https" + address.removeprefix("webcal") if address.lower().startswith("webcal:") else address
    return _Calendar(url, f"{find_host(url)} ({number})", derive_uuid("calendar", url))


def _is_url(address: str) -> bool:
    return address.lower().startswith(("http://", "https://", "webcal://"))
