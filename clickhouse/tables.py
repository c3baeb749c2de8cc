"""A tenant's tables from their first row to their last, page by page, and how much they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clickhouse.connection import Client, translate_errors

ROWS_AT_ONCE = 2_000


def read_table(
    client: Client,
    database: str,
    table: str,
    key: Mapping[str, str],
    columns: Sequence[str],
    *,
    at_once: int = ROWS_AT_ONCE,
) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield pages of rows: the table's key, then the columns, in the order of the key, each key once.

    `key` gives the columns by which the table is ordered, with their ClickHouse types. Rows that come meanwhile may
    be among them or not. Raises StoreUnavailable.
    """
    names, selected = ", ".join(key), ", ".join((*key, *columns))
    after = ", ".join(f"{{after_{name}:{kind}}}" for name, kind in key.items())
    parameters: dict[str, Any] = {"database": database, "rows": at_once}
    where = ""
    while True:
        with translate_errors():
            rows = client.query(
                f"SELECT {selected} FROM {{database:Identifier}}.{table} FINAL{where} "
                f"ORDER BY {names} LIMIT {{rows:UInt32}}",
                parameters=parameters,
            ).result_rows
        if rows:
            yield rows
        if len(rows) < at_once:
            return
        where = f" WHERE ({names}) > ({after})" if len(key) > 1 else f" WHERE {names} > {after}"
        parameters |= {f"after_{name}": value for name, value in zip(key, rows[-1], strict=False)}


def count_table(client: Client, database: str, table: str) -> int:
    """Return how many rows the table holds, each key once. Raises StoreUnavailable."""
    with translate_errors():
        result = client.query(
            f"SELECT count() FROM {{database:Identifier}}.{table} FINAL",
            parameters={"database": database},
        )
    return int(result.result_rows[0][0])


def has_database(client: Client, database: str) -> bool:
    """Tell whether there is such a database. Raises StoreUnavailable."""
    with translate_errors():
        result = client.query(
            "SELECT count() FROM system.databases WHERE name = {database:String}", parameters={"database": database}
        )
    return bool(result.result_rows[0][0])


def measure_tables(client: Client, database: str) -> dict[str, tuple[int, int]]:
    """Return rows and bytes on disk of every table, by name, rows that are yet to be merged counted twice."""
    with translate_errors():
        result = client.query(
            "SELECT name, total_rows, total_bytes FROM system.tables "
            "WHERE database = {database:String} AND total_rows IS NOT NULL ORDER BY name",
            parameters={"database": database},
        )
    return {name: (int(rows), int(size or 0)) for name, rows, size in result.result_rows}


def read_balance(client: Client, database: str) -> dict[str, int]:
    """Return what became of all that was accepted for the tenant, as its ledger has it. Raises StoreUnavailable."""
    with translate_errors():
        result = client.query(
            "SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM {database:Identifier}.ledger FINAL",
            parameters={"database": database},
        )
    names = ("accepted", "stored", "duplicate", "dead")
    return {name: int(count) for name, count in zip(names, result.result_rows[0], strict=True)}


def drop_database(client: Client, database: str) -> None:
    """Remove a database with all that is in it, at once and for good; one that is not there is removed already."""
    with translate_errors():
        client.command("DROP DATABASE IF EXISTS {database:Identifier} SYNC", parameters={"database": database})
