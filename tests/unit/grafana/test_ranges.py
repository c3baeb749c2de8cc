from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grafana.boards.ranges import TimeRange, choose_interval, read_range
from grafana.errors import RangeError

NOW = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def test_a_day_is_the_tenants_own():
    # 23:30 UTC on the 22nd is already the 23rd in Paris, and still the 22nd in Martinique.
    paris = read_range("now/d", "now/d", now=NOW, zone=PARIS)
    assert (paris.start, paris.end) == (
        datetime(2026, 11, 22, 23, 0, tzinfo=UTC),
        datetime(2026, 11, 23, 22, 59, 59, 999_000, tzinfo=UTC),
    )
    martinique = read_range("now/d", "now/d", now=NOW, zone=ZoneInfo("America/Martinique"))
    assert martinique.start == datetime(2026, 11, 22, 4, 0, tzinfo=UTC)


def test_a_day_has_the_length_that_the_clock_change_gives_it():
    spring = read_range("now/d", "now/d", now=datetime(2026, 3, 29, 12, tzinfo=UTC), zone=PARIS)
    autumn = read_range("now/d", "now/d", now=datetime(2026, 10, 25, 12, tzinfo=UTC), zone=PARIS)
    assert [round(span.seconds / 3600) for span in (spring, autumn)] == [23, 25]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("now-6h", "now", 6),
        ("now-30d", "now+30d", 1440),
        ("now-1w", "now", 168),
        ("now-90m", "now", 1.5),
        ("now-30s", "now", 1 / 120),
    ],
)
def test_relative_ranges(start, end, hours):
    assert read_range(start, end, now=NOW, zone=UTC).seconds == hours * 3600


def test_absolute_ranges_are_milliseconds_or_local_or_aware_times():
    expected = datetime(2026, 9, 18, 7, 0, tzinfo=UTC)
    for text in ("1789714800000", "2026-09-18T09:00", "2026-09-18T07:00:00Z", "2026-09-18T09:00:00+02:00"):
        assert read_range(text, "now", now=NOW, zone=PARIS).start == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("now", "now-1h"),
        ("now", "now"),
        ("yesterday", "now"),
        ("now-6x", "now"),
        ("", "now"),
        ("now-99999d", "now"),
        ("now-6h'; DROP TABLE statements", "now"),
        ("99999999999999", "now"),
        ("9999-99-99T00:00", "now"),
        ("now-٦h", "now"),
    ],
)
def test_ranges_that_mean_nothing_are_refused(start, end):
    with pytest.raises(RangeError):
        read_range(start, end, now=NOW, zone=PARIS)


@given(start=st.text(max_size=30), end=st.text(max_size=30))
def test_any_text_is_a_range_or_refused(start, end):
    try:
        span = read_range(start, end, now=NOW, zone=PARIS)
    except RangeError:
        return
    assert span.start < span.end


@given(seconds=st.integers(1, 3600 * 24 * 3660), least=st.sampled_from(["1s", "1m", "10m", "1h", "12h"]))
def test_intervals_are_round_not_too_fine_and_not_below_the_least(seconds, least):
    interval = choose_interval(TimeRange(NOW, NOW + timedelta(seconds=seconds)), least)
    assert interval >= {"1s": 1, "1m": 60, "10m": 600, "1h": 3600, "12h": 43200}[least]
    assert seconds / interval <= 120 or interval == 604800
    assert 86400 % interval == 0 or interval % 86400 == 0
