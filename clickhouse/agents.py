"""The forms in which agents were named, sealed, as the agents resource needs them."""

from __future__ import annotations

from clickhouse.connection import AsyncClient, translate_errors

FORMS_PER_AGENT = 100
"""How many forms of one agent are read, the latest ones."""


async def read_agent_forms(client: AsyncClient, database: str, pseudonym: str) -> list[str]:
    """Return the sealed forms (identity.sealing.open_agent opens them) of an agent, the latest first."""
    with translate_errors():
        result = await client.query(
            "SELECT sealed FROM {database:Identifier}.agents FINAL WHERE pseudonym = {pseudonym:String} "
            f"ORDER BY stored DESC LIMIT {FORMS_PER_AGENT}",
            parameters={"database": database, "pseudonym": pseudonym},
        )
    return [row[0] for row in result.result_rows]
