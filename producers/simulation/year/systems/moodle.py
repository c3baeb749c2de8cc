"""The Moodles: M@gistère, with a course for each session that is hybrid or without a tutor, and Mentor.

A course opens a week before its session: learners are enrolled, look around, write, and are examined at the end. The
plugin Attendance holds the marks of sessions that have no other record of presence. M@gistère also has the year's film
and a kit of resources, which learners come back to for months after a training.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import numpy as np

from producers.simulation.year.attendance import Learner, SessionDay
from producers.simulation.year.catalogue import Kind
from producers.simulation.year.people import Person
from producers.simulation.year.planning import Session
from producers.simulation.year.systems.moodle_tables import (
    ATTENDANCE_STATUSES,
    COURSE_KINDS,
    SCHEMA,
    to_json,
    to_php,
)
from producers.simulation.year.world import OncePerMonth, World
from xapi_profiles.vocabulary import Modality

Platform = Literal["magistere", "mentor"]

FIRST_USER: Final = 1_000
FIRST_COURSE: Final = 100
RESOURCES: Final = 2
"""The course of the film and the kit, on M@gistère alone."""
KIT: Final = ("film", "kit", "fiches")
_OPENS, _CLOSES = 7, 14
_STATUSES: Final = {"present": 1, "late": 2, "excused": 3, "absent": 4}
_UNCLEAR: Final = 5
_ADMIN: Final = 2
_GUEST: Final = 1
_COMPLETED: Final = 2
_FAILED: Final = 3


PATTERN: Final = "(?P<pathway>[^/]+)/(?P<module>[^/]+)/(?P<session>[^/]+)"
"""What the code (ID number) of a course says."""


class Row(NamedTuple):
    """A row of the log before it has its id, and whether a statement follows from it."""

    at: int
    event: str
    context: tuple[int, int]
    user: int
    course: int
    related: int | None = None
    object: int | None = None
    other: str = "N;"
    told: bool = True


class Moodle:
    """One Moodle, in a file of SQLite."""

    def __init__(self, world: World, platform: Platform) -> None:
        self._world, self._platform = world, platform
        self._count = world.tally.sources[platform]
        self._marked = world.tally.sources[f"{platform}-attendance"]
        self._database = _open(world.directory / f"{platform}.sqlite")
        self._due: dict[int, list[Row]] = defaultdict(list)
        self._corrections: dict[int, list[int]] = defaultdict(list)
        self._sessions = [one for one in world.plan.sessions if one.platform == platform and one.cancelled is None]
        self._open: list[Session] = []
        self._meetings = self._marks = self._rows = self._turn = 0
        self._once = OncePerMonth()
        self._insert_people()

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:
        """Write the day's log, and the marks of what was held."""
        calendar = self._world.calendar
        rows = self._due.pop(day, [])
        for session in self._sessions:
            starts, ends = (calendar.day_of(moment) for moment in (session.final.rows[0][0], session.final.rows[-1][1]))
            opens = max(starts - _OPENS, 0)
            if day == opens <= ends:
                self._open_course(session)
            if opens <= day <= ends + _CLOSES and starts - _OPENS <= day:
                rows += self._enrol(session, day, opens)
                rows += self._visit(session, day)
        for one in held:
            if one.way == self._platform:
                self._write_marks(one)
            if one.last:
                self._follow_up(one)
        self._correct(day)
        self._write(rows, day)

    def close(self) -> None:
        """Write the corrections that are still due."""
        for day in sorted(self._corrections):
            self._correct(day)
        self._database.commit()
        self._database.close()

    def _insert_people(self) -> None:
        people = self._world.institute.people
        insert = self._database.executemany
        insert(
            "INSERT INTO mdl_user (id, username, firstname, lastname, email, deleted) VALUES (?, ?, ?, ?, ?, ?)",
            [
                (_GUEST, "guest", "Visiteur", "", "root@localhost", 0),
                (_ADMIN, "admin", "Admin", "Istrateur", "admin@institut.example.org", 0),
                *(
                    (FIRST_USER + one.number, f"u{one.number}", one.first, one.last.upper(), one.email, 0)
                    for one in people
                ),
            ],
        )
        insert(
            "INSERT INTO mdl_user_info_data (userid, fieldid, data) VALUES (?, ?, ?)",
            (
                (FIRST_USER + one.number, field, data)
                for one in people
                for field, data in ((1, one.academie), (2, one.corps))
            ),
        )
        insert("INSERT INTO mdl_course VALUES (?, ?, ?, '')", [(1, "Plateforme de formation", "accueil")])
        if self._platform == "magistere":
            insert(
                "INSERT INTO mdl_course VALUES (?, ?, ?, '')", [(RESOURCES, "Film de l'année et ressources", "film")]
            )
            kinds = ((1, 6, 1), (2, 4, 1), (3, 7, 1))
            insert(
                "INSERT INTO mdl_course_modules VALUES (?, 2, ?, ?)",
                [(RESOURCES * 10 + number, kind, instance) for number, kind, instance in kinds],
            )
            insert("INSERT INTO mdl_url VALUES (?, 2, ?)", [(1, "Le film de l'année")])
            insert("INSERT INTO mdl_resource VALUES (?, 2, ?)", [(1, "Le kit de l'encadrant")])
            insert("INSERT INTO mdl_folder VALUES (?, 2, ?)", [(1, "Fiches pratiques")])

    def _open_course(self, session: Session) -> None:
        course, run = FIRST_COURSE + session.number, self._database.execute
        self._open.append(session)
        code = f"{session.module.pathway}/{session.module.id}/{session.id}"
        run("INSERT INTO mdl_course VALUES (?, ?, ?, ?)", (course, session.module.name, f"S{session.id}", code))
        for number, (kind, name) in enumerate(COURSE_KINDS, start=1):
            run("INSERT INTO mdl_course_modules VALUES (?, ?, ?, ?)", (course * 10 + number, course, number, course))
            run(f"INSERT INTO mdl_{kind} VALUES (?, ?, ?)", (course, course, name))  # noqa: S608 - names of ours
        run("INSERT INTO mdl_grade_items VALUES (?, ?, ?, 'mod', 'quiz', ?, 0, 20)", (course, course, "Bilan", course))
        run("INSERT INTO mdl_badge VALUES (?, ?)", (course, session.module.name))
        run("INSERT INTO mdl_context VALUES (?, 50, ?)", (course * 10, course))
        # The tutor is no learner of the course: what they do there is not told.
        tutor = 500 + session.speakers[0] % 400
        run(
            "INSERT OR IGNORE INTO mdl_user (id, username, firstname, lastname, email)"
            " VALUES (?, ?, 'Tutrice', 'Du cours', ?)",
            (tutor, f"t{tutor}", f"t{tutor}@intervenants.example.org"),
        )
        run("INSERT INTO mdl_role_assignments (roleid, contextid, userid) VALUES (3, ?, ?)", (course * 10, tutor))
        run("INSERT INTO mdl_attendance VALUES (?, ?, 'Émargement')", (course, course))
        for number, acronym in enumerate(ATTENDANCE_STATUSES, start=1):
            run(
                "INSERT INTO mdl_attendance_statuses (id, attendanceid, acronym) VALUES (?, ?, ?)",
                (course * 10 + number, course, acronym),
            )

    def _enrol(self, session: Session, day: int, opens: int) -> list[Row]:
        """Return the enrolments: of all who are registered when the course opens, later of those who are new."""
        at, course = self._world.calendar.at(day, 6 * 60), FIRST_COURSE + session.number
        fresh = [
            one
            for one in session.registrations
            if one.withdrawn is None and (one.since <= day if day == opens else one.since == day)
        ]
        return [
            Row(
                at,
                r"\core\event\user_enrolment_created",
                (50, course),
                _ADMIN,
                course,
                FIRST_USER + one.person.number,
                self._next(),
                to_php({"enrol": "manual"}) if day % 2 else to_json({"enrol": "manual"}),
            )
            for one in fresh
        ]

    def _visit(self, session: Session, day: int) -> list[Row]:
        """Return what learners do in a course on a day: some come, look at something, one in twenty writes."""
        rng = self._world.draw(f"{self._platform} {session.number}", day)
        people = [one.person for one in session.registrations if one.withdrawn is None and one.since <= day]
        course = FIRST_COURSE + session.number
        rows: list[Row] = []
        chances = rng.random((len(people), 3))
        for person, chance in zip(people, chances, strict=True):
            if chance[0] > 0.14:  # noqa: PLR2004 - the share of those who come
                continue
            at, user = (
                self._world.calendar.at(day, int(7 * 60 + chance[1] * 900), int(chance[2] * 60)),
                FIRST_USER + person.number,
            )
            rows.append(Row(at, r"\core\event\user_loggedin", (10, 0), user, 0, object=user))
            rows.append(Row(at + 5, r"\core\event\dashboard_viewed", (30, user), user, 0, told=False))
            rows.append(Row(at + 9, r"\core\event\course_viewed", (50, course), user, course))
            for step in range(1 + int(chance[2] * 4)):
                at += 60 + int(chance[1] * 200)
                number = (step + person.number) % len(COURSE_KINDS) + 1
                kind = COURSE_KINDS[number - 1][0]
                event = rf"\mod_{kind}\event\course_module_viewed"
                rows.append(Row(at, event, (70, course * 10 + number), user, course, object=course))
                self._world.tally.consultations[self._platform] += 1
            if chance[2] > 0.95:  # noqa: PLR2004
                other = to_php({"discussionid": 5, "forumid": str(course), "forumtype": "general"})
                rows.append(
                    Row(at + 60, r"\mod_forum\event\post_created", (70, course * 10 + 3), user, course, other=other)
                )
            self._world.tally.consultations[self._platform] += 1
        if people and day % 3 == 0:
            tutor = 500 + session.speakers[0] % 400
            at = self._world.calendar.at(day, 8 * 60)
            rows.append(Row(at, r"\core\event\course_viewed", (50, course), tutor, course, told=False))
            rows.append(Row(at, r"\core\event\course_viewed", (50, course), _GUEST, course, told=False))
        return rows

    def _write_marks(self, held: SessionDay) -> None:
        """Write the day's marks. What is told in the end is one fact for each learner and half-day with presence."""
        calendar, course = self._world.calendar, FIRST_COURSE + held.session.number
        meetings = {}
        for number, (begin, end) in enumerate(held.rows):
            self._meetings += 1
            meetings[number] = self._meetings
            self._database.execute(
                "INSERT INTO mdl_attendance_sessions (id, attendanceid, sessdate, duration, timemodified)"
                " VALUES (?, ?, ?, ?, ?)",
                (self._meetings, course, begin, end - begin, begin - 86_400),
            )
        facts: dict[tuple[int, str], bool] = {}
        rows = []
        for mark in held.marks:
            self._marks += 1
            status = _UNCLEAR if mark.spoiled else _STATUSES["absent" if mark.corrected else mark.word]
            at = held.rows[mark.row][0] + 600
            rows.append(
                (self._marks, meetings[mark.row], FIRST_USER + mark.who.number, course * 10 + status, at, _ADMIN)
            )
            if mark.corrected:
                self._corrections[held.day + 2].append(self._marks)
            self._marked.rejected += mark.spoiled
            self._marked.lost += mark.spoiled
            if mark.present:
                for begin, _ in calendar.cut(held.rows[mark.row]):
                    key = mark.who.number, calendar.half_day(begin)
                    facts[key] = facts.get(key, True) and not mark.spoiled
        self._marked.rows += len(rows)
        self._marked.statements += sum(facts.values())
        self._database.executemany(
            "INSERT INTO mdl_attendance_log (id, sessionid, studentid, statusid, timetaken, takenby)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            rows,
        )

    def _correct(self, day: int) -> None:
        for mark in self._corrections.pop(day, []):
            self._database.execute(
                "UPDATE mdl_attendance_log SET statusid = statusid - 3, timetaken = timetaken + 172800 WHERE id = ?",
                (mark,),
            )

    def _follow_up(self, held: SessionDay) -> None:
        """Plan what those who came do after the end: the examination in the course, and coming back to the kit."""
        session = held.session
        learners = self._world.tally.sessions[session.number].attended
        people = sorted((one for one in learners if isinstance(one, Person)), key=lambda one: one.number)
        if session.platform == self._platform:
            known = {one.person.number for one in session.registrations}
            rng = self._world.draw(f"{self._platform} exam {session.number}", held.day)
            self._examine(held, [one for one in people if one.number in known], rng)
        if self._platform == "magistere":
            self._come_back(held, people, self._world.draw(f"kit {session.number}", held.day))

    def _examine(self, held: SessionDay, people: Sequence[Learner], rng: np.random.Generator) -> None:
        session, calendar = held.session, self._world.calendar
        course = FIRST_COURSE + session.number
        quiz = (70, course * 10 + 1)
        takes = 0.85 if session.modality is Modality.ASYNCHRONOUS else 0.7
        for person in people:
            chance = rng.random(4)
            if not isinstance(person, Person) or chance[0] > takes:
                continue
            day, user = held.day + 1 + int(chance[1] * 5), FIRST_USER + person.number
            at, points = calendar.at(day, int(8 * 60 + chance[2] * 700)), int(6 + chance[3] * 14)
            passed = points >= 10  # noqa: PLR2004 - of twenty
            if day < self._world.calendar.days:
                self._world.tally.sessions[session.number].completed += passed
            state = _COMPLETED if passed else _FAILED
            grade = {"itemid": str(course), "overridden": False, "finalgrade": float(points)}
            of_quiz = to_json({"quizid": "1"})
            rows = [
                Row(at, r"\mod_quiz\event\attempt_started", quiz, user, course, user, self._next(), of_quiz),
                Row(at + 900, r"\mod_quiz\event\attempt_submitted", quiz, user, course, user, other=of_quiz),
                Row(at + 901, r"\core\event\user_graded", (50, course), user, course, user,
                    other=to_php(grade) if user % 2 else to_json(grade)),
                Row(at + 902, r"\core\event\course_module_completion_updated", quiz, user, course, user,
                    other=to_php({"relateduserid": user, "overrideby": None, "completionstate": state})),
            ]  # fmt: skip
            if passed:
                rows.append(Row(at + 960, r"\core\event\course_completed", (50, course), 0, course, user))
                if Kind.CERTIFYING in session.module.kinds:
                    rows.append(Row(at + 961, r"\core\event\badge_awarded", (50, course), _ADMIN, course, user, course))
            self._due[day] += rows

    def _come_back(self, held: SessionDay, people: Sequence[Person], rng: np.random.Generator) -> None:
        """Plan consultations of the film, the kit and the sheets: fewer as the months go by."""
        calendar = self._world.calendar
        events = (
            (r"\mod_url\event\course_module_viewed", 21),
            (r"\mod_resource\event\course_module_viewed", 22),
            (r"\mod_folder\event\all_files_downloaded", 23),
        )
        counts = rng.poisson(0.7, len(people))
        for person, count in zip(people, counts, strict=True):
            for _ in range(int(count)):
                after = 1 + int(rng.exponential(45))
                which = int(rng.choice(len(KIT), p=[0.5, 0.3, 0.2]))
                day, (event, module) = held.day + after, events[which]
                if day >= calendar.days:
                    continue
                at, user = calendar.at(day, int(rng.integers(8 * 60, 22 * 60))), FIRST_USER + person.number
                self._due[day].append(Row(at, event, (70, module), user, RESOURCES, object=1))
                self._world.tally.after_training[KIT[which]][after // 30] += 1
                self._world.tally.consultations[self._platform] += 1

    def _write(self, rows: Sequence[Row], day: int) -> None:
        ordered = sorted(rows, key=lambda row: (row.at, row.user, row.event, row.course, row.related or 0))
        values: list[tuple[Any, ...]] = []
        for row in ordered:
            self._rows += 1
            other = row.other
            if row.event.endswith("user_graded") and self._once.is_due("cut", self._world.month(day)):
                # The log was transcoded: the details are cut, and the result is lost.
                other = other[: len(other) // 2]
                self._count.rejected += 1
                self._count.lost += 1
            elif row.told:
                self._count.statements += 1
            if row.told and row.event.endswith("user_enrolment_created"):
                self._world.tally.registered_elsewhere[self._platform] += 1
            level, instance = row.context
            values.append(
                (self._rows, row.event, row.object, level, instance, row.user, row.course, row.related, other, row.at)
            )
        self._count.rows += len(values)
        self._database.executemany(
            "INSERT INTO mdl_logstore_standard_log (id, eventname, objectid, contextlevel, contextinstanceid, userid,"
            " courseid, relateduserid, other, timecreated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        self._database.commit()

    def _next(self) -> int:
        self._turn += 1
        return self._turn


def _open(path: Path) -> sqlite3.Connection:
    path.unlink(missing_ok=True)
    database = sqlite3.connect(path)
    # It is written once, by nobody else, and written anew when that is broken off.
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
    return database
