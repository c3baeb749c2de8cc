"""What the rows of a page of Moodle's log name, looked up for the whole page at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from producers.errors import RowRejected
from producers.moodle.conventions import Conventions, Course, User
from producers.moodle.database import GradeItem, Log, Module, Tables
from producers.moodle.events import Entry, Event, Whose, find_event
from producers.moodle.php import Value, parse_php

Details = dict[int | str, Value]
_COMPONENT = "\\mod_"
_MODULE_CONTEXT = 70


class Matter(NamedTuple):
    """A row of the log whose event is in the table: whose act it is, and its details or why they cannot be read."""

    log: Log
    event: Event
    user: int
    details: Details | RowRejected


class Told(NamedTuple):
    """A row with what its ids stand for, and whether the user teaches the course."""

    event: Event
    entry: Entry
    user: User | None
    teaches: bool


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids in a page stand for; what is gone from Moodle is not in here."""

    users: Mapping[int, User]
    courses: Mapping[int, Course]
    modules: Mapping[int, Module]
    items: Mapping[int, GradeItem]
    badges: Mapping[int, str]
    teachers: set[tuple[int, int]]

    def tell(self, matter: Matter, details: Details) -> Told:
        """Return a row with what it names."""
        log = matter.log
        course = log.courseid or 0
        entry = Entry(
            log,
            self.courses.get(course),
            self.modules.get(log.contextinstanceid) if _is_in_module(log) else None,
            self.items.get(_to_id(details.get("itemid"))),
            self.badges.get(log.objectid or 0, ""),
            details,
        )
        if entry.module is None:
            entry = entry._replace(module=_guess_module(log))
        return Told(matter.event, entry, self.users.get(matter.user), (matter.user, course) in self.teachers)


def find_matter(log: Log) -> Matter | None:
    """Return what a row tells; None for another event, for nobody's act, an anonymous one, or one in another's name."""
    event = find_event(log.eventname)
    if event is None or log.anonymous:
        return None
    own = event.whose is Whose.OWN
    user = log.userid if own else log.relateduserid or log.userid
    if user <= 0 or (own and log.realuserid):
        return None
    return Matter(log, event, user, _read_details(log.other) if event.needs_other else {})


def look_up(tables: Tables, conventions: Conventions, matters: Sequence[Matter]) -> Names:
    """Look up what the rows of a page name. Raises UnreadableInput."""
    logs = [matter.log for matter in matters]
    details = [matter.details for matter in matters if isinstance(matter.details, dict)]
    courses = tables.find_courses({log.courseid for log in logs if log.courseid})
    return Names(
        tables.find_users({matter.user for matter in matters}, conventions.profile_fields),
        courses,
        tables.find_modules({log.contextinstanceid for log in logs if _is_in_module(log)}),
        tables.find_grade_items({_to_id(one["itemid"]) for one in details if "itemid" in one}),
        tables.find_badges({log.objectid for log in logs if log.objectid and log.eventname.endswith("badge_awarded")}),
        set() if conventions.teachers else tables.find_teachers(courses.keys()),
    )


def _read_details(other: str | None) -> Details | RowRejected:
    """Read `other`: JSON where the site says so, as it is since Moodle 3.7 for new ones, else PHP's serialisation."""
    text = (other or "").strip()
    try:
        value = orjson.loads(text) if text.startswith(("{", "[")) else parse_php(text)
    except RowRejected as rejection:
        return rejection
    except orjson.JSONDecodeError:
        return RowRejected("other is neither JSON nor PHP's serialisation.")
    return value if isinstance(value, dict) else RowRejected("other holds no details.")


def _to_id(value: object) -> int:
    text = str(value) if isinstance(value, int | str) else ""
    return int(text) if text.isdecimal() and len(text) < 19 else 0  # noqa: PLR2004 - what the database's integers hold


def _is_in_module(log: Log) -> bool:
    return log.contextlevel == _MODULE_CONTEXT


def _guess_module(log: Log) -> Module | None:
    """Return the activity of an event of its own plugin, which tells its kind, when the activity is gone."""
    if not _is_in_module(log) or not log.eventname.startswith(_COMPONENT):
        return None
    return Module(log.contextinstanceid, log.eventname.removeprefix(_COMPONENT).split("\\", 1)[0], "")
