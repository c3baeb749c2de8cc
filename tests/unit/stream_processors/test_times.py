from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_processors.errors import DeadLetter
from stream_processors.times import LONGEST, format_timestamp, name_half_day, parse_duration, parse_timestamp

PARIS = ZoneInfo("Europe/Paris")


@given(st.integers(-2_000_000_000_000, 9_000_000_000_000))
def test_what_is_formatted_parses_back_to_the_millisecond(milliseconds: int) -> None:
    assert parse_timestamp(format_timestamp(milliseconds), "") == milliseconds


@given(st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(2299, 1, 1), timezones=st.timezones()))
def test_an_instant_is_the_same_in_whatever_zone_it_is_written(moment: datetime) -> None:
    assert parse_timestamp(moment.isoformat(), "") == parse_timestamp(moment.astimezone(UTC).isoformat(), "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T08:00:00Z", 1_795_334_400_000),
        ("2026-11-22T09:00:00+01:00", 1_795_334_400_000),
        ("2026-11-22T08:00:00", 1_795_334_400_000),
        ("2026-11-22T08:00:00.1239999Z", 1_795_334_400_123),
        ("2026-11-22T08:00:60Z", 1_795_334_459_000),
        ("20261122T080000Z", 1_795_334_400_000),
    ],
)
def test_timestamps_are_read_as_the_specification_writes_them(text: str, expected: int) -> None:
    assert parse_timestamp(text, "/timestamp") == expected


def test_what_is_no_time_is_a_dead_letter_that_says_where() -> None:
    with pytest.raises(DeadLetter) as caught:
        parse_timestamp("yesterday", "/timestamp")
    assert (caught.value.code, caught.value.pointer) == ("unstorable-timestamp", "/timestamp")
    assert "yesterday" not in caught.value.detail


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("1066-10-14T09:00:00Z", "1900-01-01T00:00:00Z"), ("9999-01-01T00:00:00Z", "2299-12-31T00:00:00Z")],
)
def test_a_time_that_no_column_holds_becomes_the_nearest_that_one_does(text: str, nearest: str) -> None:
    assert parse_timestamp(text, "/timestamp") == parse_timestamp(nearest, "/timestamp")


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("PT3H", 10_800_000), ("PT0.5S", 500), ("P1DT1M", 86_460_000), ("P2W", 1_209_600_000)],
)
def test_durations_are_milliseconds(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["P999999999999999999999999999999Y", f"PT{'9' * 400}S"])
def test_a_duration_that_no_column_holds_becomes_the_longest_that_one_does(text: str) -> None:
    assert parse_duration(text) == LONGEST


@pytest.mark.parametrize("text", ["", "P", "PT", "3 hours", "PT1.2.3S"])
def test_what_is_no_duration_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("moment", "half_day"),
    [
        ("2026-11-22T11:59:59Z", "2026-11-22 am"),
        ("2026-11-22T12:00:00Z", "2026-11-22 pm"),
        ("2026-07-01T11:00:00Z", "2026-07-01 pm"),
        ("2026-11-22T23:30:00Z", "2026-11-23 am"),
    ],
)
def test_half_days_follow_the_tenants_clock_through_summer_time(moment: str, half_day: str) -> None:
    assert name_half_day(parse_timestamp(moment, ""), PARIS) == half_day
