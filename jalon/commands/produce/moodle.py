"""`jalon produce moodle` and `jalon produce moodle-attendance`: the options of the sources."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from jalon.commands.produce.secret import read_secret
from jalon.errors import WrongInput
from producers.courses import PATTERN, compile_pattern
from producers.moodle import MoodleAttendanceSource, MoodleSource
from producers.moodle.conventions import Conventions, CourseField, LearnerField
from producers.moodle.database import Database
from producers.moodle.marks import STATUSES, Meaning
from producers.rows import Source
from xapi_profiles.vocabulary import Modality

Url = Annotated[
    str,
    typer.Option(
        "--database",
        metavar="URL|@FILE",
        envvar="MOODLE_DATABASE",
        help="SQLAlchemy URL of Moodle's database, to be read only; @FILE: the first line of a file.",
    ),
]
Prefix = Annotated[str, typer.Option(help="What stands before the names of Moodle's tables.")]
Platform = Annotated[str, typer.Option(help="Name of this Moodle; another one for each Moodle of a tenant.")]
Site = Annotated[str, typer.Option(metavar="URL", help="Address of this Moodle (its wwwroot), for IRIs of courses.")]
Learner = Annotated[LearnerField, typer.Option(help="The column of users that identifies a learner.")]
HomePage = Annotated[str, typer.Option(help="Home page of accounts, where e-mail does not identify; else the site.")]
CourseCode = Annotated[CourseField, typer.Option("--course-code", help="The column of courses that holds their code.")]
CoursePattern = Annotated[
    str,
    typer.Option(help="Regular expression that finds session, module and pathway in a course's code, by named groups."),
]
OrgUnit = Annotated[str, typer.Option(metavar="FIELD", help="Profile field that holds the org-unit, such as codaca.")]
Corps = Annotated[str, typer.Option(metavar="FIELD", help="Profile field that holds the corps, such as fonction.")]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day that is read.")]


def read_moodle(
    setting: Setting,
    *,
    database: Url,
    prefix: Prefix = "mdl_",
    platform: Platform = "moodle",
    site: Site = "",
    learner: Learner = LearnerField.EMAIL,
    home_page: HomePage = "",
    course_code: CourseCode = CourseField.IDNUMBER,
    course_pattern: CoursePattern = PATTERN,
    org_unit: OrgUnit = "",
    corps: Corps = "",
    since: Since = None,
    teachers: Annotated[bool, typer.Option("--teachers", help="Count teachers as learners of their courses.")] = False,
) -> Source:
    """Moodle's log table: courses consulted, work handed in, results, completions, enrolments."""
    conventions = _agree(
        setting,
        platform=platform,
        site=site,
        learner=learner,
        home_page=home_page,
        course_code=course_code,
        course_pattern=course_pattern,
        org_unit=org_unit,
        corps=corps,
        teachers=teachers,
    )
    return MoodleSource(
        Database(read_secret("--database", database), prefix), conventions, since=_in_zone(since, setting)
    )


def read_moodle_attendance(
    setting: Setting,
    *,
    database: Url,
    prefix: Prefix = "mdl_",
    platform: Platform = "moodle",
    site: Site = "",
    learner: Learner = LearnerField.EMAIL,
    home_page: HomePage = "",
    course_code: CourseCode = CourseField.IDNUMBER,
    course_pattern: CoursePattern = PATTERN,
    org_unit: OrgUnit = "",
    corps: Corps = "",
    since: Since = None,
    modality: Annotated[
        Modality, typer.Option(help="How those who are marked present took part.")
    ] = Modality.IN_PERSON,
    status: Annotated[
        list[str] | None,
        typer.Option(metavar="ACRONYM=MEANING", help="What a status means (present, late, absent), such as D=present."),
    ] = None,
) -> Source:
    """Marks of Moodle's attendance plugin: half-days attended."""
    if modality is Modality.HYBRID:
        raise WrongInput(
            "--modality hybrid: a person is in the room or remote at any one time; hybrid is for sessions."
        )
    conventions = _agree(
        setting,
        platform=platform,
        site=site,
        learner=learner,
        home_page=home_page,
        course_code=course_code,
        course_pattern=course_pattern,
        org_unit=org_unit,
        corps=corps,
    )
    return MoodleAttendanceSource(
        Database(read_secret("--database", database), prefix),
        conventions,
        setting.zone,
        modality=modality,
        statuses={**STATUSES, **dict(map(_parse_status, status or ()))},
        since=_in_zone(since, setting),
    )


def _agree(
    setting: Setting,
    *,
    platform: str,
    site: str,
    learner: LearnerField,
    home_page: str,
    course_code: CourseField,
    course_pattern: str,
    org_unit: str,
    corps: str,
    teachers: bool = False,
) -> Conventions:
    try:
        pattern = compile_pattern(course_pattern)
    except ValueError as error:
        raise WrongInput(f"--course-pattern {error}") from error
    address = (site or setting.naming.system(platform)).rstrip("/")
    return Conventions(platform, address, home_page, learner, course_code, pattern, org_unit, corps, teachers=teachers)


def _in_zone(day: datetime | None, setting: Setting) -> datetime | None:
    return day.replace(tzinfo=setting.zone) if day else None


def _parse_status(text: str) -> tuple[str, Meaning]:
    acronym, _, meaning = text.rpartition("=")
    try:
        return acronym.strip(), Meaning(meaning.strip())
    except ValueError:
        choices = ", ".join(one.value for one in Meaning)
        raise WrongInput(f"--status {text} is not ACRONYM=MEANING, with a meaning of {choices}.") from None
