"""The definitions that statements have given to activities, as the activities resource and `canonical` need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from clickhouse.connection import AsyncClient, translate_errors

DEFINITIONS_PER_ACTIVITY = 100
"""How many different definitions of one activity are read, the latest ones."""

# A query's text is bounded (max_query_size 256 KiB), and the characters of an id may take three times their bytes.
IDS_BYTES = 64 * 1024


class Definition(NamedTuple):
    """A definition as it is stored: JSON, and sealed what a policy took out of it, "" where nothing was."""

    content: str
    sealed: str = ""


async def read_definitions(client: AsyncClient, database: str, ids: Sequence[str]) -> dict[str, list[Definition]]:
    """Return the definitions of those activities that have any, the latest last.

    An id of more than IDS_BYTES, longer than any request can ask for, is taken for one that has none.
    """
    found: dict[str, list[Definition]] = {}
    for asked in gather_ids(ids, IDS_BYTES):
        with translate_errors():
            result = await client.query(
                "SELECT id, definition, sealed FROM {database:Identifier}.activities FINAL "
                "WHERE id IN {ids:Array(String)} ORDER BY stored DESC, partition DESC, offset DESC, position DESC "
                f"LIMIT {DEFINITIONS_PER_ACTIVITY} BY id",
                parameters={"database": database, "ids": asked},
            )
        for activity, *definition in reversed(result.result_rows):
            found.setdefault(activity, []).append(Definition(*definition))
    return found


def gather_ids(ids: Sequence[str], most_bytes: int) -> Iterator[list[str]]:
    """Yield the ids in their order, as many at once as `most_bytes` hold; one that is longer by itself is left out."""
    gathered: list[str] = []
    room = most_bytes
    for one in ids:
        size = len(one.encode())
        if size > most_bytes:
            continue
        if size > room:
            yield gathered
            gathered, room = [], most_bytes
        gathered.append(one)
        room -= size
    if gathered:
        yield gathered
