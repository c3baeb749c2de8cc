"""Reading statements: behind the barrier, inside one tenant, with as much identity as the credential may see."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from clickhouse.activities import Definition
from clickhouse.statement_query import StatementQuery
from clickhouse.statements import StoredStatement
from identity.errors import IdentityUnavailable as IdentityDown
from identity.hiding import hide_iri
from identity.links import History, Span
from identity.persons import find_spans, list_restricted_among
from identity.sealing import list_owners, name_authority, open_definition, pseudonyms_in, restore
from lrs.authentication import KeySource
from lrs.callers import Caller
from lrs.cursors import write_cursor
from lrs.disclosures import Disclosures
from lrs.errors import IdentityUnavailable, NotFound
from lrs.formats import list_activity_ids, make_canonical, merge_definitions, reduce_to_ids, rename_agents
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

    def __init__(
        self, store: StatementStore, keys: KeySource, disclosures: Disclosures, *, identity_seconds: float = 10
    ) -> None:
        self._store = store
        self._keys = keys
        self._disclosures = disclosures
        self._identity_seconds = identity_seconds

    async def get(self, asked: ById, caller: Caller, shape: Shape, languages: Sequence[str]) -> tuple[bytes, datetime]:
        """Return one statement's JSON and when it was stored. Raises NotFound, Forbidden."""
        mine = caller.may_read()
        found = await self._store.get_statement(caller.tenant, asked.id)
        if (
            found is None
            or found[1] != asked.voided
            or (mine and _authority_of(found[0]) not in caller.authority_pseudonyms)
        ):
            voided = "voided statement" if asked.voided else "statement"
            raise NotFound(f"There is no {voided} {asked.id} here that this credential may see.")
        stored = found[0]
        (statement,) = await self._present([stored], caller, shape, languages)
        return statement, datetime.fromtimestamp(stored.place.stored / 1000, UTC)

    async def query(self, query: StatementQuery, caller: Caller, shape: Shape, languages: Sequence[str]) -> Page:
        """Return one page. Raises Forbidden."""
        authority = caller.authority_pseudonyms if caller.may_read() else None
        spans = await self._find_spans(query, caller)
        # One more than asked tells whether there is a next page.
        found = await self._store.query_statements(
            caller.tenant, replace(query, spans=spans, authority=authority, limit=query.limit + 1)
        )
        page = found[: query.limit]
        more = write_cursor(query, shape, page[-1].place, caller) if len(found) > len(page) else ""
        last = datetime.fromtimestamp(page[-1].place.stored / 1000, UTC) if page else None
        return Page(await self._present(page, caller, shape, languages), more, last)

    async def _find_spans(self, query: StatementQuery, caller: Caller) -> tuple[Span, ...] | None:
        """Return which statements are those of whom the agent asked for stands for."""
        if query.agent is None:
            return None
        try:
            return tuple(await asyncio.to_thread(find_spans, self._keys.engine, caller.tenant, query.agent))
        except IdentityDown as error:
            raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error

    async def read_definitions(self, ids: Sequence[str], caller: Caller) -> dict[str, dict[str, Any]]:
        """Return, merged, the definitions of those activities that have one, with as much as the caller may see.

        Raises IdentityUnavailable.
        """
        # What a policy hid lies under the IRI that stands for the activity's.
        hidden = {activity: hide_iri(activity, caller.keys) for activity in ids}
        found = await self._store.read_definitions(caller.tenant, list(dict.fromkeys([*hidden.values(), *ids])))
        opened = await self._open_definitions(found, caller)
        merged = {}
        for activity, stand_in in hidden.items():
            definitions = [one for name in dict.fromkeys((stand_in, activity)) for one in opened.get(name, ())]
            if definitions:
                merged[activity] = merge_definitions(definitions)
        return merged

    async def _open_definitions(
        self, found: Mapping[str, Sequence[Definition]], caller: Caller
    ) -> dict[str, list[dict[str, Any]]]:
        keys: dict[str, bytes] = {}
        if caller.credential.sees_identities:
            owners = {name for some in found.values() for one in some if one.sealed for name in list_owners(one.sealed)}
            try:
                keys = await asyncio.to_thread(self._keys.find_learner_keys, caller.tenant, owners) if owners else {}
            except IdentityDown as error:
                raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error
            if keys:
                await self._disclosures.note(caller, "definitions", people=len(keys))
        return {
            activity: [
                (open_definition(activity, one.sealed, keys) if one.sealed and keys else None)
                or parse_json(one.content.encode())
                for one in definitions
            ]
            for activity, definitions in found.items()
        }

    async def _present(
        self, stored: Sequence[StoredStatement], caller: Caller, shape: Shape, languages: Sequence[str]
    ) -> list[bytes]:
        sees = caller.credential.sees_identities
        pseudonyms = set().union(*(pseudonyms_in(statement.sealed) for statement in stored))
        histories = await self._store.find_histories(caller.tenant, pseudonyms)
        if shape.format == "exact" and not sees and not histories:
            return [statement.statement.encode() for statement in stored]
        try:
            async with asyncio.timeout(self._identity_seconds):
                statements, people = await asyncio.to_thread(self._open, stored, caller.tenant, sees=sees)
        except (IdentityDown, TimeoutError) as error:
            raise IdentityUnavailable("Identities cannot be read now. Send the request again later.") from error
        if people:
            await self._disclosures.note(caller, "statements", statements=len(statements), people=people)
        if histories:
            statements = [
                _name_persons(statement, one, histories) for statement, one in zip(statements, stored, strict=True)
            ]
        if shape.format == "ids":
            statements = [reduce_to_ids(statement) for statement in statements]
        elif shape.format == "canonical":
            named = dict.fromkeys(activity for statement in statements for activity in list_activity_ids(statement))
            definitions = await self.read_definitions(list(named), caller)
            statements = [make_canonical(statement, definitions, languages) for statement in statements]
        return [dump_json(statement) for statement in statements]

    def _open(self, stored: Sequence[StoredStatement], tenant: str, *, sees: bool) -> tuple[list[dict[str, Any]], int]:
        """Return statements as JSON objects, people put back for who may see them, and how many people that is."""
        statements = [parse_json(statement.statement.encode()) for statement in stored]
        if not sees:
            return statements, 0
        pseudonyms = set().union(*(pseudonyms_in(statement.sealed) for statement in stored))
        # Whose processing is paused is named to nobody, not where others' statements mention them either.
        shown = pseudonyms - list_restricted_among(self._keys.engine, tenant, pseudonyms)
        learner_keys = self._keys.find_learner_keys(tenant, shown)
        restored = [
            restore(statement, one.sealed, learner_keys) for statement, one in zip(statements, stored, strict=True)
        ]
        return restored, len(learner_keys)


def _name_persons(
    statement: dict[str, Any], stored: StoredStatement, histories: Mapping[str, History]
) -> dict[str, Any]:
    """Return the statement with the one pseudonym of each person, where they are not shown by name."""
    names = {name: history.at(stored.place.stored) for name, history in histories.items()}
    return rename_agents(statement, names)


def _authority_of(stored: StoredStatement) -> str:
    return name_authority(parse_json(stored.statement.encode())["authority"])
