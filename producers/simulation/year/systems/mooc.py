"""Open edX: a MOOC a year in three runs, known by its tracking logs, a compressed one for each month."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import orjson

from producers.simulation.year.attendance import SessionDay
from producers.simulation.year.people import Person
from producers.simulation.year.world import OncePerMonth, Table, World

COURSES: Final = ("course-v1:INST+PILOTER+2025", "course-v1:INST+RGPD+2025", "course-v1:INST+HYBRIDER+2025")
USERS: Final = Table(("id", "username", "email"), separator=",")
SOURCE: Final = "openedx"
_SHARE, _WEEKS = 0.1, 4
_LENGTH: Final = 600
_FIRST_USER: Final = 7


class OpenEdx:
    """The logs, and the table of users, in which some are missing."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, world.tally.sources[SOURCE]
        self._due: dict[int, list[tuple[int, str, bytes, int]]] = {}
        self._once = OncePerMonth()
        rng = world.draw("openedx", 0)
        learners = [one for one in world.institute.people if rng.random() < _SHARE]
        USERS.append(
            world.directory / "openedx" / "users.csv",
            (
                (_FIRST_USER + one.number, f"u{one.number}", one.email)
                for one in learners
                if one.number % 19 != 3  # noqa: PLR2004 - some have closed their account
            ),
        )
        for one in learners:
            self._follow(one, COURSES[one.number % len(COURSES)], rng)

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None:  # noqa: ARG002 - it knows no session
        """Append the day's events to the month's log; one line a month is cut."""
        events = sorted(self._due.pop(day, []))
        if not events:
            return
        month = self._world.month(day)
        lines = [line for _, _, line, _ in events]
        self._count.statements += sum(told for *_, told in events)
        if self._once.is_due("rubbish", month):
            lines.append(lines[0][:50] + b"\n")
            self._count.rejected += 1
        self._count.rows += len(lines)
        path = self._world.directory / SOURCE / f"tracking.log-{month}.gz"
        with path.open("ab") as file:
            # Without the time at which it was compressed: the same log is the same bytes.
            file.write(gzip.compress(b"".join(lines), compresslevel=6, mtime=0))

    def close(self) -> None:
        """Nothing is left."""

    def _follow(self, person: Person, course: str, rng: np.random.Generator) -> None:
        """Plan what somebody does in a course: a week with a video and a problem, and another, as long as they stay."""
        calendar, tally = self._world.calendar, self._world.tally
        first = int(rng.integers(max(1, calendar.days - 3)))
        at = calendar.at(first, int(rng.integers(8 * 60, 21 * 60)))
        user = _FIRST_USER + person.number
        self._add(
            at, user, course, "edx.course.enrollment.activated", {"course_id": course, "user_id": user, "mode": "audit"}
        )
        if first < calendar.days:
            tally.registered_elsewhere[SOURCE] += 1
        gap = max(1, min(7, calendar.days // 8))
        stays = int(rng.geometric(0.3))
        for week in range(min(stays, _WEEKS)):
            at = calendar.at(first + week * gap, int(rng.integers(18 * 60, 22 * 60)))
            watched = self._watch(at, user, course, week, rng)
            if first + week * gap < calendar.days:
                tally.self_study["video"] += watched
                tally.consultations["openedx video"] += 1
            self._solve(at + 1800, user, course, week, right=rng.random() < 0.7)  # noqa: PLR2004 - a share
        if stays >= _WEEKS:
            day = first + (_WEEKS - 1) * gap + 1
            at = calendar.at(day, 9 * 60)
            self._add(at, user, course, "edx.course.grade.passed.first_time", {"course_id": course, "user_id": user})
            # A certificate is obtained, and says that the course is completed.
            self._add(at + 60, user, course, "edx.certificate.created", {"course_id": course, "user_id": user}, told=2)
            if day < calendar.days:
                tally.mooc["Open edX completed"] += 1

    def _watch(self, at: int, user: int, course: str, week: int, rng: np.random.Generator) -> int:
        """Plan a video that is played, paused, and played on: to its end, or not. Returns the seconds watched."""
        video = f"{week:032x}"
        middle = int(rng.integers(60, 400))
        whole = rng.random() < 0.6  # noqa: PLR2004 - the share of those who see the end
        stop = _LENGTH if whole else int(rng.integers(middle + 20, 580))
        skipped = 10 if user % 3 == 0 else 0
        moments: list[tuple[int, str, dict[str, Any]]] = [
            (0, "load_video", {}),
            (5, "play_video", {"currentTime": 0}),
            (5 + middle, "pause_video", {"currentTime": middle}),
            (65 + middle, "play_video", {"currentTime": middle + skipped}),
            (65 + stop, "pause_video", {"currentTime": stop}),
        ]
        if skipped:
            moments.append((60 + middle, "seek_video", {"old_time": middle, "new_time": middle + skipped}))
        if whole:
            moments.append((66 + stop, "complete_video", {"currentTime": stop}))
            moments.append((67 + stop, "stop_video", {"currentTime": stop}))
        for after, kind, told in moments:
            details = {"id": video, "code": "html5", "duration": _LENGTH, **told}
            self._add(at + after, user, course, kind, details, source="browser")
        return stop - skipped

    def _solve(self, at: int, user: int, course: str, week: int, *, right: bool) -> None:
        problem = f"block-v1:{course.removeprefix('course-v1:')}+type@problem+block@p{week}"
        success = "correct" if right else "incorrect"
        details = {"problem_id": problem, "success": success, "grade": int(right), "max_grade": 1}
        # The browser writes the same act once more.
        self._add(at, user, course, "problem_check", details)
        self._add(at, user, course, "problem_check", details, source="browser", told=0)
        earned = {"problem_id": problem, "course_id": course, "weighted_earned": int(right), "weighted_possible": 1}
        self._add(at + 1, user, course, "edx.grades.problem.submitted", {**earned, "user_id": user})

    def _add(
        self,
        at: int,
        user: int,
        course: str,
        kind: str,
        details: dict[str, Any],
        *,
        source: str = "server",
        told: int = 1,
    ) -> None:
        event = {
            "username": f"u{user}",
            "event_source": source,
            "name": kind,
            "event_type": kind,
            "time": f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}.{user % 1_000_000:06}+00:00",
            "session": f"s{user}",
            "context": {"user_id": user, "course_id": course, "org_id": "INST", "path": "/event"},
            "host": "mooc.example.org",
            "event": orjson.dumps(details).decode() if source == "browser" else details,
        }
        day = self._world.calendar.day_of(at)
        self._due.setdefault(day, []).append((at, kind + source, orjson.dumps(event) + b"\n", told))
