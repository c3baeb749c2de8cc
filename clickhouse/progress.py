"""How far the log is stored: written by the stream processors after the rows, read by the LRS's barrier."""

from __future__ import annotations

from clickhouse.connection import AsyncClient, translate_errors
from clickhouse.databases import SHARED

PROGRESS = (
    f"SELECT partition, max(next_offset) FROM {SHARED}.progress WHERE topic = {{topic:String}} GROUP BY partition"
)
"""Per partition, the offset below which every record is queryable; a partition not begun is absent."""


async def read_progress(client: AsyncClient, topic: str) -> dict[int, int]:
    """Return, per partition, the offset below which every record is queryable; a partition not begun is absent."""
    with translate_errors():
        result = await client.query(PROGRESS, parameters={"topic": topic})
    return {int(partition): int(next_offset) for partition, next_offset in result.result_rows}
