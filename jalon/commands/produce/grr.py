"""`jalon produce grr`: the options of the source."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from jalon.commands.produce.secret import read_secret
from jalon.errors import WrongInput
from producers.grr import GrrSource
from producers.grr.entries import Conventions
from producers.grr.reading import read_export, read_tables
from producers.rows import Source
from producers.titles import SESSION_PATTERN


def read_grr(
    setting: Setting,
    file: Annotated[
        Path | None, typer.Argument(help="An export of entries with their rooms (CSV, JSON, JSON Lines).")
    ] = None,
    database: Annotated[
        str,
        typer.Option(
            metavar="URL|@FILE",
            envvar="GRR_DATABASE",
            help="SQLAlchemy URL of GRR's database, to be read only; @FILE: the first line of a file.",
        ),
    ] = "",
    prefix: Annotated[str, typer.Option(help="What stands before _entry in the names of the tables.")] = "grr",
    session_pattern: Annotated[
        str, typer.Option(help="Regular expression whose first group finds the session in a short description.")
    ] = SESSION_PATTERN,
    largest_loss: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the bookings ahead that may vanish from one run to the next.")
    ] = 0.5,
) -> Source:
    """GRR's bookings of rooms: scheduled, changed and cancelled."""
    conventions = Conventions(setting.zone, session_pattern)
    at = datetime.now(UTC)
    if file is not None:
        return GrrSource(lambda: read_export(file), conventions, at=at, largest_loss=largest_loss)
    url = read_secret("--database", database)
    if url:
        return GrrSource(lambda: read_tables(url, prefix), conventions, at=at, largest_loss=largest_loss)
    raise WrongInput("Give an export of GRR's entries, or its database with --database or in GRR_DATABASE.")
