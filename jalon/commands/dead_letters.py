"""`jalon dead-letters`: what could not be stored, and once more to where it is processed."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer
from rich.table import Column, Table
from rich.text import Text

from clickhouse.connection import connect
from identity.audit import Event
from jalon.commands.accountability import Why, name_operator
from jalon.commands.output import err, out, print_json
from jalon.installation import Installation
from jalon.replaying import Letters, read_letters, replay
from jalon.settings import Settings
from producers.sinks import RecordSink
from stream_processors.rows import DeadLetterRow

app = typer.Typer(help="Dead letters: what could not be stored, with its reason.", no_args_is_help=True)

Code = Annotated[str | None, typer.Option(help="Only those of this reason, such as `restricted` or `conflict`.")]


@app.command("list")
def list_letters(
    tenant: str,
    code: Code = None,
    replayed: Annotated[bool, typer.Option("--replayed", help="Show those that were replayed, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show dead letters, oldest first: where in the log, and why. What they hold is sealed and not shown."""
    installation = Installation.of(Settings.load())
    installation.vault.tenant_keys(tenant)
    with closing(connect(installation.owner_address)) as client:
        letters = read_letters(client, tenant, Letters(code, replayed), limit)
    rows = [_describe(letter) for letter in letters]
    if as_json:
        print_json(rows)
        return
    table = Table(Column("place", no_wrap=True), "at", "source", "code", "detail", "replayed", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(row[name] or "") for name in ("place", "at", "source", "code", "detail", "replayed")))
    out.print(table)


@app.command("replay")
def replay_letters(tenant: str, code: Code = None, why: Why = "") -> None:
    """Have dead letters processed once more, those that were not yet; what fails again is a new dead letter."""
    installation = Installation.of(Settings.load())
    settings = installation.settings
    installation.vault.tenant_keys(tenant)
    with closing(connect(installation.owner_address)) as client:
        letters = read_letters(client, tenant, Letters(code))
        sent = replay(
            client,
            installation.vault,
            tenant,
            letters,
            lambda: RecordSink(settings.kafka_servers, settings.topic, access=settings.kafka_access),
        )
    if sent:
        details = {"code": code, "letters": sent}
        installation.audit.append(Event(tenant, name_operator(), "dead-letters-replayed", why=why, details=details))
    kept = len(letters) - sent
    waiting = f"; {kept} stay, as their persons are restricted or erased" if kept else ""
    err.print(f"{sent} dead letters are on their way again{waiting}.", markup=False)


def _describe(letter: DeadLetterRow) -> dict[str, str | None]:
    return {
        "place": f"{letter.topic}/{letter.partition}/{letter.offset}/{letter.position}",
        "at": letter.at.isoformat(timespec="seconds"),
        "source": letter.source,
        "code": letter.code,
        "rule": letter.rule,
        "pointer": letter.pointer,
        "detail": letter.detail,
        "replayed": None if letter.replayed_at is None else letter.replayed_at.isoformat(timespec="seconds"),
    }
