"""Open edX's tracking logs to statements."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

from producers.courses import PATTERN, find_training
from producers.errors import RowRejected, UnreadableInput
from producers.naming import Naming
from producers.openedx.events import Act, find_event
from producers.openedx.tracking import Tracked, parse_line, read_lines, read_user, text
from producers.openedx.viewings import Viewings
from producers.rows import Agent, Draft, Milestone, Place, Rejected, Row
from producers.statements import learner_by_account, learner_by_email


@dataclass(frozen=True, slots=True)
class Conventions:
    """What differs from one Open edX to another.

    `name` tells those of a tenant apart: it is the source's name. `site` is the platform's address, without a slash at
    the end; learners whose e-mail address `learners` does not tell (by user id) are accounts there. `pattern` finds
    session, module and pathway in a course's id.
    """

    name: str
    site: str
    learners: Mapping[str, str] = field(default_factory=dict)
    pattern: re.Pattern[str] = field(default_factory=lambda: re.compile(PATTERN))

    def find_learner(self, user: str) -> Agent:
        """Return the learner with a user id. Raises RowRejected when the e-mail address told for it is malformed."""
        email = self.learners.get(user)
        return learner_by_email(email) if email else learner_by_account(self.site, user)


class OpenEdxSource:
    """Some tracking logs, one JSON object a line, gzip or not; in the order in which they were written."""

    def __init__(self, paths: Sequence[Path], conventions: Conventions) -> None:
        self.name = conventions.name
        self._paths, self._conventions = paths, conventions
        self._viewings = Viewings()

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield a row per line. Raises UnreadableInput, once what stands before is delivered."""
        self._viewings = Viewings()
        for path in self._paths:
            try:
                for number, line in enumerate(read_lines(path), start=1):
                    if line.strip():
                        yield _to_row(line, Place(path.name, number))
            except UnreadableInput:
                yield Milestone()
                raise

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the statements of an event, none for one that is not in the table. Raises RowRejected."""
        tracked: Tracked = row.fields
        event = find_event(tracked)
        if event is None:
            return []
        details = tracked.read_details()
        # Somebody may enrol another: then the details name the learner, and the context who did it.
        user = read_user(details) or read_user(tracked.context)
        if not user:
            if text(tracked.line, "username"):
                raise RowRejected("Neither event nor context holds a user_id.")
            return []
        course = text(details, "course_id") or text(tracked.context, "course_id")
        if not course:
            raise RowRejected("Neither event nor context holds a course_id.")
        act = Act(
            naming,
            self._conventions.site,
            self.name,
            tracked,
            details,
            self._conventions.find_learner(user),
            course,
            find_training(self._conventions.pattern, course, otherwise=course, name=""),
            self._viewings,
        )
        key = "|".join((tracked.kind, act.tracked.at.astimezone(UTC).isoformat(), user, course))
        return [Draft(f"{key}|{part}", statement) for part, statement in event.tell(act)]


def _to_row(line: bytes, place: Place) -> Row | Rejected:
    raw = line.decode("utf-8", "replace").strip()
    try:
        return Row(place, parse_line(line), raw)
    except RowRejected as rejection:
        return Rejected(place, str(rejection), raw)
