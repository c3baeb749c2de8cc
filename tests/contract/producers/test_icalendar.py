"""Calendars of rooms, as booking systems export them, to the statements that we promise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from producers.errors import UnreadableInput
from producers.icalendar import Bookings, ICalendarSource
from producers.icalendar.recurrence import Window
from producers.rows import Milestone
from producers.web import open_client
from tests.contract.producers.reading import EXAMPLES, NAMING, PARIS, outline, read, reasons, run_all
from xapi_profiles.vocabulary import Category, Extension

CALENDARS = EXAMPLES / "icalendar"
MONDAY = datetime(2026, 11, 23, 7, 30, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(days=1)


def calendars(*addresses: str | Path, at: datetime = MONDAY, days: int = 365, room: str = "") -> ICalendarSource:
    window = Window(at - timedelta(days=7), at + timedelta(days=days))
    paths = [str(one) if "://" in str(one) else str(CALENDARS / one) for one in addresses]
    return ICalendarSource(paths, Bookings(PARIS, window, room), open_client(), at=at)


def planned(statements: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Verb, room, planned start and duration."""
    return [
        (
            line[2],
            line[3].removeprefix("/rooms/"),
            one["context"]["extensions"][Extension.PLANNED_START_TIME].removesuffix(":00+01:00"),
            one["context"]["extensions"].get(Extension.PLANNED_DURATION, ""),
        )
        for one, line in zip(statements, outline(statements), strict=True)
    ]


ELISE, JEAN, SIMULATION = "salle-elise-freinet", "amphitheatre-jean-zay", "salle-simulation"
FIRST = [
    ("schedule", ELISE, "2026-11-25T09:00", "PT3H"),
    # A series by its calendar's own time zone: Thursdays, one moved, one cancelled, one left out, one added.
    ("schedule", SIMULATION, "2026-11-19T09:00", "PT2H"),
    ("schedule", SIMULATION, "2026-11-27T14:00", "PT2H"),
    ("schedule", SIMULATION, "2026-12-17T09:00", "PT2H"),
    ("schedule", JEAN, "2026-11-26T10:00", "PT2H"),
    # A whole day, in two rooms.
    ("schedule", JEAN, "2026-11-30T00:00", "PT24H"),
    ("schedule", ELISE, "2026-11-30T00:00", "PT24H"),
    # Of no time zone: the tenant's.
    ("schedule", SIMULATION, "2026-12-01T09:00", "PT1H"),
]


def without_the_unnamed(tmp_path: Path) -> Path:
    """Monday's calendar without the event that has no UID: with it, nothing is certain enough to vanish."""
    text = (CALENDARS / "monday.ics").read_bytes().decode()
    last = text.rindex("BEGIN:VEVENT")
    path = tmp_path / "salles.ics"
    path.write_bytes((text[:last] + "END:VCALENDAR\r\n").encode())
    return path


def tuesday(tmp_path: Path) -> Path:
    path = tmp_path / "tuesday" / "salles.ics"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((CALENDARS / "tuesday.ics").read_bytes())
    return path


def test_events_become_bookings_of_their_rooms() -> None:
    statements, _ = read(calendars("monday.ics"))
    assert planned(statements) == FIRST
    first = statements[0]
    assert first["actor"]["account"] == {"homePage": NAMING.system("icalendar"), "name": "icalendar"}
    assert first["timestamp"] == "2026-11-20T09:00:00.000Z"
    assert first["context"]["contextActivities"]["category"] == [{"id": Category.ROOMS}]
    assert first["context"]["contextActivities"]["parent"][0]["id"] == NAMING.session("S100")
    assert statements[1]["timestamp"] == "2026-11-23T07:30:00.000Z"


def test_broken_events_are_rejected_with_their_reasons() -> None:
    _, rejected = read(calendars("monday.ics"))
    assert sorted(reasons(rejected)) == [
        ("monday.ics", 91, "DTSTART is malformed."),
        ("monday.ics", 98, "The time zone of DTSTART is unknown."),
        ("monday.ics", 104, "A rule repeats more often than daily, or without a frequency: it is not supported."),
        ("monday.ics", 111, "The event does not last: DTEND is missing or not after DTSTART."),
        ("monday.ics", 117, "UID is missing."),
    ]
    assert not any("academie.example.org" in one.raw for one in rejected)


def test_what_changed_is_cancelled_and_scheduled_anew(tmp_path: Path) -> None:
    sources = [calendars(without_the_unnamed(tmp_path)), calendars(tuesday(tmp_path), at=TUESDAY)]
    sink, _ = run_all(tmp_path, sources)
    assert planned(sink.statements) == [
        *FIRST,
        ("cancel", ELISE, "2026-11-25T09:00", ""),
        ("schedule", ELISE, "2026-11-25T10:00", "PT2H"),
        ("cancel", JEAN, "2026-11-30T00:00", ""),
        ("cancel", ELISE, "2026-11-30T00:00", ""),
        # The moved Thursday is left out of its series now.
        ("cancel", JEAN, "2026-11-26T10:00", ""),
    ]
    assert sink.statements[8]["timestamp"] == "2026-11-24T07:30:00.000Z", "no later than it was seen"


def test_the_same_calendar_twice_sends_nothing_more(tmp_path: Path) -> None:
    sources = [calendars("monday.ics"), calendars("monday.ics"), calendars("monday.ics", at=TUESDAY)]
    _, reports = run_all(tmp_path, sources)
    assert [(one.sent, one.skipped) for one in reports] == [(8, 0), (0, 0), (0, 0)]


def test_a_calendar_that_was_cut_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    whole = without_the_unnamed(tmp_path)
    run_all(tmp_path, [calendars(whole)])
    whole.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(UnreadableInput, match="cut short"):
        run_all(tmp_path, [calendars(whole)])


def test_a_calendar_that_is_not_given_keeps_its_bookings(tmp_path: Path) -> None:
    whole, other = without_the_unnamed(tmp_path), tmp_path / "autre.ics"
    other.write_bytes(b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")
    _, reports = run_all(tmp_path, [calendars(whole), calendars(other), calendars(whole)])
    assert [one.sent for one in reports] == [8, 0, 0]


def test_a_shorter_window_withdraws_nothing(tmp_path: Path) -> None:
    whole = without_the_unnamed(tmp_path)
    _, reports = run_all(tmp_path, [calendars(whole), calendars(whole, days=2), calendars(whole)])
    assert [one.sent for one in reports] == [8, 0, 0]


def test_the_bookings_of_an_event_that_broke_are_not_withdrawn(tmp_path: Path) -> None:
    whole = without_the_unnamed(tmp_path)
    run_all(tmp_path, [calendars(whole)])
    whole.write_bytes(whole.read_bytes().replace(b";BYDAY=TH", b";BYDAY=TODAY"))
    sink, (report,) = run_all(tmp_path, [calendars(whole)])
    assert sink.statements == []
    assert report.reasons["Another part of this series could not be read."] == 2


def test_a_room_s_own_calendar_names_the_room_once(tmp_path: Path) -> None:
    path = tmp_path / "salle.ics"
    path.write_bytes((CALENDARS / "monday.ics").read_bytes().replace(b"\r\nLOCATION:Salle Simulation", b""))
    statements, _ = read(calendars(path, room="Salle 12"))
    assert {line[1] for line in planned(statements)} == {ELISE, JEAN, "salle-12"}


@contextmanager
def serving(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/private-1234/basic.ics"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(body if found else b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_calendar_is_read_at_its_address_which_is_kept_nowhere() -> None:
    with serving((CALENDARS / "monday.ics").read_bytes()) as base:
        source = calendars(f"{base}/private-1234/basic.ics")
        statements, rejected = read(source)
        *_, last = calendars(f"{base}/private-1234/basic.ics").read(None)
        assert isinstance(last, Milestone)
    assert planned(statements) == FIRST
    assert {one.place.file for one in rejected} == {"127.0.0.1 (1)"}
    assert "private" not in str(last.state)


def test_an_address_that_has_no_calendar_is_told_without_it() -> None:
    with serving(b"") as base, pytest.raises(UnreadableInput, match="answered 404") as caught:
        read(calendars(f"{base}/private-5678/basic.ics"))
    assert "private" not in str(caught.value)
