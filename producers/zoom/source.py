"""Zoom's participant reports to statements: a row is a connection, its join and its leave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from producers.dates import parse_moment
from producers.errors import RowRejected
from producers.meetings import Meetings, draft_stay, find_learner, find_session
from producers.naming import Naming
from producers.rows import Draft, Milestone, Place, Rejected, Row
from producers.zoom.reports import YES, Line, Participants, read_report

HOME_PAGE: Final = "https://zoom.us"


class _Connection(NamedTuple):
    report: Participants
    session: str
    line: Line


class ZoomSource:
    """Some participant reports (CSV)."""

    name = "zoom"

    def __init__(self, paths: Sequence[Path], meetings: Meetings) -> None:
        self._paths, self._meetings = paths, meetings

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield the rows of every report. Raises UnreadableInput, also for a report whose session is unknown."""
        for path in self._paths:
            report = read_report(path, self._meetings.order)
            session = find_session(self._meetings, [report.topic], path)
            for line in report.lines:
                yield Row(Place(path.name, line.number), _Connection(report, session, line), line.raw)

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the join and the leave of a row, the join alone while its leave is not known. Raises RowRejected."""
        report, session, line = row.fields
        cells = line.cells
        if not {"name", "join", "leave"} <= cells.keys():
            raise RowRejected("The row is cut: it has no join or no leave time.")
        email = cells.get("email", "").strip()
        if cells.get("waiting", "").lower() in YES:
            return []
        if email and email.lower() == report.host.lower() and not self._meetings.host:
            return []
        zone, month_first = self._meetings.zone, report.month_first
        starts = parse_moment(cells["join"], zone, month_first=month_first)
        learner = find_learner(naming, self.name, HOME_PAGE, session, email=email, name=cells["name"])
        room = "".join(report.meeting.split()) or session
        ends = parse_moment(cells["leave"], zone, month_first=month_first) if cells["leave"].strip() else None
        return draft_stay(naming, self.name, session, room, learner, starts, ends)
