from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grafana.boards.macros import expand
from grafana.boards.ranges import TimeRange
from grafana.dashboards.catalogue import BUILDERS
from grafana.errors import MacroError

SPAN = TimeRange(datetime(2026, 9, 18, 8, 0, tzinfo=UTC), datetime(2026, 9, 18, 9, 0, 0, 500_000, tzinfo=UTC))
START, END = 1789718400, 1789722000
spans = st.builds(
    lambda start, seconds: TimeRange(start, start + timedelta(seconds=seconds)),
    st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 10**8),
)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("$__timeFilter(at)", f"at >= toDateTime({START}) AND at <= toDateTime({END})"),
        (
            "$__timeFilter_ms(at)",
            f"at >= fromUnixTimestamp64Milli({START}000) AND at <= fromUnixTimestamp64Milli({END}500)",
        ),
        ("$__fromTime, $__toTime", f"toDateTime({START}), toDateTime({END})"),
        ("$__toTime_ms", f"fromUnixTimestamp64Milli({END}500)"),
        ("$__timeInterval(stored)", "toStartOfInterval(toDateTime(stored), INTERVAL 300 second)"),
        ("$__timeInterval_ms(t)", "toStartOfInterval(toDateTime64(t, 3), INTERVAL 300000 millisecond)"),
        ("count() / $__interval_s", "count() / 300"),
        (
            "$__timeFilter(toDate(f(a), 'x'))",
            f"toDate(f(a), 'x') >= toDateTime({START}) AND toDate(f(a), 'x') <= toDateTime({END})",
        ),
        ("SELECT 1 -- no macro, a $ and a __ only", "SELECT 1 -- no macro, a $ and a __ only"),
    ],
)
def test_macros_expand_as_the_data_source_does(sql, expected):
    assert expand(sql, SPAN, 300) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "$__unknown(a)",
        "$__timeFilter",
        "$__timeFilter a",
        "$__timeFilter(",
        "$__timeFilter()",
        "$__timeFilter($__fromTime)",
        "$__conditionalAll(a, b)",
    ],
)
def test_unknown_or_broken_macros_are_refused(sql):
    with pytest.raises(MacroError):
        expand(sql, SPAN, 300)


@given(span=spans, interval=st.integers(-5, 10**7))
def test_only_numbers_are_ever_inserted_and_no_macro_is_left(span, interval):
    for build in BUILDERS.values():
        for panel in build("en")["panels"]:
            sql = panel["targets"][0]["rawSql"]
            expanded = expand(sql, span, interval)
            assert "$__" not in expanded
            assert "INTERVAL 0" not in expanded
            # What macros insert between brackets, and nothing else, is digits.
            inserted = re.findall(r"(?:toDateTime|fromUnixTimestamp64Milli)\((-?\d+)\)", expanded)
            assert len(inserted) >= 1


@given(span=spans, text=st.text(max_size=200))
def test_text_around_macros_stays_as_it_is(span, text):
    if "$__" not in text:
        assert expand(f"{text}$__interval_s", span, 60) == text + "60"
