"""`jalon produce icalendar`: the options of the source."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from producers.icalendar import Bookings, ICalendarSource
from producers.icalendar.recurrence import Window
from producers.rows import Source
from producers.titles import SESSION_PATTERN
from producers.web import open_client


def read_icalendar(
    setting: Setting,
    calendars: Annotated[
        list[str], typer.Argument(metavar="FILE|URL...", help="Calendars (.ics), as files or at their addresses.")
    ],
    room: Annotated[str, typer.Option(help="The room of events without a LOCATION; else they book none.")] = "",
    session_pattern: Annotated[
        str, typer.Option(help="Regular expression whose first group finds the session in a summary.")
    ] = SESSION_PATTERN,
    days_before: Annotated[int, typer.Option(min=0, max=3650, help="How many days back events are looked at.")] = 30,
    days_after: Annotated[int, typer.Option(min=1, max=3650, help="How many days ahead, series included.")] = 400,
    largest_loss: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the bookings ahead that may vanish from one run to the next.")
    ] = 0.5,
) -> Source:
    """Calendars of rooms: bookings scheduled, changed and cancelled."""
    at = datetime.now(UTC)
    window = Window(at - timedelta(days=days_before), at + timedelta(days=days_after))
    bookings = Bookings(setting.zone, window, room, session_pattern)
    return ICalendarSource(calendars, bookings, open_client(through_proxy=True), at=at, largest_loss=largest_loss)
