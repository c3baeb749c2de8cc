"""Reading statements: behind the barrier, inside one tenant, with as much identity as the credential may see."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from clickhouse.statement_query import StatementQuery
from clickhouse.statements import StoredStatement
from identity.errors import IdentityUnavailable as IdentityDown
from identity.sealing import name_authority, pseudonyms_in, restore
from lrs.authentication import Caller, KeySource
from lrs.cursors import write_cursor
from lrs.errors import IdentityUnavailable, NotFound
from lrs.formats import list_activity_ids, make_canonical, merge_definitions, reduce_to_ids
from lrs.queries import ById, Shape
from lrs.store import StatementStore
from xapi_profiles.json_text import dump_json, parse_json


@dataclass(frozen=True, slots=True)
class Page:
    """Statements as JSON, the cursor of the next page ("" when there is none), and when the last one was stored."""

    statements: list[bytes]
    more: str
    last: datetime | None

    def to_json(self, more_link: str) -> bytes:
        """Return a StatementResult."""
        return b'{"statements":[' + b",".join(self.statements) + b'],"more":' + orjson.dumps(more_link) + b"}"


class Reading:
    """Reads for callers. The barrier is the caller's business: it comes before, and tells how fresh this is."""

    def __init__(self, store: StatementStore, keys: KeySource) -> None:
        self._store = store
        self._keys = keys

    async def get(self, asked: ById, caller: Caller, shape: Shape, languages: Sequence[str]) -> tuple[bytes, datetime]:
        """Return one statement's JSON and when it was stored. Raises NotFound, Forbidden."""
        mine = caller.may_read()
        found = await self._store.get_statement(caller.tenant, asked.id)
        if (
            found is None
            or found[1] != asked.voided
            or (mine and _authority_of(found[0]) != caller.authority_pseudonym)
        ):
            voided = "voided statement" if asked.voided else "statement"
            raise NotFound(f"There is no {voided} {asked.id} here that this credential may see.")
        stored = found[0]
        (statement,) = await self._present([stored], caller, shape, languages)
        return statement, datetime.fromtimestamp(stored.place.stored / 1000, UTC)

    async def query(self, query: StatementQuery, caller: Caller, shape: Shape, languages: Sequence[str]) -> Page:
        """Return one page. Raises Forbidden."""
        authority = caller.authority_pseudonym if caller.may_read() else None
        # One more than asked tells whether there is a next page.
        found = await self._store.query_statements(
            caller.tenant, replace(query, authority=authority, limit=query.limit + 1)
        )
        page = found[: query.limit]
        more = write_cursor(query, shape, page[-1].place, caller) if len(found) > len(page) else ""
        last = datetime.fromtimestamp(page[-1].place.stored / 1000, UTC) if page else None
        return Page(await self._present(page, caller, shape, languages), more, last)

    async def read_definitions(self, ids: Sequence[str], caller: Caller) -> dict[str, dict[str, Any]]:
        """Return, merged, the definitions of those activities that have one."""
        found = await self._store.read_definitions(caller.tenant, ids)
        return {
            activity: merge_definitions(parse_json(definition.encode()) for definition in definitions)
            for activity, definitions in found.items()
        }

    async def _present(
        self, stored: Sequence[StoredStatement], caller: Caller, shape: Shape, languages: Sequence[str]
    ) -> list[bytes]:
        sees = caller.credential.sees_identities
        if shape.format == "exact" and not sees:
            return [statement.statement.encode() for statement in stored]
        try:
            statements = await asyncio.to_thread(self._open, stored, caller.tenant, sees=sees)
        except IdentityDown as error:
            raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error
        if shape.format == "ids":
            statements = [reduce_to_ids(statement) for statement in statements]
        elif shape.format == "canonical":
            named = dict.fromkeys(activity for statement in statements for activity in list_activity_ids(statement))
            definitions = await self.read_definitions(list(named), caller)
            statements = [make_canonical(statement, definitions, languages) for statement in statements]
        return [dump_json(statement) for statement in statements]

    def _open(self, stored: Sequence[StoredStatement], tenant: str, *, sees: bool) -> list[dict[str, Any]]:
        """Return statements as JSON objects, with their people put back for who may see them."""
        statements = [parse_json(statement.statement.encode()) for statement in stored]
        if not sees:
            return statements
        pseudonyms = set().union(*(pseudonyms_in(statement.sealed) for statement in stored))
        learner_keys = self._keys.find_learner_keys(tenant, pseudonyms)
        return [restore(statement, one.sealed, learner_keys) for statement, one in zip(statements, stored, strict=True)]


def _authority_of(stored: StoredStatement) -> str:
    return name_authority(parse_json(stored.statement.encode())["authority"])
