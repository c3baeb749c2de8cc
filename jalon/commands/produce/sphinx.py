"""`jalon produce sphinx`: the options of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from producers.rows import Source
from producers.sphinx import Questionnaire, Scale, SphinxSource
from producers.surveys import Survey


def read_sphinx(
    setting: Setting,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Exports of responses (CSV or Excel).")],
    *,
    survey: Annotated[str, typer.Option(help="The survey's identifier, the same for all its exports.")],
    title: Annotated[str, typer.Option(help="The survey's name, as boards show it.")] = "",
    session: Annotated[str, typer.Option(help="The session that all responses are about.")] = "",
    session_column: Annotated[str, typer.Option(help="The column that tells each response's session.")] = "",
    module: Annotated[str, typer.Option(help="The module that all responses are about.")] = "",
    module_column: Annotated[str, typer.Option(help="The column that tells each response's module.")] = "",
    rating: Annotated[
        list[str], typer.Option(help="A question that rates the module; give it again for another.")
    ] = [],  # noqa: B006 - Typer copies it
    worst: Annotated[float, typer.Option(help="The lowest rating.")] = 1,
    best: Annotated[float, typer.Option(help="The highest rating.")] = 5,
    word: Annotated[
        list[str], typer.Option(help="A word of the scale, the worst first, for ratings that are words.")
    ] = [],  # noqa: B006
    leave_out: Annotated[list[str], typer.Option(help="A column that is no question.")] = [],  # noqa: B006
    text: Annotated[list[str], typer.Option(help="A question answered in one's own words.")] = [],  # noqa: B006
    key: Annotated[str, typer.Option(help="The column of the response's key; else CLE.")] = "",
    date: Annotated[str, typer.Option(help="The column of the response's date; else DATE_ENREG or DATE_SAISIE.")] = "",
) -> Source:
    """Sphinx's surveys: the answers of each response, which stays nobody's, and its ratings."""
    questionnaire = Questionnaire(
        setting.zone,
        Survey(survey, title),
        session=session,
        module=module,
        session_column=session_column,
        module_column=module_column,
        ratings=rating,
        scale=Scale(worst, best, tuple(word)),
        left_out=leave_out,
        texts=text,
        key=key,
        date=date,
    )
    return SphinxSource(files, questionnaire)
