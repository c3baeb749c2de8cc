"""A Moodle's database, over SQLAlchemy: its log in pages, and what the ids in it stand for. Nothing is written.

The columns are those that Moodle publishes in `lib/db/install.xml` and the plugins in theirs; no others are read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from producers.databases import open_database
from producers.errors import UnreadableInput
from producers.moodle.conventions import Course, User

LOG: Final = "logstore_standard_log"
_COURSE_CONTEXT = 50
_TEACHING = ("editingteacher", "teacher", "manager", "coursecreator")
_PREFIX = re.compile(r"[A-Za-z0-9_]{0,20}")
_KIND = re.compile(r"[a-z][a-z0-9_]{0,40}")
# SQLite's and SQL Server's bounds on the parameters of a query lie above this.
_PARAMETERS = 900


class Log(NamedTuple):
    """A row of the log: the columns that statements are made of."""

    id: int
    eventname: str
    objectid: int | None
    contextlevel: int
    contextinstanceid: int
    userid: int
    courseid: int | None
    relateduserid: int | None
    anonymous: int
    other: str | None
    timecreated: int
    realuserid: int | None


class Module(NamedTuple):
    """An activity of a course: a row of `course_modules`, its kind (`quiz`) and its name, '' where that is gone."""

    id: int
    kind: str
    name: str


class GradeItem(NamedTuple):
    """A row of `grade_items`; `module` is the course module of an item of the kind `mod`, None for others."""

    kind: str
    name: str
    low: float
    high: float
    module: Module | None


class MarkRow(NamedTuple):
    """A row of `attendance_log` with its attendance session, course and status ('' for a status that is gone)."""

    id: int
    student: int
    taken: int
    starts: int
    duration: int
    modified: int
    course: int
    acronym: str


@dataclass(frozen=True, slots=True)
class Database:
    """Where a Moodle's tables are: an SQLAlchemy URL, and what stands before the tables' names."""

    url: str = field(repr=False)
    prefix: str = "mdl_"

    @contextmanager
    def open(self) -> Iterator[Tables]:
        """Open the tables. Raises UnreadableInput, for whatever goes wrong while they are open too."""
        if not _PREFIX.fullmatch(self.prefix):
            raise UnreadableInput("The prefix of Moodle's tables may hold letters, digits and _ only.")
        with open_database(self.url, "Moodle") as connection:
            # A transaction would last as long as everything is delivered, and keep the server from tidying up.
            yield Tables(connection.execution_options(isolation_level="AUTOCOMMIT"), self.prefix)


class Tables:
    """One Moodle's tables, open."""

    def __init__(self, connection: sa.Connection, prefix: str) -> None:
        self._connection, self._prefix = connection, prefix
        self._present: frozenset[str] | None = None

    def name(self, table: str) -> str:
        """Return the full name of a table."""
        return self._prefix + table

    def check(self, *tables: str) -> None:
        """Make sure that the tables are there."""
        present = self._list_tables()
        for table in tables:
            if self.name(table) not in present:
                raise UnreadableInput(
                    f"Moodle's database has no table {self.name(table)}: check --prefix and what the account may read."
                )

    def find_last(self) -> int | None:
        """Return the highest id of the log, None of an empty one."""
        log = self._table(LOG, "id")
        last: int | None = self._select(sa.select(sa.func.max(log.c.id)))[0][0]
        return last

    def find_first(self, since: int) -> int | None:
        """Return the lowest id of the log's rows of a time (seconds since 1970) or later, None without any."""
        log = self._table(LOG, "id", "timecreated")
        first: int | None = self._select(sa.select(sa.func.min(log.c.id)).where(log.c.timecreated >= since))[0][0]
        return first

    def read_log(self, after: int, count: int) -> list[Log]:
        """Return the first rows of the log, at most `count`, whose ids come after one."""
        log = self._table(LOG, *Log._fields)
        query = sa.select(*log.c).where(log.c.id > after).order_by(log.c.id).limit(count)
        return [Log(*row) for row in self._select(query)]

    def find_users(self, ids: Collection[int], fields: Sequence[str] = ()) -> dict[int, User]:
        """Return the users with these ids, with the profile fields of these short names."""
        user = self._table("user", "id", "username", "email", "idnumber", "firstname", "lastname", "deleted")
        told: dict[int, dict[str, str]] = {}
        if fields:
            info, data = (
                self._table("user_info_field", "id", "shortname"),
                self._table("user_info_data", "userid", "fieldid", "data"),
            )
            query = sa.select(data.c.userid, info.c.shortname, data.c.data).select_from(
                data.join(info, info.c.id == data.c.fieldid)
            )
            for userid, shortname, value in self._find(query.where(info.c.shortname.in_(fields)), data.c.userid, ids):
                told.setdefault(userid, {})[shortname] = value or ""
        found = {}
        for one, username, email, idnumber, firstname, lastname, deleted in self._find(
            sa.select(*user.c), user.c.id, ids
        ):
            texts = (text or "" for text in (username, email, idnumber, firstname, lastname))
            found[one] = User._make((one, *texts, bool(deleted), told.get(one, {})))
        return found

    def find_courses(self, ids: Collection[int]) -> dict[int, Course]:
        """Return the courses with these ids."""
        course = self._table("course", "id", "fullname", "shortname", "idnumber")
        rows = self._find(sa.select(*course.c), course.c.id, ids)
        return {row[0]: Course(row[0], *(text or "" for text in row[1:])) for row in rows}

    def find_teachers(self, courses: Collection[int]) -> set[tuple[int, int]]:
        """Return who teaches or manages which of these courses, as pairs of user and course."""
        given = self._table("role_assignments", "roleid", "contextid", "userid")
        role, context = (
            self._table("role", "id", "archetype"),
            self._table("context", "id", "contextlevel", "instanceid"),
        )
        query = (
            sa.select(given.c.userid, context.c.instanceid)
            .select_from(given.join(role, role.c.id == given.c.roleid).join(context, context.c.id == given.c.contextid))
            .where(context.c.contextlevel == _COURSE_CONTEXT, role.c.archetype.in_(_TEACHING))
        )
        return {(user, course) for user, course in self._find(query, context.c.instanceid, courses)}

    def find_modules(self, ids: Collection[int]) -> dict[int, Module]:
        """Return the activities with these ids of course modules."""
        item, kind = self._modules()
        query = sa.select(item.c.id, kind.c.name, item.c.instance).select_from(
            item.join(kind, kind.c.id == item.c.module)
        )
        rows = [tuple(row) for row in self._find(query, item.c.id, ids)]
        names = {
            name: self._find_names(name, {instance for _, other, instance in rows if other == name})
            for name in {name for _, name, _ in rows}
        }
        return {one: Module(one, name, names[name].get(instance, "")) for one, name, instance in rows}

    def find_grade_items(self, ids: Collection[int]) -> dict[int, GradeItem]:
        """Return the grade items with these ids."""
        item = self._table(
            "grade_items", "id", "itemname", "itemtype", "itemmodule", "iteminstance", "grademin", "grademax"
        )
        rows = [tuple(row) for row in self._find(sa.select(*item.c), item.c.id, ids)]
        modules = {
            kind: self._find_modules_of(kind, {row[4] for row in rows if row[3] == kind})
            for kind in {row[3] for row in rows if row[2] == "mod" and row[3]}
        }
        return {
            one: GradeItem(kind or "", name or "", float(low or 0), float(high or 0), modules.get(of, {}).get(instance))
            for one, name, kind, of, instance, low, high in rows
        }

    def find_badges(self, ids: Collection[int]) -> dict[int, str]:
        """Return the names of badges."""
        badge = self._table("badge", "id", "name")
        return {row[0]: row[1] or "" for row in self._find(sa.select(*badge.c), badge.c.id, ids)}

    def list_attendance_courses(self) -> set[int]:
        """Return the courses that keep attendance."""
        register = self._table("attendance", "course")
        return {row[0] for row in self._select(sa.select(register.c.course).distinct())}

    def read_marks(self, since: int, after: int, count: int) -> list[MarkRow]:
        """Return the first marks, at most `count`, whose ids come after one, of meetings at a time or later."""
        mark = self._table("attendance_log", "id", "sessionid", "studentid", "statusid", "timetaken")
        meeting = self._table("attendance_sessions", "id", "attendanceid", "sessdate", "duration", "timemodified")
        register = self._table("attendance", "id", "course")
        status = self._table("attendance_statuses", "id", "acronym")
        query = (
            sa.select(
                mark.c.id,
                mark.c.studentid,
                mark.c.timetaken,
                meeting.c.sessdate,
                meeting.c.duration,
                sa.func.coalesce(meeting.c.timemodified, 0),
                register.c.course,
                sa.func.coalesce(status.c.acronym, ""),
            )
            .select_from(
                mark.join(meeting, meeting.c.id == mark.c.sessionid)
                .join(register, register.c.id == meeting.c.attendanceid)
                .outerjoin(status, status.c.id == mark.c.statusid)
            )
            .where(mark.c.id > after, meeting.c.sessdate >= since)
            .order_by(mark.c.id)
            .limit(count)
        )
        return [MarkRow._make(row) for row in self._select(query)]

    def _find_modules_of(self, kind: str, instances: Collection[int]) -> dict[int, Module]:
        """Return the activities of a kind by their ids in the table of that kind."""
        item, of = self._modules()
        query = (
            sa.select(item.c.id, item.c.instance)
            .select_from(item.join(of, of.c.id == item.c.module))
            .where(of.c.name == kind)
        )
        names = self._find_names(kind, instances)
        rows = self._find(query, item.c.instance, instances)
        return {instance: Module(one, kind, names.get(instance, "")) for one, instance in rows}

    def _find_names(self, kind: str, instances: Collection[int]) -> dict[int, str]:
        """Return the names of activities from the table of their kind, none when the plugin is gone."""
        if not _KIND.fullmatch(kind) or self.name(kind) not in self._list_tables():
            return {}
        table = self._table(kind, "id", "name")
        return {row[0]: row[1] or "" for row in self._find(sa.select(*table.c), table.c.id, instances)}

    def _modules(self) -> tuple[sa.TableClause, sa.TableClause]:
        return self._table("course_modules", "id", "module", "instance"), self._table("modules", "id", "name")

    def _table(self, name: str, *columns: str) -> sa.TableClause:
        return sa.table(self.name(name), *(sa.column(column) for column in columns))

    def _list_tables(self) -> frozenset[str]:
        if self._present is None:
            self._present = frozenset(sa.inspect(self._connection).get_table_names())
        return self._present

    def _find(self, query: sa.Select[Any], key: sa.ColumnElement[Any], ids: Collection[int]) -> Iterator[Any]:
        wanted = sorted(ids)
        for start in range(0, len(wanted), _PARAMETERS):
            yield from self._select(query.where(key.in_(wanted[start : start + _PARAMETERS])))

    def _select(self, query: sa.Select[Any]) -> list[Any]:
        return list(self._connection.execute(query))
