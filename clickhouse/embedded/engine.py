"""The ClickHouse engine in this process: one data directory, a connection for each query, restarts, cancellation.

Each query gets a connection of its own and closes it. Opening one costs 0.2 ms; in return no setting, temporary table
or unread remainder of one query can reach another (the engine hands what a failed query had begun to write to the
next query of the same connection). A result leaves the engine through a pipe, at the pace of who reads it.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Protocol

from clickhouse.embedded.configuration import Limits, write_configuration
from clickhouse.embedded.entities import Grant, User
from clickhouse.embedded.errors import CannotStart, ServerError, parse_engine_error
from clickhouse.embedded.statements import Insert, escape_parameter, quote_name, quote_string, read_from


class _Result(Protocol):
    """What chDB returns for a statement."""

    def bytes(self) -> bytes: ...
    def rows_read(self) -> int: ...
    def storage_rows_read(self) -> int: ...
    def storage_bytes_read(self) -> int: ...
    def rows_written(self) -> int: ...
    def bytes_written(self) -> int: ...


class _Connection(Protocol):
    """A connection of chDB. Every method raises RuntimeError with the engine's text."""

    def query(
        self, statement: bytes | str, output_format: str = "CSV", /, *, params: Mapping[str, str] = ...
    ) -> _Result: ...
    def classify_query(self, statement: str, /) -> Mapping[str, Any]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class External:
    """A table sent along with a query: its columns as SQL, its format, its data."""

    name: str
    structure: str
    format: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Session:
    """What holds for one query: role, database, settings, parameters (escaped as ClickHouse takes them).

    Without a role it has all rights: a connection begins with every role that there is, the owner's among them.
    """

    role: str
    database: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    externals: Sequence[External] = ()
    readonly: int = 0
    marker: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, slots=True)
class Examined:
    """What the engine's parser sees in a text: how many statements, and whether they only read."""

    statements: int
    reads: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a statement did: bytes of a short result, rows and bytes read and written, seconds."""

    data: bytes = b""
    result_rows: int = 0
    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    seconds: float = 0.0


class Engine:
    """One engine over one directory. All methods may be called from any thread; each blocks its caller."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._lock_file: int | None = None
        self._keeper: _Connection | None = None
        self._connect: Callable[[str], _Connection] | None = None
        self._address = ""
        self._running = 0
        self._killing = 0
        self._open = threading.Condition()
        self._closed_for: str | None = "the engine has not been started"
        self._grants: dict[str, tuple[Grant, ...]] = {}
        self.version = ""
        self.timezone = ""

    def start(self, users: Sequence[User]) -> None:
        """Take the directory and start the engine, with these logins' grants.

        Raises CannotStart if another process has the directory or the engine cannot read it.
        """
        self._take_directory()
        library = _load_library()
        library.set_signal_handlers_enabled(False)
        self._connect = library.connect
        try:
            self._launch(users)
            found = self.run(Session(role=""), b"SELECT version(), timezone()", "TabSeparatedRaw")
        except (ServerError, RuntimeError) as error:
            self.stop()
            raise CannotStart(f"The ClickHouse engine cannot open {self._directory}: {error}") from error
        self.version, self.timezone = found.data.decode().rstrip("\n").split("\t")

    def _take_directory(self) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotStart(
                f"Cannot write in {self._directory}: {error.strerror}. Give another data directory."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(lock, 32).decode().strip() or "?"
            os.close(lock)
            raise CannotStart(
                f"{self._directory} is in use by a running ClickHouse server (process {holder}); "
                "stop it first or give another data directory."
            ) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self._lock_file = lock

    def _launch(self, users: Sequence[User]) -> None:
        main = write_configuration(self._directory.resolve(), users, self._limits)
        self._address = f"{self._directory.resolve() / 'data'}?config-file={main}"
        if self._connect is None:
            raise ServerError("UNKNOWN_EXCEPTION", "The engine has not been started")
        self._keeper = self._connect(self._address)
        self._grants = {user.name: user.grants for user in users}
        with self._open:
            self._closed_for = None
            self._open.notify_all()

    def stop(self) -> None:
        """Wait for what runs (bounded), stop the engine, let go of the directory. Does nothing if already stopped."""
        self._shut("the server is stopping")
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None

    def restart(self, users: Sequence[User]) -> None:
        """Start again with these logins' grants: running queries end first, new ones wait, about 0.1 s when idle."""
        self._shut("the server is taking over new grants")
        self._launch(users)

    def knows(self, user: User) -> bool:
        """Whether the running engine was started with this login's grants."""
        return self._grants.get(user.name) == user.grants

    def _shut(self, reason: str) -> None:
        """Let running queries end, kill those that do not, and close the engine: it ends with its last connection."""
        with self._open:
            self._closed_for = reason
            self._open.wait_for(lambda: not self._running, self._limits.drain)
        until = time.monotonic() + self._limits.drain
        while self._running and time.monotonic() < until:
            # Readers that never end must not keep a new login out.
            self._kill("1")
            with self._open:
                self._open.wait_for(lambda: not self._running, 0.5)
        with self._open:
            keeper, self._keeper = self._keeper, None
            self._open.wait_for(lambda: not self._killing, self._limits.drain)
        if keeper is not None:
            keeper.close()

    def _enter(self) -> _Connection:
        with self._open:
            if not self._open.wait_for(lambda: self._closed_for is None, self._limits.drain * 2 + 5):
                raise ServerError("NETWORK_ERROR", f"Not available: {self._closed_for}")
            self._running += 1
        try:
            assert self._connect is not None  # noqa: S101 - start() has set it before anything opens the gate
            return self._connect(self._address)
        except BaseException:
            self._leave(None)
            raise

    def _leave(self, connection: _Connection | None) -> None:
        try:
            if connection is not None:
                connection.close()
        finally:
            with self._open:
                self._running -= 1
                self._open.notify_all()

    def run(
        self,
        session: Session,
        statement: bytes,
        output_format: str,
        rewrite: Callable[[Examined], bytes] | None = None,
    ) -> Outcome:
        """Run one statement and return its result as bytes.

        `rewrite`, if given, is told what the engine's parser sees in `statement` and returns what is run in its place.

        Raises ServerError, as the engine says.
        """
        began = time.monotonic()
        connection = self._begin(session)
        try:
            if rewrite is not None:
                found = connection.classify_query(statement.decode("utf-8", "replace"))
                statement = rewrite(Examined(found["statement_count"], found["query_class"].name == "READ_ONLY"))
            result = connection.query(statement, output_format)
            return Outcome(
                data=result.bytes(),
                result_rows=result.rows_read(),
                read_rows=result.storage_rows_read(),
                read_bytes=result.storage_bytes_read(),
                written_rows=result.rows_written(),
                written_bytes=result.bytes_written(),
                seconds=time.monotonic() - began,
            )
        except RuntimeError as error:
            raise parse_engine_error(str(error)) from error
        finally:
            self._leave(connection)

    def insert(self, session: Session, insert: Insert, data: IO[bytes]) -> Outcome:
        """Run an INSERT over the data in a file, from its beginning, and close the file.

        The engine reads it as INFILE. Its streaming calls (`send_insert`) would not need a file, but they report
        success when a view, a constraint or the disk has refused the rows.

        Raises ServerError, as the engine says.
        """
        began = time.monotonic()
        with data:
            # Parsed by one thread: the usual insert is small, and threads cost more than they gain.
            settings = {"input_format_parallel_parsing": "0", **session.settings}
            connection = self._begin(replace(session, settings=settings))
            try:
                result = self._insert_file(connection, insert, data)
                return Outcome(
                    written_rows=result.rows_written(),
                    written_bytes=result.bytes_written(),
                    read_rows=result.rows_written(),
                    read_bytes=result.bytes_written(),
                    seconds=time.monotonic() - began,
                )
            except RuntimeError as error:
                raise parse_engine_error(str(error)) from error
            finally:
                self._leave(connection)

    def _insert_file(self, connection: _Connection, insert: Insert, data: IO[bytes]) -> _Result:
        data.seek(0)
        return connection.query(read_from(insert, f"/dev/fd/{data.fileno()}"))

    def _begin(self, session: Session) -> _Connection:
        """Open a connection and put the session's state on it: rights before settings, read-only last."""
        connection = self._enter()
        try:
            for external in session.externals:
                self._load(connection, external)
            if session.database:
                connection.query(f"USE {quote_name(session.database)}")
            if session.role:
                connection.query(f"SET ROLE {session.role}")
            changes = {"log_comment": session.marker, **session.settings}
            changes |= {f"param_{name}": value for name, value in session.parameters.items()}
            if session.readonly:
                # In the same statement, which the engine checks as a whole before any of it holds.
                changes.pop("readonly", None)
                changes["readonly"] = str(session.readonly)
            connection.query("SET " + ", ".join(f"{name} = {quote_string(value)}" for name, value in changes.items()))
        except RuntimeError as error:
            self._leave(connection)
            raise parse_engine_error(str(error)) from error
        except BaseException:
            self._leave(connection)
            raise
        return connection

    def _load(self, connection: _Connection, external: External) -> None:
        name = quote_name(external.name)
        connection.query(f"CREATE TEMPORARY TABLE {name} ({external.structure})")
        if external.data:
            with tempfile.TemporaryFile(buffering=0, dir=self._directory / "tmp") as data:
                data.write(external.data)
                self._insert_file(connection, Insert(f"INSERT INTO {name}".encode(), external.format, 0), data)

    @contextmanager
    def open_parser(self) -> Iterator[Callable[[str, str], str]]:
        """Give a function that calls one of the engine's functions on a text, on a connection without any right.

        It raises ServerError, as the engine says.
        """
        connection = self._begin(Session(role="NONE", readonly=1))

        def call(function: str, text: str) -> str:
            statement = f"SELECT {function}({{text:String}})"
            try:
                result = connection.query(statement, "TabSeparatedRaw", params={"text": escape_parameter(text)})
            except RuntimeError as error:
                raise parse_engine_error(str(error)) from error
            return result.bytes().decode().removesuffix("\n")

        try:
            yield call
        finally:
            self._leave(connection)

    def kill(self, marker: str) -> None:
        """Stop the query of the session with this marker, if it runs. Does not wait for its end."""
        self._kill(f"Settings['log_comment'] = {quote_string(marker)}")

    def _kill(self, which: str) -> None:
        with self._open:
            if self._keeper is None or self._connect is None:
                return
            self._killing += 1
        try:
            connection = self._connect(self._address)
            try:
                connection.query(f"KILL QUERY WHERE {which} ASYNC")
            finally:
                connection.close()
        except RuntimeError as error:
            raise parse_engine_error(str(error)) from error
        finally:
            with self._open:
                self._killing -= 1
                self._open.notify_all()


def _load_library() -> Any:  # noqa: ANN401 - a library without types
    """Load chDB: 0.2 s and 500 MB of address space, which only a server that starts should pay."""
    # Its package loads pandas and pyarrow where it finds them, for conversions of no use here: 0.7 s and 30 MB.
    absent = [name for name in ("pandas", "pyarrow") if name not in sys.modules]
    modules: dict[str, Any] = sys.modules
    modules.update(dict.fromkeys(absent))
    try:
        return importlib.import_module("chdb._chdb")
    finally:
        for name in absent:
            del modules[name]
