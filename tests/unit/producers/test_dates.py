from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from producers.dates import find_date_order, parse_moment
from producers.errors import RowRejected

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "month_first", "expected"),
    [
        ("11/24/2026 09:03:12 AM", True, "2026-11-24T08:03:12"),
        ("11/24/2026 12:03:12 AM", True, "2026-11-23T23:03:12"),
        ("11/24/2026 12:03:12 PM", True, "2026-11-24T11:03:12"),
        ("24/11/2026 09:03:12", False, "2026-11-24T08:03:12"),
        ("24/11/2026 à 9h03", False, "2026-11-24T08:03:00"),
        ("24.11.26 09:03", False, "2026-11-24T08:03:00"),
        ("2026-11-24 09:03:12", True, "2026-11-24T08:03:12"),
        ("2026-07-24T09:03:12", False, "2026-07-24T07:03:12"),
    ],
)
def test_dates_are_read_in_every_shape(text: str, month_first: bool, expected: str) -> None:
    moment = parse_moment(text, PARIS, month_first=month_first)
    assert moment.astimezone(UTC) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "hier", "31/02/2026 09:00", "24/11/2026", "24/11/2026 25:00"])
def test_what_is_no_date_is_rejected(text: str) -> None:
    with pytest.raises(RowRejected):
        parse_moment(text, PARIS, month_first=False)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["03/04/2026 09:00", "24/04/2026 09:00"], "day-first"),
        (["03/04/2026 09:00", "04/24/2026 09:00"], "month-first"),
        (["03/04/2026 09:00:00 AM"], "month-first"),
        (["24/04/2026 09:00:00 AM"], "day-first"),
        (["03/04/2026 09:00"], "day-first"),
        ([], "day-first"),
    ],
)
def test_one_telling_date_settles_the_order(dates: list[str], expected: str) -> None:
    assert find_date_order(dates) == expected
