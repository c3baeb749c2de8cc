"""`jalon audit`: who saw identities, exported, erased or changed what."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from identity.audit import Entry, Head
from jalon.commands.output import err, out, print_json
from jalon.installation import Installation
from jalon.settings import Settings

app = typer.Typer(help="The audit trail: who saw, exported, erased or changed what.", no_args_is_help=True)


@app.command("list")
def list_entries(
    tenant: Annotated[str | None, typer.Option(help="Only what concerns this tenant.")] = None,
    after: Annotated[int, typer.Option(min=0, help="Only entries after the one of this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show entries, oldest first."""
    entries = Installation.of(Settings.load()).audit.read(tenant=tenant, after=after, limit=limit)
    if as_json:
        print_json([_describe(entry) for entry in entries])
        return
    table = Table(
        "number", "at", "tenant", "who", "action", Column("about", no_wrap=True), "why", box=None, pad_edge=False
    )
    for entry in entries:
        row = _describe(entry)
        table.add_row(*(Text(str(row[name])) for name in ("number", "at", "tenant", "who", "action", "about", "why")))
    out.print(table)


@app.command()
def verify(
    expect: Annotated[
        list[str] | None,
        typer.Option(help="A head noted earlier, NUMBER:DIGEST; may be given several times. Receipts hold one."),
    ] = None,
) -> None:
    """Check that no entry was changed, moved or taken out; prints the head, to be noted elsewhere."""
    head = Installation.of(Settings.load()).audit.verify([Head.parse(text) for text in expect or ()])
    err.print(f"The audit trail is whole: {head.number} entries.")
    out.print(str(head), markup=False, highlight=False, soft_wrap=True)


def _describe(entry: Entry) -> dict[str, Any]:
    event = entry.event
    return {
        "number": entry.number,
        "at": entry.at.isoformat(timespec="milliseconds"),
        "tenant": event.tenant,
        "who": event.who,
        "action": event.action,
        "about": event.about,
        "why": event.why,
        "details": dict(event.details),
    }
