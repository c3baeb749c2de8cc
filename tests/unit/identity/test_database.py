import stat
import subprocess
import sys
import textwrap
import traceback
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from identity.database import open_database, reading, upgrade, writing
from identity.errors import IdentityUnavailable, InvalidValue
from identity.tables import METADATA, TENANTS


def test_migrations_make_the_schema_that_queries_use(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    before = set(inspect(engine).get_table_names())
    upgrade(engine)
    assert set(inspect(engine).get_table_names()) == before == {*METADATA.tables, "alembic_version"}


def test_processes_that_start_at_once_agree_on_schema_and_keys(database_url: str, tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import hashlib, sys
        from identity.database import open_database, upgrade
        from identity.keys import MasterKey
        from identity.tenants import add_tenant
        from identity.vault import Vault

        engine = open_database(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        upgrade(engine)
        master = MasterKey.read(sys.argv[2], create=True)
        add_tenant(engine, master, "acme", "Acme")
        vault = Vault(engine, master)
        keys = vault.learner_keys("acme", [f"{number:032x}" for number in range(500)])
        print(hashlib.sha256(repr(sorted(keys.items())).encode()).hexdigest(), vault.database_secret("acme"))
        engine.dispose()
    """)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, database_url, str(tmp_path / "master.key")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60) for process in processes]
    assert [errors for _, errors in answers] == [""] * 4
    assert len({output for output, _ in answers}) == 1


def test_the_sqlite_file_is_private_and_keeps_what_is_committed(tmp_path: Path) -> None:
    path = tmp_path / "identity.db"
    engine = open_database(f"sqlite:///{path}")
    upgrade(engine)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with engine.connect() as connection:
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"
        assert connection.scalar(text("PRAGMA synchronous")) == 2
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
    engine.dispose()


def test_a_failure_rolls_back_and_names_no_value(engine: Engine) -> None:
    row = {"id": "acme", "name": "SECRET-MARKER", "timezone": "Europe/Paris"}  # created_at is lacking
    with pytest.raises(IdentityUnavailable) as caught, writing(engine) as connection:
        connection.execute(TENANTS.insert(), [row])
    shown = "".join(traceback.format_exception(caught.value))
    assert "SECRET-MARKER" not in shown
    assert "IntegrityError" in shown or "NotNullViolation" in shown
    with reading(engine) as connection:
        assert connection.execute(TENANTS.select()).all() == []


def test_no_value_is_logged_with_the_queries(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="sqlalchemy.engine"), reading(engine) as connection:
        connection.execute(TENANTS.select().where(TENANTS.c.id == "secret-marker"))
    assert "tenants" in caplog.text
    assert "secret-marker" not in caplog.text


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(IdentityUnavailable, match="No such file"):
        open_database(f"sqlite:///{tmp_path}/absent/identity.db")
    unready = open_database(f"sqlite:///{tmp_path}/empty.db")
    with pytest.raises(IdentityUnavailable, match="no such table: tenants"), reading(unready) as connection:
        connection.execute(TENANTS.select())
    unready.dispose()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "nonsense", "postgresql+nodriver://localhost/x"])
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(InvalidValue):
        open_database(url)
