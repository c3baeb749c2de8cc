"""`jalon tenant` and `credential`: which institutions and platforms may use the product."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from identity.audit import Event
from identity.credentials import (
    DEFAULT_SCOPES,
    ListedCredential,
    add_credential,
    disable_credential,
    find_credential,
    list_credentials,
)
from identity.tenants import Tenant, get_tenant, list_tenants
from jalon import tenancy
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json, print_once
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.removal import remove_tenant
from jalon.settings import Settings
from jalon.tenancy import Act

tenant_app = typer.Typer(help="Tenants: the institutions that share this installation.", no_args_is_help=True)
credential_app = typer.Typer(help="Credentials: how a platform signs in to the LRS.", no_args_is_help=True)

Limit = Annotated[int | None, typer.Option(min=1, show_default=False)]
Identities = Annotated[
    bool, typer.Option("--with-identities", help="Put people back, with contents of documents, files, dead letters.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@tenant_app.command("add")
def add_one_tenant(
    tenant: Annotated[str, typer.Argument(metavar="ID", help="Lower-case letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="The institution's name; the id if not given.")] = "",
    timezone: Annotated[str, typer.Option(help="IANA time zone of its half-days.")] = "Europe/Paris",
) -> None:
    """Add a tenant with its keys, database and reader. Adding it again completes what is missing."""
    added = Installation.of(Settings.load()).add_tenant(tenant, name or tenant, timezone, who=name_operator())
    err.print(f"Tenant {added.id} ({added.name}, {added.timezone}) is ready.", markup=False)


@tenant_app.command("list")
def list_all_tenants(
    gone: Annotated[bool, typer.Option("--removed", help="Those that were removed, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the tenants and their states."""
    found = list_tenants(Installation.of(Settings.load()).engine, gone=gone)
    if as_json:
        print_json([_describe_tenant(tenant) for tenant in found])
        return
    table = Table(Column("id", no_wrap=True), "name", "state", "time zone", "added", box=None, pad_edge=False)
    for tenant in found:
        table.add_row(*map(Text, _describe_tenant(tenant).values()))
    out.print(table)


@tenant_app.command("show")
def show_one_tenant(tenant: str, as_json: AsJson = False) -> None:
    """Show what a tenant holds and who may use it: rows, bytes, ledger, limits, its place in Grafana."""
    told = tenancy.describe(Installation.of(Settings.load()), tenant)
    if as_json:
        print_json(told)
        return
    for name, value in _flatten(told):
        out.print(f"{name:32}{value}", markup=False, highlight=False, soft_wrap=True)


@tenant_app.command("suspend")
def suspend_one_tenant(tenant: str, why: Why) -> None:
    """Let nobody use a tenant until it is resumed. What was accepted is stored all the same, and nothing is lost."""
    tenancy.suspend(Installation.of(Settings.load()), tenant, Act(name_operator(), why))
    err.print(f"Tenant {tenant} is suspended: SQL and boards at once, the LRS within seconds.", markup=False)


@tenant_app.command("resume")
def resume_one_tenant(tenant: str, why: Why) -> None:
    """Let a tenant be used again."""
    tenancy.resume(Installation.of(Settings.load()), tenant, Act(name_operator(), why))
    err.print(f"Tenant {tenant} can be used again.", markup=False)


@tenant_app.command("limit")
def limit_one_tenant(
    tenant: str,
    query_seconds: Limit = None,
    query_mib: Limit = None,
    query_rows: Limit = None,
    hour_seconds: Limit = None,
    why: Why = "",
) -> None:
    """Set what a query of the tenant's analysts may take (seconds, memory, rows read), and each analyst in an hour."""
    installation = Installation.of(Settings.load())
    wished = {
        "query_seconds": query_seconds,
        "query_mib": query_mib,
        "query_rows": query_rows,
        "hour_seconds": hour_seconds,
    }
    given = {name: value for name, value in wished.items() if value is not None}
    if not given:
        raise WrongInput("Give at least one limit: --query-seconds, --query-mib, --query-rows or --hour-seconds.")
    limits = replace(get_tenant(installation.engine, tenant).limits, **given)
    tenancy.set_limits(installation, tenant, limits, Act(name_operator(), why))
    err.print(f"The limits of {tenant} hold from now on.", markup=False)


@tenant_app.command("export")
def export_one_tenant(
    tenant: str,
    file: Annotated[Path, typer.Argument(metavar="FILE.zip")],
    why: Why,
    identities: Identities = False,
) -> None:
    """Write everything that a tenant holds to a ZIP archive, whole or not at all; prints its SHA-256."""
    installation = Installation.of(Settings.load())
    exported = tenancy.export(installation, tenant, file, Act(name_operator(), why), identities=identities)
    print_json({"file": str(file), "sha256": exported.digest, "identities": identities, **exported.counts})


@tenant_app.command("remove")
def remove_one_tenant(
    tenant: str,
    why: Why,
    export: Annotated[Path | None, typer.Option(metavar="FILE.zip", help="Export everything there first.")] = None,
    identities: Identities = False,
    yes: Annotated[bool, typer.Option("--yes", help="It is meant.")] = False,
) -> None:
    """Remove a tenant for good: database, keys, documents, attachments, Grafana; prints a signed receipt.

    After a failure, give the same command again: it does what is left.
    """
    if not yes:
        raise WrongInput(f"All that {tenant} holds would be gone for good: if that is meant, add --yes.")
    receipt = remove_tenant(
        Installation.of(Settings.load()),
        tenant,
        Act(name_operator(), why),
        export_to=export,
        identities=identities,
        report=lambda step: err.print(f"  {step} …", markup=False),
    )
    err.print(f"Tenant {tenant} is removed. Keep the receipt:", markup=False)
    print(receipt)


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
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Add a credential; its secret is shown this once and kept as a hash only."""
    installation = Installation.of(Settings.load())
    credential, secret = add_credential(
        installation.engine, tenant, name, scopes=scope or DEFAULT_SCOPES, sees_identities=sees_identities
    )
    rights = {"scopes": sorted(credential.scopes), "sees_identities": sees_identities}
    installation.audit.append(
        Event(tenant, name_operator(), "credential-added", f"credential:{credential.key}", why, rights)
    )
    endpoint = f"{installation.settings.lrs_url}/xAPI/"
    fields = {"endpoint": endpoint, "key": credential.key, "secret": secret}
    print_once(fields, beside={"tenant": tenant}, as_json=as_json)


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
def disable_one_credential(key: str, why: Why = "") -> None:
    """Refuse a credential from now on. It ends within 30 s in a running LRS, and for good."""
    installation = Installation.of(Settings.load())
    credential = find_credential(installation.engine, key)
    if credential is None or not disable_credential(installation.engine, key):
        raise WrongInput("No credential of that key is in use: `jalon credential list` shows a tenant's.")
    installation.audit.append(
        Event(credential.tenant, name_operator(), "credential-disabled", f"credential:{key}", why)
    )
    err.print(f"The credential {key} is disabled.", markup=False)


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


def _describe_tenant(tenant: Tenant) -> dict[str, str]:
    added = tenant.created_at.isoformat(timespec="seconds")
    return {"id": tenant.id, "name": tenant.name, "state": tenant.state, "timezone": tenant.timezone, "added": added}


def _flatten(told: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in told.items():
        if isinstance(value, dict):
            lines += _flatten(value, f"{above}{name}.")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            lines.append((f"{above}{name}", "" if shown is None else str(shown)))
    return lines
