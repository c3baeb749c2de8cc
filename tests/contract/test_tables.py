"""A tenant's tables are read to their end, each key once, however many pages that takes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client

from clickhouse.databases import name_tenant_database
from clickhouse.migration import apply_tenant
from clickhouse.tables import count_table, drop_database, has_database, measure_tables, read_balance, read_table
from tests.embedded_clickhouse import EmbeddedServer

DATABASE = name_tenant_database("read-through")
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture(scope="module")
def owner(server: EmbeddedServer) -> Iterator[Client]:
    with server.connect() as client:
        apply_tenant(client, "read-through")
        yield client
        drop_database(client, DATABASE)
        drop_database(client, DATABASE)
        assert not has_database(client, DATABASE)


@pytest.mark.parametrize("at_once", [1, 7, 24, 25, 100])
def test_a_table_with_a_key_of_ids_is_read_once(owner: Client, at_once: int) -> None:
    owner.command(f"TRUNCATE TABLE {DATABASE}.voidings")
    ids = [uuid.uuid4() for _ in range(12)] + [uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)]
    rows = [[target, uuid.UUID(int=number)] for target in ids[:12] for number in range(2)] + [[ids[12], ids[13]]]
    for _ in range(2):  # two parts that hold the same
        owner.insert("voidings", rows, column_names=["target", "id"], database=DATABASE)
    key = {"target": "UUID", "id": "UUID"}
    pages = list(read_table(owner, DATABASE, "voidings", key, (), at_once=at_once))
    read = [tuple(row) for page in pages for row in page]
    assert sorted(read) == sorted(map(tuple, rows))
    assert max(map(len, pages)) <= at_once
    assert count_table(owner, DATABASE, "voidings") == 25


def test_a_table_with_a_key_of_places_is_read_in_its_order(owner: Client) -> None:
    places = [("b", 0, 1), ("a", 1, 5), ("a", 0, 70_000_000_000), ("a", 0, 9), ("a", 1, 0), ("it's\\n", 0, 0)]
    rows = [[*place, "lrs", NOW, 4, 1, 2, 1] for place in places]
    columns = ["topic", "partition", "offset", "source", "at", "accepted", "stored", "duplicate", "dead"]
    owner.insert("ledger", rows, column_names=columns, database=DATABASE)
    key = {"topic": "String", "partition": "Int32", "offset": "Int64"}
    read = [row for page in read_table(owner, DATABASE, "ledger", key, ("source",), at_once=2) for row in page]
    assert [tuple(row) for row in read] == [(*place, "lrs") for place in sorted(places)]
    assert read_balance(owner, DATABASE) == {"accepted": 24, "stored": 6, "duplicate": 12, "dead": 6}
    rows_and_bytes = measure_tables(owner, DATABASE)["ledger"]
    assert rows_and_bytes[0] == 6
    assert rows_and_bytes[1] > 0
