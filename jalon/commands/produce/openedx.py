"""`jalon produce openedx`: the options of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from jalon.errors import WrongInput
from producers.courses import PATTERN, compile_pattern
from producers.openedx import OpenEdxSource
from producers.openedx.learners import read_learners
from producers.openedx.source import Conventions
from producers.rows import Source


def read_openedx(
    setting: Setting,
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Tracking logs (JSON lines, also gzip), the oldest first.")
    ],
    platform: Annotated[str, typer.Option(help="Name of this Open edX; another one for each of a tenant.")] = "openedx",
    site: Annotated[str, typer.Option(metavar="URL", help="Address of this Open edX, for IRIs and accounts.")] = "",
    learners: Annotated[
        Path | None, typer.Option(help="Table of users (CSV with id and email), so that learners are their e-mail.")
    ] = None,
    course_pattern: Annotated[
        str,
        typer.Option(
            help="Regular expression that finds session, module and pathway in a course's id, by named groups."
        ),
    ] = PATTERN,
) -> Source:
    """Open edX's tracking logs: enrolments, videos, problems, results, completions."""
    try:
        pattern = compile_pattern(course_pattern)
    except ValueError as error:
        raise WrongInput(f"--course-pattern {error}") from error
    address = (site or setting.naming.system(platform)).rstrip("/")
    known = read_learners(learners) if learners else {}
    return OpenEdxSource(files, Conventions(platform, address, known, pattern))
