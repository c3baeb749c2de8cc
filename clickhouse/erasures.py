"""What ClickHouse holds of a person who was erased: what is counted, what is removed, and the mark that stays.

Nothing here scans statements. A person's are found by their postings, their dead letters by a column of pseudonyms.
Statements stay as they are: their pseudonym stands for nobody any more, and what was sealed beside it is noise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from clickhouse.connection import Client, translate_errors
from clickhouse.statements import IDS_PER_QUERY, list_ids
from clickhouse.terms import name_term

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class MarkedErasure:
    """A mark in a tenant's database: this pseudonym was erased then."""

    pseudonym: str
    at: datetime
    later: str


@dataclass(frozen=True, slots=True)
class SealedLetter:
    """A dead letter whose payload could not be read when it was written."""

    topic: str
    partition: int
    offset: int
    position: int
    payload: str


def mark_erased(client: Client, database: str, marks: Sequence[MarkedErasure]) -> None:
    """Keep the marks beside the statements; the same again changes nothing."""
    with translate_errors():
        client.insert(
            "erasures",
            [(mark.pseudonym, mark.at, mark.later) for mark in marks],
            column_names=["pseudonym", "at", "later"],
            database=database,
        )


def read_marks(client: Client, database: str) -> list[MarkedErasure]:
    """Return the marks of a tenant's database."""
    with translate_errors():
        rows = client.query(
            "SELECT pseudonym, toUnixTimestamp64Milli(at), later FROM {database:Identifier}.erasures FINAL",
            parameters={"database": database},
        ).result_rows
    return [MarkedErasure(name, datetime.fromtimestamp(at / 1000, UTC), later) for name, at, later in rows]


def count_statements(client: Client, database: str, pseudonyms: Sequence[str]) -> int:
    """Return in how many statements any of these stands, at whatever place."""
    return _count(client, database, "uniqExact(id)", "postings", _posted(pseudonyms))


def count_postings(client: Client, database: str, pseudonyms: Sequence[str]) -> int:
    """Return how many entries of the list that statements are found by stand for any of these."""
    terms = [name_term(kind, name) for name in pseudonyms for kind in ("agent", "related-agent")]
    return _count(client, database, "count()", "postings", f"term IN ({_list(terms)})")


def remove_agents(client: Client, database: str, pseudonyms: Sequence[str]) -> int:
    """Remove the sealed forms in which these were named; returns how many there were."""
    where = f"pseudonym IN ({_quote(pseudonyms)})"
    found = _count(client, database, "count()", "agents", where)
    if found:
        _change(client, database, f"ALTER TABLE {{database:Identifier}}.agents DELETE WHERE {where}")
    return found


def empty_dead_letters(client: Client, database: str, pseudonyms: Sequence[str]) -> int:
    """Remove the payload of every dead letter that names any of these; returns how many there were.

    That there was one, and why, stays: it is counted.
    """
    where = f"hasAny(persons, [{_quote(pseudonyms)}])"
    found = _count(client, database, "count()", "dead_letters", where)
    if found:
        _empty(client, database, where)
    return found


def read_unreadable(client: Client, database: str) -> list[SealedLetter]:
    """Return the dead letters of which it is not known whom they name."""
    with translate_errors():
        rows = client.query(
            "SELECT topic, partition, offset, position, payload FROM {database:Identifier}.dead_letters FINAL "
            "WHERE NOT readable",
            parameters={"database": database},
        ).result_rows
    return [SealedLetter(*row) for row in rows]


def empty_letters(client: Client, database: str, letters: Sequence[SealedLetter]) -> None:
    """Remove the payload of these."""
    for start in range(0, len(letters), _AT_ONCE):
        places = (
            f"({one.partition:d}, {one.offset:d}, {one.position:d}, {_quote([one.topic])})"
            for one in letters[start : start + _AT_ONCE]
        )
        _empty(client, database, f"(partition, offset, position, topic) IN ({', '.join(places)})")


def find_statements_with_contents(
    client: Client, database: str, pseudonyms: Sequence[str]
) -> dict[UUID, dict[str, Any]]:
    """Return those statements in which any of these stands and that have attachments, pseudonymised."""
    return _read_statements(client, database, f"{_posted(pseudonyms)} AND has(terms, {name_term('attachment'):d})")


def find_statements_of_contents(client: Client, database: str, hashes: Iterable[str]) -> dict[UUID, dict[str, Any]]:
    """Return all statements that describe a content of any of these hashes, pseudonymised."""
    terms = [name_term("attachment", sha2) for sha2 in hashes]
    if not terms:
        return {}
    return _read_statements(client, database, f"term IN ({_list(terms)}) AND generation = 0")


def _posted(pseudonyms: Sequence[str]) -> str:
    terms = [name_term("related-agent", name) for name in pseudonyms]
    # Further generations are what a statement that refers to another has inherited from it.
    return f"term IN ({_list(terms)}) AND generation = 0"


def _read_statements(client: Client, database: str, posted: str) -> dict[UUID, dict[str, Any]]:
    with translate_errors():
        listed = client.query(
            f"SELECT DISTINCT id FROM {{database:Identifier}}.postings WHERE {posted}",
            parameters={"database": database},
        ).result_rows
    ids = [row[0] for row in listed]
    found: dict[UUID, dict[str, Any]] = {}
    for start in range(0, len(ids), IDS_PER_QUERY):
        with translate_errors():
            rows = client.query(
                "SELECT id, statement FROM {database:Identifier}.statements "
                f"WHERE id IN {list_ids(ids[start : start + IDS_PER_QUERY])} ORDER BY precedence",
                parameters={"database": database},
            ).result_rows
        found.update((statement_id, json.loads(statement)) for statement_id, statement in rows)
    return found


def _empty(client: Client, database: str, where: str) -> None:
    change = "UPDATE payload = '', persons = [], readable = true WHERE"
    _change(client, database, f"ALTER TABLE {{database:Identifier}}.dead_letters {change} {where}")


def _count(client: Client, database: str, what: str, table: str, where: str) -> int:
    with translate_errors():
        result = client.query(
            f"SELECT {what} FROM {{database:Identifier}}.{table} WHERE {where}",
            parameters={"database": database},
        )
    return int(result.result_rows[0][0])


def _change(client: Client, database: str, statement: str) -> None:
    with translate_errors():
        # Returns once it is done, on every replica.
        client.command(statement, parameters={"database": database}, settings={"mutations_sync": 2})


def _quote(names: Sequence[str]) -> str:
    return ", ".join("'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'" for name in names)


def _list(terms: Iterable[int]) -> str:
    return ", ".join(map(str, terms))
