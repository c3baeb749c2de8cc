"""`jalon produce NAME ...`: what a source system holds, as statements, to Kafka or to an LRS.

Each module states the options of one source and returns the source; `source_command` adds what all have in common and
runs it (`running.py`). A new source is a module of `producers`, a module here, and a line below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from jalon.commands.loading import Entry, make_group


def _wrap(build: Any) -> Callable[..., None]:  # noqa: ANN401 (each source has options of its own)
    from jalon.commands.produce.running import source_command  # noqa: PLC0415 (see jalon.commands.loading)

    return source_command(build)


_SOURCES = {
    "gaia": Entry("produce.gaia", "read_gaia", wrap=_wrap),
    "bigbluebutton": Entry("produce.bigbluebutton", "read_bigbluebutton", wrap=_wrap),
    "zoom": Entry("produce.zoom", "read_zoom", wrap=_wrap),
    "teams": Entry("produce.teams", "read_teams", wrap=_wrap),
    "moodle": Entry("produce.moodle", "read_moodle", wrap=_wrap),
    "moodle-attendance": Entry("produce.moodle", "read_moodle_attendance", wrap=_wrap),
    "openedx": Entry("produce.openedx", "read_openedx", wrap=_wrap),
    "sphinx": Entry("produce.sphinx", "read_sphinx", wrap=_wrap),
    "pix": Entry("produce.pix", "read_pix", wrap=_wrap),
    "matomo": Entry("produce.matomo", "read_matomo", wrap=_wrap),
    "grr": Entry("produce.grr", "read_grr", wrap=_wrap),
    "icalendar": Entry("produce.icalendar", "read_icalendar", wrap=_wrap),
    "map": Entry("produce.map", "read_map", wrap=_wrap),
}

app = typer.Typer(
    help="Source systems: read what they hold and send it as statements.",
    cls=make_group(_SOURCES),
    no_args_is_help=True,
)


@app.callback()
def _have_commands() -> None:
    """Make a group of the application, although no command is declared on it."""
