"""Documents in the relational database: read, and changed by compare and set inside one transaction.

Queries run in threads, few at once, so that none holds up the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, TypeVar, TypeVarTuple

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, select

from identity.database import reading, writing
from identity.erasures import find_erased
from identity.errors import IdentityUnavailable as IdentityDown
from identity.keys import TenantKeys
from identity.persons import find_keeper
from identity.tables import DOCUMENTS
from lrs.documents.places import Asked, Context
from lrs.documents.sealing import Label, Place, locate, locate_context, open_content, open_label, seal
from lrs.errors import IdentityUnavailable, Overloaded, Restricted

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class LearnerKeys(Protocol):
    """Gives learners' keys; identity.vault.Vault is the real one. Everything may raise VaultUnavailable."""

    def learner_keys(self, tenant: str, pseudonyms: Iterable[str], *, version: int | None = None) -> dict[str, bytes]:
        """Return a key for each learner, made where there was none, under the tenant's key of this version."""

    def find_learner_keys(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        """Return the keys of those learners that have one."""


@dataclass(frozen=True, slots=True)
class Revision:
    """A document as it is to be stored."""

    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is stored, with its tag (see `compute_etag`)."""

    revision: Revision
    etag: str
    stored_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One document in a list of them."""

    id: str
    stored_at: datetime


Decision = Callable[[Document | None], Revision]
"""What to store in the place of the document that is there, if any. Pure: it runs inside the transaction."""

Check = Callable[[Document | None], None]
"""Raises what speaks against deleting the document that is there, if any."""


def compute_etag(content: bytes) -> str:
    """Return the tag of a content, without quotes: its SHA-1 in hexadecimal (Communication 3.1)."""
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


class DocumentStore:
    """Documents of all tenants; every call names the tenant by its keys.

    Everything raises IdentityUnavailable when database or vault do not answer, and Overloaded when `waiting` calls
    are under way. A document whose learner's key was destroyed is as if it were not there.
    """

    def __init__(self, engine: Engine, learners: LearnerKeys, *, threads: int = 4, waiting: int = 1_000) -> None:
        self._engine = engine
        self._learners = learners
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="documents")
        self._waiting = waiting
        self._under_way = 0

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def settle(self, tenant: str, asked: Asked) -> Context:
        """Return the context whose agent is the pseudonym under which the documents asked for are kept.

        Raises Restricted when the processing of that person is paused.
        """
        return await self._run(self._settle, tenant, asked)

    async def get(self, keys: TenantKeys, context: Context, document_id: str) -> Document | None:
        """Return one document."""
        return await self._run(self._get, keys, context, document_id)

    async def list_entries(self, keys: TenantKeys, context: Context, since: datetime | None) -> list[Entry]:
        """Return the documents of a context, of all its registrations if it names none, in the order of storing.

        With `since`, those stored later than that.
        """
        return await self._run(self._list_entries, keys, context, since)

    async def change(self, keys: TenantKeys, context: Context, document_id: str, decide: Decision) -> Document:
        """Store what `decide` makes of the document that is there, and return it.

        Between what `decide` sees and what is stored nobody else changes the document. What it raises is raised.
        """
        return await self._run(self._change, keys, context, document_id, decide)

    async def delete(self, keys: TenantKeys, context: Context, document_id: str, check: Check) -> None:
        """Delete a document unless `check` raises. One that is not there is deleted already."""
        await self._run(self._delete, keys, context, document_id, check)

    async def delete_all(self, keys: TenantKeys, context: Context) -> None:
        """Delete the documents of a context, of all its registrations if it names none."""
        await self._run(self._delete_all, keys, context)

    async def _run(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        if self._under_way >= self._waiting:
            raise Overloaded("Too many documents are being read and written. Send the request again later.")
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except IdentityDown as error:
            raise IdentityUnavailable(
                "Documents cannot be read or written now. Send the request again later."
            ) from error
        finally:
            self._under_way -= 1

    def _settle(self, tenant: str, asked: Asked) -> Context:
        keeper = find_keeper(self._engine, tenant, asked.versions)
        if keeper.restricted:
            raise Restricted("The processing of this person is paused: documents are neither read nor changed.")
        return replace(asked.context, agent=keeper.pseudonym)

    def _get(self, keys: TenantKeys, context: Context, document_id: str) -> Document | None:
        key = self._find_key(keys, context)
        with reading(self._engine) as connection:
            return _read(connection, key, locate(keys, context, document_id))

    def _list_entries(self, keys: TenantKeys, context: Context, since: datetime | None) -> list[Entry]:
        key = self._find_key(keys, context)
        if key is None:
            return []
        where = _in_context(keys, context)
        if since is not None:
            where = and_(where, DOCUMENTS.c.stored_at > since)
        columns = DOCUMENTS.c
        query = (
            select(columns.context, columns.registration, columns.name, columns.stored_at, columns.label)
            .where(where)
            .order_by(columns.stored_at, columns.name, columns.registration)
        )
        entries = []
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                label = open_label(key, Place(keys.tenant, row.context, row.registration, row.name), row.label)
                if label is not None:
                    entries.append(Entry(label.id, row.stored_at))
        return entries

    def _change(self, keys: TenantKeys, context: Context, document_id: str, decide: Decision) -> Document:
        # Before the transaction: a key that is made is committed by itself.
        key = (
            self._learners.learner_keys(keys.tenant, [context.agent], version=keys.version)[context.agent]
            if context.agent
            else keys.content
        )
        place = locate(keys, context, document_id)
        with writing(self._engine) as connection:
            if context.agent and find_erased(connection, place.tenant, [context.agent]):
                # Since the request began, or just before: this process does not know it yet.
                raise IdentityUnavailable("Somebody was erased a moment ago. Send the request again.")
            _take_turn(connection, place.tenant, place.context)
            revision = decide(_read(connection, key, place))
            stored_at = datetime.now(UTC)
            label = Label(document_id, context.activity, revision.content_type)
            sealed_label, sealed_content = seal(key, place, label, revision.content)
            connection.execute(delete(DOCUMENTS).where(_at(place)))
            connection.execute(
                insert(DOCUMENTS).values(
                    tenant=place.tenant,
                    context=place.context,
                    registration=place.registration,
                    name=place.name,
                    resource=context.resource,
                    agent=context.agent,
                    stored_at=stored_at,
                    label=sealed_label,
                    content=sealed_content,
                )
            )
        return Document(revision, compute_etag(revision.content), stored_at)

    def _delete(self, keys: TenantKeys, context: Context, document_id: str, check: Check) -> None:
        key = self._find_key(keys, context)
        place = locate(keys, context, document_id)
        with writing(self._engine) as connection:
            _take_turn(connection, place.tenant, place.context)
            check(_read(connection, key, place))
            connection.execute(delete(DOCUMENTS).where(_at(place)))

    def _delete_all(self, keys: TenantKeys, context: Context) -> None:
        with writing(self._engine) as connection:
            _take_turn(connection, keys.tenant, locate_context(keys, context))
            connection.execute(delete(DOCUMENTS).where(_in_context(keys, context)))

    def _find_key(self, keys: TenantKeys, context: Context) -> bytes | None:
        """Return the key of a context's documents, None when its learner has none."""
        if not context.agent:
            return keys.content
        return self._learners.find_learner_keys(keys.tenant, [context.agent]).get(context.agent)


def _read(connection: Connection, key: bytes | None, place: Place) -> Document | None:
    if key is None:
        return None
    columns = DOCUMENTS.c
    row = connection.execute(select(columns.stored_at, columns.label, columns.content).where(_at(place))).one_or_none()
    if row is None:
        return None
    label, content = open_label(key, place, row.label), open_content(key, place, row.content)
    if label is None or content is None:
        return None
    return Document(Revision(content, label.content_type), compute_etag(content), row.stored_at)


def _take_turn(connection: Connection, tenant: str, context: str) -> None:
    """Let the changes of one context happen one after the other; a writing transaction of SQLite is alone anyway.

    A row could be locked instead, but not one that is not there yet: two would create the document.
    """
    if connection.dialect.name == "postgresql":
        digest = hashlib.sha256(f"{tenant}\0{context}".encode()).digest()
        connection.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], signed=True))))


def _at(place: Place) -> ColumnElement[bool]:
    columns = DOCUMENTS.c
    return and_(
        columns.tenant == place.tenant,
        columns.context == place.context,
        columns.registration == place.registration,
        columns.name == place.name,
    )


def _in_context(keys: TenantKeys, context: Context) -> ColumnElement[bool]:
    columns = DOCUMENTS.c
    where = and_(columns.tenant == keys.tenant, columns.context == locate_context(keys, context))
    return and_(where, columns.registration == context.registration) if context.registration else where
