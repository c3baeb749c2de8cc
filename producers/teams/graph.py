"""Attendance records as Microsoft Graph returns them (`attendanceReports/{id}/attendanceRecords`), saved in a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from producers.errors import RowRejected, UnreadableInput

_INTERVALS = "attendanceIntervals"
_RECORDS = "attendanceRecords"


class Record(NamedTuple):
    """One participant's record, and the subject of its meeting where the file tells it."""

    subject: str
    fields: object


class Attendee(NamedTuple):
    """Who a record is about: address, account and name ('' where not told), and the role in the meeting."""

    email: str
    account: str
    name: str
    role: str


def read_records(text: str, path: Path) -> Iterator[Record]:
    """Yield the records of a file: an answer's `value`, a report with its records, or a list of either.

    Raises UnreadableInput.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnreadableInput(f"{path} is no whole JSON document: it may be cut short. Save it again.") from error
    if isinstance(document, dict) and isinstance(document.get("value"), list):
        document = document["value"]
    found = False
    for item in document if isinstance(document, list) else [document]:
        if isinstance(item, dict) and isinstance(item.get(_RECORDS), list):
            found = True
            yield from (Record(_text(item, "subject"), record) for record in item[_RECORDS])
        elif isinstance(item, dict) and _INTERVALS in item:
            found = True
            yield Record("", item)
        elif isinstance(document, list):
            yield Record("", item)
    if not found:
        raise UnreadableInput(f"{path} holds no attendance record: none has {_INTERVALS}.")


def find_attendee(fields: Mapping[str, Any]) -> Attendee:
    """Return whom a record is about."""
    identity = fields.get("identity")
    identity = identity if isinstance(identity, dict) else {}
    return Attendee(
        _text(fields, "emailAddress"), _text(identity, "id"), _text(identity, "displayName"), _text(fields, "role")
    )


def find_intervals(fields: Mapping[str, Any]) -> list[tuple[datetime, datetime | None]]:
    """Return the joins and leaves of a record, to the second as reports have them. Raises RowRejected."""
    intervals = fields.get(_INTERVALS)
    if not isinstance(intervals, list) or not all(isinstance(one, dict) for one in intervals):
        raise RowRejected("attendanceIntervals is missing or is not a list of intervals.")
    return [
        (
            _instant(one.get("joinDateTime"), "joinDateTime"),
            None if one.get("leaveDateTime") is None else _instant(one["leaveDateTime"], "leaveDateTime"),
        )
        for one in intervals
    ]


def _instant(value: object, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise RowRejected(f"{name} is not a date and time with its offset.")
    return moment.replace(microsecond=0)


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value.strip() if isinstance(value, str) else ""
