"""`jalon produce pix`: the options of the source."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from producers.pix import Conventions, PixSource
from producers.rows import Source


def read_pix(
    setting: Setting,
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Results of campaigns (CSV).")],
    identifier: Annotated[
        str, typer.Option(help="The column of the participants' identifier; else the one before the results.")
    ] = "",
    home_page: Annotated[
        str, typer.Option(help="Home page of accounts made of identifiers that are no e-mail addresses.")
    ] = "",
    session: Annotated[str, typer.Option(help="The session that the campaigns belong to, if any.")] = "",
) -> Source:
    """Pix Orga's campaigns, of assessment or of collected profiles: progress, results, what was earned."""
    page = home_page or setting.naming.system(PixSource.name)
    return PixSource(files, Conventions(setting.zone, page, identifier, session))
