from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.errors import RowRejected
from producers.grr.entries import Conventions, parse_entry

CONVENTIONS = Conventions(ZoneInfo("Europe/Paris"))


def entry(**columns: Any) -> dict[str, Any]:
    start = int(datetime(2026, 11, 25, 8, 0, tzinfo=UTC).timestamp())
    return {"id": 1, "start_time": start, "end_time": start + 3600, "room_name": "Salle 1", **columns}


def test_the_columns_that_are_needed_make_a_booking() -> None:
    key, booking = parse_entry(entry(), CONVENTIONS)
    assert key == "1"
    assert booking is not None
    assert (booking.room, booking.starts.isoformat()) == ("Salle 1", "2026-11-25T09:00:00+01:00")
    assert (booking.duration, booking.session, booking.capacity) == (timedelta(hours=1), "", 0)


def test_a_booking_lasts_what_passes_over_a_change_of_clocks() -> None:
    start = int(datetime(2026, 10, 24, 22, 0, tzinfo=UTC).timestamp())
    _, booking = parse_entry(entry(start_time=start, end_time=start + 25 * 3600), CONVENTIONS)
    assert booking is not None
    assert booking.duration == timedelta(hours=25)


@pytest.mark.parametrize(
    ("columns", "booked"),
    [
        ({"supprimer": 1}, False),
        ({"supprimer": "0"}, True),
        ({"supprimer": None}, True),
        ({"supprimer": True}, False),
        ({"moderate": 0}, True),
        ({"moderate": 1}, False),
        ({"moderate": "2"}, True),
        ({"moderate": 3}, False),
        ({"moderate": "NULL"}, True),
        ({"statut_entry": "y"}, True),
        ({"statut_entry": "-"}, True),
    ],
)
def test_what_is_deleted_refused_or_not_yet_granted_is_no_booking(columns: dict[str, Any], booked: bool) -> None:
    assert (parse_entry(entry(**columns), CONVENTIONS).booking is not None) == booked


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"id": "x"}, "id is not a number"),
        ({"id": "²"}, "id is not a number"),
        ({"start_time": "09:00"}, "start_time"),
        ({"start_time": 0}, "start_time"),
        ({"end_time": 1}, "not after"),
        ({"end_time": 10**12}, "end_time"),
        ({"room_name": " ! "}, "room_name"),
        ({"capacity": "-3"}, "capacity"),
        ({"supprimer": "yes"}, "supprimer"),
        ({"statut_entry": "?"}, "statut_entry"),
        ({"timestamp": "hier"}, "timestamp"),
        ({"enable_periods": "y"}, "periods"),
    ],
)
def test_an_entry_that_cannot_be_read_is_rejected_without_its_values(columns: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowRejected, match=reason):
        parse_entry(entry(**columns), CONVENTIONS)


@pytest.mark.parametrize("value", ["2026-11-20 10:00:00", datetime(2026, 11, 20, 10, 0)])
def test_the_time_of_a_change_is_in_the_zone_of_the_database(value: object) -> None:
    _, booking = parse_entry(entry(timestamp=value), CONVENTIONS)
    assert booking is not None
    assert booking.changed == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
