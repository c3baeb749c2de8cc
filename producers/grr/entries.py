"""A booking as GRR keeps it (`grr_entry` with its room and area), read with suspicion: from a database or an export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from producers.bookings import Booking
from producers.errors import RowRejected
from producers.naming import slug
from producers.titles import SESSION_PATTERN, name_session

REQUIRED: Final = ("id", "start_time", "end_time", "room_name")

_NULL = frozenset({"", "NULL"})
# `statut_entry`: nothing special, lent out now, or late to be given back. All are bookings.
_STATES = frozenset({"", "-", "y", "e"})
# `moderate`: not moderated, awaiting its moderator, accepted, refused.
_GRANTED = {"": True, "0": True, "1": False, "2": True, "3": False}
_DELETED = {"": False, "0": False, "1": True}
_LATEST: Final = 4_102_444_800
"""The year 2100."""


@dataclass(frozen=True, slots=True)
class Conventions:
    """How the institution books: the database's time zone, and how an entry's short description names its session."""

    zone: ZoneInfo
    session_pattern: str = SESSION_PATTERN


class Entry(NamedTuple):
    """An entry's key, and its booking; None where it is deleted, refused or not granted yet."""

    key: str
    booking: Booking | None


def find_key(row: Mapping[str, Any]) -> str | None:
    """Return the key of an entry, None if it is none."""
    text = _text(row, "id")
    return text if text.isascii() and text.isdecimal() else None


def parse_entry(row: Mapping[str, Any], conventions: Conventions) -> Entry:
    """Return what an entry says, by the columns of GRR's tables. Raises RowRejected."""
    key = find_key(row)
    if key is None:
        raise RowRejected("id is not a number.")
    if _text(row, "statut_entry") not in _STATES:
        raise RowRejected("statut_entry is not one that GRR gives.")
    if _choose(row, "supprimer", _DELETED) or not _choose(row, "moderate", _GRANTED):
        return Entry(key, None)
    if _text(row, "enable_periods") == "y":
        raise RowRejected("The area books by periods, whose hours GRR does not keep: it is not supported.")
    room = " ".join(_text(row, "room_name").split())
    if not slug(room):
        raise RowRejected("room_name is missing.")
    starts, ends = _instant(row, "start_time"), _instant(row, "end_time")
    if ends <= starts:
        raise RowRejected("end_time is not after start_time.")
    capacity = _text(row, "capacity") or "0"
    if not (capacity.isascii() and capacity.isdecimal()):
        raise RowRejected("capacity is not a whole number.")
    return Entry(
        key,
        Booking(
            room,
            starts.astimezone(conventions.zone),
            ends - starts,
            name_session(conventions.session_pattern, _text(row, "name")),
            int(capacity),
            " ".join(_text(row, "area_name").split()),
            changed=_changed(row, conventions.zone),
        ),
    )


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    text = str(int(value) if isinstance(value, bool) else value).strip()
    return "" if text in _NULL else text


def _choose(row: Mapping[str, Any], column: str, meanings: Mapping[str, bool]) -> bool:
    try:
        return meanings[_text(row, column)]
    except KeyError:
        raise RowRejected(f"{column} is not one that GRR gives.") from None


def _instant(row: Mapping[str, Any], column: str) -> datetime:
    text = _text(row, column)
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < _LATEST):
        raise RowRejected(f"{column} is not a time in seconds since 1970.")
    return datetime.fromtimestamp(int(text), UTC)


def _changed(row: Mapping[str, Any], zone: ZoneInfo) -> datetime | None:
    value = row.get("timestamp")
    if not isinstance(value, datetime):
        text = _text(row, "timestamp")
        if not text:
            return None
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise RowRejected("timestamp is not YYYY-MM-DD HH:MM:SS.") from None
    return value if value.tzinfo else value.replace(tzinfo=zone)
