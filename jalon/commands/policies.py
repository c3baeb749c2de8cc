"""`jalon policy`: what a tenant keeps, seals, hashes or drops of its statements (docs/policy.md)."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from rich.table import Column, Table
from rich.text import Text

from clickhouse.connection import connect, translate_errors
from identity.audit import Event
from identity.policies import get_policy, set_policy
from identity.policy import Policy, Treatment
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.policy_trial import Trial, hold_trial
from jalon.settings import Settings

app = typer.Typer(
    help="Policies: what is kept, sealed, hashed or dropped of a tenant's statements.", no_args_is_help=True
)

File = Annotated[str, typer.Argument(metavar="FILE", help="A policy as JSON; `-` reads the standard input.")]


@app.command()
def show(tenant: str) -> None:
    """Print the policy in force as JSON, with what it says of every field."""
    found = get_policy(Installation.of(Settings.load()).engine, tenant)
    since = "the default" if found.created_at is None else f"in force since {found.created_at:%Y-%m-%d %H:%M} UTC"
    err.print(f"Version {found.version}, {since}.", markup=False)
    print(found.policy.dump())


@app.command("set")
def set_one(tenant: str, file: File, why: Why = "") -> None:
    """Put a policy in force for what is stored from now on. What is stored already stays as it is."""
    policy = _read(file)
    installation = Installation.of(Settings.load())
    stored = set_policy(installation.engine, installation.audit, tenant, policy, who=name_operator(), why=why)
    err.print(f"Version {stored.version} of the policy of {tenant} is in force.", markup=False)


@app.command()
def check(
    tenant: str,
    file: File,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    why: Why = "",
) -> None:
    """Try a policy over what is stored, changing nothing: how often it would do what, and where."""
    policy = _read(file)
    installation = Installation.of(Settings.load())
    current = get_policy(installation.engine, tenant).policy
    # Originals are looked at, by a program alone; that is told before it happens.
    installation.audit.append(Event(tenant, name_operator(), "policy-checked", about=tenant, why=why))
    with closing(connect(installation.owner_address)) as client, translate_errors():
        trial = hold_trial(client, installation.vault, tenant, current, policy)
    if as_json:
        print_json(_describe(trial))
        return
    out.print(_draw(trial))
    err.print(f"{trial.statements} statements; where it differs, what the policy in force does is in parentheses.")


def _read(file: str) -> Policy:
    try:
        return Policy.read(sys.stdin.read() if file == "-" else Path(file).read_bytes())
    except OSError as error:
        raise WrongInput(f"The policy {file} cannot be read: {error.strerror}.") from None


def _describe(trial: Trial) -> dict[str, Any]:
    return {
        "statements": trial.statements,
        "places": [
            {"place": place, "now": trial.now.get(place, {}), "then": trial.then.get(place, {})}
            for place in trial.places()
        ],
    }


def _draw(trial: Trial) -> Table:
    actions = get_args(Treatment)
    table = Table(
        Column("place", overflow="fold"),
        *(Column(action, justify="right") for action in actions),
        box=None,
        pad_edge=False,
    )
    for place in trial.places():
        now, then = trial.now.get(place, Counter()), trial.then.get(place, Counter())
        figures = [_figure(now[action], then[action]) for action in actions]
        table.add_row(Text(place), *figures)
    return table


def _figure(now: int, then: int) -> str:
    if now == then:
        return f"{then:,}" if then else ""
    return f"{then:,} ({now:,})"
