"""Moodle's log table to statements: read by id in pages, from where the last run stopped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final

import orjson

from producers.errors import CheckpointError, RowRejected, SuspiciousInput
from producers.moodle.conventions import Conventions, add_provenance, is_nobody
from producers.moodle.database import LOG, Database, Log, Tables
from producers.moodle.events import Act
from producers.moodle.pages import Told, find_matter, look_up
from producers.naming import Naming
from producers.rows import Draft, Milestone, Place, Rejected, Row

PAGE: Final = 2_000
MARGIN: Final = 10_000
"""How many ids before the last one are read again by the next run: a row may be written late, under a lower id."""


class MoodleSource:
    """The log of one Moodle, from `since` on where given. The state is the id after which the next run reads."""

    def __init__(
        self,
        database: Database,
        conventions: Conventions,
        *,
        since: datetime | None = None,
        page: int = PAGE,
        margin: int = MARGIN,
    ) -> None:
        self.name = conventions.name
        self._database, self._conventions, self._since = database, conventions, since
        self._page, self._margin = page, margin

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:
        """Yield a row per row of the log, in the order of ids, and a Milestone after every page.

        Raises UnreadableInput, and SuspiciousInput when the log ends before what was read of it.
        """
        with self._database.open() as tables:
            tables.check(LOG, "user", "course", "course_modules", "modules")
            settled = self._find_start(tables, _load(state))
            after = settled
            while logs := tables.read_log(after, self._page):
                yield from self._to_rows(tables, logs)
                after = logs[-1].id
                settled = max(settled, after - self._margin)
                yield Milestone(_dump(settled))

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the statement of a row, none for an event that is not in the table. Raises RowRejected."""
        told: Told | None = row.fields
        if told is None:
            return []
        if told.user is None:
            raise RowRejected("The user is gone.")
        if is_nobody(told.user) or (told.teaches and not self._conventions.teachers):
            return []
        learner = self._conventions.find_learner(told.user)
        statement = told.event.tell(Act(naming, self._conventions, told.entry, learner))
        if statement is None:
            return []
        log = told.entry.log
        provenance = self._conventions.find_provenance(told.user)
        return [Draft(f"log|{log.id}|{log.timecreated}", add_provenance(statement, provenance))]

    def _find_start(self, tables: Tables, settled: int) -> int:
        last = tables.find_last()
        if last is not None and last < settled:
            raise SuspiciousInput(
                f"The log ends at id {last}, and was read up to {settled} before: it is another Moodle's, or was "
                "begun anew. Name that one with --platform, or start from nothing with --again."
            )
        if self._since is None or last is None:
            return settled
        first = tables.find_first(int(self._since.timestamp()))
        return max(settled, last if first is None else first - 1)

    def _to_rows(self, tables: Tables, logs: list[Log]) -> Iterator[Row | Rejected]:
        table = tables.name(LOG)
        matters = {log.id: matter for log in logs if (matter := find_matter(log)) is not None}
        names = look_up(tables, self._conventions, list(matters.values()))
        for log in logs:
            place, matter = Place(table, log.id), matters.get(log.id)
            if matter is None:
                yield Row(place, None)
                continue
            raw = orjson.dumps(log._asdict()).decode()
            if isinstance(matter.details, RowRejected):
                yield Rejected(place, str(matter.details), raw)
            else:
                yield Row(place, names.tell(matter, matter.details), raw)


def _dump(settled: int) -> str:
    return orjson.dumps({"log": settled}).decode()


def _load(state: str | None) -> int:
    if state is None:
        return 0
    try:
        return int(orjson.loads(state)["log"])
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            "The checkpoint holds no state of Moodle's log: start from nothing with --again."
        ) from error
