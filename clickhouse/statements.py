"""The statements of a tenant, as rows in and as rows out.

`Row` is written once by the stream processors and read by the LRS, the boards and the analysts. Its fields are the
columns of migrations/tenant/0001_statements.sql in their order; a contract test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from clickhouse.connection import AsyncClient, translate_errors

# A query's text is bounded (max_query_size 256 KiB); an id takes 39 bytes of it.
IDS_PER_QUERY = 5_000
_FEW_IDS = 100


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
    statement: str
    sealed: str
    fingerprint: str
    partition: int
    offset: int
    position: int


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


@dataclass(frozen=True, slots=True)
class StatementQuery:
    """Filters of GET /statements in storage terms; `actor` and `authority` are pseudonyms, times milliseconds."""

    actor: str | None = None
    authority: str | None = None
    verb: str | None = None
    activity: str | None = None
    registration: UUID | None = None
    since: int | None = None
    until: int | None = None
    after: Place | None = None
    ascending: bool = False
    limit: int = 100


_FILTERS = {
    "actor": "actor = {actor:String}",
    "authority": "authority = {authority:String}",
    "verb": "verb = {verb:String}",
    "activity": "activity = {activity:String}",
    "registration": "registration = {registration:UUID}",
    "since": "stored > fromUnixTimestamp64Milli({since:Int64}, 'UTC')",
    "until": "stored <= fromUnixTimestamp64Milli({until:Int64}, 'UTC')",
}
_COLUMNS = "id, toUnixTimestamp64Milli(stored), partition, offset, position, statement, sealed"


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


async def get_statement(client: AsyncClient, database: str, statement_id: UUID) -> StoredStatement | None:
    """Read one statement by its id."""
    with translate_errors():
        result = await client.query(
            f"SELECT {_COLUMNS} FROM {{database:Identifier}}.statements FINAL WHERE id = {{id:UUID}}",
            parameters={"database": database, "id": statement_id},
        )
    return _to_stored(result.result_rows[0]) if result.result_rows else None


async def query_statements(client: AsyncClient, database: str, query: StatementQuery) -> list[StoredStatement]:
    """Read the statements that match, at most `query.limit`, in order of storing (newest first unless ascending)."""
    parameters: dict[str, Any] = {"database": database, "limit": query.limit}
    conditions = []
    for name, condition in _FILTERS.items():
        value = getattr(query, name)
        if value is not None:
            conditions.append(condition)
            parameters[name] = value
    if query.after is not None:
        place = query.after
        conditions.append(
            "(toUnixTimestamp64Milli(stored), partition, offset, position) "
            f"{'>' if query.ascending else '<'} "
            f"({place.stored:d}, {place.partition:d}, {place.offset:d}, {place.position:d})"
        )
    where = f"WHERE {' AND '.join(conditions)} " if conditions else ""
    direction = "ASC" if query.ascending else "DESC"
    with translate_errors():
        result = await client.query(
            f"SELECT {_COLUMNS} FROM {{database:Identifier}}.statements FINAL {where}"
            f"ORDER BY stored {direction}, partition {direction}, offset {direction}, position {direction} "
            "LIMIT {limit:UInt32}",
            parameters=parameters,
        )
    return [_to_stored(row) for row in result.result_rows]


def _to_stored(row: Sequence[Any]) -> StoredStatement:
    statement_id, stored, partition, offset, position, statement, sealed = row
    return StoredStatement(statement_id, Place(stored, partition, offset, position), statement, sealed)
