"""What the server does with a query, for its owner and for a reader."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from clickhouse.embedded.access import Users
from clickhouse.embedded.access_statements import parse_change
from clickhouse.embedded.configuration import Limits, reader_role
from clickhouse.embedded.engine import Engine, Examined, Outcome, Session
from clickhouse.embedded.entities import Change, User
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.inserting import gather
from clickhouse.embedded.questions import Questions
from clickhouse.embedded.quotas import Usage
from clickhouse.embedded.reader import MAX_MEMORY, MAX_ROWS, MAX_SECONDS, deny, limit_settings
from clickhouse.embedded.requests import MAX_TEXT, Credentials, Query
from clickhouse.embedded.responses import Answer
from clickhouse.embedded.running import Running
from clickhouse.embedded.slots import Slots
from clickhouse.embedded.statements import (
    PIPED,
    READING,
    SESSION,
    Insert,
    first_words,
    split_insert,
    strip_end,
    write_to,
)

T = TypeVar("T")
_HEAD = 1 << 20
_READER_SETTINGS = {
    "max_execution_time": str(MAX_SECONDS),
    "max_result_rows": str(MAX_ROWS),
    "result_overflow_mode": "throw",
    "max_memory_usage": str(MAX_MEMORY),
    "allow_ddl": "0",
}
# Held in other ways, whatever a profile says.
_HELD = frozenset({"readonly", "allow_ddl", "max_concurrent_queries_for_user"})


class Service:
    """Runs queries on the engine, a bounded number at a time."""

    def __init__(self, directory: Path, users: Users, limits: Limits) -> None:
        self.engine = Engine(directory, limits)
        self.users = users
        self.scratch = directory.resolve() / "tmp"
        self._limits = limits
        self._questions = Questions(self.engine)
        self._workers = ThreadPoolExecutor(limits.queries, thread_name_prefix="query")
        self._helpers = ThreadPoolExecutor(4, thread_name_prefix="helper")
        self._slots = Slots(limits.queries, limits.wait)
        self._usage = Usage()
        self._changing = asyncio.Lock()

    def start(self) -> None:
        """Start the engine. Raises CannotStart."""
        self.engine.start(self.users.all())

    def stop(self) -> None:
        """Let running queries end (bounded) and stop the engine."""
        self.engine.stop()
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._helpers.shutdown(wait=False, cancel_futures=True)

    async def authenticate(self, credentials: Credentials) -> User | None:
        """Return the login, None for the owner.

        Raises ServerError: REQUIRED_PASSWORD if none was given, AUTHENTICATION_FAILED.
        """
        if not credentials.given and not self.users.is_verified(credentials.name, credentials.password):
            raise ServerError(
                "REQUIRED_PASSWORD", f"{credentials.name}: Authentication failed: give a user and a password"
            )
        if self.users.is_verified(credentials.name, credentials.password):
            return self.users.authenticate(credentials.name, credentials.password)
        return await self._help(self.users.authenticate, credentials.name, credentials.password)

    async def _help(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._helpers, work, *arguments)

    async def answer(self, user: User | None, query: Query, answer: Answer, watch: Callable[[], None]) -> None:
        """Run the query and send its result. `watch` is called once the query may be given up if its client goes away.

        Raises ServerError if nothing has been sent yet.
        """
        head, ended = await _read_head(query)
        insert = split_insert(head)
        if insert is not None:
            async with self._slots.take(query.query_id, user):
                await self._insert(user, query, answer, insert, head, ended)
            return
        text = head if ended else await _read_rest(head, query.body)
        words = first_words(text)
        if not words:
            raise ServerError("EMPTY_QUERY", "Empty query")
        change = parse_change(text, query.parameters)
        if change is not None:
            # Takes no place: it waits for those that have one.
            await self._change_access(user, change, query, answer)
            return
        if user is not None or words[0] in READING:
            watch()
        async with self._slots.take(query.query_id, user):
            if user is not None:
                with self._counted(user):
                    await self._read_as_reader(user, query, answer, text)
            elif words[:2] == ["SHOW", "USERS"]:
                names = sorted([self.users.owner, *(known.name for known in self.users.all())])
                await answer.done(Outcome(data="".join(f"{name}\n" for name in names).encode()), "TabSeparated")
            else:
                await self._run_as_owner(query, answer, text, words)

    async def _change_access(self, user: User | None, change: Change, query: Query, answer: Answer) -> None:
        if user is not None:
            raise deny("only the owner may change users and grants")
        if query.readonly:
            raise ServerError("READONLY", "Cannot execute query in readonly mode: use POST")
        async with self._changing:
            changed = await self._help(self.users.apply, change)
            if changed and change.verb == "REVOKE":
                await asyncio.to_thread(self.engine.restart, self.users.all())
        await answer.done(Outcome(), "TabSeparated")

    @contextmanager
    def _counted(self, user: User) -> Iterator[None]:
        """Count a reader's query towards its quotas. Raises ServerError (QUOTA_EXCEEDED)."""
        quotas = self.users.quotas()
        self._usage.begin(quotas, user.name)
        began = time.monotonic()
        try:
            yield
        finally:
            self._usage.end(quotas, user.name, time.monotonic() - began)

    async def _take_over_grants(self, user: User) -> None:
        """Have the engine know this login's grants. What was granted since the last time is taken over together."""
        async with self._changing:
            if not self.engine.knows(user):
                await asyncio.to_thread(self.engine.restart, self.users.all())

    def _owner_session(self, query: Query) -> Session:
        return Session(
            role="",
            database=query.database,
            settings=query.settings,
            parameters=query.parameters,
            externals=query.externals,
            readonly=2 if query.readonly else 0,
        )

    async def _run_as_owner(self, query: Query, answer: Answer, text: bytes, words: list[str]) -> None:
        if words[0] in SESSION or words[:2] in (["CREATE", "TEMPORARY"], ["REPLACE", "TEMPORARY"]):
            raise ServerError(
                "NOT_IMPLEMENTED",
                f"{words[0]} needs a session, and the embedded server keeps none: "
                "send settings and the database with each query",
            )
        session = self._owner_session(query)
        statement = strip_end(text)
        piped = words[0] in PIPED
        output_format = write_to(text, "", query.default_format)[1] if words[0] in READING else query.default_format

        def work(path: str) -> Outcome:
            def rewrite(found: Examined) -> bytes:
                if found.statements > 1:
                    raise ServerError("SYNTAX_ERROR", "Multi-statements are not allowed")
                if words[0] in READING and not found.reads and b"outfile" in text.lower():
                    raise ServerError("NOT_IMPLEMENTED", "INTO OUTFILE is not allowed over HTTP")
                return write_to(text, path, query.default_format)[0] if piped and found.reads else statement

            try:
                return self.engine.run(session, statement, output_format, rewrite)
            except ServerError as error:
                if error.name != "SYNTAX_ERROR" or not piped:
                    raise
                # Let the engine say what is wrong with the client's text rather than with ours.
                checker = Session(role="NONE", parameters=query.parameters)
                self.engine.run(checker, b"EXPLAIN AST " + statement, "TabSeparated")
                raise

        await self._stream(session, answer, work, output_format, query)

    async def _read_as_reader(self, user: User, query: Query, answer: Answer, text: bytes) -> None:
        if query.externals:
            # Their columns are SQL that is run before the reader's rights are taken on.
            raise deny("external tables are for the owner")
        prepared = await self._help(self._questions.prepare, user, text)
        settings = _reader_settings(user) | limit_settings(query.settings, user) | dict(prepared.settings)
        if prepared.reads_granted and not self.engine.knows(user):
            await self._take_over_grants(user)
        session = Session(
            role=reader_role(user) if user.grants and self.engine.knows(user) else "NONE",
            database=_reader_database(user, query.database),
            settings=settings,
            parameters=query.parameters,
            externals=query.externals,
            readonly=1,
        )

        def work(path: str) -> Outcome:
            try:
                output_format = prepared.format or query.default_format
                statement = prepared.write_to(path, query.default_format) if prepared.piped else prepared.statement
                return self.engine.run(session, statement, output_format)
            except ServerError as error:
                raise ServerError(
                    error.name, error.message.replace("default: ", f"{user.name}: ", 1), number=error.number
                ) from error

        await self._stream(session, answer, work, prepared.format or query.default_format, query)

    async def _stream(
        self, session: Session, answer: Answer, work: Callable[[str], Outcome], output_format: str, query: Query
    ) -> None:
        running = Running(self.engine, session.marker)
        try:
            running.start(self._workers, work)
            await answer.stream(running, output_format, wait_end=query.wait_end, scratch=self.scratch)
        finally:
            await asyncio.shield(running.close())

    async def _insert(
        self, user: User | None, query: Query, answer: Answer, insert: Insert, head: bytes, ended: bool
    ) -> None:
        if user is not None:
            raise deny(f"{user.name} may not insert")
        if query.readonly:
            raise ServerError("READONLY", "Cannot execute query in readonly mode: use POST")
        session = self._owner_session(query)
        first = head[insert.data_start :]
        if ended and insert.format.upper() == "VALUES":
            first = first.rstrip().removesuffix(b";")
        data = await gather(first, None if ended else query.body, self.scratch)

        def work() -> Outcome:
            try:
                return self.engine.insert(session, insert, data)
            except ServerError as error:
                if error.name == "SYNTAX_ERROR":
                    # Let the engine say what is wrong with the client's text rather than with ours.
                    checker = Session(role="NONE", parameters=query.parameters)
                    text = insert.head + f"\nFORMAT {insert.format}".encode()
                    self.engine.run(checker, b"EXPLAIN AST " + text, "TabSeparated")
                raise

        outcome = await self._work(work)
        await answer.done(outcome, "TabSeparated")

    async def _work(self, work: Callable[[], T]) -> T:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._workers, work))


def _reader_settings(user: User) -> dict[str, str]:
    profile = {name: value for name, value in user.limits.settings if name not in _HELD}
    return _READER_SETTINGS | profile


def _reader_database(user: User, wish: str) -> str:
    if wish and wish in user.databases:
        return wish
    if wish not in {"", "default", "__default__"}:
        raise deny(f"{user.name} may not read database {wish}")
    return user.databases[0] if user.databases else ""


async def _read_head(query: Query) -> tuple[bytes, bool]:
    """Read enough of the text to know what it is, and whether that was all."""
    gathered = bytearray()
    async for piece in query.body:
        if not gathered and query.text and piece:
            gathered += query.text + b"\n"
        gathered += piece
        if len(gathered) >= _HEAD:
            return bytes(gathered), False
    return bytes(gathered) or query.text, True


async def _read_rest(head: bytes, body: AsyncIterator[bytes]) -> bytes:
    gathered = bytearray(head)
    async for piece in body:
        gathered += piece
        if len(gathered) > MAX_TEXT:
            raise ServerError("QUERY_IS_TOO_LARGE", f"The statement is longer than {MAX_TEXT} bytes")
    return bytes(gathered)
