"""`jalon checkin`: the tablets of rooms, and the codes with which learners sign in there."""

from __future__ import annotations

import csv
import io
import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Column, Table
from rich.text import Text

from identity.codes import Holder, make_codes
from identity.tablets import TabletSession, add_tablet, list_tablets, remove_tablet
from identity.tenants import get_tenant
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json, print_once
from jalon.commands.tenants import AsJson
from jalon.errors import WrongInput
from jalon.installation import Installation
from jalon.runtime.passwords import write_private
from jalon.settings import Settings
from producers.errors import UnreadableInput
from producers.naming import DEFAULT_HOME, slug
from producers.statements import is_email, learner_by_email
from producers.texts import read_lines
from receivers.checkin.endpoint import PATH

app = typer.Typer(help="Tablets of rooms at which learners sign in, and their codes.", no_args_is_help=True)

Room = Annotated[str, typer.Option(help="The room's name, as the timetable has it.")]

_NAMES = ("prenom", "first-name", "firstname", "nom", "name", "last-name", "lastname")


@app.command("add")
def add_one_tablet(
    tenant: str,
    room: Room,
    session: Annotated[
        list[str] | None,
        typer.Option(
            help="A session that is signed in to there, or ID=NAME; several: more than once. Else codes tell."
        ),
    ] = None,
    email: Annotated[bool, typer.Option("--email", help="Let who has no code give an e-mail address.")] = False,
    home: Annotated[
        str, typer.Option(help=f"Base of the IRIs of the institution's activities; else {DEFAULT_HOME}.")
    ] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Pair a room's tablet: the address that it is to show. It is told this once."""
    installation = Installation.of(Settings.load())
    sessions = [TabletSession(*map(str.strip, each.split("=", 1))) for each in session or ()]
    token = add_tablet(
        installation.engine,
        installation.master,
        installation.audit,
        tenant,
        room,
        sessions,
        emails=email,
        home=home,
        who=name_operator(),
        why=why,
    )
    address = f"{installation.settings.webhooks_url}{PATH}/{token}"
    print_once({"address": address}, beside={"tenant": tenant, "room": room}, as_json=as_json)


@app.command("list")
def list_all_tablets(tenant: str, as_json: AsJson = False) -> None:
    """Show the tenant's tablets; their addresses are not shown."""
    installation = Installation.of(Settings.load())
    rows: list[dict[str, Any]] = [
        {
            "room": tablet.room,
            "sessions": [session.id for session in tablet.sessions],
            "email": tablet.emails,
            "added": tablet.created_at.isoformat(timespec="seconds"),
        }
        for tablet in list_tablets(installation.engine, tenant)
    ]
    if as_json:
        print_json(rows)
        return
    table = Table(Column("room"), "sessions", "e-mail", "added", box=None, pad_edge=False)
    for row in rows:
        sessions = " ".join(row["sessions"]) or "as codes tell"
        table.add_row(Text(row["room"]), Text(sessions), "yes" if row["email"] else "no", row["added"])
    out.print(table)


@app.command("remove")
def remove_one_tablet(tenant: str, room: Room, why: Why = "") -> None:
    """Remove a room's tablet; its address is nobody's within seconds."""
    installation = Installation.of(Settings.load())
    if not remove_tablet(installation.engine, installation.audit, tenant, room, who=name_operator(), why=why):
        raise WrongInput(f"Tenant {tenant} has no tablet in {room}: `jalon checkin list {tenant}` shows them.")
    err.print(f"The tablet in {room} is removed.", markup=False)


@app.command("codes")
def make_codes_of_session(
    tenant: str,
    session: str,
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Learners: a line each, with an e-mail address.")],
    day: Annotated[str, typer.Option(help="First day that they are good for, as 2026-11-24; else today.")] = "",
    until: Annotated[str, typer.Option(help="Last day; else the first.")] = "",
    output: Annotated[
        Path | None, typer.Option("--out", help="File for the codes, readable by its owner only; else printed.")
    ] = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Make codes also for who has one; the code before is good no more.")
    ] = False,
    why: Why = "",
) -> None:
    """Make a code for each learner of a session, and print them as CSV, this once."""
    installation = Installation.of(Settings.load())
    zone = ZoneInfo(get_tenant(installation.engine, tenant).timezone)
    first = _read_day(day) if day else datetime.now(zone).date()
    last = _read_day(until) if until else first
    holders = _read_holders(file)
    made = make_codes(
        installation.vault,
        installation.master,
        installation.audit,
        tenant,
        session,
        holders,
        since=datetime.combine(first, time(), zone),
        until=datetime.combine(last + timedelta(days=1), time(), zone),
        anew=anew,
        who=name_operator(),
        why=why,
    )
    text = _write_codes(holders, made)
    if output is None:
        sys.stdout.write(text)
    else:
        write_private(output, text)
    kept = made.count(None)
    if kept:
        err.print(f"{kept} had a code already; --anew gives them another.", markup=False)
    err.print(f"{len(made) - kept} codes are made. They are not shown again.", markup=False)


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongInput(f"{text} is no day, such as 2026-11-24.") from None


def _read_holders(path: Path) -> list[Holder]:
    """Return who is listed, each once: the address is found by its form, the name by the head of its columns."""
    try:
        rows = read_lines(path).cells
    except UnreadableInput as error:
        raise WrongInput(str(error)) from error
    head = [slug(cell) for cell in rows[0]] if rows and not any(map(is_email, rows[0])) else []
    columns = [head.index(name) for name in _NAMES if name in head]
    found: dict[str, Holder] = {}
    for number, row in enumerate(rows[1:] if head else rows, start=2 if head else 1):
        email = next(filter(is_email, row), "")
        if email:
            learner = learner_by_email(email, " ".join(row[column] for column in columns if column < len(row)))
            found.setdefault(email.lower(), Holder(learner.ifi, learner.name))
        elif any(row):
            err.print(f"{path}, line {number}: there is no e-mail address, so no code.", markup=False)
    if not found:
        raise WrongInput(f"{path} lists nobody: a line for each learner, with an e-mail address.")
    return list(found.values())


def _write_codes(holders: list[Holder], made: list[str | None]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["email", "name", "code"])
    for holder, code in zip(holders, made, strict=True):
        if code is not None:
            address = str(holder.ifi["mbox"]).removeprefix("mailto:")
            writer.writerow([address, holder.name, f"{code[:4]} {code[4:]}"])
    return text.getvalue()
