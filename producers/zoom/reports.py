"""A Zoom participant report as its web portal exports it: its columns and its preamble found by shape.

The portal's language, the account's settings and the years have all changed headers and dates; what a report means
can still be seen: the table starts at the line that names a join and a leave, or whose cells are dates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from producers.dates import DateOrder, find_date_order, is_moment
from producers.errors import UnreadableInput
from producers.naming import slug
from producers.statements import is_email
from producers.texts import read_lines

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
    raws, rows = read_lines(path)
    start, columns = _find_table(rows, path)
    told = _read_preamble(rows[:start])
    report = Participants(told.get("meeting", ""), told.get("topic", ""), told.get("host", ""))
    for number in range(start, len(rows)):
        if any(rows[number]):
            cells = {name: rows[number][i] for name, i in columns.items() if i < len(rows[number])}
            report.lines.append(Line(number + 1, cells, raws[number]))
    dates = (line.cells.get(column, "") for line in report.lines for column in ("join", "leave"))
    report.month_first = (order or find_date_order(dates)) == DateOrder.MONTH_FIRST
    return report


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
    dates = [position for position, cell in enumerate(row) if is_moment(cell)]
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
