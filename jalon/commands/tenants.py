"""`jalon tenant`, `credential` and `viewer`: who may use the product."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from identity.credentials import (
    DEFAULT_SCOPES,
    ListedCredential,
    add_credential,
    disable_credential,
    list_credentials,
)
from identity.viewers import add_viewer
from jalon.commands.output import err, out, print_json
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.settings import Settings

tenant_app = typer.Typer(help="Tenants: the institutions that share this installation.", no_args_is_help=True)
credential_app = typer.Typer(help="Credentials: how a platform signs in to the LRS.", no_args_is_help=True)
viewer_app = typer.Typer(help="Viewers: who may look at a tenant's boards.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@tenant_app.command("add")
def add_one_tenant(
    tenant: Annotated[str, typer.Argument(metavar="ID", help="Lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="The institution's name; the id if not given.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA time zone of its half-days.")] = "Europe/Paris",
) -> None:
    """Add a tenant with its keys, database and reader. Adding it again completes what is missing."""
    added = Installation.of(Settings.load()).add_tenant(tenant, name or tenant, timezone)
    err.print(f"Tenant {added.id} ({added.name}, {added.timezone}) is ready.", markup=False)


@credential_app.command("add")
def add_one_credential(
    tenant: str,
    name: Annotated[str, typer.Option(help="Which platform or person it is for.")] = "platform",
    scope: Annotated[
        list[str] | None,
        typer.Option(help=f"An xAPI scope; may be given several times. Without: {', '.join(DEFAULT_SCOPES)}."),
    ] = None,
    sees_identities: Annotated[
        bool, typer.Option("--sees-identities", help="Its reads show people, not pseudonyms.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a credential; its secret is shown this once and kept as a hash only."""
    installation = Installation.of(Settings.load())
    credential, secret = add_credential(
        installation.engine, tenant, name, scopes=scope or DEFAULT_SCOPES, sees_identities=sees_identities
    )
    endpoint = f"{installation.settings.lrs_url}/xAPI/"
    _print_once(tenant, {"endpoint": endpoint, "key": credential.key, "secret": secret}, as_json=as_json)


@credential_app.command("list")
def list_all_credentials(tenant: str, as_json: AsJson = False) -> None:
    """Show the tenant's credentials, those that are disabled too; their secrets cannot be shown."""
    listed = list_credentials(Installation.of(Settings.load()).engine, tenant)
    if as_json:
        print_json([_describe(each) for each in listed])
        return
    table = Table(Column("key", no_wrap=True), "name", "scopes", "sees", "added", "disabled", box=None, pad_edge=False)
    for each in listed:
        row = _describe(each)
        table.add_row(
            *map(Text, (row["key"], row["name"], " ".join(row["scopes"]))),
            "people" if row["sees_identities"] else "pseudonyms",
            row["added"],
            row["disabled"] or "",
        )
    out.print(table)


@credential_app.command("disable")
def disable_one_credential(key: str) -> None:
    """Refuse a credential from now on. It ends within 30 s in a running LRS, and for good."""
    if not disable_credential(Installation.of(Settings.load()).engine, key):
        raise WrongInput("No credential of that key is in use: `jalon credential list` shows a tenant's.")
    err.print(f"The credential {key} is disabled.", markup=False)


@viewer_app.command("add")
def add_one_viewer(
    tenant: str,
    name: str,
    language: Annotated[str, typer.Option(help="fr or en")] = "fr",
    as_json: AsJson = False,
) -> None:
    """Add a viewer of the tenant's boards; the password is shown this once and kept as a hash only."""
    installation = Installation.of(Settings.load())
    viewer, password = add_viewer(installation.engine, tenant, name, language=language)
    boards = f"{installation.settings.boards_url}/"
    _print_once(tenant, {"boards": boards, "name": viewer.name, "password": password}, as_json=as_json)


def _print_once(tenant: str, fields: dict[str, str], *, as_json: bool) -> None:
    """Print what somebody signs in with; the last field is the one that is kept nowhere."""
    if as_json:
        print_json({"tenant": tenant, **fields})
        return
    width = max(map(len, fields)) + 2
    for name, value in fields.items():
        out.print(f"{name:{width}}{value}", markup=False, highlight=False, soft_wrap=True)
    err.print(f"The {list(fields)[-1]} is not shown again.")


def _describe(listed: ListedCredential) -> dict[str, Any]:
    credential = listed.credential
    return {
        "key": credential.key,
        "name": credential.name,
        "scopes": sorted(credential.scopes),
        "sees_identities": credential.sees_identities,
        "added": listed.created_at.isoformat(timespec="seconds"),
        "disabled": None if listed.disabled_at is None else listed.disabled_at.isoformat(timespec="seconds"),
    }
