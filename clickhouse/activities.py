"""The definitions that statements have given to activities, as the activities resource and `canonical` need them."""

from __future__ import annotations

from collections.abc import Sequence

from clickhouse.connection import AsyncClient, translate_errors

DEFINITIONS_PER_ACTIVITY = 100
"""How many different definitions of one activity are read, the latest ones."""


async def read_definitions(client: AsyncClient, database: str, ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the definitions (JSON) of those activities that have any, the latest last."""
    if not ids:
        return {}
    with translate_errors():
        result = await client.query(
            "SELECT id, definition FROM {database:Identifier}.activities FINAL WHERE id IN {ids:Array(String)} "
            "ORDER BY stored DESC, partition DESC, offset DESC, position DESC "
            f"LIMIT {DEFINITIONS_PER_ACTIVITY} BY id",
            parameters={"database": database, "ids": list(ids)},
        )
    found: dict[str, list[str]] = {}
    for activity, definition in reversed(result.result_rows):
        found.setdefault(activity, []).append(definition)
    return found
