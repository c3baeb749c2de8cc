"""What is in the rooms: tablets that send statements themselves, and sheets that are typed into a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import orjson

from producers.simulation.year.attendance import Mark, SessionDay, Stay, list_moments
from producers.simulation.year.calendar import Calendar, Span
from producers.simulation.year.people import Person
from producers.simulation.year.world import OncePerMonth, Table, World, append_lines
from producers.statements import check_in, format_instant, learner_by_email, leave_room

SHEET: Final = Table(
    (
        "Session", "Date", "Salle", "Nom", "Prénom", "E-mail",
        "Matin", "Début matin", "Fin matin", "Après-midi", "Début après-midi", "Fin après-midi",
    ),
    encoding="cp1252",
)  # fmt: skip


class Tablets:
    """Check-ins and leaves as xAPI statements, ready to be posted; not all leaves are there."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["tablet"]

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:  # noqa: ARG002 - it is in what was held
        """Append the day's statements, in the order of the tablets' clocks."""
        told = [
            (at, one.session.number, way, stay.who.number, one, stay)
            for one in held
            for at, way, stay in list_moments(one.stays, "tablet")
            if isinstance(stay.who, Person)
        ]
        lines = [self._tell(one, stay, way, at) for at, _, way, _, one, stay in sorted(told, key=lambda one: one[:4])]
        self._count.rows += len(lines)
        self._count.statements += len(lines)
        append_lines(self._world.directory / "tablets.jsonl", lines)

    def close(self) -> None:
        """Nothing is left."""

    def _tell(self, held: SessionDay, stay: Stay, way: str, at: int) -> bytes:
        naming, session, room = self._world.naming, held.session, held.room
        if room is None or not isinstance(stay.who, Person):
            raise ValueError("a tablet hangs in a room, and people sign in at it")
        learner = learner_by_email(stay.who.email, stay.who.name)
        moment = datetime.fromtimestamp(at, UTC)
        build = check_in if way == "in" else leave_room
        key = "|".join((session.id, stay.who.email, way, format_instant(moment)))
        statement = {
            "id": naming.statement_id("tablet", key),
            **build(naming, session.id, room.name, learner, at=moment),
        }
        return orjson.dumps(statement) + b"\n"


class SignInSheets:
    """A table for each month: a row per learner and day, a signature per half-day."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources["sign-in-sheet"]
        self._once = OncePerMonth()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Append the day's sheets; some rows twice, one a month with a word that is neither yes nor no."""
        rows: list[Sequence[str]] = []
        for one in held:
            if one.way == "sheet":
                rows += self._tell(one)
        month = self._world.month(day)
        if rows and self._once.is_due("rubbish", month):
            rows.append((*rows[0][:3], "Illisible", "?", "illisible", "oui", *rows[0][7:]))
            self._count.rejected += 1
        self._count.rows += len(rows)
        if rows:
            SHEET.append(self._world.directory / "sign-in-sheets" / f"emargements_{month}.csv", rows)

    def close(self) -> None:
        """Nothing is left."""

    def _tell(self, held: SessionDay) -> list[Sequence[str]]:
        calendar = self._world.calendar
        marks: dict[int, dict[int, Mark]] = {}
        for mark in held.marks:
            marks.setdefault(mark.who.number, {})[mark.row] = mark
        rows: list[Sequence[str]] = []
        for number, by_row in enumerate(marks.values()):
            who = by_row[0].who
            spoiled = any(mark.spoiled for mark in by_row.values())
            signed = sum(mark.present for mark in by_row.values())
            self._count.rejected += spoiled
            self._count.lost += spoiled
            self._count.statements += 0 if spoiled else 2 * signed
            day = f"{calendar.date_of(held.day):%d/%m/%Y}"
            cells = [held.session.id, day, held.room.name if held.room else "", who.last, who.first, who.email]
            for place, span in enumerate(held.rows):
                word = _sign(by_row[place], number)
                cells += [word, *_tell_hours(span, calendar, "h" if held.session.number % 2 else ":")]
            rows.append(cells)
            if number == 2 and not spoiled and held.session.number % 3 == 0:  # noqa: PLR2004 - typed twice
                rows.append(cells)
                self._count.duplicates += 1
        return rows


def _sign(mark: Mark, number: int) -> str:
    if mark.spoiled:
        return "peut-être"
    if mark.present:
        return ("oui", "X", "présent", "signé")[number % 4]
    return "excusé" if mark.word == "excused" else ("", "absent")[number % 2]


def _tell_hours(span: Span, calendar: Calendar, sign: str) -> list[str]:
    return [f"{moment.hour}{sign}{moment:%M}" for moment in map(calendar.local, span)]
