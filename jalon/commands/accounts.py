"""`jalon account`: the people who sign in to the boards, and their roles."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from identity.accounts import ListedAccount
from identity.roles import Role
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json, print_once
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.settings import Settings

app = typer.Typer(help="Accounts: the people who sign in to the boards.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ROLE_HELP = "TENANT:ROLE, such as acme:viewer; administrator, analyst, viewer or dpo; or `operator`, of all tenants."
RoleText = Annotated[str, typer.Argument(metavar="ROLE", help=ROLE_HELP)]


@app.command()
def add(
    name: str,
    roles: Annotated[list[str] | None, typer.Argument(metavar="[ROLE]...", help=ROLE_HELP)] = None,
    language: Annotated[str, typer.Option(help="fr or en")] = "fr",
    subject: Annotated[
        str, typer.Option(help="`sub` at the identity provider, instead of a password: who signs in there.")
    ] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Add somebody; the password is shown this once and kept as a hash only."""
    installation = Installation.of(Settings.load())
    given = {Role.parse(role) for role in roles or ()}
    told = {"by": name_operator(), "why": why}
    boards = f"{installation.settings.boards_url}/"
    beside = {"roles": [str(role) for role in sorted(given)]}
    if not subject:
        _, password = installation.accounts.add(name, given, language=language, **told)
        print_once({"boards": boards, "name": name, "password": password}, beside=beside, as_json=as_json)
        return
    installation.accounts.add_subject(name, subject, given, language=language, **told)
    if as_json:
        print_json({"boards": boards, "name": name, "subject": subject, **beside})
    else:
        err.print(f"{name} may sign in at the identity provider.", markup=False)


@app.command("list")
def list_all(
    tenant: Annotated[str | None, typer.Option(help="Only who has a role there, operators included.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show accounts with their roles, those that are disabled too."""
    described = [_describe(each) for each in Installation.of(Settings.load()).accounts.list_all(tenant)]
    if as_json:
        print_json(described)
        return
    table = Table(Column("name", no_wrap=True), "roles", "signs in by", "added", "disabled", box=None, pad_edge=False)
    for each in described:
        means = ("password" if each["password"] else "", "identity provider" if each["subject"] else "")
        row = (each["name"], " ".join(each["roles"]), ", ".join(filter(None, means)), each["added"])
        table.add_row(*map(Text, row), each["disabled"] or "")
    out.print(table)


@app.command()
def grant(name: str, role: RoleText, why: Why = "") -> None:
    """Give somebody a role, with effect at once."""
    given = Role.parse(role)
    new = Installation.of(Settings.load()).accounts.grant(name, given, by=name_operator(), why=why)
    err.print(f"{name} {'is' if new else 'was'} {given}{'' if new else ' already'}.", markup=False)


@app.command()
def revoke(name: str, role: RoleText, why: Why = "") -> None:
    """Take a role from somebody, with effect at once."""
    taken = Role.parse(role)
    if not Installation.of(Settings.load()).accounts.revoke(name, taken, by=name_operator(), why=why):
        raise WrongInput(f"{name} is not {taken}: `jalon account list` shows who has which role.")
    err.print(f"{name} is no longer {taken}.", markup=False)


@app.command("set-password")
def set_password(
    name: str,
    stdin: Annotated[
        bool, typer.Option("--stdin", help="Read it from the standard input instead of drawing one.")
    ] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Set a password and end the account's sessions at once; it is shown this once and kept as a hash only."""
    given = sys.stdin.readline().rstrip("\r\n") if stdin else None
    accounts = Installation.of(Settings.load()).accounts
    password = accounts.set_password(name, given, by=name_operator(), why=why)
    if stdin:
        err.print(f"The password of {name} is set.", markup=False)
    else:
        print_once({"name": name, "password": password}, beside={}, as_json=as_json)


@app.command()
def disable(name: str, why: Why = "") -> None:
    """Refuse somebody from now on, and end their sessions at once."""
    if not Installation.of(Settings.load()).accounts.disable(name, by=name_operator(), why=why):
        raise WrongInput(f"The account {name} is disabled already.")
    err.print(f"The account {name} is disabled.", markup=False)


@app.command()
def enable(name: str, why: Why = "") -> None:
    """Let somebody sign in again: after `disable`, or after too many failures."""
    if not Installation.of(Settings.load()).accounts.enable(name, by=name_operator(), why=why):
        raise WrongInput(f"The account {name} is neither disabled nor locked out.")
    err.print(f"{name} may sign in.", markup=False)


def _describe(listed: ListedAccount) -> dict[str, Any]:
    return {
        "name": listed.account.name,
        "language": listed.account.language,
        "roles": [str(role) for role in sorted(listed.account.roles)],
        "password": listed.has_password,
        "subject": listed.subject,
        "added": listed.created_at.isoformat(timespec="seconds"),
        "disabled": None if listed.disabled_at is None else listed.disabled_at.isoformat(timespec="seconds"),
    }
