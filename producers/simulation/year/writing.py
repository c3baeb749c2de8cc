"""A year of the institute, written day by day as each of its systems would have left it, with the truth beside it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from producers.errors import UnreadableInput
from producers.naming import Naming
from producers.simulation.year.attendance import Attending
from producers.simulation.year.calendar import Calendar
from producers.simulation.year.people import draw_institute
from producers.simulation.year.planning import Session, draw_plan
from producers.simulation.year.systems.bookings import Bookings
from producers.simulation.year.systems.exports import OpenClassrooms, Payroll, Pix, write_reference
from producers.simulation.year.systems.gaia import Gaia
from producers.simulation.year.systems.meetings import BigBlueButton, Teams, Zoom
from producers.simulation.year.systems.mooc import OpenEdx
from producers.simulation.year.systems.moodle import Moodle
from producers.simulation.year.systems.resources import Library, Matomo, Portfolio
from producers.simulation.year.systems.rooms import SignInSheets, Tablets
from producers.simulation.year.systems.surveys import Sphinx
from producers.simulation.year.tally import Tally
from producers.simulation.year.truth import tell_truth
from producers.simulation.year.world import System, World

FIRST_DAY: Final = date(2025, 9, 1)
ZONE: Final = ZoneInfo("Europe/Paris")

Progress = Callable[[int, int], None]
"""Called with how many days are written, and of how many."""


@dataclass(frozen=True, slots=True)
class Size:
    """How large an institute is simulated, from when, for how long, and which of all possible ones."""

    trainees: int = 24_000
    days: int = 365
    seed: int = 7
    first_day: date = FIRST_DAY


def write_year(size: Size, directory: Path, naming: Naming, *, progress: Progress = lambda _done, _all: None) -> Path:
    """Write everything into a new or empty directory; returns the file of the truth. The same size, the same bytes.

    Raises UnreadableInput when the directory holds something, or when the trainees do not fit into the days.
    """
    if directory.exists() and any(directory.iterdir()):
        raise UnreadableInput(f"{directory} is not empty: give a new directory, or empty it.")
    directory.mkdir(parents=True, exist_ok=True)
    calendar = Calendar(size.first_day, size.days, ZONE)
    institute = draw_institute(size.seed, size.trainees, size.first_day.year)
    try:
        plan = draw_plan(institute, calendar, size.seed)
    except ValueError as error:
        shutil.rmtree(directory)
        raise UnreadableInput(str(error)) from error
    world = World(institute, calendar, plan, Tally(calendar), naming, directory, size.seed)
    attending = Attending(institute.people, calendar, size.seed)
    by_day = _list_by_day(plan.sessions, calendar)
    write_reference(world)
    systems = _open_systems(world)
    for day in range(size.days):
        held = [attending.hold(session, day) for session in by_day.get(day, [])]
        for one in held:
            world.tally.attend(one)
        for system in systems:
            system.write_day(day, held)
        progress(day + 1, size.days)
    for system in systems:
        system.close()
    return tell_truth(world, size.trainees, size.days, size.seed)


def _open_systems(world: World) -> list[System]:
    return [
        Gaia(world),
        BigBlueButton(world),
        Zoom(world),
        Teams(world),
        Tablets(world),
        SignInSheets(world),
        Moodle(world, "magistere"),
        Moodle(world, "mentor"),
        Bookings(world),
        Sphinx(world),
        Matomo(world),
        Library(world),
        Portfolio(world),
        OpenEdx(world),
        OpenClassrooms(world),
        Pix(world),
        Payroll(world),
    ]


def _list_by_day(sessions: tuple[Session, ...], calendar: Calendar) -> dict[int, list[Session]]:
    by_day: dict[int, list[Session]] = {}
    for session in sessions:
        if session.cancelled is None:
            for day in session.days(calendar):
                by_day.setdefault(day, []).append(session)
    return by_day
