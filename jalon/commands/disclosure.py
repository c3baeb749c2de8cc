"""`jalon disclosure`: from how many learners on figures are shown, and figures for those outside the institution."""

from __future__ import annotations

import csv
import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from clickhouse_connect.driver.exceptions import DatabaseError

from clickhouse.connection import connect
from clickhouse.disclosure import Thresholds, read_thresholds, set_thresholds
from grafana.boards.ranges import read_range
from grafana.dashboards.catalogue import read_dashboard
from grafana.errors import QueryFailed
from grafana.figures import find_panel, prepare_query, tabulate
from identity.audit import Event
from identity.tenants import get_tenant
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.settings import Settings

app = typer.Typer(help="Small groups: from how many learners on a figure about them is shown.", no_args_is_help=True)

LEAST, MOST = 3, 1_000  # of two people each knows the other's part

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Board = Annotated[str, typer.Argument(help="live, attendance or pathways")]
PanelNumber = Annotated[int, typer.Argument(metavar="PANEL", help="The panel's number on the board.")]


@app.command()
def show(tenant: str, as_json: AsJson = False) -> None:
    """Show from how many learners on figures are shown, inside the institution and in what leaves it."""
    installation = Installation.of(Settings.load())
    get_tenant(installation.engine, tenant)
    with closing(connect(installation.owner_address)) as client:
        found = read_thresholds(client, tenant)
    if as_json:
        print_json({"tenant": tenant, "inside": found.inside, "published": found.published})
        return
    out.print(f"inside     {found.inside}")
    out.print(f"published  {found.published}")


@app.command("set")
def set_both(
    tenant: str,
    why: Why,
    inside: Annotated[int | None, typer.Option(help="For the institution's own boards.")] = None,
    published: Annotated[int | None, typer.Option(help="For what leaves the institution.")] = None,
) -> None:
    """Change from how many learners on figures are shown; boards follow with their next refresh."""
    installation = Installation.of(Settings.load())
    get_tenant(installation.engine, tenant)
    with closing(connect(installation.owner_address)) as client:
        before = read_thresholds(client, tenant)
        after = Thresholds(
            before.inside if inside is None else inside, before.published if published is None else published
        )
        if not LEAST <= after.inside <= after.published <= MOST:
            raise WrongInput(
                f"A group is shown from {LEAST} learners on at the earliest, and published no earlier than shown "
                f"inside: {after.inside} inside and {after.published} published cannot be."
            )
        details = {
            "inside": [before.inside, after.inside],
            "published": [before.published, after.published],
        }
        # Told before it is done: a change that nobody knows of must not be.
        installation.audit.append(Event(tenant, name_operator(), "disclosure-changed", why=why, details=details))
        set_thresholds(client, tenant, after)
    err.print(f"Figures are shown from {after.inside} learners on, and published from {after.published} on.")


@app.command()
def export(
    tenant: str,
    board: Board,
    panel: PanelNumber,
    why: Why,
    start: Annotated[str, typer.Option("--from", help="As in a board's address: now-30d, 2026-09-18T00:00, …")] = "",
    end: Annotated[str, typer.Option("--to", help="As in a board's address.")] = "",
    inside: Annotated[
        bool, typer.Option("--inside", help="For the institution's own people, cut as its boards are.")
    ] = False,
    language: Annotated[str, typer.Option(help="fr or en")] = "fr",
) -> None:
    """Write a panel's figures as CSV to the standard output, cut as what is published unless told otherwise."""
    if language not in ("fr", "en"):
        raise WrongInput("The language is fr or en.")
    installation = Installation.of(Settings.load())
    zone = ZoneInfo(get_tenant(installation.engine, tenant).timezone)
    dashboard = read_dashboard(board, language)  # type: ignore[arg-type]  # one of the two, as checked above
    span = read_range(
        start or dashboard["time"]["from"], end or dashboard["time"]["to"], now=datetime.now(UTC), zone=zone
    )
    query = prepare_query(dashboard, panel, span, published=not inside)
    with closing(connect(installation.owner_address)) as client:
        thresholds = read_thresholds(client, tenant)
    fewest = thresholds.inside if inside else thresholds.published
    with closing(connect(installation.reader_address(tenant))) as client:
        try:
            result = client.query(query.sql, query_tz="UTC")
        except DatabaseError as error:
            raise QueryFailed("query", f"ClickHouse cannot answer for this panel (code {error.code}).") from error
    details = {
        "from": span.start.isoformat(timespec="seconds"),
        "to": span.end.isoformat(timespec="seconds"),
        "fewest": fewest,
        "for": "inside" if inside else "publication",
    }
    event = Event(tenant, name_operator(), "figures-exported", f"{board}/{panel}", why, details)
    installation.audit.append(event)
    lines = tabulate(find_panel(dashboard, panel), result.column_names, result.result_rows, fewest=fewest, zone=zone)
    csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
