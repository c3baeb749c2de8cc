"""What people write for dates, durations, numbers, yes and no."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.mapping.moments import parse_clock, parse_duration, parse_moment, parse_number, parse_truth

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "formats", "expected"),
    [
        ("24/11/2026 09:00", ("%d/%m/%Y %H:%M",), "2026-11-24T08:00"),
        ("24/07/2026", ("%d/%m/%Y %H:%M", "%d/%m/%Y"), "2026-07-23T22:00"),
        ("11/24/26 3 PM", ("%m/%d/%y %I %p",), "2026-11-24T14:00"),
        ("24/11/2026 09:00 -0500", ("%d/%m/%Y %H:%M %z",), "2026-11-24T14:00"),
        # What a spreadsheet holds as a date, whatever the format of the texts is.
        ("2026-11-24 09:00:00", ("%d/%m/%Y %H:%M",), "2026-11-24T08:00"),
        ("2026-11-24T09:00:00Z", (), "2026-11-24T09:00"),
    ],
)
def test_dates_are_read_in_their_formats_and_in_iso_8601(text: str, formats: tuple[str, ...], expected: str) -> None:
    moment = parse_moment(text, formats, PARIS)
    assert moment.astimezone(UTC) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "hier", "31/02/2026 09:00", "24/11/2026", "24-11-2026 09:00"])
def test_what_is_no_date_in_the_format_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller has its own sentence
        parse_moment(text, ("%d/%m/%Y %H:%M",), PARIS)


@pytest.mark.parametrize(
    ("text", "unit", "minutes"),
    [
        ("PT3H30M", None, 210),
        ("3:30", None, 210),
        ("3h30", None, 210),
        ("3 h 30 min", None, 210),
        ("3h", None, 180),
        ("26:05:30", None, 1565.5),
        ("3,5", "hours", 210),
        ("210", "minutes", 210),
        ("90.0", "seconds", 1.5),
        ("3:30", "hours", 210),
    ],
)
def test_durations_are_read_as_people_write_them(text: str, unit: str | None, minutes: float) -> None:
    assert parse_duration(text, unit) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("text", "unit"),
    [("3,5", None), ("-1", "hours"), ("trois", "hours"), ("P", None), ("3:7", None), ("9:75", None), ("9:", None)],
)
def test_what_is_no_duration_is_refused(text: str, unit: str | None) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller has its own sentence
        parse_duration(text, unit)


def test_times_of_the_day_are_compared() -> None:
    assert parse_clock("12h15", ()) - parse_clock("9:00", ()) == timedelta(hours=3, minutes=15)
    assert parse_clock("09:00:00", ("%Hh%M",)) == parse_clock("9h00", ("%Hh%M",))
    for text in ("25:00", "midi", "16"):
        with pytest.raises(ValueError):  # noqa: PT011 - the caller has its own sentence
            parse_clock(text, ())


@given(st.floats(-1e9, 1e9, allow_nan=False), st.sampled_from([".", ","]))
def test_any_number_is_read_with_a_comma_or_a_point(number: float, mark: str) -> None:
    assert parse_number(repr(number).replace(".", mark)) == number


@pytest.mark.parametrize(("text", "number"), [("1 234,5", 1234.5), ("85 %", 85), ("\u202f12\xa0000", 12000), ("+4", 4)])
def test_spaces_and_percent_signs_are_no_hindrance(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["", "NA", "1,2,3", "nan", "inf", "1e999", "12 points", "3,"])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller has its own sentence
        parse_number(text)


def test_yes_and_no_are_told_apart() -> None:
    assert [parse_truth(text) for text in ("Oui", "X", "vrai", "Non", "FAUX", "0")] == [True] * 3 + [False] * 3
    assert parse_truth("Réussi", {"reussi"}, {"echoue"})
    with pytest.raises(ValueError):  # noqa: PT011 - the caller has its own sentence
        parse_truth("peut-être")
