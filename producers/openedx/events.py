"""Which events of Open edX become which statements: the table at the end says it line by line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from producers.assessments import DONE, Outcome, assessed, grade
from producers.errors import RowRejected
from producers.naming import Naming
from producers.openedx.tracking import Tracked, read_number, text
from producers.openedx.viewings import Viewing, Viewings
from producers.places import Place
from producers.resources import Resource
from producers.rows import Agent
from producers.statements import Training, activity, register, unregister
from producers.videos import Playback, watched
from xapi_profiles.vocabulary import ActivityType, Verb

_COURSE = "course-v1:"


class Source(Enum):
    """Who wrote an event. Some are written twice, by the server and by the browser that called it."""

    SERVER = frozenset({"server"})
    PLAYER = frozenset({"browser", "mobile"})


@dataclass(frozen=True, slots=True)
class Act:
    """An event with its learner and its course, about to be told."""

    naming: Naming
    site: str
    platform: str
    tracked: Tracked
    details: Mapping[str, Any]
    learner: Agent
    course: str
    training: Training
    viewings: Viewings

    @property
    def whole_course(self) -> Resource:
        """The course."""
        return Resource(f"{self.site}/courses/{quote(self.course, safe='/:+@')}", ActivityType.COURSE)

    @property
    def beside(self) -> Place:
        """Where the course itself is what it is about."""
        return Place(self.training, (), self.platform)

    @property
    def within(self) -> Place:
        """Where it is about something in the course."""
        course = self.whole_course
        return Place(self.training, [activity(course.iri, course.kind)], self.platform)


Told = tuple[str, dict[str, Any]]
"""What tells the statements of one event apart, and a statement."""
Tell = Callable[[Act], Iterable[Told]]


class Event(NamedTuple):
    """What becomes of an event that one of these sources wrote."""

    source: Source
    tell: Tell


def find_event(tracked: Tracked) -> Event | None:
    """Return what becomes of an event, None where nothing does."""
    event = EVENTS.get(tracked.kind)
    return event if event is not None and tracked.source in event.source.value else None


def _enrol(act: Act) -> Iterator[Told]:
    yield "", register(act.naming, act.training, act.learner, at=act.tracked.at)


def _unenrol(act: Act) -> Iterator[Told]:
    yield "", unregister(act.naming, act.training, act.learner, at=act.tracked.at)


def _watch(verb: str) -> Tell:
    def tell(act: Act) -> Iterator[Told]:
        number = _find_video(act)
        session = text(act.tracked.line, "session") or text(act.tracked.context, "session")
        key = (str(act.learner.ifi), act.course, number, session)
        viewing = act.viewings.find(key, anew=verb == Verb.INITIALIZED)
        playback = _play(act, verb, viewing, key if session else ())
        name = text(_module(act), "display_name")
        video = Resource(_block(act, "video", number), ActivityType.VIDEO, name)
        yield number, watched(act.naming, verb, act.learner, video, playback, act.within, at=act.tracked.at)

    return tell


def _play(act: Act, verb: str, viewing: Viewing, key: Sequence[str]) -> Playback:
    came_from = read_number(act.details, "old_time", "currentTime") if verb == Verb.SEEKED else None
    time = read_number(act.details, "new_time") if verb == Verb.SEEKED else read_number(act.details, "currentTime")
    viewing.length = read_number(act.details, "duration") or viewing.length
    if verb == Verb.INITIALIZED:
        time = None
    elif time is None or (verb == Verb.SEEKED and came_from is None):
        raise RowRejected("event says no currentTime, or not from where to where a jump went.")
    else:
        viewing.take(verb, time, came_from)
    return Playback(
        time,
        came_from,
        viewing.progress if viewing.segments else None,
        viewing.text,
        viewing.watched if viewing.segments else None,
        viewing.length,
        act.naming.derive("openedx-viewing", *key) if key else "",
    )


def _answer(act: Act) -> Iterator[Told]:
    success = {"correct": True, "incorrect": False}.get(text(act.details, "success"))
    if success is None:
        raise RowRejected("success is neither correct nor incorrect.")
    outcome = Outcome(_score(act, "grade", "max_grade"), success)
    problem = _find_problem(act)
    question = Resource(_block(act, "problem", problem), ActivityType.INTERACTION, text(_module(act), "display_name"))
    yield (
        problem,
        assessed(act.naming, Verb.ANSWERED, act.learner, question, act.within, at=act.tracked.at, outcome=outcome),
    )


def _score_problem(act: Act) -> Iterator[Told]:
    score = _score(act, "weighted_earned", "weighted_possible")
    if score is None:
        raise RowRejected("event holds no weighted_earned.")
    problem = _find_problem(act)
    work = Resource(_block(act, "problem", problem), ActivityType.ASSESSMENT, text(_module(act), "display_name"))
    outcome = Outcome(score)
    yield problem, assessed(act.naming, Verb.SCORED, act.learner, work, act.within, at=act.tracked.at, outcome=outcome)


def _score_course(act: Act) -> Iterator[Told]:
    share = read_number(act.details, "percent_grade")
    if share is None or share > 1:
        raise RowRejected("percent_grade is not a share of 0 to 1.")
    yield from _tell_course(Verb.SCORED, Outcome(grade(share, 0, 1)))(act)


def _tell_course(verb: str, outcome: Outcome) -> Tell:
    def tell(act: Act) -> Iterator[Told]:
        yield (
            "",
            assessed(act.naming, verb, act.learner, act.whole_course, act.beside, at=act.tracked.at, outcome=outcome),
        )

    return tell


def _finish(act: Act) -> Iterator[Told]:
    share = read_number(act.details, "percent")
    if share is not None and share >= 1:
        yield from _tell_course(Verb.COMPLETED, DONE)(act)


def _certify(act: Act) -> Iterator[Told]:
    """A certificate is obtained, and says that the course is completed: not every site tells that by itself."""
    certificate = Resource(f"{act.whole_course.iri}/certificate", ActivityType.BADGE)
    yield "earned", assessed(act.naming, Verb.EARNED, act.learner, certificate, act.within, at=act.tracked.at)
    for _, statement in _tell_course(Verb.COMPLETED, DONE)(act):
        yield "completed", statement


def _score(act: Act, points: str, highest: str) -> Mapping[str, float] | None:
    reached, most = read_number(act.details, points), read_number(act.details, highest)
    return None if reached is None else grade(reached, 0, most or 0)


def _find_video(act: Act) -> str:
    """Return the number of a video's block: players on the web and in the application write it in several ways."""
    told = text(act.details, "id") or text(act.details, "module_id")
    number = told.rsplit("@", 1)[-1].rsplit("/", 1)[-1]
    if number.startswith("i4x-"):
        number = number.rsplit("-", 1)[-1]
    if not number:
        raise RowRejected("event names no video.")
    return number


def _find_problem(act: Act) -> str:
    problem = text(act.details, "problem_id") or text(_module(act), "usage_key")
    if not problem:
        raise RowRejected("event names no problem.")
    return problem


def _block(act: Act, kind: str, number: str) -> str:
    """Return the IRI of a block of the course, by its usage key, or by its number alone."""
    if "@" in number or "/" in number:
        return f"{act.site}/xblock/{quote(number, safe=':+@')}"
    if act.course.startswith(_COURSE):
        run = quote(act.course.removeprefix(_COURSE), safe="+")
        return f"{act.site}/xblock/block-v1:{run}+type@{kind}+block@{quote(number, safe='')}"
    return f"{act.whole_course.iri}/{kind}/{quote(number, safe='')}"


def _module(act: Act) -> Mapping[str, Any]:
    module = act.tracked.context.get("module")
    return module if isinstance(module, dict) else {}


EVENTS: Final[Mapping[str, Event]] = {
    "edx.course.enrollment.activated": Event(Source.SERVER, _enrol),
    "edx.course.enrollment.deactivated": Event(Source.SERVER, _unenrol),
    "load_video": Event(Source.PLAYER, _watch(Verb.INITIALIZED)),
    "edx.video.loaded": Event(Source.PLAYER, _watch(Verb.INITIALIZED)),
    "play_video": Event(Source.PLAYER, _watch(Verb.PLAYED)),
    "edx.video.played": Event(Source.PLAYER, _watch(Verb.PLAYED)),
    "pause_video": Event(Source.PLAYER, _watch(Verb.PAUSED)),
    "edx.video.paused": Event(Source.PLAYER, _watch(Verb.PAUSED)),
    "seek_video": Event(Source.PLAYER, _watch(Verb.SEEKED)),
    "edx.video.position.changed": Event(Source.PLAYER, _watch(Verb.SEEKED)),
    "stop_video": Event(Source.PLAYER, _watch(Verb.TERMINATED)),
    "edx.video.stopped": Event(Source.PLAYER, _watch(Verb.TERMINATED)),
    "complete_video": Event(Source.PLAYER, _watch(Verb.COMPLETED)),
    "edx.video.completed": Event(Source.PLAYER, _watch(Verb.COMPLETED)),
    "problem_check": Event(Source.SERVER, _answer),
    "edx.grades.problem.submitted": Event(Source.SERVER, _score_problem),
    "edx.grades.course.grade_calculated": Event(Source.SERVER, _score_course),
    "edx.course.grade.passed.first_time": Event(Source.SERVER, _tell_course(Verb.PASSED, Outcome(success=True))),
    "edx.course.completed": Event(Source.SERVER, _tell_course(Verb.COMPLETED, DONE)),
    "edx.completion_aggregator.completion.course": Event(Source.SERVER, _finish),
    "edx.certificate.created": Event(Source.SERVER, _certify),
}
