"""`jalon produce zoom`: the options of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from producers.dates import DateOrder
from producers.meetings import Meetings
from producers.rows import Source
from producers.titles import SESSION_PATTERN
from producers.zoom import ZoomSource


def read_zoom(
    setting: Setting,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Participant reports (CSV).")],
    session: Annotated[str, typer.Option(help="The session of these reports; else the topic tells it.")] = "",
    topic_pattern: Annotated[
        str, typer.Option(help="Regular expression whose first group finds the session in a topic.")
    ] = SESSION_PATTERN,
    dates: Annotated[DateOrder | None, typer.Option(help="How dates are read where a report leaves it open.")] = None,
    host: Annotated[bool, typer.Option("--host", help="Count the host as a learner.")] = False,
) -> Source:
    """Zoom's participant reports: who joined a session and who left it."""
    return ZoomSource(files, Meetings(setting.zone, session, topic_pattern, dates, host))
