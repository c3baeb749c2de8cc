"""Reading statements: behind the barrier, inside one tenant, with as much identity as the credential may see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from clickhouse.statements import StatementQuery, StoredStatement
from identity.errors import IdentityUnavailable as IdentityDown
from identity.sealing import pseudonyms_in, restore
from lrs.authentication import Caller, KeySource
from lrs.cursors import write_cursor
from lrs.errors import IdentityUnavailable, NotFound
from lrs.store import StatementStore


@dataclass(frozen=True, slots=True)
class Page:
    """Statements as JSON, and the cursor of the next page ("" when there is none)."""

    statements: list[bytes]
    more: str

    def to_json(self, more_link: str) -> bytes:
        """Return a StatementResult."""
        return b'{"statements":[' + b",".join(self.statements) + b'],"more":' + orjson.dumps(more_link) + b"}"


class Reading:
    """Reads for callers. The barrier is the caller's business: it comes before, and tells how fresh this is."""

    def __init__(self, store: StatementStore, keys: KeySource) -> None:
        self._store = store
        self._keys = keys

    async def get(self, statement_id: UUID, caller: Caller) -> tuple[bytes, datetime]:
        """Return one statement's JSON and when it was stored. Raises NotFound, Forbidden."""
        mine = caller.may_read()
        stored = await self._store.get_statement(caller.tenant, statement_id)
        if stored is None or (mine and _authority_of(stored) != caller.authority_pseudonym):
            raise NotFound(f"There is no statement {statement_id} here that this credential may see.")
        (statement,) = await self._present([stored], caller)
        return statement, datetime.fromtimestamp(stored.place.stored / 1000, UTC)

    async def query(self, query: StatementQuery, caller: Caller) -> Page:
        """Return one page. Raises Forbidden."""
        authority = caller.authority_pseudonym if caller.may_read() else None
        # One more than asked tells whether there is a next page.
        found = await self._store.query_statements(
            caller.tenant, replace(query, authority=authority, limit=query.limit + 1)
        )
        page = found[: query.limit]
        more = write_cursor(query, page[-1].place, caller) if len(found) > len(page) else ""
        return Page(await self._present(page, caller), more)

    async def _present(self, stored: Sequence[StoredStatement], caller: Caller) -> list[bytes]:
        if not caller.credential.sees_identities:
            return [statement.statement.encode() for statement in stored]
        try:
            return await asyncio.to_thread(self._restore, stored, caller.tenant)
        except IdentityDown as error:
            raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error

    def _restore(self, stored: Sequence[StoredStatement], tenant: str) -> list[bytes]:
        pseudonyms = set().union(*(pseudonyms_in(statement.sealed) for statement in stored))
        learner_keys = self._keys.find_learner_keys(tenant, pseudonyms)
        return [
            orjson.dumps(restore(orjson.loads(statement.statement), statement.sealed, learner_keys))
            for statement in stored
        ]


def _authority_of(stored: StoredStatement) -> str | None:
    authority: Any = orjson.loads(stored.statement).get("authority")
    account = authority.get("account") if isinstance(authority, dict) else None
    name = account.get("name") if isinstance(account, dict) else None
    return name if isinstance(name, str) else None
