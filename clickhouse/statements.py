"""The statements of a tenant, as rows in and as rows out.

`Row` is written once by the stream processors and read by the LRS, the boards and the analysts. Its fields are the
columns that migrations/tenant make, in their order; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from clickhouse.connection import AsyncClient, translate_errors
from xapi_profiles.vocabulary import Verb

# A query's text is bounded (max_query_size 256 KiB); an id takes 39 bytes of it.
IDS_PER_QUERY = 5_000
_FEW_IDS = 100
VOIDED = Verb.VOIDED


class Row(NamedTuple):
    """One statement as stored. Times are milliseconds since 1970 UTC; '' means none."""

    id: UUID
    stored: int
    timestamp: int
    source: str
    actor: str
    authority: str
    verb: str
    activity: str
    activity_type: str
    activity_name: str
    registration: UUID | None
    session: str
    session_name: str
    module: str
    module_name: str
    pathway: str
    pathway_name: str
    modality: str
    place: str
    connection: str
    half_day: str
    planned_start: int | None
    planned_seconds: int | None
    duration_ms: int | None
    completion: bool | None
    success: bool | None
    score_scaled: float | None
    conformance: str
    profile: str
    template: str
    failed_rule: str
    statement: str
    sealed: str
    fingerprint: str
    terms: Sequence[int]
    inherited: Sequence[Sequence[int]]
    refers_to: UUID | None
    open_reference: UUID | None
    partition: int
    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class Links:
    """What a statement hands on to those that refer to it.

    `generations` are its own terms, then those of what it refers to in turn; `open_reference` is the id at the end of
    that chain which was not stored when the statement was.
    """

    generations: Sequence[Sequence[int]]
    open_reference: UUID | None


@dataclass(frozen=True, slots=True)
class Existing:
    """What is known of a statement id: the fingerprint of its first version and where in the log that came from."""

    fingerprint: str
    partition: int
    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class Place:
    """A statement's place in the order of storing; a page of results continues after one."""

    stored: int
    partition: int
    offset: int
    position: int


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """A statement as it lies in ClickHouse: pseudonymised JSON, and what restores its agents, still sealed."""

    id: UUID
    place: Place
    statement: str
    sealed: str


STORED_COLUMNS = "id, toUnixTimestamp64Milli(stored), partition, offset, position, statement, sealed"
"""What `to_stored` takes, in its order."""

IS_WITHHELD = "hasAny(terms, (SELECT groupArray(term) FROM {database:Identifier}.persons FINAL WHERE restricted))"
"""Whether the processing of a statement's actor or object is paused (the view `withheld_statements` lists these)."""


async def find_ids(client: AsyncClient, database: str, ids: Iterable[UUID]) -> dict[UUID, Existing]:
    """Look up which of these ids are stored; the cost depends on the number of ids asked, hardly on the store.

    Of an id that lies there twice until ClickHouse merges, the earliest copy is told, as FINAL would choose.
    """
    asked = list(ids)
    found: dict[UUID, Existing] = {}
    for start in range(0, len(asked), IDS_PER_QUERY):
        with translate_errors():
            result = await client.query(
                "SELECT id, fingerprint, partition, offset, position FROM {database:Identifier}.statements "
                f"WHERE id IN {list_ids(asked[start : start + IDS_PER_QUERY])} ORDER BY precedence",
                parameters={"database": database},
            )
        for row in result.result_rows:
            found[row[0]] = Existing(*row[1:])
    return found


def list_ids(ids: Sequence[UUID]) -> str:
    """Return ids as the right side of IN; many go as one string: 5,000 literals take ClickHouse 45 ms to read."""
    if len(ids) <= _FEW_IDS:
        return "('" + "','".join(map(str, ids)) + "')"
    return f"(SELECT toUUID(arrayJoin(splitByChar(',', '{','.join(map(str, ids))}'))))"


async def find_links(client: AsyncClient, database: str, ids: Iterable[UUID]) -> dict[UUID, Links]:
    """Return, of those of the ids that are stored, what a statement that refers to them inherits."""
    found: dict[UUID, Links] = {}
    asked = list(ids)
    for start in range(0, len(asked), IDS_PER_QUERY):
        with translate_errors():
            result = await client.query(
                "SELECT id, terms, inherited, open_reference FROM {database:Identifier}.statements "
                f"WHERE id IN {list_ids(asked[start : start + IDS_PER_QUERY])} ORDER BY precedence",
                parameters={"database": database},
            )
        for statement_id, terms, inherited, open_reference in result.result_rows:
            found[statement_id] = Links([terms, *inherited], open_reference)
    return found


async def get_statement(
    client: AsyncClient, database: str, statement_id: UUID, *, withholds: bool = True
) -> tuple[StoredStatement, bool] | None:
    """Read one statement by its id, and whether it is voided; None also of one that is withheld.

    Without `withholds` it is not looked whose processing is paused.
    """
    withheld = IS_WITHHELD if withholds else "false"
    with translate_errors():
        result = await client.query(
            f"SELECT {STORED_COLUMNS}, verb != '{VOIDED}' AND id IN "
            f"(SELECT target FROM {{database:Identifier}}.voidings WHERE target = {{id:UUID}}), {withheld} "
            "FROM {database:Identifier}.statements WHERE id = {id:UUID} ORDER BY precedence DESC LIMIT 1",
            parameters={"database": database, "id": statement_id},
        )
    if not result.result_rows:
        return None
    *columns, voided, is_withheld = result.result_rows[0]
    return None if is_withheld else (to_stored(columns), bool(voided))


def to_stored(row: Sequence[Any]) -> StoredStatement:
    """Return a row of STORED_COLUMNS."""
    statement_id, stored, partition, offset, position, statement, sealed = row
    return StoredStatement(statement_id, Place(stored, partition, offset, position), statement, sealed)
