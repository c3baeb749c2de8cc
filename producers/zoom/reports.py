"""A Zoom participant report as its web portal exports it: its columns, its preamble and its dates found by shape.

The portal's language, the account's settings and the years have all changed headers and dates; what a report means
can still be seen: the table starts at the line that names a join and a leave, or whose cells are dates.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

from producers.errors import RowRejected, UnreadableInput
from producers.naming import slug
from producers.statements import is_email

# Headers, compared as slugs, to the columns that they name.
HEADERS: Final[Mapping[str, str]] = {
    "name-original-name": "name",
    "name": "name",
    "participant": "name",
    "nom-nom-d-origine": "name",
    "nom-nom-original": "name",
    "nom": "name",
    "email": "email",
    "user-email": "email",
    "e-mail": "email",
    "adresse-e-mail": "email",
    "e-mail-de-l-utilisateur": "email",
    "join-time": "join",
    "heure-d-arrivee": "join",
    "heure-de-connexion": "join",
    "leave-time": "leave",
    "heure-de-depart": "leave",
    "heure-de-deconnexion": "leave",
    "in-waiting-room": "waiting",
    "dans-la-salle-d-attente": "waiting",
    "en-salle-d-attente": "waiting",
}
PREAMBLE: Final[Mapping[str, str]] = {
    "meeting-id": "meeting",
    "id": "meeting",
    "id-de-reunion": "meeting",
    "id-de-la-reunion": "meeting",
    "topic": "topic",
    "sujet": "topic",
    "user-email": "host",
    "host-email": "host",
    "e-mail-de-l-utilisateur": "host",
    "e-mail-de-l-hote": "host",
}
YES: Final = frozenset({"yes", "oui", "true", "1"})

DateOrder = Literal["day-first", "month-first"]

_DATE = re.compile(
    r"(?P<a>\d{1,4})[/.-](?P<b>\d{1,2})[/.-](?P<c>\d{2,4})[ T,]+(?:(?:à|a)\s+)?"
    r"(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2}))?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
)
_LAST_MONTH = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: its cells by column (`name`, `email`, `join`, `leave`, `waiting`), and its text."""

    number: int
    cells: dict[str, str]
    raw: str


@dataclass(slots=True)
class Participants:
    """A report: the meeting's own number, topic and host's e-mail ('' where not told), and the rows."""

    meeting: str = ""
    topic: str = ""
    host: str = ""
    lines: list[Line] = field(default_factory=list)
    month_first: bool = False


def read_report(path: Path, order: DateOrder | None = None) -> Participants:
    """Read a report; `order` settles dates such as 03/04/2026 where the report itself does not.

    Raises UnreadableInput when the file cannot be read or holds no table of participants.
    """
    try:
        text = _decode(path.read_bytes())
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}.") from error
    delimiter = max(",;\t", key=text.count)
    raws = text.splitlines()
    rows = [next(csv.reader([raw], delimiter=delimiter), []) for raw in raws]
    rows = [[cell.strip() for cell in row] for row in rows]
    start, columns = _find_table(rows, path)
    told = _read_preamble(rows[:start])
    report = Participants(told.get("meeting", ""), told.get("topic", ""), told.get("host", ""))
    for number in range(start, len(rows)):
        if any(rows[number]):
            cells = {name: rows[number][i] for name, i in columns.items() if i < len(rows[number])}
            report.lines.append(Line(number + 1, cells, raws[number]))
    dates = (line.cells.get(column, "") for line in report.lines for column in ("join", "leave"))
    report.month_first = (order or find_date_order(dates)) == "month-first"
    return report


def find_date_order(dates: Iterable[str]) -> DateOrder:
    """Say whether dates have the day or the month first: by one that can only be read one way, else by AM and PM."""
    clocks = set()
    for match in filter(None, map(_DATE.fullmatch, dates)):
        first, second = int(match["a"]), int(match["b"])
        if first > _LAST_MONTH:
            return "day-first"
        if second > _LAST_MONTH:
            return "month-first"
        clocks.add(match["half"] is not None)
    return "month-first" if True in clocks else "day-first"


def parse_moment(text: str, zone: ZoneInfo, *, month_first: bool) -> datetime:
    """Return the instant that a cell tells, in the zone. Raises RowRejected."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise RowRejected("A time is not a date and an hour.")
    first, second, third = (int(match[name]) for name in "abc")
    if len(match["a"]) == 4:  # noqa: PLR2004 - a year
        year, month, day = first, second, third
    elif month_first:
        year, month, day = third, first, second
    else:
        year, month, day = third, second, first
    hour = int(match["hour"])
    if match["half"]:
        hour = hour % 12 + (12 if match["half"][0] in "pP" else 0)
    try:
        return datetime(
            year if year > 99 else 2000 + year,  # noqa: PLR2004 - a year of two digits
            month,
            day,
            hour,
            int(match["minute"]),
            int(match["second"] or 0),
            tzinfo=zone,
        )
    except ValueError:
        raise RowRejected("A time is not one of the calendar.") from None


def _decode(raw: bytes) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def _find_table(rows: Sequence[Sequence[str]], path: Path) -> tuple[int, dict[str, int]]:
    """Return the number of the first row of the table and where its columns are."""
    for number, row in enumerate(rows):
        columns = _name_columns(row)
        if {"name", "join", "leave"} <= columns.keys():
            return number + 1, columns
    for number, row in enumerate(rows):
        columns = _guess_columns(row)
        if {"join", "leave"} <= columns.keys() and columns["join"] > 0:
            # The e-mail column shows in a row that has one; the first row may be a guest's.
            guesses = [_guess_columns(other) for other in rows[number:]]
            email = next((guess["email"] for guess in guesses if "email" in guess), None)
            return number, {**columns, **({} if email is None else {"email": email})}
    raise UnreadableInput(f"{path} is no participant report: no line names a join time and a leave time.")


def _name_columns(row: Sequence[str]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for position, cell in enumerate(row):
        name = HEADERS.get(slug(cell))
        if name:
            columns.setdefault(name, position)
    return columns


def _guess_columns(row: Sequence[str]) -> dict[str, int]:
    dates = [position for position, cell in enumerate(row) if _DATE.fullmatch(cell)]
    emails = [position for position, cell in enumerate(row) if is_email(cell)]
    columns = {"name": 0, **dict(zip(("join", "leave"), dates, strict=False))}
    return {**columns, "email": emails[0]} if emails else columns


def _read_preamble(rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return what lines of labels over lines of values tell."""
    found: dict[str, str] = {}
    for labels, values in pairwise(rows):
        for label, value in zip(labels, values, strict=False):
            name = PREAMBLE.get(slug(label))
            if name and value and slug(value) not in PREAMBLE:
                found.setdefault(name, value)
    return found
