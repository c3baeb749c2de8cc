from __future__ import annotations

import json
import re
from importlib.resources import files

import pytest

from clickhouse.migration import Migration, compare, load_migrations, replaces_joined_view, split_statements


def test_a_released_migration_is_never_edited() -> None:
    """A new migration adds its checksum to checksums.json; a line of it never changes."""
    released = json.loads(files("clickhouse").joinpath("migrations", "checksums.json").read_text(encoding="utf-8"))
    found = {
        scope: {f"{one.number:04}_{one.name}": one.checksum for one in load_migrations(scope)}  # type: ignore[arg-type]  # keys of a literal
        for scope in ("shared", "tenant")
    }
    assert found == released


def test_files_are_split_at_semicolons_that_end_a_line_and_comments_are_dropped() -> None:
    text = "-- why; so\nCREATE TABLE a\n(\n  x String DEFAULT ';' -- kept\n);\n\nCREATE VIEW b AS SELECT 1;\n"
    assert split_statements(text) == (
        "CREATE TABLE a\n(\n  x String DEFAULT ';' -- kept\n)",
        "CREATE VIEW b AS SELECT 1",
    )


@pytest.mark.parametrize("scope", ["shared", "tenant"])
def test_every_statement_can_be_run_again_after_a_failure(scope: str) -> None:
    for migration in load_migrations(scope):  # type: ignore[arg-type]  # the two scopes there are
        for statement in migration.statements:
            assert "IF NOT EXISTS" in statement or "CREATE OR REPLACE" in statement, statement[:80]


def test_no_migration_replaces_the_joined_view_unseen() -> None:
    """Where the view joins persons, who is withheld must not show while a tenant is migrated."""
    statements = [statement for migration in load_migrations("tenant") for statement in migration.statements]
    made = [one for one in statements if re.search(r"\bVIEW\s+(IF NOT EXISTS\s+)?current_statements\b", one)]
    assert made[0].startswith("CREATE VIEW IF NOT EXISTS current_statements")
    assert len(made) > 1
    assert [one for one in statements if replaces_joined_view(one)] == made[1:]


def test_each_migration_is_pending_applied_or_edited() -> None:
    migrations = [Migration(number, "m", f"sum{number}", ()) for number in (1, 2, 3)]
    states = compare(migrations, {1: "sum1", 2: "other"}, "db")
    assert [state.state for state in states] == ["applied", "edited", "pending"]
