"""`jalon retention`: how long a tenant keeps what, what would go, and its going."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from clickhouse.connection import connect
from identity.audit import Event
from identity.duties import Duties, read_duties
from identity.retention import PURPOSES, Periods, Rule, read_periods, set_period, unset_period
from identity.tenants import get_tenant, list_tenants
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.errors import AlreadyUnderWay, WrongInput
from jalon.installation import Installation
from jalon.retention import DUTY, Outcome, Retention
from jalon.scheduling import name_holder
from jalon.settings import Settings

app = typer.Typer(help="Retention: how long a tenant keeps what.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Purpose = Annotated[
    str, typer.Argument(help=f"{', '.join(PURPOSES)}; or a name of your own for a part of the statements.")
]


@app.command()
def show(tenant: str, as_json: AsJson = False) -> None:
    """Show the periods of a tenant: of what has none, nothing is deleted."""
    installation = Installation.of(Settings.load())
    get_tenant(installation.engine, tenant)
    periods = read_periods(installation.engine, tenant)
    ran = next((duty for duty in read_duties(installation.engine, DUTY) if duty.tenant == tenant), None)
    if as_json:
        last = None if ran is None or ran.ended_at is None else ran.ended_at.isoformat(timespec="seconds")
        print_json({"tenant": tenant, "rules": [_describe(rule) for rule in _list(periods)], "ran": last})
        return
    table = Table("purpose", Column("kept", justify="right"), "of what", box=None, pad_edge=False)
    for rule in _list(periods):
        table.add_row(Text(rule.purpose), _tell_days(rule, periods), Text(_tell_part(rule)))
    out.print(table)


@app.command("set")
def set_one(
    tenant: str,
    purpose: Purpose,
    period: Annotated[str, typer.Argument(metavar="DAYS|keep", help="Whole days since it was stored; or `keep`.")],
    why: Why,
    source: Annotated[list[str] | None, typer.Option(help="Only statements from this source; several: any.")] = None,
    verb: Annotated[list[str] | None, typer.Option(help="Only statements with this verb (IRI); several: any.")] = None,
    activity_type: Annotated[
        list[str] | None, typer.Option(help="Only statements about an activity of this type (IRI); several: any.")
    ] = None,
    first: Annotated[bool, typer.Option("--first", help="Before the other named purposes, not after them.")] = False,
) -> None:
    """Give a purpose its period. Of the named ones, the first that covers a statement counts."""
    installation = Installation.of(Settings.load())
    rule = Rule(purpose, _read_days(period), tuple(source or ()), tuple(verb or ()), tuple(activity_type or ()))
    event = Event(tenant, name_operator(), "retention-changed", purpose, why, _describe(rule))
    set_period(
        installation.engine,
        tenant,
        rule,
        first=first,
        tell=lambda connection: installation.audit.append_to(connection, event),
    )
    told = "is kept" if rule.days is None else f"is deleted {rule.days} days after it was stored"
    err.print(f"{purpose} of tenant {tenant} {told}.", markup=False)


@app.command("unset")
def unset_one(tenant: str, purpose: Purpose, why: Why) -> None:
    """Take a purpose's period away, or a purpose of your own itself."""
    installation = Installation.of(Settings.load())
    event = Event(tenant, name_operator(), "retention-changed", purpose, why, {"purpose": purpose, "unset": True})
    if not unset_period(
        installation.engine,
        tenant,
        purpose,
        tell=lambda connection: installation.audit.append_to(connection, event),
    ):
        raise WrongInput(
            f"{purpose} of tenant {tenant} has no period: `jalon retention show {tenant}` shows those set."
        )
    err.print(f"{purpose} of tenant {tenant} has no period any more.", markup=False)


@app.command()
def run(
    tenant: Annotated[str | None, typer.Argument(help="One tenant; all if not given.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Delete what has passed its period, now. The scheduler does so every night."""
    installation = Installation.of(Settings.load())
    names = [each.id for each in list_tenants(installation.engine)]
    if tenant is not None:
        names = [get_tenant(installation.engine, tenant).id]
    outcomes = [_run(installation, each, dry_run=dry_run, why=why) for each in names]
    if as_json:
        print_json({"deleted": not dry_run, "tenants": [_describe_outcome(outcome) for outcome in outcomes]})
        return
    for outcome in outcomes:
        _print_outcome(outcome, dry_run=dry_run)


def _run(installation: Installation, tenant: str, *, dry_run: bool, why: str) -> Outcome:
    with closing(connect(installation.owner_address)) as client:
        retention = Retention(installation, client, tenant)
        if dry_run:
            return retention.plan()
        with Duties(installation.engine, name_holder()).holding(DUTY, tenant) as ours:
            if not ours:
                raise AlreadyUnderWay(f"Retention of tenant {tenant} is under way already: see `jalon status`.")
            return retention.run(name_operator(), why)


def _read_days(period: str) -> int | None:
    if period == "keep":
        return None
    if not period.isascii() or not period.isdigit():
        raise WrongInput("A period is a number of whole days, or `keep`.")
    return int(period)


def _list(periods: Periods) -> list[Rule]:
    set_ones = {rule.purpose: rule for rule in periods.rules}
    return [*periods.named, *(set_ones.get(purpose, Rule(purpose, None)) for purpose in PURPOSES)]


def _tell_days(rule: Rule, periods: Periods) -> str:
    if rule.days is not None:
        return f"{rule.days} days"
    return "for good" if rule in periods.rules else "no period"


def _tell_part(rule: Rule) -> str:
    parts = (("source", rule.sources), ("verb", rule.verbs), ("type", rule.activity_types))
    return "; ".join(f"{name} {' or '.join(values)}" for name, values in parts if values)


def _describe(rule: Rule) -> dict[str, Any]:
    return {
        "purpose": rule.purpose,
        "days": rule.days,
        "sources": list(rule.sources),
        "verbs": list(rule.verbs),
        "activityTypes": list(rule.activity_types),
    }


def _describe_outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "tenant": outcome.tenant,
        "at": outcome.at.isoformat(timespec="seconds"),
        "shares": [
            {
                "purpose": share.purpose,
                "place": share.place,
                "count": share.count,
                "bytes": share.bytes,
                "oldestLeft": None if share.oldest_left is None else share.oldest_left.isoformat(timespec="seconds"),
            }
            for share in outcome.shares
        ],
    }


def _print_outcome(outcome: Outcome, *, dry_run: bool) -> None:
    if not outcome.shares:
        err.print(f"Tenant {outcome.tenant} has no periods: nothing is deleted.", markup=False)
        return
    table = Table(
        "purpose",
        "place",
        Column("would go" if dry_run else "gone", justify="right"),
        Column("about KiB", justify="right"),
        "oldest left",
        title=f"Tenant {outcome.tenant}",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for share in outcome.shares:
        left = "" if share.oldest_left is None else share.oldest_left.isoformat(sep=" ", timespec="minutes")
        table.add_row(Text(share.purpose), share.place, f"{share.count:,}", f"{-(-share.bytes // 1024):,}", left)
    out.print(table)
