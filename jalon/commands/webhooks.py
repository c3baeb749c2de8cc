"""`jalon webhook`: the addresses at which other systems tell what happens."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from identity.webhooks import add_webhook, list_webhooks, remove_webhook
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json, print_once
from jalon.commands.tenants import AsJson
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.settings import Settings
from producers.errors import UnreadableInput
from producers.naming import DEFAULT_HOME
from producers.titles import name_session
from receivers.webhooks import PATH

app = typer.Typer(help="Webhooks: where other systems tell what happens.", no_args_is_help=True)


class SourceName(StrEnum):
    """Whose webhooks are understood."""

    BIGBLUEBUTTON = "bigbluebutton"
    ZOOM = "zoom"


_OPTIONS = {
    SourceName.BIGBLUEBUTTON: {"home", "prefix", "home_page", "moderators"},
    SourceName.ZOOM: {"home", "session", "topic_pattern", "host"},
}


@app.command("add")
def add_one_webhook(
    tenant: str,
    source: SourceName,
    secret_file: Annotated[
        Path | None,
        typer.Option(help="File with what the system signs with, in its first line; else it is asked for."),
    ] = None,
    home: Annotated[
        str, typer.Option(help=f"Base of the IRIs of the institution's activities; else {DEFAULT_HOME}.")
    ] = "",
    prefix: Annotated[
        str, typer.Option(help="BigBlueButton: what stands before the session in a meeting's external id.")
    ] = "",
    home_page: Annotated[
        str,
        typer.Option(
            help="BigBlueButton: home page of accounts made of external user ids that are no e-mail addresses."
        ),
    ] = "",
    moderators: Annotated[
        bool, typer.Option("--moderators", help="BigBlueButton: count moderators as learners.")
    ] = False,
    session: Annotated[str, typer.Option(help="Zoom: the session of all meetings; else the topic tells it.")] = "",
    topic_pattern: Annotated[
        str, typer.Option(help="Zoom: regular expression whose first group finds the session in a topic.")
    ] = "",
    host: Annotated[bool, typer.Option("--host", help="Zoom: count the host as a learner.")] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Add a webhook: an address of its own for a system of the tenant. It is shown this once."""
    given: dict[str, Any] = {
        "home": home,
        "prefix": prefix,
        "home_page": home_page,
        "moderators": moderators,
        "session": session,
        "topic_pattern": topic_pattern,
        "host": host,
    }
    options = {name: value for name, value in given.items() if value}
    if strange := sorted(options.keys() - _OPTIONS[source]):
        raise WrongInput(f"--{strange[0].replace('_', '-')} is no option of {source}.")
    if topic_pattern:
        _check_pattern(topic_pattern)
    secret = _read_secret(secret_file)
    installation = Installation.of(Settings.load())
    token = add_webhook(
        installation.engine,
        installation.master,
        installation.audit,
        tenant,
        source.value,
        secret,
        options,
        who=name_operator(),
        why=why,
    )
    address = f"{installation.settings.webhooks_url}{PATH}/{token}"
    print_once({"address": address}, beside={"tenant": tenant, "source": source.value}, as_json=as_json)


@app.command("list")
def list_all_webhooks(tenant: str, as_json: AsJson = False) -> None:
    """Show the tenant's webhooks; their addresses and secrets are not shown."""
    installation = Installation.of(Settings.load())
    rows: list[dict[str, Any]] = [
        {
            "source": one.source,
            "added": one.created_at.isoformat(timespec="seconds"),
            "options": dict(one.options),
        }
        for one in list_webhooks(installation.engine, installation.master, tenant)
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(Column("source", no_wrap=True), "added", "options", box=None, pad_edge=False)
    for row in rows:
        options = " ".join(f"{name.replace('_', '-')}={value}" for name, value in row["options"].items())
        table.add_row(Text(row["source"]), Text(row["added"]), Text(options))
    out.print(table)


@app.command("remove")
def remove_one_webhook(tenant: str, source: SourceName, why: Why = "") -> None:
    """Remove a webhook; its address is nobody's within seconds."""
    installation = Installation.of(Settings.load())
    if not remove_webhook(installation.engine, installation.audit, tenant, source.value, who=name_operator(), why=why):
        raise WrongInput(f"Tenant {tenant} has no webhook of {source}: `jalon webhook list {tenant}` shows them.")
    err.print(f"The webhook of {source} is removed.", markup=False)


def _check_pattern(pattern: str) -> None:
    try:
        name_session(pattern, "")
    except UnreadableInput as error:
        raise WrongInput(str(error)) from error


def _read_secret(path: Path | None) -> str:
    """Return the first line of the file, or of what is typed or piped in: no list of processes shows it."""
    if path is None and sys.stdin.isatty():
        return str(typer.prompt("What the system signs with", hide_input=True, err=True)).strip()
    try:
        text = sys.stdin.readline() if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongInput(f"{path} cannot be read ({type(error).__name__}): give the secret's file.") from error
    return text.partition("\n")[0].strip()
