"""`jalon analyst`: who may query a tenant's database with SQL."""

from __future__ import annotations

import typer
from rich.table import Column, Table
from rich.text import Text

from clickhouse.databases import name_tenant_database
from jalon import tenancy
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.commands.tenants import AsJson
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.settings import Settings
from jalon.tenancy import Act

app = typer.Typer(help="Analysts: who may query a tenant's database with SQL.", no_args_is_help=True)


@app.command("add")
def add_one_analyst(tenant: str, name: str, why: Why = "", as_json: AsJson = False) -> None:
    """Add an analyst: a ClickHouse login that reads the tenant's database and nothing else.

    Its password is shown this once.
    """
    installation = Installation.of(Settings.load())
    login, password = tenancy.let_in(installation, tenant, name, Act(name_operator(), why))
    address = installation.owner_address
    fields = {
        "url": f"{'https' if address.secure else 'http'}://{address.host}:{address.port}/",
        "database": name_tenant_database(tenant),
        "login": login,
        "password": password,
    }
    if as_json:
        print_json({"tenant": tenant, **fields})
        return
    for label, value in fields.items():
        out.print(f"{label:10}{value}", markup=False, highlight=False, soft_wrap=True)
    err.print("The password is not shown again.")


@app.command("list")
def list_all_analysts(tenant: str, as_json: AsJson = False) -> None:
    """Show the tenant's analysts and their logins."""
    rows = [
        {"name": one.name, "login": login, "added": one.created_at.isoformat(timespec="seconds")}
        for login, one in tenancy.list_logins(Installation.of(Settings.load()), tenant)
    ]
    if as_json:
        print_json(rows)
        return
    table = Table("name", Column("login", no_wrap=True), "added", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*map(Text, row.values()))
    out.print(table)


@app.command("remove")
def remove_one_analyst(tenant: str, name: str, why: Why = "") -> None:
    """Remove an analyst; the login ends at once."""
    if not tenancy.shut_out(Installation.of(Settings.load()), tenant, name, Act(name_operator(), why)):
        raise WrongInput(f"Tenant {tenant} has no analyst {name}: `jalon analyst list {tenant}` shows them.")
    err.print(f"The analyst {name} is removed.", markup=False)
