"""`jalon migrate`: topic and databases brought up to date, for an installation that `jalon up` does not run."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from jalon.commands.output import err, out
from jalon.installation import Installation
from jalon.runtime.topics import ensure_topic
from jalon.settings import Settings


def migrate(
    status: Annotated[
        bool, typer.Option("--status", help="Show how each migration stands, and change nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be applied, and change nothing.")] = False,
) -> None:
    """Create what is missing and apply the pending migrations, of the shared database and of every tenant's."""
    installation = Installation.of(Settings.load())
    if status or dry_run:
        _show(installation, pending_only=dry_run)
        return
    installation.prepare_identity()
    ensure_topic(installation.settings)
    applied = installation.migrate()
    for line in applied:
        err.print(f"applied {line}", markup=False)
    err.print("Everything is up to date.")


def _show(installation: Installation, *, pending_only: bool) -> None:
    table = Table("database", "migration", "state")
    for entry in installation.read_migrations():
        if not pending_only or entry.state == "pending":
            table.add_row(entry.database, f"{entry.migration.number:04} {entry.migration.name}", entry.state)
    out.print(table)
