"""Numbered SQL migrations, for the shared database and for each tenant's.

The kept libraries (clickhouse-migrations, houseplant) speak the native protocol through clickhouse-driver; Jalon speaks
HTTP only, to ClickHouse and to the embedded server alike, so the runner is its own (docs/decisions/0009).
A released file is never edited: its checksum stands in the database and in migrations/checksums.json.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

from clickhouse_connect.driver.exceptions import DatabaseError

from clickhouse.connection import Client
from clickhouse.databases import SHARED, name_tenant_database
from clickhouse.errors import MigrationError
from clickhouse.persons import define_joined_view, joins_persons

Scope = Literal["shared", "tenant"]
State = Literal["applied", "pending", "edited"]

_FILE = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")
_JOURNAL = """
CREATE TABLE IF NOT EXISTS {database:Identifier}.migrations
(number UInt32, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'))
ENGINE = ReplacingMergeTree ORDER BY number
"""
# Not the driver's insert, which asks for the table's columns first: a tenant is added while somebody waits.
_RECORD = """
INSERT INTO {database:Identifier}.migrations (number, name, checksum)
SELECT tupleElement(row, 1), tupleElement(row, 2), tupleElement(row, 3)
FROM (SELECT arrayJoin({rows:Array(Tuple(UInt32, String, String))}) AS row)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file."""

    number: int
    name: str
    checksum: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MigrationState:
    """How one migration stands in one database."""

    database: str
    migration: Migration
    state: State


def load_migrations(scope: Scope) -> list[Migration]:
    """Read the migrations of a scope, in order; their numbers have no gap and no double."""
    migrations = []
    for entry in files("clickhouse").joinpath("migrations", scope).iterdir():
        if match := _FILE.fullmatch(entry.name):
            text = entry.read_text(encoding="utf-8")
            checksum = hashlib.sha256(text.encode()).hexdigest()
            migrations.append(Migration(int(match["number"]), match["name"], checksum, split_statements(text)))
    migrations.sort(key=lambda migration: migration.number)
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise MigrationError(f"The {scope} migrations are not numbered 0001, 0002, … without gap or double.")
    return migrations


def split_statements(text: str) -> tuple[str, ...]:
    """Split a file at semicolons that end a line; lines that are only a comment are dropped."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("--")]
    return tuple(part.strip() for part in re.split(r";[ \t]*(?:\n|$)", "\n".join(lines)) if part.strip())


def replaces_joined_view(statement: str) -> bool:
    """Tell whether a migration's statement makes anew the view that Jalon has join persons (clickhouse/persons.py)."""
    return statement.startswith("CREATE OR REPLACE VIEW current_statements AS")


def compare(migrations: list[Migration], applied: dict[int, str], database: str) -> list[MigrationState]:
    """Hold the files against the checksums that a database has recorded."""
    states = []
    for migration in migrations:
        recorded = applied.get(migration.number)
        state: State = "pending" if recorded is None else "applied" if recorded == migration.checksum else "edited"
        states.append(MigrationState(database, migration, state))
    return states


def read_status(client: Client, scope: Scope, database: str) -> list[MigrationState]:
    """Tell how each migration of a scope stands in a database, changing nothing; a missing database has all pending."""
    exists = client.query(
        "SELECT 1 FROM system.tables WHERE database = {database:String} AND name = 'migrations'",
        parameters={"database": database},
    ).result_rows
    applied: dict[int, str] = {}
    if exists:
        rows = client.query(
            "SELECT number, checksum FROM {database:Identifier}.migrations FINAL", parameters={"database": database}
        ).result_rows
        applied = {number: checksum for number, checksum in rows}  # noqa: C416 (typed as sequences, not as pairs)
    migrations = load_migrations(scope)
    newest = max((migration.number for migration in migrations), default=0)
    if any(number > newest for number in applied):
        raise MigrationError(
            f"Database {database} was migrated by a newer Jalon (migration {max(applied)}, known: {newest}). "
            "Upgrade Jalon."
        )
    return compare(migrations, applied, database)


def apply_shared(client: Client) -> list[Migration]:
    """Bring the shared database up to date; returns what was applied. Raises MigrationError."""
    return _apply(client, "shared", SHARED)


def apply_tenant(client: Client, tenant: str) -> list[Migration]:
    """Create the tenant's database if needed, bring it up to date, return what was applied. Raises MigrationError."""
    return _apply(client, "tenant", name_tenant_database(tenant))


def _apply(client: Client, scope: Scope, database: str) -> list[Migration]:
    states = read_status(client, scope, database)
    for state in states:
        if state.state == "edited":
            raise MigrationError(
                f"Migration {state.migration.number:04} ({state.migration.name}) of {database} was edited after its "
                "release. Restore the file and write a new migration instead."
            )
    target = {"database": database}
    client.command("CREATE DATABASE IF NOT EXISTS {database:Identifier}", parameters=target)
    client.command(_JOURNAL, parameters=target)
    pending = [state.migration for state in states if state.state == "pending"]
    # Boards and analysts go on reading meanwhile: what is withheld from them must not show between two statements.
    joined = define_joined_view(database) if pending and joins_persons(client, database) else None
    applied: list[Migration] = []
    try:
        for migration in pending:
            _run(client, database, migration, joined)
            applied.append(migration)
    finally:
        # Together: each small insert takes as long as the statements of a migration. One that was applied and not
        # recorded, because this was killed, is applied again: every statement can be repeated.
        if applied:
            rows = [(one.number, one.name, one.checksum) for one in applied]
            client.command(_RECORD, parameters=target | {"rows": rows})
    return applied


def _run(client: Client, database: str, migration: Migration, joined_view: str | None) -> None:
    """Apply a migration; `joined_view` takes the place of a `current_statements` that would join no persons."""
    for statement in migration.statements:
        sent = joined_view if joined_view is not None and replaces_joined_view(statement) else statement
        try:
            client.command(sent, settings={"database": database})
        except DatabaseError as error:
            raise MigrationError(
                f"Migration {migration.number:04} ({migration.name}) of {database} failed: {error}"
            ) from error
