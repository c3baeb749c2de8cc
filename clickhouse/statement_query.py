"""Pages of statements: which match, in the order of storing, without what is voided (Communication 2.1.3, 2.1.4).

A page is read in two steps whose cost does not grow with the store. `postings` holds for each term its statements in
order, so the first reads as many candidates as the page has places; the second looks the candidates up by their ids,
where a voided one and one that lost to an earlier copy of its id fall out. If that leaves the page short, the next
candidates fill it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal
from uuid import UUID

from clickhouse.connection import AsyncClient, translate_errors
from clickhouse.statements import IS_WITHHELD, STORED_COLUMNS, VOIDED, Place, StoredStatement, list_ids, to_stored
from clickhouse.terms import name_term
from identity.links import Span

CANDIDATES_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """Filters of GET /statements in storage terms, times in milliseconds.

    `verb` and `activity` are the IRIs that stand for those asked for (identity.hiding.hide_iri).

    `agent` are the pseudonyms of the identifier asked for, and `spans` the statements of whom it stands for, which
    whoever reads looks up; `authority` are the pseudonyms of one authority. None bounds nothing.
    """

    agent: tuple[str, ...] | None = None
    related_agents: bool = False
    spans: tuple[Span, ...] | None = None
    authority: tuple[str, ...] | None = None
    verb: str | None = None
    activity: str | None = None
    related_activities: bool = False
    registration: UUID | None = None
    since: int | None = None
    until: int | None = None
    after: Place | None = None
    ascending: bool = False
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to match: all of these terms, those that few statements have first, stored within the bounds."""

    terms: Sequence[int]
    since: int | None = None
    until: int | None = None


async def query_statements(
    client: AsyncClient, database: str, query: StatementQuery, *, withholds: bool = True
) -> list[StoredStatement]:
    """Read the statements that match, at most `query.limit`, in order of storing (newest first unless ascending).

    A statement that refers to another matches, too, when that one does; times and limit are the referring one's own.
    Without `withholds` it is not looked whose processing is paused.
    """
    found: list[StoredStatement] = []
    after = query.after
    while len(found) < query.limit:
        wanted = min(query.limit - len(found), CANDIDATES_AT_ONCE)
        candidates, more = await _find_candidates(client, database, query, after, wanted)
        found += await _read_current(client, database, candidates, withholds=withholds)
        if not more:
            break
        after = candidates[-1][1]
    return found


def list_choices(query: StatementQuery) -> list[Choice]:
    """Return the ways to match a query: a statement must match one. There is one at least, and it has a term."""
    agent: Literal["agent", "related-agent"] = "related-agent" if query.related_agents else "agent"
    activity: Literal["activity", "related-activity"] = "related-activity" if query.related_activities else "activity"
    before = [] if query.registration is None else [name_term("registration", str(query.registration))]
    after = [] if query.activity is None else [name_term(activity, query.activity)]
    last = [] if query.verb is None else [name_term("verb", query.verb)]
    spans: Sequence[Span | None] = [None] if query.spans is None else query.spans
    authorities: Sequence[str | None] = [None] if query.authority is None else query.authority
    choices = []
    for span, authority in product(spans, authorities):
        terms = [
            *before,
            *([] if span is None else [name_term(agent, span.pseudonym)]),
            *after,
            *([] if authority is None else [name_term("authority", authority)]),
            *last,
        ]
        bounds = (None, None) if span is None else (span.since, span.until)
        choices.append(Choice(terms or [name_term("every")], *bounds))
    return choices


async def _find_candidates(
    client: AsyncClient, database: str, query: StatementQuery, after: Place | None, limit: int
) -> tuple[list[tuple[UUID, Place]], bool]:
    """Return the next candidates, at most `limit`, and whether there may be more after them."""
    bounds, parameters = _bound(query, after)
    direction = "ASC" if query.ascending else "DESC"
    order = ", ".join(f"{column} {direction}" for column in ("stored", "partition", "offset", "position"))
    parts = []
    for choice in list_choices(query):
        first, *others = choice.terms
        rest = "".join(f" AND has(terms, {term:d})" for term in others)
        within = bounds + _bound_choice(choice)
        parts.append(
            "(SELECT id, stored, partition, offset, position FROM {database:Identifier}.postings "
            f"WHERE term = {first:d}{rest}{within} ORDER BY {order} LIMIT {limit:d})"
        )
        if choice.terms != [name_term("every")]:
            parts += [
                "SELECT id, stored, partition, offset, position FROM {database:Identifier}.open_references "
                f"WHERE target IN ({chain}){within}"
                for chain in _list_open_chains(choice.terms)
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


def _bound_choice(choice: Choice) -> str:
    """Return the conditions of a choice's own bounds, each beginning with AND."""
    since = "" if choice.since is None else f" AND stored >= fromUnixTimestamp64Milli({choice.since:d}, 'UTC')"
    until = "" if choice.until is None else f" AND stored < fromUnixTimestamp64Milli({choice.until:d}, 'UTC')"
    return since + until


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
    client: AsyncClient, database: str, candidates: Sequence[tuple[UUID, Place]], *, withholds: bool
) -> list[StoredStatement]:
    """Return the candidates that stand, in their order: neither voided, nor withheld, nor the later copy of an id."""
    if not candidates:
        return []
    ids = list_ids([statement_id for statement_id, _ in candidates])
    with translate_errors():
        result = await client.query(
            f"SELECT {STORED_COLUMNS} FROM {{database:Identifier}}.statements WHERE id IN {ids} "
            f"AND (verb = '{VOIDED}' OR id NOT IN "
            f"(SELECT target FROM {{database:Identifier}}.voidings WHERE target IN {ids})) "
            f"{f'AND NOT {IS_WITHHELD} ' if withholds else ''}"
            "ORDER BY precedence DESC LIMIT 1 BY id",
            parameters={"database": database},
        )
    stored = {row[0]: to_stored(row) for row in result.result_rows}
    return [
        statement
        for statement_id, place in candidates
        if (statement := stored.get(statement_id)) is not None and statement.place == place
    ]
