"""Which events of Moodle's log become which statements: the table at the end says it line by line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple, TypeVar

from producers.assessments import DONE, NO_OUTCOME, Outcome, assessed, grade
from producers.errors import RowRejected
from producers.moodle.conventions import FRONT_PAGE, Conventions, Course
from producers.moodle.database import GradeItem, Log, Module
from producers.moodle.php import Value
from producers.naming import Naming
from producers.places import Place, situate
from producers.resources import Resource, accessed, downloaded, viewed
from producers.rows import Agent
from producers.statements import Training, activity, agent, format_instant, register, unregister
from xapi_profiles.vocabulary import ActivityType, Category, Verb

KINDS: Final = {
    "assign": ActivityType.ASSESSMENT,
    "book": ActivityType.E_BOOK,
    "feedback": ActivityType.SURVEY,
    "folder": ActivityType.FILE,
    "forum": ActivityType.DISCUSSION,
    "h5pactivity": ActivityType.LESSON,
    "lesson": ActivityType.LESSON,
    "page": ActivityType.WEBPAGE,
    "questionnaire": ActivityType.SURVEY,
    "quiz": ActivityType.QUIZ,
    "resource": ActivityType.FILE,
    "scorm": ActivityType.LESSON,
    "survey": ActivityType.SURVEY,
    "url": ActivityType.LINK,
}
"""The types of a course's activities; any other kind is a resource."""
_VERBS = {
    Verb.LOGGED_IN: {"id": Verb.LOGGED_IN, "display": {"fr": "s'est connecté à"}},
    Verb.LOGGED_OUT: {"id": Verb.LOGGED_OUT, "display": {"fr": "s'est déconnecté de"}},
    Verb.POSTED: {"id": Verb.POSTED, "display": {"fr": "a publié dans"}},
}
_COMPLETION: Final[Mapping[object, tuple[str, Outcome]]] = {
    1: (Verb.COMPLETED, DONE),
    2: (Verb.PASSED, Outcome(completion=True, success=True)),
    3: (Verb.FAILED, Outcome(completion=True, success=False)),
    4: (Verb.FAILED, Outcome(completion=True, success=False)),
}
_T = TypeVar("_T")
_LATEST = 4_102_444_800  # the year 2100


class Entry(NamedTuple):
    """A row of the log whose event is in the table, with what its ids stand for (None for what is gone)."""

    log: Log
    course: Course | None
    module: Module | None
    item: GradeItem | None
    badge: str
    other: Mapping[int | str, Value]


class Act(NamedTuple):
    """An entry with its learner, about to be told."""

    naming: Naming
    conventions: Conventions
    entry: Entry
    learner: Agent

    @property
    def at(self) -> datetime:
        """When it happened. Raises RowRejected."""
        if not 0 < self.entry.log.timecreated < _LATEST:
            raise RowRejected("timecreated is no time.")
        return datetime.fromtimestamp(self.entry.log.timecreated, UTC)

    @property
    def training(self) -> Training:
        """The session of the course, none on the front page."""
        course = self.entry.course
        return self.conventions.find_training(course) if course and course.id != FRONT_PAGE else Training("")

    @property
    def place(self) -> Place:
        """The session, and the course within which it lies on the site."""
        course = self.entry.course
        around = [_course_activity(self)] if course and course.id != FRONT_PAGE else []
        return Place(self.training, around, self.conventions.name)


Tell = Callable[[Act], dict[str, Any] | None]


class Whose(Enum):
    """Whose act an event is: the user's who caused it, or the user's whom it is about."""

    OWN = "userid"
    RELATED = "relateduserid"


class Event(NamedTuple):
    """What becomes of an event; `needs_other` where its details say more."""

    whose: Whose
    tell: Tell
    needs_other: bool = False


def find_event(name: str) -> Event | None:
    r"""Return what becomes of an event, such as `\core\event\course_viewed`, None where nothing does."""
    event = EVENTS.get(name)
    if event is None and name.startswith("\\mod_") and name.endswith("\\event\\course_module_viewed"):
        return VIEWED
    return event


def _view_course(act: Act) -> dict[str, Any] | None:
    course = _require(act.entry.course, "course")
    if course.id == FRONT_PAGE:
        site = Resource(act.conventions.site, ActivityType.LMS, course.fullname)
        return accessed(act.naming, act.learner, site, act.place, at=act.at)
    # The course is what is consulted, so it is not also around.
    place = Place(act.training, (), act.conventions.name)
    return viewed(act.naming, act.learner, _course(act), place, at=act.at)


def _view_module(act: Act) -> dict[str, Any] | None:
    return viewed(act.naming, act.learner, _module(act), act.place, at=act.at)


def _download(act: Act) -> dict[str, Any] | None:
    return downloaded(act.naming, act.learner, _module(act), act.place, at=act.at)


def _enrol(act: Act) -> dict[str, Any] | None:
    _require(act.entry.course, "course")
    return register(act.naming, act.training, act.learner, at=act.at)


def _unenrol(act: Act) -> dict[str, Any] | None:
    _require(act.entry.course, "course")
    enrolment = act.entry.other.get("userenrolment")
    # Somebody may be enrolled in several ways; only the end of the last one is a withdrawal.
    if isinstance(enrolment, dict) and enrolment.get("lastenrol") in (False, 0, "0", ""):
        return None
    return unregister(act.naming, act.training, act.learner, at=act.at)


def _complete_course(act: Act) -> dict[str, Any] | None:
    place = Place(act.training, (), act.conventions.name)
    return assessed(act.naming, Verb.COMPLETED, act.learner, _course(act), place, at=act.at, outcome=DONE)


def _complete_module(act: Act) -> dict[str, Any] | None:
    state = _number(act.entry.other.get("completionstate"))
    if state is None:
        raise RowRejected("other holds no completionstate.")
    verb, outcome = _COMPLETION.get(int(state), (None, NO_OUTCOME))
    if verb is None:
        return None
    return assessed(act.naming, verb, act.learner, _module(act), act.place, at=act.at, outcome=outcome)


def _score(act: Act) -> dict[str, Any] | None:
    points, item = _number(act.entry.other.get("finalgrade")), act.entry.item
    if points is None or (item and item.kind == "category"):
        return None
    if item is None:
        raise RowRejected("The grade item is gone.")
    outcome = Outcome(score=grade(points, item.low, item.high))
    place, work = act.place, _graded(act, item)
    if item.kind == "course":
        place = Place(act.training, (), act.conventions.name)
    return assessed(act.naming, Verb.SCORED, act.learner, work, place, at=act.at, outcome=outcome)


def _work(verb: str) -> Tell:
    def tell(act: Act) -> dict[str, Any] | None:
        return assessed(act.naming, verb, act.learner, _module(act), act.place, at=act.at)

    return tell


def _earn(act: Act) -> dict[str, Any] | None:
    badge = _require(act.entry.log.objectid, "badge")
    work = Resource(f"{act.conventions.site}/badges/overview.php?id={badge}", ActivityType.BADGE, act.entry.badge)
    return assessed(act.naming, Verb.EARNED, act.learner, work, act.place, at=act.at)


def _post(act: Act) -> dict[str, Any] | None:
    return _tell(act, Verb.POSTED, _module(act), Category.TRAINING)


def _come_or_go(verb: str) -> Tell:
    def tell(act: Act) -> dict[str, Any] | None:
        return _tell(act, verb, Resource(act.conventions.site, ActivityType.LMS), Category.RESOURCES)

    return tell


def _tell(act: Act, verb: str, target: Resource, category: str) -> dict[str, Any]:
    return {
        "actor": agent(act.learner),
        "verb": _VERBS[verb],
        "object": activity(target.iri, target.kind, target.name),
        "context": situate(act.naming, act.learner, act.place, [{"id": category}]),
        "timestamp": format_instant(act.at),
    }


def _course(act: Act) -> Resource:
    course = _require(act.entry.course, "course")
    return Resource(f"{act.conventions.site}/course/view.php?id={course.id}", ActivityType.COURSE, course.fullname)


def _course_activity(act: Act) -> dict[str, Any]:
    course = _course(act)
    return activity(course.iri, course.kind, course.name)


def _module(act: Act) -> Resource:
    return _to_resource(act, _require(act.entry.module, "activity"))


def _to_resource(act: Act, module: Module) -> Resource:
    kind = KINDS.get(module.kind, ActivityType.RESOURCE)
    return Resource(f"{act.conventions.site}/mod/{module.kind}/view.php?id={module.id}", kind, module.name)


def _graded(act: Act, item: GradeItem) -> Resource:
    if item.kind == "course":
        return _course(act)
    if item.module is not None:
        return _to_resource(act, item.module)
    number = act.entry.other.get("itemid")
    return Resource(f"{act.conventions.site}/grade/edit/tree/item.php?id={number}", ActivityType.ASSESSMENT, item.name)


def _number(value: object) -> float | None:
    if value is None or value == "":
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise RowRejected("other holds a text where a number belongs.")
    return number


def _require(value: _T | None, what: str) -> _T:
    if value is None:
        raise RowRejected(f"The {what} is gone.")
    return value


VIEWED: Final = Event(Whose.OWN, _view_module)
EVENTS: Final[Mapping[str, Event]] = {
    r"\core\event\user_loggedin": Event(Whose.OWN, _come_or_go(Verb.LOGGED_IN)),
    r"\core\event\user_loggedout": Event(Whose.OWN, _come_or_go(Verb.LOGGED_OUT)),
    r"\core\event\course_viewed": Event(Whose.OWN, _view_course),
    r"\mod_folder\event\all_files_downloaded": Event(Whose.OWN, _download),
    r"\mod_book\event\chapter_viewed": VIEWED,
    r"\mod_forum\event\discussion_viewed": VIEWED,
    r"\mod_forum\event\discussion_created": Event(Whose.OWN, _post),
    r"\mod_forum\event\post_created": Event(Whose.OWN, _post),
    r"\core\event\user_enrolment_created": Event(Whose.RELATED, _enrol),
    r"\core\event\user_enrolment_deleted": Event(Whose.RELATED, _unenrol, needs_other=True),
    r"\mod_quiz\event\attempt_started": Event(Whose.RELATED, _work(Verb.INITIALIZED)),
    r"\mod_quiz\event\attempt_submitted": Event(Whose.RELATED, _work(Verb.SUBMIT)),
    r"\mod_quiz\event\attempt_abandoned": Event(Whose.RELATED, _work(Verb.ABANDONED)),
    r"\mod_assign\event\assessable_submitted": Event(Whose.RELATED, _work(Verb.SUBMIT)),
    r"\core\event\course_module_completion_updated": Event(Whose.RELATED, _complete_module, needs_other=True),
    r"\core\event\course_completed": Event(Whose.RELATED, _complete_course),
    r"\core\event\user_graded": Event(Whose.RELATED, _score, needs_other=True),
    r"\core\event\badge_awarded": Event(Whose.RELATED, _earn),
}
