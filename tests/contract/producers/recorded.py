"""Every source on its recorded example: the runs that an institution would make of it, one after the other."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading
from producers.meetings import Meetings
from producers.moodle import MoodleAttendanceSource, MoodleSource
from producers.moodle.database import Database
from producers.rows import Source
from producers.zoom import ZoomSource
from tests.contract.producers import test_grr as bookings
from tests.contract.producers import test_icalendar as calendars
from tests.contract.producers.reading import EXAMPLES, PARIS
from tests.contract.producers.test_matomo import EVENING, saved
from tests.contract.producers.test_openedx import openedx
from tests.contract.producers.test_pix import ASSESSMENT, PROFILES, pix
from tests.contract.producers.test_shipped_mappings import source_of
from tests.contract.producers.test_source_formats import bigbluebutton
from tests.contract.producers.test_sphinx import sphinx
from tests.contract.producers.test_teams import teams
from tests.unit.producers.moodles import SCRIPT, SmallMoodle

Run = Callable[[Path, timedelta], Source]
"""Makes the source of a run: its input may be made in a folder, and the run may be later than recorded."""


def _once(make: Callable[[], Source]) -> Sequence[Run]:
    return [lambda _folder, _later: make()]


def _read_gaia(folder: Path, _later: timedelta, days: Sequence[str]) -> Source:
    for day in days:
        shutil.copytree(EXAMPLES / "gaia" / day, folder / "gaia" / day, dirs_exist_ok=True)
    return GaiaSource(folder / "gaia", Reading(PARIS))


def _read_gaia_corrected(folder: Path, _later: timedelta) -> Source:
    """The last day's extract again: a half-day is in another room, and somebody has two other addresses."""
    learner = "STAG|S100|KERLÉO|Loïc|{}@academie.example.org|"
    for kind, before, after in (
        ("Formations", "Amphithéâtre Hélène-Brion", "Salle Olympe-de-Gouges"),
        ("Stagiaires", learner.format("loic.kerleo"), "\r\n".join(map(learner.format, ("l.kerleo", "loic.kerleo2")))),
    ):
        file = Path("20261121", f"A01_{kind}_20261121.csv")
        content = (EXAMPLES / "gaia" / file).read_bytes()
        assert before.encode("cp1252") in content
        (folder / "gaia" / file).write_bytes(content.replace(before.encode("cp1252"), after.encode("cp1252")))
    return GaiaSource(folder / "gaia", Reading(PARIS))


def _read_moodle(folder: Path, _later: timedelta) -> Source:
    # Pages so small that a run is killed after some of them, and none is read again by the next.
    return MoodleSource(_open_moodle(folder), SmallMoodle.conventions(), page=5, margin=0)


def _read_marks(folder: Path, _later: timedelta, script: str = "") -> Source:
    return MoodleAttendanceSource(_open_moodle(folder, script), SmallMoodle.conventions(), PARIS)


def _open_moodle(folder: Path, script: str = "") -> Database:
    """The example, changed by a script; as one transaction, which waits for the disk once."""
    path = folder / "moodle.sqlite"
    if not path.exists():
        script = SCRIPT.read_text(encoding="utf-8") + script
    if script:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(f"BEGIN;{script}COMMIT;")
    return Database(f"sqlite:///{path}")


ABSENT = "UPDATE mdl_attendance_log SET statusid = 4, timetaken = 1795600000 WHERE id = 1;"
"""A learner was absent from the morning's meeting after all."""
RECORDED: Mapping[str, Sequence[Run]] = {
    "gaia": [
        partial(_read_gaia, days=["20261120"]),
        partial(_read_gaia, days=["20261120", "20261121"]),
        _read_gaia_corrected,
    ],
    "moodle": [_read_moodle],
    "moodle-attendance": [_read_marks, partial(_read_marks, script=ABSENT)],
    "bigbluebutton": _once(bigbluebutton),
    "zoom": _once(lambda: ZoomSource(sorted((EXAMPLES / "zoom").iterdir()), Meetings(PARIS, "S200"))),
    "teams report": _once(partial(teams, "activities.csv", "french.csv", "older.csv", session="S200")),
    "teams graph": _once(partial(teams, "graph.json", session="S200")),
    "sphinx": _once(sphinx),
    "pix assessment": _once(partial(pix, ASSESSMENT)),
    "pix profiles": _once(partial(pix, PROFILES)),
    "matomo": [lambda _folder, later: saved(at=EVENING + later)],
    "grr": [
        lambda _folder, later: bookings.grr("monday.csv", bookings.MONDAY + later),
        lambda _folder, later: bookings.grr("tuesday.csv", bookings.TUESDAY + later),
    ],
    "icalendar": [
        lambda folder, later: calendars.calendars(calendars.without_the_unnamed(folder), at=calendars.MONDAY + later),
        lambda folder, later: calendars.calendars(calendars.tuesday(folder), at=calendars.TUESDAY + later),
    ],
    "openedx": _once(openedx),
    **{f"map {path.stem}": _once(partial(source_of, path)) for path in sorted((EXAMPLES / "mapping").iterdir())},
}
"""By the command that reads it, and what it is given."""
