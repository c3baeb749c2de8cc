"""An unmodified clickhouse-connect, sync and async, against the embedded server."""

from __future__ import annotations

import asyncio
import datetime as dt
import decimal
import gzip
import ipaddress
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.embedded_clickhouse import OWNER, PASSWORD, EmbeddedServer

TYPES = {
    "id": "UUID",
    "n": "Nullable(Int64)",
    "e": "Enum8('a' = 1, 'b' = 2)",
    "l": "LowCardinality(String)",
    "ln": "LowCardinality(Nullable(String))",
    "a": "Array(String)",
    "m": "Map(String, UInt8)",
    "d": "DateTime64(3)",
    "dz": "DateTime('Europe/Paris')",
    "j": "JSON",
    "f": "Float64",
    "b": "Bool",
    "dec": "Decimal(10, 2)",
    "ip": "IPv6",
    "s": "String",
}
WHEN = dt.datetime.fromisoformat("2026-01-02T03:04:05.678")


def make_row(number: int) -> list[Any]:
    return [
        uuid.UUID(int=number),
        None if number % 2 else number,
        "b",
        f"word {number % 3}",
        None,
        ["x", str(number)],
        {"k": 1},
        WHEN,
        WHEN.replace(microsecond=0),
        {"a": {"b": number}},
        number / 4,
        True,
        decimal.Decimal("3.25"),
        ipaddress.IPv6Address("::1"),
        "é\n\t'\\",
    ]


@pytest.fixture
def table(server: EmbeddedServer) -> str:
    name = f"t_{uuid.uuid4().hex}"
    columns = ", ".join(f"{column} {kind}" for column, kind in TYPES.items())
    server.run(
        f"CREATE TABLE {name} ({columns}, later UInt32 DEFAULT 7) ENGINE = MergeTree ORDER BY id "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    return name


@pytest.fixture(scope="module")
def client(server: EmbeddedServer) -> Iterator[Client]:
    with server.connect() as opened:
        yield opened


def count(client: Client, table: str) -> int:
    return int(str(client.command(f"SELECT count() FROM {table}")))


@pytest.mark.parametrize("coding", [False, "lz4", "zstd", "gzip"])
def test_rows_of_every_type_come_back_as_they_went(server: EmbeddedServer, table: str, coding: Any) -> None:
    rows = [make_row(number) for number in range(500)]
    with server.connect(compress=coding) as client:
        assert client.compression == (coding or None)
        assert client.insert(table, rows, column_names=list(TYPES)).written_rows == 500
        found = client.query(f"SELECT * FROM {table} ORDER BY n NULLS LAST, id")
    assert {tuple(row[:9]) for row in map(freeze, found.result_rows)} == {tuple(row[:9]) for row in map(freeze, rows)}
    first = found.first_row
    assert first[:5] == (uuid.UUID(int=0), 0, "b", "word 0", None)
    assert first[9:] == (
        {"a": {"b": 0}},
        0.0,
        True,
        decimal.Decimal("3.25"),
        ipaddress.IPv6Address("::1"),
        "é\n\t'\\",
        7,
    )
    assert int(found.summary["read_rows"]) == 500


def freeze(row: Any) -> list[Any]:
    return [str(value) for value in row]


def test_an_insert_with_a_known_token_stores_nothing(client: Client, table: str) -> None:
    settings = {"insert_deduplication_token": "topic-0-17"}
    for number in (1, 2):
        client.insert(table, [make_row(number)], column_names=list(TYPES), settings=settings)
    assert count(client, table) == 1
    client.insert(table, [make_row(3)], column_names=list(TYPES), settings={"insert_deduplication_token": "topic-0-18"})
    assert count(client, table) == 2


def test_several_blocks_in_one_insert_are_one_insert(client: Client, table: str) -> None:
    """`raw_insert` sends the Native blocks of a result back as they came, in chunks."""
    blocks = client.raw_query(
        "SELECT toUUID(generateUUIDv4()) AS id FROM numbers(50000) SETTINGS max_block_size = 1000", fmt="Native"
    )
    for _ in range(2):
        client.raw_insert(table, ["id"], blocks, fmt="Native", settings={"insert_deduplication_token": "blocks"})
    assert count(client, table) == 50000
    assert client.command(f"SELECT count() FROM system.parts WHERE table = '{table}'") == 1


def test_a_generator_is_sent_in_chunks(client: Client, table: str) -> None:
    def lines() -> Iterator[bytes]:
        for number in range(20000):
            yield b'{"id":"%s","n":%d}\n' % (str(uuid.UUID(int=number)).encode(), number)

    client.raw_insert(table, ["id", "n"], lines(), fmt="JSONEachRow")
    assert client.query(f"SELECT count(), sum(n), min(later) FROM {table}").first_row == (20000, 199990000, 7)


def test_raw_formats_compressed_or_not(client: Client, table: str) -> None:
    client.raw_insert(table, ["n"], b"1\n2\n", fmt="CSV")
    client.raw_insert(table, ["n"], gzip.compress(b"3\n"), fmt="TSV", compression="gzip")
    client.raw_insert(table, ["n"], "(4), (2 + 3)", fmt="Values")
    assert client.command(f"SELECT sum(n) FROM {table}") == 15


def test_an_insert_into_an_unknown_table_or_of_a_wrong_type_stores_nothing(client: Client, table: str) -> None:
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE") as refused:
        client.raw_insert("no_such_table", ["n"], b"1\n", fmt="CSV")
    assert refused.value.code == 60
    with pytest.raises(DatabaseError, match="INCORRECT_DATA"):
        client.raw_insert(table, ["n"], b"1\nword\n", fmt="CSV")
    assert count(client, table) == 0


def test_parameters_are_bound_by_the_server(client: Client) -> None:
    values = {"x": 4, "s": "o'\\\n\tx", "a": ["q'", "b"], "n": None, "d": dt.date(2026, 1, 2)}
    query = "SELECT {x:UInt32} + 1, {s:String}, {a:Array(String)}, {n:Nullable(String)}, {d:Date}"
    assert client.query(query, parameters=values).first_row == (5, "o'\\\n\tx", ["q'", "b"], None, dt.date(2026, 1, 2))


def test_parameters_and_query_in_a_form(server: EmbeddedServer) -> None:
    with server.connect(form_encode_query_params=True) as client:
        assert client.query("SELECT {x:UInt32}", parameters={"x": 4}).first_row == (4,)


def test_external_data_is_a_table_of_that_query(client: Client) -> None:
    given = ExternalData(file_name="given", data=b"1,a\n2,b\n", fmt="CSV", structure="id UInt32, word String")
    assert client.query("SELECT * FROM given ORDER BY id", external_data=given).result_rows == [(1, "a"), (2, "b")]
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM given")


def test_columns_of_an_empty_result_and_formats(client: Client) -> None:
    assert client.query("SELECT 1 AS a, 'x' AS b LIMIT 0").column_names == ("a", "b")
    assert client.query("SELECT number FROM numbers(0)").result_rows == []
    assert client.raw_query("SELECT 1 AS a", fmt="CSVWithNames") == b'"a"\n1\n'
    assert client.command("SELECT 1, 'x'") == ["1", "x"]


def test_errors_keep_their_number_and_name(client: Client) -> None:
    for query, code, name in (
        ("SELECT * FROM no_such_table", 60, "UNKNOWN_TABLE"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT no_such_column", 47, "UNKNOWN_IDENTIFIER"),
        ("SELECT * FROM no_such_database.t", 81, "UNKNOWN_DATABASE"),
    ):
        with pytest.raises(DatabaseError) as refused:
            client.query(query)
        assert (refused.value.code, refused.value.name) == (code, name)


def test_five_million_rows_stream_in_bounded_memory(server: EmbeddedServer, client: Client) -> None:
    before = read_memory(server)
    total = 0
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(5000000)") as blocks:
        for block in blocks:
            total += len(block)
    assert total == 5_000_000
    assert read_memory(server) - before < 150 << 20


def read_memory(server: EmbeddedServer) -> int:
    """The most memory that the server has held, in bytes."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


def test_an_error_in_the_middle_of_a_stream_reaches_the_reader(client: Client) -> None:
    query = "SELECT throwIf(number = 3000000) FROM numbers(5000000)"
    with pytest.raises(StreamFailureError, match="FUNCTION_THROW_IF"), client.query_rows_stream(query) as rows:
        for _ in rows:
            pass
    assert client.query("SELECT 1").first_row == (1,)


def test_settings_hold_for_their_query_alone(client: Client) -> None:
    assert client.query("SELECT getSetting('max_threads')", settings={"max_threads": 1}).first_row == (1,)
    assert client.query("SELECT getSetting('max_threads')").first_row != (1,)
    with pytest.raises(DatabaseError, match="TIMEOUT_EXCEEDED"):
        client.query(
            "SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 1", settings={"max_execution_time": 1}
        )


def test_two_clients_with_automatic_sessions_work_side_by_side(server: EmbeddedServer) -> None:
    with server.connect() as one, server.connect() as two:
        assert one.get_client_setting("session_id") != two.get_client_setting("session_id")
        assert one.command("SELECT 1") == two.command("SELECT 1") == 1
        with pytest.raises(DatabaseError, match="keeps none"):
            one.command("SET max_threads = 1")
        with pytest.raises(DatabaseError, match="keeps none"):
            one.command("CREATE TEMPORARY TABLE x (a UInt8)")


async def test_the_async_client_inserts_queries_and_streams(server: EmbeddedServer, table: str) -> None:
    async with await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=server.port, username=OWNER, password=PASSWORD
    ) as client:
        rows = [make_row(number) for number in range(200)]
        await client.insert(table, rows, column_names=list(TYPES))
        assert (await client.query(f"SELECT count() FROM {table}")).first_row == (200,)
        seen = 0
        async with await client.query_rows_stream("SELECT number FROM numbers(200000)") as stream:
            async for _ in stream:
                seen += 1
        assert seen == 200_000
        with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
            await client.query("SELECT * FROM no_such_table")


async def test_slow_queries_hold_nobody_up(server: EmbeddedServer) -> None:
    async with await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=server.port, username=OWNER, password=PASSWORD, autogenerate_session_id=False
    ) as client:
        slow = [asyncio.create_task(client.query("SELECT sleep(3)")) for _ in range(6)]
        began = time.monotonic()
        for _ in range(5):
            assert (await client.query("SELECT 1")).first_row == (1,)
        assert time.monotonic() - began < 2.5
        assert not any(task.done() for task in slow)
        await asyncio.gather(*slow)
