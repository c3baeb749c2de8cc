"""`jalon vault`: whether the vault opens, and another master key for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from identity.database import open_database, read_schema
from identity.errors import IdentityError
from identity.master_key import KeyFile, KeyText, MasterKeySource
from identity.vault_key import check_vault, inspect_vault, replace_master_key
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.master_key import build_source, build_transit
from jalon.settings import Settings, variable

app = typer.Typer(help="The vault: whether it opens, and another master key for it.", no_args_is_help=True)


class To(StrEnum):
    """Where a master key can be."""

    file = "file"
    environment = "environment"
    transit = "transit"


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False) -> None:
    """Tell where the master key is, whether it opens the vault, and what the vault holds; exit status 0 only if so."""
    settings = Installation.of(Settings.load()).settings
    source = build_source(settings)
    engine = open_database(settings.identity_url, create=False)
    try:
        schema, state = read_schema(engine), inspect_vault(engine)
        problem = _find_problem(lambda: check_vault(engine, source))
    finally:
        engine.dispose()
    since = state.wrapped_at.isoformat(timespec="seconds") if state.wrapped_at else ""
    if as_json:
        print_json(
            {
                "master_key": str(source),
                "opens": not problem,
                "problem": problem,
                "wrapped_at": since,
                "schema": schema.current,
                "newest_schema": schema.newest,
                "tenants": state.tenants,
                "learner_keys": state.learner_keys,
            }
        )
    else:
        table = Table.grid(padding=(0, 2))
        table.add_row("master key", Text(str(source)))
        table.add_row("opens", Text(f"no: {problem}", "red") if problem else Text("yes", "green"))
        table.add_row("in use since", since or "never")
        table.add_row("schema", f"{schema.current or 'none'}, newest {schema.newest}")
        table.add_row("holds", f"keys of {state.tenants} tenants and {state.learner_keys} learners")
        out.print(table)
    if problem:
        raise typer.Exit(1)


@app.command()
def rewrap(
    why: Why,
    to: Annotated[
        To | None, typer.Option(help="Where the new master key is. Without it: where it is now, a new one.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="With --to file: which file; made if missing.")] = None,
    name: Annotated[
        str | None, typer.Option(help="With --to environment: the variable that holds it. With --to transit: its key.")
    ] = None,
) -> None:
    """Replace the master key. Running processes go on; when the source changes, change the settings right after."""
    settings = Settings.load()
    installation = Installation.of(settings)
    current = build_source(installation.settings)
    new = _choose(settings, current, to, file, name)
    replace_master_key(installation.engine, current, new, who=name_operator(), why=why)
    err.print(f"The vault opens with the master key in {new}.", markup=False)
    if to is not None:
        err.print(f"Set {variable('master_key_source')}={to} and what belongs to it before anything starts again.")


def _choose(
    settings: Settings, current: MasterKeySource, to: To | None, file: Path | None, name: str | None
) -> MasterKeySource:
    if (file is not None) != (to is To.file) or (name is not None and to in {None, To.file}):
        raise WrongInput("--to file needs --file, and --name goes with --to environment or --to transit only.")
    match to:
        case None if isinstance(current, KeyText):
            raise WrongInput("A key of the environment is replaced with --to environment --name VARIABLE.")
        case None:
            return current
        case To.file:
            assert file is not None  # noqa: S101 (looked at above)
            return KeyFile(file.expanduser().absolute())
        case To.environment:
            if name is None or name.startswith("JALON_"):
                raise WrongInput("--to environment needs --name, a variable whose name does not begin with JALON_.")
            return KeyText(os.environ.get(name, ""), name)
        case To.transit:
            if not settings.transit_url:
                raise WrongInput(f"--to transit needs {variable('transit_url')}, the address of the key service.")
            return build_transit(settings, name or settings.transit_key)


def _find_problem(check: Callable[[], None]) -> str:
    try:
        check()
    except IdentityError as error:
        return str(error)
    return ""
