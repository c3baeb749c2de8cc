"""How an institution uses its Moodle: what identifies a learner, what a course stands for, whose provenance is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, NamedTuple

from producers.courses import PATTERN, find_training
from producers.errors import RowRejected
from producers.rows import Agent
from producers.statements import Training, learner_by_account, learner_by_email
from xapi_profiles.vocabulary import Extension

FRONT_PAGE: Final = 1
"""The course that is Moodle's own front page."""
_GUEST = "guest"


class LearnerField(StrEnum):
    """The column of Moodle's users that identifies a learner."""

    EMAIL = "email"
    IDNUMBER = "idnumber"
    USERNAME = "username"


class CourseField(StrEnum):
    """The column of Moodle's courses that holds a course's code."""

    IDNUMBER = "idnumber"
    SHORTNAME = "shortname"


class User(NamedTuple):
    """A row of `user`, and the profile fields asked for, by short name."""

    id: int
    username: str
    email: str
    idnumber: str
    firstname: str
    lastname: str
    deleted: bool
    fields: Mapping[str, str]


class Course(NamedTuple):
    """A row of `course`."""

    id: int
    fullname: str
    shortname: str
    idnumber: str


@dataclass(frozen=True, slots=True)
class Conventions:
    """What differs from one Moodle to another.

    `name` tells the Moodles of a tenant apart: it is the source's name. `site` is its address, without a slash at the
    end. Accounts, where e-mail does not identify, belong to `home_page`, else to the site. `org_unit` and `corps` are
    short names of profile fields ('' for none). Teachers are left out of their courses unless wanted.
    """

    name: str
    site: str
    home_page: str = ""
    learner: LearnerField = LearnerField.EMAIL
    course: CourseField = CourseField.IDNUMBER
    pattern: re.Pattern[str] = field(default_factory=lambda: re.compile(PATTERN))
    org_unit: str = ""
    corps: str = ""
    teachers: bool = False

    @property
    def profile_fields(self) -> tuple[str, ...]:
        """The short names of the profile fields that are read."""
        return tuple(dict.fromkeys(filter(None, (self.org_unit, self.corps))))

    def find_learner(self, user: User) -> Agent:
        """Return the learner that a user is. Raises RowRejected when what identifies them is missing or malformed."""
        name = f"{user.firstname} {user.lastname}"
        if self.learner is LearnerField.EMAIL:
            return learner_by_email(user.email, name)
        identifier = user.idnumber if self.learner is LearnerField.IDNUMBER else user.username
        if not identifier.strip():
            raise RowRejected(f"The user has no {self.learner.value}.")
        return learner_by_account(self.home_page or self.site, identifier.strip(), name)

    def find_training(self, course: Course) -> Training:
        """Return what a course stands for; one whose code names no session is a session of its own."""
        code = course.idnumber if self.course is CourseField.IDNUMBER else course.shortname
        return find_training(self.pattern, code, otherwise=f"{self.name}-{course.id}", name=course.fullname)

    def find_provenance(self, user: User) -> dict[str, Any]:
        """Return the context extensions that tell where a user comes from."""
        told = {
            Extension.ORG_UNIT: user.fields.get(self.org_unit, ""),
            Extension.CORPS: user.fields.get(self.corps, ""),
        }
        return {key: value.strip() for key, value in told.items() if value.strip()}


def is_nobody(user: User) -> bool:
    """Say whether a user is the guest, or was deleted: Moodle has overwritten what identified them."""
    return user.deleted or user.username == _GUEST


def add_provenance(statement: dict[str, Any], provenance: dict[str, Any]) -> dict[str, Any]:
    """Return a statement with these context extensions added."""
    if not provenance:
        return statement
    context = statement["context"]
    extensions = {**context.get("extensions", {}), **provenance}
    return {**statement, "context": {**context, "extensions": extensions}}
