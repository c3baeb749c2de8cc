"""A Teams attendance report as its client exports it: its sections and their columns found by shape.

Headers change with the client's language and its version; their order and the cells below them do not. A table of stays
has the name first, then two columns of dates; the list of participants comes before that of their activities.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from producers.dates import DateOrder, find_date_order, is_moment
from producers.errors import UnreadableInput
from producers.naming import slug
from producers.statements import is_email
from producers.texts import Lines

ORGANISERS: Final = frozenset(
    {
        "organizer",
        "organiser",
        "coorganizer",
        "co-organizer",
        "co-organiser",
        "organisateur",
        "organisatrice",
        "coorganisateur",
        "coorganisatrice",
        "co-organisateur",
        "co-organisatrice",
    }
)
OTHERS: Final = frozenset({"presenter", "attendee", "presentateur", "presentatrice", "participant", "participante"})
ROLES: Final = ORGANISERS | OTHERS

_LEAST_CELLS: Final = 4
_TITLE = re.compile(r"\d+\.\s*\D.*")
_GUEST_OF_TENANT: Final = "#ext#"


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table: its cells by column (`name`, `join`, `leave`, `email`, `upn`, `role`), and its text.

    A cut row lacks columns that its table has, or a part of its role.
    """

    number: int
    cells: dict[str, str]
    raw: str
    cut: bool


@dataclass(slots=True)
class Attendance:
    """A report: what may be its title, the stays, and addresses by the names that one participant alone bears."""

    titles: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    month_first: bool = False


def read_attendance(lines: Lines, path: Path, order: DateOrder | None = None) -> Attendance:
    """Return what the lines of a report say; `order` settles dates such as 03/04/2026 where the report does not.

    The stays are those of the section of activities, or of the participants where there is no such section.
    Raises UnreadableInput when there is no table of stays, or no activities because the report was cut before them.
    """
    tables: list[list[Line]] = []
    summary: list[Sequence[str]] = []
    for block in _split_blocks(lines.cells):
        table = _read_table(lines, block)
        if table:
            tables.append(table)
        elif not tables:
            summary.extend(lines.cells[number] for number in block)
    if not tables:
        raise UnreadableInput(f"{path} is no attendance report: no table has a join time and a leave time.")
    if len(tables) == 1:
        _check_whole(lines, summary, tables[0], path)
    dates = (cell for row in lines.cells for cell in row if is_moment(cell))
    return Attendance(
        [cell for row in summary for cell in row[1:]],
        tables[-1],
        _find_addresses(tables[0]),
        (order or find_date_order(dates)) == DateOrder.MONTH_FIRST,
    )


def find_address(cells: Mapping[str, str]) -> str:
    """Return the address of a row: the e-mail address, else a user principal name that is one, else ''."""
    email, principal = cells.get("email", ""), cells.get("upn", "")
    if email:
        return email
    # The principal name of another organisation's user is a made-up address of this one's.
    return principal if is_email(principal) and _GUEST_OF_TENANT not in principal.lower() else ""


def _split_blocks(rows: Sequence[Sequence[str]]) -> list[list[int]]:
    """Return the rows between empty lines and titles (`2. Participants`) as numbers, joined where a table goes on."""
    blocks: list[list[int]] = []
    fresh = True
    for number, row in enumerate(rows):
        filled = list(filter(None, row))
        titled = len(filled) == 1 and _TITLE.fullmatch(filled[0]) is not None
        if not filled or titled:
            fresh = True
            continue
        if not blocks or (fresh and not _is_stay(row)):
            blocks.append([])
        blocks[-1].append(number)
        fresh = False
    return blocks


def _is_stay(row: Sequence[str]) -> bool:
    return sum(map(is_moment, row)) > 1


def _read_table(lines: Lines, block: Sequence[int]) -> list[Line]:
    """Return the rows of a block, none if it is no table of stays."""
    wide = [place for place, number in enumerate(block) if sum(map(bool, lines.cells[number])) >= _LEAST_CELLS]
    if not wide:
        return []
    header = lines.cells[block[wide[0]]]
    headed = not _is_stay(header)
    numbers = block[wide[0] + headed :]
    columns = _find_columns(header if headed else [], [lines.cells[number] for number in numbers])
    if not {"join", "leave"} <= columns.keys():
        return []
    width = max([*columns.values(), len(header) - 1 if headed else 0]) + 1
    return [_read_line(number + 1, lines.cells[number], lines.raws[number], columns, width) for number in numbers]


def _read_line(number: int, row: Sequence[str], raw: str, columns: Mapping[str, int], width: int) -> Line:
    cells = {name: row[i] for name, i in columns.items() if i < len(row)}
    role = slug(cells.get("role", ""))
    role_cut = "role" in cells and role not in ROLES and any(known.startswith(role) for known in ROLES)
    return Line(number, cells, raw, role_cut or len(row) < width)


def _find_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, int]:
    dates: list[int] = []
    addresses: list[int] = []
    roles: list[int] = []
    for position in range(1, max(map(len, [header, *rows]))):
        title = slug(header[position]) if position < len(header) else ""
        cells = [row[position] for row in rows if position < len(row)]
        if any(map(is_moment, cells)):
            dates.append(position)
        elif "mail" in title or "upn" in title or any("@" in cell for cell in cells):
            addresses.append(position)
        elif title == "role" or any(slug(cell) in ROLES for cell in cells):
            roles.append(position)
    return {
        "name": 0,
        **dict(zip(("join", "leave"), dates, strict=False)),
        **dict(zip(("email", "upn"), addresses, strict=False)),
        **dict(zip(("role",), roles, strict=False)),
    }


def _check_whole(lines: Lines, summary: Sequence[Sequence[str]], participants: Sequence[Line], path: Path) -> None:
    """Refuse a report that was cut before its activities: the whole one would tell the same stays another way."""
    # The smallest: a title may be a number too.
    counted = min((int(cell) for row in summary for cell in row[1:2] if cell.isdecimal()), default=0)
    last = participants[-1]
    if len(participants) < counted or last.cut or any(map(any, lines.cells[last.number :])):
        raise UnreadableInput(f"{path} looks cut short: it announces more than it holds. Export it again.")


def _find_addresses(participants: Sequence[Line]) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for line in participants:
        found.setdefault(line.cells["name"], set()).add(find_address(line.cells))
    return {name: next(iter(addresses)) for name, addresses in found.items() if len(addresses) == 1}
