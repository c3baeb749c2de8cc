"""The relational database behind this package: SQLite for one machine, PostgreSQL for more.

Several processes use it at once (LRS, workers, boards, command line), so every access goes through `reading` or
`writing`, which hide what differs between the two databases and turn a driver's failure into this package's own.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import alembic.command
import alembic.config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from identity.errors import IdentityError, IdentityUnavailable, InvalidValue

_BUSY_MILLISECONDS = 30_000
_MIGRATION_LOCK = 0x6A616C6F6E  # any constant that nothing else in the database locks: "jalon"


def open_database(url: str) -> Engine:
    """Return the engine for an SQLAlchemy `url`; no connection is made yet.

    A SQLite file is created, readable by its owner only. Raises InvalidValue for a URL that cannot be used and
    IdentityUnavailable when the file cannot be made.
    """
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise InvalidValue("The identity database is SQLite or PostgreSQL: give sqlite:///… or postgresql://….")
        # Parameters are hidden because an error's text must hold no key, hash or pseudonym.
        engine = create_engine(parsed, hide_parameters=True, pool_pre_ping=True)
    except (ArgumentError, ImportError) as error:
        raise InvalidValue(
            "The identity database's URL cannot be used (malformed, or its driver is not installed)."
        ) from error
    if parsed.get_backend_name() == "sqlite":
        if parsed.database:
            _create_private_file(Path(parsed.database))
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _create_private_file(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise IdentityUnavailable(
            f"The identity database {path} cannot be opened ({error.strerror}): check the folder and its rights."
        ) from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun below, not guessed by the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    _switch_to_wal(cursor)
    # A learner's key must outlive a power cut, or what was sealed under it is lost.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _switch_to_wal(cursor: sqlite3.Cursor) -> None:
    # The first switch of a new file fails at once, without waiting its turn, while another process does the same.
    deadline = time.monotonic() + _BUSY_MILLISECONDS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A deferred transaction that turns into a writing one fails at once when another process wrote meanwhile;
    # an immediate one waits its turn.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def reading(engine: Engine, error: type[IdentityError] = IdentityUnavailable) -> Iterator[Connection]:
    """Give a connection for reading one consistent state. A failure of the database raises `error`."""
    with _transaction(engine, error) as connection:
        yield connection


@contextmanager
def writing(engine: Engine, error: type[IdentityError] = IdentityUnavailable) -> Iterator[Connection]:
    """Give a connection whose changes are committed at the end, or not at all. A failure raises `error`."""
    with _transaction(engine.execution_options(writes=True), error) as connection:
        yield connection


@contextmanager
def _transaction(engine: Engine, error: type[IdentityError]) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as failure:
        # Not chained: PostgreSQL's own text quotes the row that it refuses.
        raise error(
            f"The identity database does not answer as it should ({_explain(failure)}): "
            "check that it runs, can be reached and is up to date."
        ) from None


def _explain(failure: SQLAlchemyError) -> str:
    cause = failure.orig if isinstance(failure, DBAPIError) and failure.orig is not None else failure
    name = type(cause).__name__
    # Of a server out of reach or short of means, the text tells an operator what is wrong, and holds no row.
    return f"{name}: {str(cause).partition(chr(10))[0]}" if isinstance(failure, OperationalError) else name


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those `rows` whose primary key is not there yet; the others are left as they stand."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), cast("Sequence[dict[str, Any]]", rows))


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; safe when several processes start at once.

    Raises IdentityUnavailable.
    """
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    with reading(engine) as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    if set(current) == set(ScriptDirectory.from_config(config).get_heads()):
        return
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")
