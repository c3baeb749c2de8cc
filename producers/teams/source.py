"""Teams' attendance reports to statements: a row is a join and its leave, a Graph record several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import orjson

from producers.dates import parse_moment
from producers.errors import RowRejected
from producers.meetings import Meetings, draft_stay, find_learner, find_session
from producers.naming import Naming, slug
from producers.rows import Agent, Draft, Milestone, Place, Rejected, Row
from producers.statements import learner_by_account
from producers.teams.graph import Attendee, find_attendee, find_intervals, read_records
from producers.teams.reports import ORGANISERS, Attendance, Line, find_address, read_attendance
from producers.texts import decode, read_bytes, split_lines

HOME_PAGE: Final = "https://teams.microsoft.com"


class _Stay(NamedTuple):
    report: Attendance
    session: str
    line: Line


class _Record(NamedTuple):
    session: str
    fields: object


class TeamsSource:
    """Some attendance reports, as Teams exports them or as Microsoft Graph returns them (JSON)."""

    name = "teams"

    def __init__(self, paths: Sequence[Path], meetings: Meetings) -> None:
        self._paths, self._meetings = paths, meetings

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield the rows of every report. Raises UnreadableInput, also for a report whose session is unknown."""
        for path in self._paths:
            text = decode(read_bytes(path))
            yield from self._read_graph(text, path) if text.lstrip()[:1] in {"{", "["} else self._read(text, path)

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the join and the leave of each connection of a row. Raises RowRejected."""
        return (
            self._map_record(row.fields, naming) if isinstance(row.fields, _Record) else self._map(row.fields, naming)
        )

    def _read(self, text: str, path: Path) -> Iterator[Row]:
        report = read_attendance(split_lines(text), path, self._meetings.order)
        session = find_session(self._meetings, report.titles, path)
        for line in report.lines:
            yield Row(Place(path.name, line.number), _Stay(report, session, line), line.raw)

    def _read_graph(self, text: str, path: Path) -> Iterator[Row]:
        for number, record in enumerate(read_records(text, path), start=1):
            session = find_session(self._meetings, [record.subject], path)
            raw = orjson.dumps(record.fields).decode()
            yield Row(Place(path.name, number), _Record(session, record.fields), raw)

    def _map(self, stay: _Stay, naming: Naming) -> list[Draft]:
        report, session, line = stay
        cells, zone = line.cells, self._meetings.zone
        role = slug(cells.get("role", ""))
        if line.cut:
            raise RowRejected("The row is cut: it lacks columns of its table.")
        if role in ORGANISERS and not self._meetings.host:
            return []
        starts = parse_moment(cells["join"], zone, month_first=report.month_first)
        ends = parse_moment(cells["leave"], zone, month_first=report.month_first) if cells["leave"] else None
        email = find_address(cells) or report.addresses.get(cells["name"], "")
        learner = find_learner(naming, self.name, HOME_PAGE, session, email=email, name=cells["name"])
        return draft_stay(naming, self.name, session, session, learner, starts, ends)

    def _map_record(self, record: _Record, naming: Naming) -> list[Draft]:
        session, fields = record
        if not isinstance(fields, dict):
            raise RowRejected("The record is not an object.")
        attendee = find_attendee(fields)
        if slug(attendee.role) in ORGANISERS and not self._meetings.host:
            return []
        learner = self._learner(naming, session, attendee)
        return [
            draft
            for starts, ends in find_intervals(fields)
            for draft in draft_stay(naming, self.name, session, session, learner, starts, ends)
        ]

    def _learner(self, naming: Naming, session: str, attendee: Attendee) -> Agent:
        email, account, name, _ = attendee
        if account and not email:
            return learner_by_account(HOME_PAGE, account, name)
        return find_learner(naming, self.name, HOME_PAGE, session, email=email, name=name)
