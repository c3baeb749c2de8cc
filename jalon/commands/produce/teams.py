"""`jalon produce teams`: the options of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from producers.dates import DateOrder
from producers.meetings import Meetings
from producers.rows import Source
from producers.teams import TeamsSource
from producers.titles import SESSION_PATTERN


def read_teams(
    setting: Setting,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Attendance reports, or attendance records of Graph (JSON).")
    ],
    session: Annotated[str, typer.Option(help="The session of these reports; else the meeting's title tells it.")] = "",
    title_pattern: Annotated[
        str, typer.Option(help="Regular expression whose first group finds the session in a title.")
    ] = SESSION_PATTERN,
    dates: Annotated[DateOrder | None, typer.Option(help="How dates are read where a report leaves it open.")] = None,
    organiser: Annotated[bool, typer.Option("--organiser", help="Count organisers as learners.")] = False,
) -> Source:
    """Teams' attendance reports: who joined a session and who left it."""
    return TeamsSource(files, Meetings(setting.zone, session, title_pattern, dates, organiser))
