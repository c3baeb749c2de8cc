"""What a tenant's tables hold on somebody: read by an export, in pieces, by the owner of the databases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clickhouse.connection import Client, translate_errors
from clickhouse.statements import STORED_COLUMNS, VOIDED, StoredStatement, list_ids, to_stored
from clickhouse.terms import name_term

STATEMENTS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class HeldStatement:
    """A statement, and whether it is voided."""

    stored: StoredStatement
    voided: bool


@dataclass(frozen=True, slots=True)
class HeldForm:
    """A form in which an agent was named, sealed."""

    pseudonym: str
    stored: datetime
    sealed: str


@dataclass(frozen=True, slots=True)
class HeldDeadLetter:
    """What could not be processed, sealed."""

    topic: str
    partition: int
    offset: int
    position: int
    at: datetime
    source: str
    code: str
    rule: str
    pointer: str
    detail: str
    payload: str


def list_statements_naming(client: Client, database: str, pseudonyms: Collection[str]) -> list[UUID]:
    """Return the ids of the statements that name one of these agents anywhere, in the order of storing.

    Voided ones are among them; those that only refer to such a statement are not.
    """
    if not pseudonyms:
        return []
    query = (
        f"SELECT id FROM {{database:Identifier}}.postings WHERE term IN {_list_terms(pseudonyms)} "
        "AND generation = 0 ORDER BY stored, partition, offset, position"
    )
    with translate_errors():
        result = client.query(query, parameters={"database": database})
    return list(dict.fromkeys(row[0] for row in result.result_rows))


def read_statements_naming(
    client: Client, database: str, ids: Sequence[UUID], pseudonyms: Collection[str]
) -> Iterator[HeldStatement]:
    """Yield those of these statements that are there and name one of these agents, in the order of `ids`."""
    for start in range(0, len(ids), STATEMENTS_AT_ONCE):
        asked = ids[start : start + STATEMENTS_AT_ONCE]
        query = (
            f"SELECT {STORED_COLUMNS}, verb != '{VOIDED}' AND id IN "
            f"(SELECT target FROM {{database:Identifier}}.voidings WHERE target IN {list_ids(asked)}), "
            f"arrayExists(term -> term IN {_list_terms(pseudonyms)}, terms) "
            f"FROM {{database:Identifier}}.statements WHERE id IN {list_ids(asked)} "
            "ORDER BY precedence DESC LIMIT 1 BY id"
        )
        with translate_errors():
            result = client.query(query, parameters={"database": database})
        # The copy of an id that stands may be another one than that which named the agent.
        found = {
            row[0]: HeldStatement(to_stored(row[:-2]), bool(row[-2])) for row in result.result_rows if bool(row[-1])
        }
        yield from (found[one] for one in asked if one in found)


def read_forms(client: Client, database: str, pseudonyms: Collection[str]) -> list[HeldForm]:
    """Return every form in which these agents were named, the earliest first."""
    with translate_errors():
        result = client.query(
            "SELECT pseudonym, stored, sealed FROM {database:Identifier}.agents FINAL "
            "WHERE pseudonym IN {pseudonyms:Array(String)} ORDER BY stored, digest",
            parameters={"database": database, "pseudonyms": sorted(pseudonyms)},
        )
    return [HeldForm(*row) for row in result.result_rows]


def read_dead_letters(client: Client, database: str) -> Iterator[HeldDeadLetter]:
    """Yield every dead letter of the tenant, in the order of its log; few are in memory at once."""
    query = (
        "SELECT topic, partition, offset, position, at, source, code, rule, pointer, detail, payload "
        "FROM {database:Identifier}.dead_letters FINAL ORDER BY topic, partition, offset, position"
    )
    with translate_errors(), client.query_rows_stream(query, parameters={"database": database}) as rows:
        for row in rows:
            yield HeldDeadLetter(*row)


def _list_terms(pseudonyms: Collection[str]) -> str:
    return "(" + ",".join(str(name_term("related-agent", each)) for each in sorted(pseudonyms)) + ")"
