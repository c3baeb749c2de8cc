"""From how many learners on a figure about them is shown: kept in each tenant's database, read by every query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from clickhouse.connection import Client, translate_errors
from clickhouse.databases import name_tenant_database


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least number of learners of whom a figure tells: to the institution's own people, and to others."""

    inside: int = 5
    published: int = 11


def read_thresholds(client: Client, tenant: str) -> Thresholds:
    """Return what counts for a tenant now. Raises StoreUnavailable."""
    with translate_errors():
        rows = client.query(
            "SELECT inside, published FROM {database:Identifier}.thresholds",
            parameters={"database": name_tenant_database(tenant)},
        ).result_rows
    ((inside, published),) = rows
    return Thresholds(int(inside), int(published))


def set_thresholds(client: Client, tenant: str, thresholds: Thresholds) -> None:
    """Have these count for a tenant from the next query on. Raises StoreUnavailable."""
    with translate_errors():
        client.insert(
            "disclosure",
            [[datetime.now(UTC), thresholds.inside, thresholds.published]],
            column_names=["at", "inside", "published"],
            database=name_tenant_database(tenant),
        )
