import stat
import subprocess
import sys
import textwrap
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

import identity.database
from identity.database import SchemaState, check_reachable, open_database, read_schema, reading, upgrade, writing
from identity.errors import IdentityUnavailable, InvalidValue
from identity.postgres import DEFAULTS, BoundedConnection
from identity.tables import METADATA, TENANTS, VAULT_KEY
from tests.databases import fresh_postgres_database
from tests.postgres import PostgresServer
from tests.waiting import eventually


def test_migrations_make_the_schema_that_queries_use(engine: Engine) -> None:
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_the_newest_revision_is_the_one_that_alembic_ends_with(engine: Engine) -> None:
    script = ScriptDirectory(str(Path(identity.database.__file__).parent / "migrations"))
    assert read_schema(engine) == SchemaState(script.get_current_head(), script.get_current_head())


def test_a_database_without_a_schema_has_no_revision(empty_database_url: str) -> None:
    engine = open_database(empty_database_url)
    assert read_schema(engine).current == ""
    engine.dispose()


def test_upgrading_again_changes_nothing(engine: Engine) -> None:
    before = set(inspect(engine).get_table_names())
    upgrade(engine)
    assert set(inspect(engine).get_table_names()) == before == {*METADATA.tables, "alembic_version"}


def test_processes_that_start_at_once_agree_on_schema_and_keys(empty_database_url: str, tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import hashlib, sys
        from identity.database import open_database, upgrade
        from pathlib import Path
        from identity.master_key import KeyFile
        from identity.tenants import add_tenant
        from identity.vault import Vault
        from identity.vault_key import open_vault_key

        engine = open_database(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        upgrade(engine)
        master = open_vault_key(engine, KeyFile(Path(sys.argv[2])))
        add_tenant(engine, master, "acme", "Acme")
        vault = Vault(engine, master)
        keys = vault.learner_keys("acme", [f"{number:032x}" for number in range(500)])
        print(hashlib.sha256(repr(sorted(keys.items())).encode()).hexdigest(), vault.database_secret("acme"))
        engine.dispose()
    """)
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script, empty_database_url, str(tmp_path / "master.key")],
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


def test_a_sqlite_file_that_was_moved_away_is_out_of_reach_and_not_replaced_by_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "a # folder" / "identity.db"
    path.parent.mkdir()
    engine = open_database(f"sqlite:///{path}")
    upgrade(engine)
    check_reachable(engine)
    engine.dispose()
    moved = path.rename(tmp_path / "moved.db")
    with pytest.raises(IdentityUnavailable, match="unable to open"):
        check_reachable(engine)
    assert not path.exists()
    moved.rename(path)
    check_reachable(engine)
    engine.dispose()


def test_looking_at_a_database_makes_no_file(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/identity.db", create=False)
    with pytest.raises(IdentityUnavailable):
        check_reachable(engine)
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_key_is_gone_from_the_sqlite_file(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/identity.db")
    upgrade(engine)
    row = {"number": 1, "source": "file", "wrapped": b"KEY-TO-BE-FORGOTTEN", "wrapped_at": datetime.now(UTC)}
    with writing(engine) as connection:
        connection.execute(VAULT_KEY.insert(), [row])
    engine.dispose()  # which writes it into the file itself
    assert b"KEY-TO-BE-FORGOTTEN" in (tmp_path / "identity.db").read_bytes()
    with writing(engine) as connection:
        connection.execute(VAULT_KEY.delete())
    engine.dispose()
    assert not [path for path in tmp_path.iterdir() if b"KEY-TO-BE-FORGOTTEN" in path.read_bytes()]


@pytest.fixture
def own_postgres(postgres: PostgresServer, migrated_postgres: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A database on a server that may be broken for the time of a test."""
    monkeypatch.setattr(BoundedConnection, "answer_seconds", 0.5)
    monkeypatch.setitem(DEFAULTS, "connect_timeout", 2)
    with fresh_postgres_database(postgres.url(), migrated_postgres) as url:
        engine = open_database(url)
        yield engine
        engine.dispose()


def test_a_postgres_that_hangs_is_given_up_and_used_again(postgres: PostgresServer, own_postgres: Engine) -> None:
    check_reachable(own_postgres)
    with postgres.paused(), pytest.raises(IdentityUnavailable, match=r"no answer within|timeout expired"):
        check_reachable(own_postgres)
    eventually(lambda: check_reachable(own_postgres) is None)


def test_a_postgres_that_crashed_is_used_again(postgres: PostgresServer, own_postgres: Engine) -> None:
    check_reachable(own_postgres)
    postgres.kill()
    with pytest.raises(IdentityUnavailable):
        check_reachable(own_postgres)
    postgres.start()
    check_reachable(own_postgres)


def test_a_lock_that_is_not_let_go_is_given_up_on_postgres(own_postgres: Engine) -> None:
    with writing(own_postgres) as holder:
        holder.execute(text("LOCK TABLE tenants"))
        with pytest.raises(IdentityUnavailable, match="no answer within"):
            check_reachable(own_postgres)
