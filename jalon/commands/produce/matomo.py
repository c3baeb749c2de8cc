"""`jalon produce matomo`: the options of the source."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from jalon.commands.produce.running import Setting
from jalon.commands.produce.secret import read_secret
from jalon.errors import WrongInput
from producers.matomo import Habits, MatomoSource, read_api, read_export
from producers.rows import Source
from producers.web import open_client

_DAY = "%Y-%m-%d"


def read_matomo(
    setting: Setting,
    visits: Annotated[
        str,
        typer.Argument(metavar="FILE|URL", help="A saved answer of Live.getLastVisitsDetails, or an address."),
    ],
    token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN|@FILE",
            envvar="MATOMO_TOKEN",
            help="Token of the reporting API (token_auth); @FILE: the first line of a file.",
        ),
    ] = "",
    site: Annotated[int, typer.Option(min=1, help="Number of the site (idSite), asked of an address.")] = 1,
    first_day: Annotated[
        datetime | None, typer.Option(formats=[_DAY], help="First day asked for; else the one before the last.")
    ] = None,
    last_day: Annotated[datetime | None, typer.Option(formats=[_DAY], help="Last day asked for; else today.")] = None,
    identified: Annotated[
        bool, typer.Option("--identified", help="A visit whose userId is an e-mail address is that learner's.")
    ] = False,
    keep_query: Annotated[
        bool, typer.Option("--keep-query", help="Keep what stands behind ? in the addresses of pages.")
    ] = False,
) -> Source:
    """Matomo's visits of a web site: pages opened, files downloaded."""
    at, habits = datetime.now(UTC), Habits(identified, keep_query)
    if not visits.lower().startswith(("http://", "https://")):
        return MatomoSource(lambda: read_export(Path(visits)), habits, at=at)
    secret = read_secret("--token", token)
    if not secret:
        raise WrongInput("Give the token of Matomo's reporting API in MATOMO_TOKEN, or with --token @FILE.")
    first, last = _days(first_day, last_day, at.astimezone(setting.zone).date())
    client = open_client(through_proxy=True)
    return MatomoSource(lambda: read_api(client, visits, secret, site, first, last), habits, at=at)


def _days(first: datetime | None, last: datetime | None, today: date) -> tuple[date, date]:
    end = last.date() if last else today
    start = first.date() if first else end - timedelta(days=1)
    if start > end:
        raise WrongInput("--first-day is after --last-day.")
    return start, end
