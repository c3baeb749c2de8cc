"""`jalon produce map`: the options of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from producers.mapping import MappingSource, find_mapping, load_mapping
from producers.rows import Source


def read_map(
    setting: Setting,
    mapping: Annotated[
        str, typer.Argument(metavar="MAPPING", help="Mapping file (.toml), or the name of one that is shipped.")
    ],
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV, JSON Lines or Excel (.xlsx) files.")],
) -> Source:
    """Any table of rows, by a mapping file that says which column is what."""
    return MappingSource(files, load_mapping(find_mapping(mapping)), setting.zone)
