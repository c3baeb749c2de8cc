"""A simulated institute's directory as its sources read it: what each run of `jalon produce` would be given."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import orjson

from producers.bigbluebutton import BigBlueButtonSource
from producers.bigbluebutton import Conventions as BigBlueButtonConventions
from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading
from producers.grr import GrrSource
from producers.grr.entries import Conventions as GrrConventions
from producers.grr.reading import read_export as read_bookings
from producers.icalendar import ICalendarSource
from producers.icalendar.recurrence import Window
from producers.icalendar.source import Bookings
from producers.mapping import MappingSource, find_mapping, load_mapping
from producers.matomo import Habits, MatomoSource
from producers.matomo import read_export as read_visits
from producers.meetings import Meetings
from producers.moodle import MoodleAttendanceSource, MoodleSource
from producers.moodle.conventions import Conventions as MoodleConventions
from producers.moodle.database import Database
from producers.naming import Naming
from producers.openedx import OpenEdxSource
from producers.openedx.learners import read_learners
from producers.openedx.source import Conventions as OpenEdxConventions
from producers.pix import Conventions as PixConventions
from producers.pix import PixSource
from producers.production import map_rows
from producers.rows import Milestone, Rejected, Row, Source
from producers.simulation.year.systems.meetings import PREFIX
from producers.simulation.year.systems.moodle import PATTERN
from producers.simulation.year.systems.surveys import MODULE_COLUMN, RATING, SESSION_COLUMN, SURVEY
from producers.sphinx import Questionnaire, SphinxSource
from producers.surveys import Survey
from producers.teams import TeamsSource
from producers.zoom import ZoomSource
from xapi_profiles.vocabulary import Modality

PARIS = ZoneInfo("Europe/Paris")
MAPPED = {
    "sign-in-sheet": "sign-in-sheets/*.csv",
    "digital-library": "digital-library/*.csv",
    "e-portfolio": "e-portfolio.jsonl",
    "openclassrooms": "openclassrooms/*.csv",
    "payroll": "payroll/*.csv",
}
LATER = datetime(2027, 1, 1, tzinfo=UTC)
TABLET = "tablet"


@dataclass
class Month:
    """What all producers made of a directory: statements by source and id, as a store keeps them, and rejected rows."""

    statements: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    rejected: dict[str, list[Rejected]] = field(default_factory=lambda: defaultdict(list))

    @property
    def everything(self) -> Iterator[dict[str, Any]]:
        for of_source in self.statements.values():
            yield from of_source.values()


def list_sources(directory: Path, naming: Naming) -> Iterator[Source]:
    """Yield the sources of a directory, those of one name in the order in which they would be run."""
    yield GaiaSource(directory / "gaia", Reading(PARIS))
    conventions = BigBlueButtonConventions(naming.system("bigbluebutton"), PREFIX)
    yield BigBlueButtonSource(str(directory / "bigbluebutton.jsonl"), conventions)
    yield ZoomSource(sorted(directory.glob("zoom/*.csv")), Meetings(PARIS))
    yield TeamsSource(sorted(directory.glob("teams/*.csv")), Meetings(PARIS))
    for platform, modality in (("magistere", Modality.ASYNCHRONOUS), ("mentor", Modality.IN_PERSON)):
        database = Database(f"sqlite:///{directory / f'{platform}.sqlite'}")
        moodle = MoodleConventions(
            platform,
            f"https://{platform}.example.org",
            pattern=re.compile(PATTERN),
            org_unit="codaca",
            corps="fonction",
        )
        yield MoodleSource(database, moodle)
        yield MoodleAttendanceSource(database, moodle, PARIS, modality=modality)
    for path in sorted(directory.glob("grr/*.csv")):
        yield GrrSource(partial(read_bookings, path), GrrConventions(PARIS), at=LATER)
    window = Window(LATER - timedelta(days=1000), LATER + timedelta(days=1000))
    for path in sorted(directory.glob("icalendar/*/*.ics")):
        yield ICalendarSource([str(path)], Bookings(PARIS, window), httpx.Client(), at=LATER)
    questionnaire = Questionnaire(
        PARIS,
        Survey(SURVEY),
        session_column=SESSION_COLUMN,
        module_column=MODULE_COLUMN,
        ratings=[RATING],
    )
    yield SphinxSource(sorted(directory.glob("sphinx/*.csv")), questionnaire)
    for path in sorted(directory.glob("matomo/*.jsonl")):
        yield MatomoSource(partial(read_visits, path), Habits(), at=LATER)
    yield OpenEdxSource(
        sorted(directory.glob("openedx/*.gz")),
        OpenEdxConventions("openedx", "https://mooc.example.org", read_learners(directory / "openedx/users.csv")),
    )
    yield PixSource(sorted(directory.glob("pix/*.csv")), PixConventions(PARIS, naming.system("pix")))
    for name, pattern in MAPPED.items():
        yield MappingSource(sorted(directory.glob(pattern)), load_mapping(find_mapping(name)), PARIS)


def read_month(directory: Path, naming: Naming) -> Month:
    """Read a directory with all its sources, and the statements of the tablets as an LRS would take them."""
    month = Month()
    states: dict[str, str | None] = {}
    for source in list_sources(directory, naming):
        for one in map_rows(source, _remember(source, states), naming):
            if isinstance(one, Rejected):
                month.rejected[source.name].append(one)
            else:
                month.statements[source.name].setdefault(one["id"], one)
    for line in (directory / "tablets.jsonl").read_bytes().splitlines():
        statement = orjson.loads(line)
        month.statements[TABLET].setdefault(statement["id"], statement)
    return month


def _remember(source: Source, states: dict[str, str | None]) -> Iterator[Row | Rejected | Milestone]:
    """Yield what a source reads, and keep what it saves for the next one of its name."""
    for item in source.read(states.get(source.name)):
        if isinstance(item, Milestone) and item.state is not None:
            states[source.name] = item.state
        yield item
