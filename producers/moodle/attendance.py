"""The marks of Moodle's attendance plugin to statements: who attended which half-days, and what is withdrawn of it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from producers.attendance import attended, cut_half_days, name_half_day
from producers.errors import RowRejected
from producers.moodle.conventions import Conventions, User, add_provenance, is_nobody
from producers.moodle.database import Database, MarkRow, Tables
from producers.moodle.marks import STATUSES, Change, FactKey, Mark, Meaning, Told, dump, forget, load, tell
from producers.naming import Naming
from producers.rows import Draft, Milestone, Place, Rejected, Row
from producers.statements import Training, void
from xapi_profiles.vocabulary import Evidence, Modality

PAGE: Final = 10_000
_USERS = 2_000
_LONGEST = 24 * 3600
_LATEST = 4_102_444_800  # the year 2100


class _Dated(NamedTuple):
    """A change with what it takes to tell it."""

    change: Change
    user: User | None
    training: Training


class MoodleAttendanceSource:
    """The attendance of one Moodle's courses: all its marks, or those of meetings from `since` on.

    `modality` is how those marked took part; `statuses` is what acronyms mean. The state is what stands told. It is
    saved before the changes are delivered too: a kill in between, and a mark changed again after it, would otherwise
    leave a statement that nothing withdraws.
    """

    def __init__(
        self,
        database: Database,
        conventions: Conventions,
        zone: ZoneInfo,
        *,
        modality: Modality = Modality.IN_PERSON,
        statuses: Mapping[str, Meaning] = STATUSES,
        since: datetime | None = None,
    ) -> None:
        self.name = f"{conventions.name}-attendance"
        self._database, self._conventions, self._zone = database, conventions, zone
        self._modality, self._since = modality, since
        self._statuses = {acronym.upper(): meaning for acronym, meaning in statuses.items()}

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:
        """Yield the marks that cannot be read, then a row per change between what stands told and what the marks say.

        Raises UnreadableInput.
        """
        told = load(state)
        with self._database.open() as tables:
            tables.check("attendance", "attendance_log", "attendance_sessions", "attendance_statuses", "user", "course")
            courses = tables.find_courses(tables.list_attendance_courses())
            trainings = {one: self._conventions.find_training(course) for one, course in courses.items()}
            told = yield from self._deliver(tables, told, trainings)
            since = 0
            if self._since is not None:
                since = int(self._since.timestamp())
                told = forget(told, f"{self._since.astimezone(self._zone):%Y-%m-%d}")
            marks: list[Mark] = []
            unclear: set[FactKey] = set()
            yield from self._read_marks(tables, since, trainings, marks, unclear)
            told = tell(told, marks, unclear, self._zone)
            if told.pending:
                yield Milestone(dump(told))
            yield from self._deliver(tables, told, trainings)

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the statement of a fact, or the one that withdraws it. Raises RowRejected."""
        dated: _Dated = row.fields
        fact, withdrawn_at = dated.change
        key = f"attended|{fact.key}"
        if withdrawn_at is not None:
            target = naming.statement_id(self.name, key)
            return [Draft(f"void|{key}", void(naming, self.name, target, at=_to_time(withdrawn_at)))]
        if dated.user is None:
            raise RowRejected("The user is gone.")
        statement = attended(
            naming,
            dated.training,
            self._conventions.find_learner(dated.user),
            half_day=fact.half_day,
            duration=timedelta(seconds=fact.seconds),
            modality=self._modality,
            evidence=Evidence.DECLARED,
            at=_to_time(fact.starts),
            late=fact.late,
        )
        return [Draft(key, add_provenance(statement, self._conventions.find_provenance(dated.user)))]

    def _deliver(
        self, tables: Tables, told: Told, trainings: Mapping[int, Training]
    ) -> Generator[Row | Milestone, None, Told]:
        """Yield what is pending, then the Milestone of its delivery; returns what stands told then."""
        if not told.pending:
            return told
        sessions = {training.session: training for training in trainings.values()}
        for start in range(0, len(told.pending), _USERS):
            changes = told.pending[start : start + _USERS]
            users = tables.find_users({change.fact.user for change in changes}, self._conventions.profile_fields)
            for change in changes:
                fact = change.fact
                training = sessions.get(fact.session) or Training(fact.session)
                place = Place(tables.name("attendance_log"), fact.marks[0])
                yield Row(place, _Dated(change, users.get(fact.user), training), str(list(fact)))
        told = Told(told.facts, told.turns)
        yield Milestone(dump(told))
        return told

    def _read_marks(
        self,
        tables: Tables,
        since: int,
        trainings: Mapping[int, Training],
        marks: list[Mark],
        unclear: set[FactKey],
    ) -> Iterator[Rejected]:
        """Fill `marks` with those that can be read, and `unclear` with the half-days of the others."""
        table, after = tables.name("attendance_log"), 0
        while rows := tables.read_marks(since, after, PAGE):
            after = rows[-1].id
            users = tables.find_users({row.student for row in rows})
            for row in rows:
                user, training = users.get(row.student), trainings.get(row.course)
                if user is not None and is_nobody(user):
                    continue
                try:
                    marks.append(self._to_mark(row, user, training))
                except RowRejected as rejection:
                    if training is not None:
                        unclear.update(self._find_half_days(row, training.session))
                    yield Rejected(Place(table, row.id), str(rejection), orjson.dumps(row._asdict()).decode())

    def _to_mark(self, row: MarkRow, user: User | None, training: Training | None) -> Mark:
        if training is None:
            raise RowRejected("The course is gone.")
        if user is None:
            raise RowRejected("The user is gone.")
        self._conventions.find_learner(user)
        meaning = self._statuses.get(row.acronym.strip().upper())
        if meaning is None:
            raise RowRejected("The status is unknown: say what it means with --status ACRONYM=MEANING.")
        if not 0 < row.starts < _LATEST:
            raise RowRejected("sessdate is no time.")
        if not 0 < row.duration <= _LONGEST:
            raise RowRejected("The meeting has no duration, or one of more than a day.")
        as_of = max(row.taken, row.modified)
        return Mark(row.id, row.student, training.session, row.starts, row.starts + row.duration, meaning, as_of)

    def _find_half_days(self, row: MarkRow, session: str) -> Iterator[FactKey]:
        if 0 < row.starts < _LATEST:
            starts = _to_time(row.starts)
            ends = starts + timedelta(seconds=min(max(row.duration, 1), _LONGEST))
            for begin, _ in cut_half_days(starts, ends, self._zone):
                yield session, row.student, name_half_day(begin, self._zone)


def _to_time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
