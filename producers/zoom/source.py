"""Zoom's participant reports to statements: a row is a connection, its join and its leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from producers.errors import RowRejected, UnreadableInput
from producers.naming import Naming, derive_uuid
from producers.rows import Agent, Draft, Milestone, Place, Rejected, Row
from producers.statements import (
    format_instant,
    is_email,
    join,
    learner_by_account,
    learner_by_email,
    leave_remote,
)
from producers.zoom.reports import YES, DateOrder, Line, Participants, parse_moment, read_report

HOME_PAGE: Final = "https://zoom.us"
TOPIC_PATTERN: Final = r"\[([^\]]+)\]"


@dataclass(frozen=True, slots=True)
class Meetings:
    """How the institution names its meetings.

    The session is `session` where given, else what the first group of `topic_pattern` finds in the topic. The host
    (a speaker, or staff) is left out unless wanted.
    """

    zone: ZoneInfo
    session: str = ""
    topic_pattern: str = TOPIC_PATTERN
    order: DateOrder | None = None
    host: bool = False


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
            session = self._session(report, path)
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
        starts = parse_moment(cells["join"], self._meetings.zone, month_first=report.month_first)
        learner = self._learner(email, cells["name"], naming, session)
        room = "".join(report.meeting.split()) or session
        connection = derive_uuid(naming.tenant, "zoom", room, session, str(learner.ifi), format_instant(starts))
        drafts = [Draft(f"join|{connection}", join(naming, session, room, learner, connection, at=starts))]
        if cells["leave"].strip():
            ends = parse_moment(cells["leave"], self._meetings.zone, month_first=report.month_first)
            if ends < starts:
                raise RowRejected("The leave is before the join.")
            key = f"leave|{connection}|{format_instant(ends)}"
            drafts.append(Draft(key, leave_remote(naming, session, room, learner, connection, at=ends)))
        return drafts

    def _learner(self, email: str, name: str, naming: Naming, session: str) -> Agent:
        if email:
            return learner_by_email(email, name) if is_email(email) else _refuse_email()
        if not name:
            raise RowRejected("The row has neither an e-mail address nor a name.")
        # A guest has nothing but a display name, which is neither unique nor to be kept as an identifier: an account
        # drawn from it holds within one session, where it joins the guest's reconnections, and no further.
        guest = derive_uuid(naming.tenant, "zoom-guest", session, " ".join(name.lower().split()))
        return learner_by_account(HOME_PAGE, guest, name)

    def _session(self, report: Participants, path: Path) -> str:
        if self._meetings.session:
            return self._meetings.session
        match = re.search(self._meetings.topic_pattern, report.topic)
        session = match[1].strip() if match and match.re.groups else ""
        if not session:
            raise UnreadableInput(
                f"{path} does not say its session: no {self._meetings.topic_pattern} in its topic. "
                "Name it with --session."
            )
        return session


def _refuse_email() -> Agent:
    raise RowRejected("The e-mail address is malformed.")
