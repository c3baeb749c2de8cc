from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.errors import RowRejected, UnreadableInput
from producers.icalendar.calendars import Block, find_uid, split_calendar
from producers.icalendar.events import Event, parse_event, read_zones
from producers.icalendar.recurrence import MOST, Window, expand
from producers.web import fetch, open_client

PARIS, UTC_ZONE = ZoneInfo("Europe/Paris"), ZoneInfo("UTC")
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
YEAR = Window(NOON - timedelta(days=30), NOON + timedelta(days=335))
START = "DTSTART;TZID=Europe/Paris:20261001T090000"


def block(*lines: str, uid: str = "UID:a@x") -> Block:
    return Block(1, "".join(line + "\r\n" for line in ("BEGIN:VEVENT", uid, *lines, "END:VEVENT") if line))


def event(*lines: str, length: str = "DURATION:PT1H") -> Event:
    return parse_event(block(*lines, length), PARIS)


def starts(one: Event, window: Window = YEAR) -> list[str]:
    return [occurrence.starts.isoformat() for occurrence in expand(one, window)]


def test_a_series_keeps_its_hour_when_the_clocks_change() -> None:
    window = Window(datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    series = event(START, "RRULE:FREQ=WEEKLY;BYDAY=TH")
    assert starts(series, window) == ["2026-10-22T09:00:00+02:00", "2026-10-29T09:00:00+01:00"]


def test_a_series_in_utc_does_not() -> None:
    window = Window(datetime(2026, 10, 20, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
    series = event("DTSTART:20261001T070000Z", "RRULE:FREQ=WEEKLY")
    assert [one.starts.astimezone(PARIS).hour for one in expand(series, window)] == [9, 8]


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20261112T080000Z", "2026-11-12"),
        ("20261112T075959Z", "2026-11-05"),
        ("20261112T090000", "2026-11-12"),
        ("20261112", "2026-11-12"),
    ],
)
def test_until_is_read_in_every_form(until: str, last: str) -> None:
    series = event(START, f"RRULE:FREQ=WEEKLY;UNTIL={until}")
    assert starts(series)[-1].startswith(last)


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        (("RRULE:FREQ=DAILY;COUNT=3",), [1, 2, 3]),
        (("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Europe/Paris:20261202T090000"), [1, 3]),
        (("RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261202T080000Z"), [1, 3]),
        (("RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20261202,20261203"), [1]),
        (("RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261202T090000"), [1, 3]),
        (("RRULE:FREQ=DAILY;COUNT=2", "RDATE;TZID=Europe/Paris:20261209T090000"), [1, 2, 9]),
        (("RDATE;TZID=Europe/Paris:20261209T090000",), [1, 9]),
        (("RRULE:FREQ=MONTHLY;BYDAY=1TU;COUNT=1",), [1]),
        (("RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=DAILY;INTERVAL=4;COUNT=2"), [1, 2, 5]),
        ((), [1]),
    ],
)
def test_rules_dates_added_and_dates_left_out_make_a_series(lines: tuple[str, ...], days: list[int]) -> None:
    series = event("DTSTART;TZID=Europe/Paris:20261201T090000", *lines)
    assert [one.starts.day for one in expand(series, YEAR)] == days


def test_a_whole_day_lasts_until_midnight_even_when_the_clocks_change() -> None:
    one = event("DTSTART;VALUE=DATE:20261025", length="")
    window = Window(datetime(2026, 10, 1, tzinfo=UTC), NOON)
    (occurrence,) = expand(one, window)
    assert (occurrence.starts.isoformat(), occurrence.ends.isoformat()) == (
        "2026-10-25T00:00:00+02:00",
        "2026-10-26T00:00:00+01:00",
    )
    assert occurrence.duration == timedelta(hours=25)


def test_an_event_by_its_two_ends_lasts_what_passes_between_them() -> None:
    one = event("DTSTART;TZID=Europe/Paris:20261025T013000", length="DTEND;TZID=Europe/Paris:20261025T033000")
    (occurrence,) = expand(one, Window(datetime(2026, 10, 1, tzinfo=UTC), NOON))
    assert occurrence.duration == timedelta(hours=3)


def test_an_hour_that_lasts_over_the_change_of_clocks_is_an_hour() -> None:
    one = event("DTSTART;TZID=Europe/Paris:20261025T023000")
    (occurrence,) = expand(one, Window(datetime(2026, 10, 1, tzinfo=UTC), NOON))
    assert occurrence.duration == timedelta(hours=1)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.integers(1, 5),
    st.sampled_from(["", ";COUNT=7", ";UNTIL=20270301", ";BYDAY=MO,TH"]),
    st.integers(0, 364),
)
def test_a_window_holds_what_its_two_parts_hold(frequency: str, interval: int, end: str, days: int) -> None:
    series = event(START, f"RRULE:FREQ={frequency};INTERVAL={interval}{end}")
    middle = YEAR.first + timedelta(days=days, minutes=17)
    parts = [*expand(series, Window(YEAR.first, middle)), *expand(series, Window(middle, YEAR.last))]
    assert sorted({*parts}, key=lambda one: one.starts) == expand(series, YEAR)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("DTSTART:2026",), "malformed"),
        (("DTEND:20261201T090000Z",), "DTSTART is missing"),
        ((START, START), "twice"),
        ((START, "EXRULE:FREQ=DAILY"), "EXRULE"),
        ((START, "RECURRENCE-ID;RANGE=THISANDFUTURE:20261201T090000Z"), "THISANDFUTURE"),
        (("DTSTART;TZID=Nowhere:20261201T090000",), "time zone"),
        (("DTSTART;VALUE=DATE:20261201", "DTEND:20261202T090000Z"), "one kind"),
        ((START, "DURATION:PT1H", "RDATE;VALUE=PERIOD:20261201T090000Z/PT1H"), "neither a date"),
        ((START, "DURATION:PT1H", "EXDATE:20261301"), "EXDATE is malformed"),
        ((START, "DURATION:-PT1H"), "does not last"),
    ],
)
def test_an_event_that_cannot_be_read_is_rejected(lines: tuple[str, ...], reason: str) -> None:
    with pytest.raises(RowRejected, match=reason):
        parse_event(block(*lines), PARIS)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=HOURLY", "more often"),
        ("COUNT=3", "without a frequency"),
        ("FREQ=SOMETIMES", "without a frequency"),
        ("FREQ=DAILY;BYDAY=XX", "malformed"),
        ("FREQ=DAILY;INTERVAL=0", "interval of 0"),
        ("FREQ=DAILY;RSCALE=HEBREW", "Gregorian"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))), f"more than {MOST}"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_rejected(rule: str, reason: str) -> None:
    with pytest.raises(RowRejected, match=reason):
        expand(event(START, f"RRULE:{rule}"), YEAR)


FIELD = st.sampled_from(["DTSTART", "DTEND", "RRULE", "EXDATE;TZID=X", "RDATE", "DURATION", "RECURRENCE-ID", "SUMMARY"])
VALUE = st.text(st.sampled_from("0123456789TZPHW=;,:/-FREQUNTIL"), max_size=20)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(FIELD, VALUE), max_size=4))
def test_whatever_an_event_holds_it_is_read_or_rejected(fields: list[tuple[str, str]]) -> None:
    text = block(START, "DURATION:PT1H", *(f"{name}:{value}" for name, value in fields))
    with suppress(RowRejected):
        expand(parse_event(text, PARIS), YEAR)


CALENDAR = "BEGIN:VCALENDAR\r\n{}END:VCALENDAR\r\n"


def test_people_are_dropped_before_anything_is_parsed() -> None:
    people = ("ORGANIZER;CN=Zoé:mailto:z@example.org", "ATTENDEE:mailto:a@\r\n example.org", "DESCRIPTION:Zoé")
    alarm = ("BEGIN:VALARM", "SUMMARY:Zoé", "END:VALARM")
    text = CALENDAR.format("".join(f"{line}\r\n" for line in ("BEGIN:VEVENT", "UID:1", *people, *alarm, "END:VEVENT")))
    (one,) = split_calendar(text, "a.ics").events
    assert one == Block(2, "BEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cut short"),
        ("Nom;Salle\r\n", "no calendar"),
        (CALENDAR.format("BEGIN:VEVENT\r\nUID:1\r\n"), "no calendar: line 4"),
        (CALENDAR.format("METHOD:REQUEST\r\n"), "single events"),
        (CALENDAR.format("")[:-16], "cut short"),
    ],
)
def test_what_is_no_whole_calendar_is_refused(text: str, told: str) -> None:
    with pytest.raises(UnreadableInput, match=told):
        split_calendar(text, "a.ics")


@given(st.integers(0, 200))
def test_a_calendar_cut_anywhere_is_refused(size: int) -> None:
    text = CALENDAR.format(block(START).text)
    cut = text[: min(size, len(text) - 3)]
    with pytest.raises(UnreadableInput):
        split_calendar(cut, "a.ics")


def test_the_uid_of_a_broken_event_is_found_where_it_is_folded_too() -> None:
    assert find_uid(block("DTSTART:x", uid="uid:ab\r\n c@x")) == "abc@x"
    assert find_uid(block("DTSTART:x", uid="")) is None


def test_a_calendar_s_own_time_zone_is_forgotten_with_the_calendar() -> None:
    offset = "TZOFFSETFROM:+0500\r\nTZOFFSETTO:+0500\r\n"
    zone = f"BEGIN:VTIMEZONE\r\nTZID:Ours\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\n{offset}END:STANDARD\r\n"
    read_zones(CALENDAR.format(f"{zone}END:VTIMEZONE\r\n"), "a.ics")
    ours = block("DTSTART;TZID=Ours:20261201T090000", "DURATION:PT1H")
    assert parse_event(ours, PARIS).starts.instant.astimezone(UTC).hour == 4
    read_zones(CALENDAR.format(""), "b.ics")
    with pytest.raises(RowRejected, match="time zone"):
        parse_event(ours, PARIS)


def test_texts_are_unfolded_and_unescaped_and_parameters_may_hold_colons() -> None:
    lines = (START, "DURATION:PT1H", 'LOCATION;ALTREP="http://x:80/a":Salle\\, \\n1\\; b\r\n âtiment', "SUMMARY:a\\\\n")
    one = parse_event(block(*lines), PARIS)
    assert (one.location, one.summary) == ("Salle, 1; bâtiment", "a\\n")


@pytest.mark.parametrize("zone", ["Romance Standard Time", '"Europe/Paris"', "/citadel.org/20210101_1/Europe/Paris"])
def test_a_time_zone_is_known_by_any_of_its_names(zone: str) -> None:
    one = parse_event(block(f"DTSTART;TZID={zone}:20261201T090000", "DURATION:PT1H"), UTC_ZONE)
    assert one.starts.instant.astimezone(UTC).hour == 8


def test_a_whole_day_s_key_is_its_date() -> None:
    series = event("DTSTART;VALUE=DATE:20261201", "RRULE:FREQ=DAILY;COUNT=2", length="")
    assert [one.key for one in expand(series, YEAR)] == [date(2026, 12, day).isoformat() for day in (1, 2)]


def answering(status: int, body: bytes = b"") -> httpx.MockTransport:
    return httpx.MockTransport(lambda request: httpx.Response(status, content=body))


@pytest.mark.parametrize(
    ("transport", "told"),
    [(answering(404), "example.org answered 404"), (answering(200, b"x" * 2_000_000), "more than 1 MB")],
)
def test_an_answer_that_is_no_use_is_told_by_its_host_alone(transport: httpx.MockTransport, told: str) -> None:
    with (
        open_client(transport=transport) as client,
        pytest.raises(UnreadableInput, match=told) as caught,
    ):
        fetch(client, "https://user:pass@example.org/private-secret/basic.ics", largest=1024 * 1024)
    assert not any(word in str(caught.value) for word in ("secret", "pass"))


def test_an_address_that_nothing_listens_on_is_told(free_port: int) -> None:
    with open_client() as client, pytest.raises(UnreadableInput, match="cannot be read"):
        fetch(client, f"http://127.0.0.1:{free_port}/secret.ics")
