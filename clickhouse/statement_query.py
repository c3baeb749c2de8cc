"""Pages of statements: which match, in the order of storing, without what is voided (Communication 2.1.3, 2.1.4).

A page is read in two steps whose cost does not grow with the store. `postings` holds for each term its statements in
order, so the first reads as many candidates as the page has places; the second looks the candidates up by their ids,
where a voided one and one that lost to an earlier copy of its id fall out. If that leaves the page short, the next
candidates fill it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from clickhouse.connection import AsyncClient, translate_errors
from clickhouse.statements import STORED_COLUMNS, VOIDED, Place, StoredStatement, list_ids, to_stored
from clickhouse.terms import name_term

CANDIDATES_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """Filters of GET /statements in storage terms; `agent` and `authority` are pseudonyms, times milliseconds."""

    agent: str | None = None
    related_agents: bool = False
    authority: str | None = None
    verb: str | None = None
    activity: str | None = None
    related_activities: bool = False
    registration: UUID | None = None
    since: int | None = None
    until: int | None = None
    after: Place | None = None
    ascending: bool = False
    limit: int = 100


async def query_statements(client: AsyncClient, database: str, query: StatementQuery) -> list[StoredStatement]:
    """Read the statements that match, at most `query.limit`, in order of storing (newest first unless ascending).

    A statement that refers to another matches, too, when that one does; times and limit are the referring one's own.
    """
    found: list[StoredStatement] = []
    after = query.after
    while len(found) < query.limit:
        wanted = min(query.limit - len(found), CANDIDATES_AT_ONCE)
        candidates, more = await _find_candidates(client, database, query, after, wanted)
        found += await _read_current(client, database, candidates)
        if not more:
            break
        after = candidates[-1][1]
    return found


def list_terms(query: StatementQuery) -> list[int]:
    """Return the terms that a statement must all have, those that few statements have first; never empty."""
    wanted = [
        None if query.registration is None else name_term("registration", str(query.registration)),
        None if query.agent is None else name_term("related-agent" if query.related_agents else "agent", query.agent),
        None
        if query.activity is None
        else name_term("related-activity" if query.related_activities else "activity", query.activity),
        None if query.authority is None else name_term("authority", query.authority),
        None if query.verb is None else name_term("verb", query.verb),
    ]
    return [term for term in wanted if term is not None] or [name_term("every")]


async def _find_candidates(
    client: AsyncClient, database: str, query: StatementQuery, after: Place | None, limit: int
) -> tuple[list[tuple[UUID, Place]], bool]:
    """Return the next candidates, at most `limit`, and whether there may be more after them."""
    terms = list_terms(query)
    bounds, parameters = _bound(query, after)
    direction = "ASC" if query.ascending else "DESC"
    order = ", ".join(f"{column} {direction}" for column in ("stored", "partition", "offset", "position"))
    rest = "".join(f" AND has(terms, {term:d})" for term in terms[1:])
    listed = (
        "SELECT id, stored, partition, offset, position FROM {database:Identifier}.postings "
        f"WHERE term = {terms[0]:d}{rest}{bounds} ORDER BY {order} LIMIT {limit:d}"
    )
    parts = [f"({listed})"]
    if terms != [name_term("every")]:
        parts += [
            "SELECT id, stored, partition, offset, position FROM {database:Identifier}.open_references "
            f"WHERE target IN ({chain}){bounds}"
            for chain in _list_open_chains(terms)
        ]
    with translate_errors():
        result = await client.query(
            "SELECT id, toUnixTimestamp64Milli(stored), partition, offset, position "
            f"FROM ({' UNION ALL '.join(parts)}) ORDER BY {order} LIMIT {limit:d}",
            parameters={"database": database, **parameters},
        )
    rows = result.result_rows
    # A statement has several postings under one term when it and what it refers to have that term in common. They are
    # told apart here: LIMIT BY would have ClickHouse read half of the list before it gives its start.
    return list(dict.fromkeys((row[0], Place(*row[1:])) for row in rows)), len(rows) == limit


def _list_open_chains(terms: Sequence[int]) -> list[str]:
    """Return queries for the targets that match: at the end of an open reference, and one open reference further.

    A chain in which three references each came before what they refer to is not followed to its end.
    """
    has_all = " AND ".join(f"has(found, {term:d})" for term in terms)
    matching = (
        "SELECT id FROM {database:Identifier}.statements "
        "WHERE id IN (SELECT target FROM {database:Identifier}.open_references) "
        f"AND arrayExists(found -> {has_all}, arrayPushFront(inherited, terms))"
    )
    further = f"SELECT id FROM {{database:Identifier}}.open_references WHERE target IN ({matching})"
    return [matching, further]


def _bound(query: StatementQuery, after: Place | None) -> tuple[str, dict[str, Any]]:
    """Return the conditions on a statement's own place, each beginning with AND, and their parameters."""
    conditions = ""
    parameters: dict[str, Any] = {}
    if query.since is not None:
        conditions += " AND stored > fromUnixTimestamp64Milli({since:Int64}, 'UTC')"
        parameters["since"] = query.since
    if query.until is not None:
        conditions += " AND stored <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')"
        parameters["until"] = query.until
    if after is not None:
        sign = ">" if query.ascending else "<"
        # The first condition says nothing new: it is the one that finds its place in the order of the table.
        conditions += (
            f" AND stored {sign}= fromUnixTimestamp64Milli({after.stored:d}, 'UTC')"
            f" AND (stored, partition, offset, position) {sign} (fromUnixTimestamp64Milli({after.stored:d}, 'UTC'), "
            f"{after.partition:d}, {after.offset:d}, {after.position:d})"
        )
    return conditions, parameters


async def _read_current(
    client: AsyncClient, database: str, candidates: Sequence[tuple[UUID, Place]]
) -> list[StoredStatement]:
    """Return the candidates that stand, in their order: neither voided nor the later copy of an id."""
    if not candidates:
        return []
    ids = list_ids([statement_id for statement_id, _ in candidates])
    with translate_errors():
        result = await client.query(
            f"SELECT {STORED_COLUMNS} FROM {{database:Identifier}}.statements WHERE id IN {ids} "
            f"AND (verb = '{VOIDED}' OR id NOT IN "
            f"(SELECT target FROM {{database:Identifier}}.voidings WHERE target IN {ids})) "
            "ORDER BY precedence DESC LIMIT 1 BY id",
            parameters={"database": database},
        )
    stored = {row[0]: to_stored(row) for row in result.result_rows}
    return [
        statement
        for statement_id, place in candidates
        if (statement := stored.get(statement_id)) is not None and statement.place == place
    ]
