"""`jalon produce gaia`: the options of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from jalon.errors import WrongInput
from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading
from producers.rows import Source
from xapi_profiles.vocabulary import Modality


def read_gaia(
    setting: Setting,
    folder: Annotated[Path, typer.Argument(help="A daily folder (YYYYMMDD), or the folder of them.")],
    encoding: Annotated[str, typer.Option(help="Encoding of the files.")] = "cp1252",
    place_type: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE=MODALITY", help="What a place type means, such as VISIO=remote; * is any other."),
    ] = None,
    largest_loss: Annotated[
        float, typer.Option(min=0, max=1, help="Share of slots or registrations that one extract may withdraw.")
    ] = 0.5,
) -> Source:
    """GAIA's daily extracts: sessions planned, changed and cancelled, registrations and withdrawals."""
    reading = Reading(setting.zone, encoding, dict(map(_parse_place_type, place_type or ())))
    return GaiaSource(folder, reading, largest_loss=largest_loss)


def _parse_place_type(text: str) -> tuple[str, Modality]:
    place_type, _, modality = text.rpartition("=")
    try:
        return place_type, Modality(modality)
    except ValueError:
        choices = ", ".join(one.value for one in Modality)
        raise WrongInput(f"--place-type {text} is not TYPE=MODALITY, with a modality of {choices}.") from None
