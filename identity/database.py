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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from identity.errors import IdentityError, IdentityUnavailable, InvalidValue
from identity.tables import TENANTS

_BUSY_MILLISECONDS = 30_000
_MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x6A616C6F6E  # any constant that nothing else in the database locks: "jalon"


def open_database(url: str, *, create: bool = True) -> Engine:
    """Return the engine for an SQLAlchemy `url`; no connection is made yet.

    With `create`, a SQLite file is created, readable by its owner only. Raises InvalidValue for a URL that cannot be
    used and IdentityUnavailable when the file cannot be made.
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
            if create:
                _create_private_file(Path(parsed.database))
            event.listen(engine, "do_connect", _open_existing_file)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    elif engine.driver == "psycopg":
        event.listen(engine, "do_connect", _connect_bounded)
    return engine


def _connect_bounded(_dialect: object, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> object:
    from identity.postgres import connect  # noqa: PLC0415 (its driver is an extra)

    return connect(*arguments, **parameters)


def _open_existing_file(_dialect: object, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> None:
    # A file that was moved away is out of reach; SQLite itself would put an empty one in its place.
    arguments[0] = f"{Path(arguments[0]).absolute().as_uri()}?mode=rw"
    parameters["uri"] = True


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
    # What is deleted or replaced is overwritten: a key that was destroyed must not be found in the file.
    cursor.execute("PRAGMA secure_delete = ON")
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
    with _telling(error), engine.begin() as connection:
        yield connection


@contextmanager
def _telling(error: type[IdentityError]) -> Iterator[None]:
    try:
        yield
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


def check_reachable(engine: Engine) -> None:
    """Raise IdentityUnavailable unless the database answers and holds our tables."""
    with reading(engine) as connection:
        connection.execute(select(TENANTS.c.id).limit(1))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those `rows` whose primary key is not there yet; the others are left as they stand."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).on_conflict_do_nothing(), cast("Sequence[dict[str, Any]]", rows))


@dataclass(frozen=True, slots=True)
class SchemaState:
    """Which revision a database has ("" for none), and which is this version's."""

    current: str
    newest: str


def read_schema(engine: Engine) -> SchemaState:
    """Tell how the schema stands, changing nothing. Raises IdentityUnavailable.

    Without Alembic, which takes 0.5 s to load: every process and command asks this, and finds nothing to do.
    """
    newest = max(path.stem[1:].partition("_")[0] for path in (_MIGRATIONS / "versions").glob("r*.py"))
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return SchemaState("", newest)
        rows = connection.execute(text("SELECT version_num FROM alembic_version ORDER BY version_num"))
        return SchemaState(" ".join(row[0] for row in rows), newest)


def forget_deleted(engine: Engine) -> None:
    """Have the database give up what it still holds of deleted rows, as far as it can be told to.

    SQLite overwrites them in its file and empties its write-ahead log. PostgreSQL gives up rows that no transaction
    sees any more; its own write-ahead log keeps them until it is recycled. Raises IdentityUnavailable when somebody
    reads all the while: to be tried again.
    """
    with _telling(IdentityUnavailable):
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                for table in ("learner_keys", "documents"):
                    connection.exec_driver_sql(f"VACUUM {table}")
            return
        raw = engine.raw_connection()
        try:
            busy, _, _ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            busy = True
        finally:
            raw.close()
    if busy:
        raise IdentityUnavailable("The identity database is being read without a pause: run the command again.")


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; safe when several processes start at once.

    Raises IdentityUnavailable.
    """
    schema = read_schema(engine)
    if schema.current == schema.newest:
        return
    import alembic.command  # noqa: PLC0415 (see read_schema)
    import alembic.config  # noqa: PLC0415

    config = alembic.config.Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")
