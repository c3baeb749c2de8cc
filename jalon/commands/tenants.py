"""`jalon tenant`, `credential` and `viewer`: who may use the product."""

from __future__ import annotations

from typing import Annotated

import typer

from identity.credentials import add_credential
from identity.viewers import add_viewer
from jalon.commands.output import err, out, print_json
from jalon.installation import Installation
from jalon.settings import Settings

tenant_app = typer.Typer(help="Tenants: the institutions that share this installation.", no_args_is_help=True)
credential_app = typer.Typer(help="Credentials: how a platform signs in to the LRS.", no_args_is_help=True)
viewer_app = typer.Typer(help="Viewers: who may look at a tenant's boards.", no_args_is_help=True)

DEFAULT_SCOPES = ("statements/write", "statements/read")

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
    scope: Annotated[list[str] | None, typer.Option(help="An xAPI scope; may be given several times.")] = None,
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
    if as_json:
        print_json(
            {
                "tenant": tenant,
                "endpoint": f"{installation.settings.lrs_url}/xAPI/",
                "key": credential.key,
                "secret": secret,
            }
        )
        return
    out.print(f"endpoint  {installation.settings.lrs_url}/xAPI/", markup=False, highlight=False)
    out.print(f"key       {credential.key}", markup=False, highlight=False)
    out.print(f"secret    {secret}", markup=False, highlight=False)
    err.print("The secret is not shown again.")


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
    if as_json:
        print_json(
            {
                "tenant": tenant,
                "boards": f"{installation.settings.boards_url}/",
                "name": viewer.name,
                "password": password,
            }
        )
        return
    out.print(f"boards    {installation.settings.boards_url}/", markup=False, highlight=False)
    out.print(f"name      {viewer.name}", markup=False, highlight=False)
    out.print(f"password  {password}", markup=False, highlight=False)
    err.print("The password is not shown again.")
