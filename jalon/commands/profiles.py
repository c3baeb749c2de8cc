"""`jalon profile`: the xAPI profiles that a tenant's statements are held against (docs/profiles.md)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from clickhouse.connection import connect, translate_errors
from identity.profiles import add_profile, get_profile, list_profiles, read_usable, remove_profile
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.commands.tenants import AsJson
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.pattern_judging import judge_stored
from jalon.settings import Settings
from xapi_profiles.errors import InvalidProfile, Problem
from xapi_profiles.patterns import Outcome
from xapi_profiles.profile import load_profiles
from xapi_profiles.profile_file import read_bytes

app = typer.Typer(help="Profiles: what statements that name one are held against.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="The profile's own id, an IRI.")]


@app.command("add")
def add_one_profile(
    tenant: str,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An xAPI profile as JSON-LD.")],
    why: Why = "",
) -> None:
    """Check a profile wholly and hold against it what is stored from now on. One of the same id is replaced."""
    try:
        raw = read_bytes(file)
    except OSError as error:
        raise WrongInput(f"The profile {file} cannot be read: {error.strerror}.") from None
    installation = Installation.of(Settings.load())
    try:
        added = add_profile(
            installation.engine, installation.audit, tenant, raw, load_profiles(), who=name_operator(), why=why
        )
    except InvalidProfile as error:
        for problem in error.problems:
            err.print(_tell(problem), markup=False, highlight=False, soft_wrap=True)
        raise
    err.print(f"Statements of {tenant} are held against {added.id} within seconds.", markup=False, soft_wrap=True)


@app.command("list")
def list_all_profiles(tenant: str, as_json: AsJson = False) -> None:
    """List the profiles: those that come with Jalon, and the tenant's own."""
    brought = list_profiles(Installation.of(Settings.load()).engine, tenant)
    if as_json:
        shipped = [{"id": profile.id, "own": False} for profile in load_profiles()]
        own = [
            {"id": one.id, "own": True, "sha256": one.digest, "addedAt": one.added_at.isoformat()} for one in brought
        ]
        print_json([*shipped, *own])
        return
    table = Table(Column("profile", overflow="fold"), "from", box=None, pad_edge=False)
    for profile in load_profiles():
        table.add_row(Text(profile.id), "Jalon")
    for one in brought:
        table.add_row(Text(one.id), f"{tenant}, {one.added_at:%Y-%m-%d %H:%M} UTC")
    out.print(table)


@app.command()
def show(tenant: str, profile: Id) -> None:
    """Print a profile of the tenant's own, as the file that was added."""
    print(get_profile(Installation.of(Settings.load()).engine, tenant, profile).content)


@app.command()
def remove(tenant: str, profile: Id, why: Why = "") -> None:
    """Hold nothing against a profile of the tenant's own any more. What is stored keeps what was found of it."""
    installation = Installation.of(Settings.load())
    remove_profile(installation.engine, installation.audit, tenant, profile, who=name_operator(), why=why)
    err.print(f"{profile} is no profile of {tenant} any more.", markup=False, soft_wrap=True)


@app.command()
def judge(tenant: str, as_json: AsJson = False) -> None:
    """Follow each registration through the patterns of the profiles that it claims, and print how many succeed."""
    installation = Installation.of(Settings.load())
    profiles = [*load_profiles(), *read_usable(list_profiles(installation.engine, tenant))]
    with closing(connect(installation.owner_address)) as client, translate_errors():
        counts = judge_stored(client, tenant, profiles)
    if as_json:
        print_json([{"pattern": iri} | {each.value: found[each] for each in Outcome} for iri, found in counts.items()])
        return
    table = Table(
        Column("pattern", overflow="fold"),
        *(Column(each.value, justify="right") for each in Outcome),
        box=None,
        pad_edge=False,
    )
    for iri, found in counts.items():
        table.add_row(Text(iri), *(f"{found[each]:,}" for each in Outcome))
    out.print(table)


def _tell(problem: Problem) -> str:
    found = f", found {problem.found}" if problem.found else ""
    return f"{problem.pointer or '/'}: {problem.message} [{problem.rule}]{found}"
