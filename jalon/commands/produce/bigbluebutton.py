"""`jalon produce bigbluebutton`: the options of the source."""

from __future__ import annotations

from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from producers.bigbluebutton import BigBlueButtonSource, Conventions
from producers.rows import Source


def read_bigbluebutton(
    setting: Setting,
    file: Annotated[str, typer.Argument(help="Bodies of webhooks, one a line; - follows standard input.")],
    prefix: Annotated[str, typer.Option(help="What stands before the session in a meeting's external id.")] = "",
    home_page: Annotated[
        str, typer.Option(help="Home page of accounts made of external user ids that are no e-mail addresses.")
    ] = "",
    moderators: Annotated[bool, typer.Option("--moderators", help="Count moderators as learners.")] = False,
) -> Source:
    """BigBlueButton's webhooks: who joined a session and who left it."""
    page = home_page or setting.naming.system(BigBlueButtonSource.name)
    return BigBlueButtonSource(file, Conventions(page, prefix, moderators))
