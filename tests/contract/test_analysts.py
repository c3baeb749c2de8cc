"""An analyst's login, made by the statements that go to ClickHouse as well, on the embedded server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from clickhouse.access import Access, describe_access, drop_access, ensure_access, lock_access
from clickhouse.databases import name_tenant_database
from identity.analysts import Analyst
from identity.tenants import QueryLimits
from tests.embedded_clickhouse import EmbeddedServer
from tests.waiting import eventually

PASSWORD = "drawn-at-random"
MANY = "numbers(1000000)"


def make_analyst(tenant: str, name: str, password: str = PASSWORD) -> Analyst:
    digest = hashlib.sha256(f"{password}5a17".encode()).hexdigest()
    return Analyst(tenant, name, digest, "5a17", datetime(2026, 11, 26, tzinfo=UTC))


@pytest.fixture(scope="module")
def owner(server: EmbeddedServer) -> Iterator[Client]:
    with server.connect() as client:
        for slug in ("north_sea", "south"):
            client.command(f"CREATE DATABASE tenant_{slug}")
            client.command(f"CREATE TABLE tenant_{slug}.t (a UInt32) ENGINE = MergeTree ORDER BY a")
            client.command(f"INSERT INTO tenant_{slug}.t SELECT number FROM numbers(100000)")
        yield client
        for tenant in ("north-sea", "south"):
            drop_access(client, tenant)
            client.command(f"DROP DATABASE {name_tenant_database(tenant)}")


def ask(server: EmbeddedServer, login: str, text: str, **parameters: str) -> httpx.Response:
    return server.ask(text, login, PASSWORD, **parameters)


def code_of(answer: httpx.Response) -> str | None:
    return answer.headers.get("X-ClickHouse-Exception-Code")


def test_clickhouse_itself_can_parse_every_statement(owner: Client) -> None:
    access = Access(
        "north-sea", "it's a \\ password", [make_analyst("north-sea", "anne"), make_analyst("north-sea", "b")]
    )
    for statement in describe_access(access):
        assert owner.command(f"EXPLAIN AST {statement}"), statement


def test_analysts_come_and_go_and_sending_all_again_changes_nothing(server: EmbeddedServer, owner: Client) -> None:
    anne, bob = make_analyst("south", "anne"), make_analyst("south", "bob")
    for analysts in ([anne], [anne, bob], [anne, bob], [bob]):
        ensure_access(owner, Access("south", "reader's", analysts))
        for one in (anne, bob):
            answer = ask(server, f"analyst_south__{one.name}", "SELECT count() FROM t")
            assert (answer.status_code == 200) == (one in analysts), answer.text
    assert server.ask("SELECT count() FROM t", "reader_south", "reader's").text == "100000\n"
    drop_access(owner, "south")
    drop_access(owner, "south")
    assert "south" not in server.run("SHOW USERS")
    assert code_of(ask(server, "analyst_south__bob", "SELECT 1")) == "516"


def test_what_somebody_granted_by_hand_is_taken_back(server: EmbeddedServer, owner: Client) -> None:
    access = Access("north-sea", "reader's", [make_analyst("north-sea", "anne")])
    ensure_access(owner, access)
    owner.command("GRANT SELECT ON tenant_south.* TO analyst_north_sea__anne")
    assert ask(server, "analyst_north_sea__anne", "SELECT count() FROM tenant_south.t").text == "100000\n"
    ensure_access(owner, access)
    assert code_of(ask(server, "analyst_north_sea__anne", "SELECT count() FROM tenant_south.t")) == "497"


def test_a_locked_tenant_lets_nobody_in_and_keeps_the_passwords(server: EmbeddedServer, owner: Client) -> None:
    access = Access("north-sea", "reader's", [make_analyst("north-sea", "anne")])
    ensure_access(owner, access)
    wrong = server.ask("SELECT 1", "analyst_north_sea__anne", "not it")
    assert ask(server, "analyst_north_sea__anne", "SELECT 1").text == "1\n"
    lock_access(owner, "north-sea")
    locked = ask(server, "analyst_north_sea__anne", "SELECT 1")
    assert (locked.status_code, locked.text) == (wrong.status_code, wrong.text)
    assert server.ask("SELECT 1", "reader_north_sea", "reader's").status_code == 403
    ensure_access(owner, access)
    assert ask(server, "analyst_north_sea__anne", "SELECT 1").text == "1\n"


@pytest.mark.parametrize(
    ("limits", "text", "code"),
    [
        (
            QueryLimits(query_seconds=1),
            f"SELECT count() FROM {MANY} AS x, {MANY} AS y WHERE sipHash64(x.number, y.number) = 17",
            "159",
        ),
        (QueryLimits(query_mib=8), "SELECT length(groupArray(number)) FROM numbers(50000000)", "241"),
        (QueryLimits(query_rows=50_000), "SELECT sum(a) FROM t", "158"),
        (QueryLimits(query_rows=50_000), "SELECT sum(number) FROM numbers(60000)", "158"),
    ],
)
@pytest.mark.parametrize(
    "wish", ["", "SETTINGS max_execution_time = 0, max_rows_to_read = 0", "SETTINGS max_rows_to_read = 9000000000"]
)
def test_a_query_takes_no_more_than_the_tenants_limits(
    server: EmbeddedServer, owner: Client, limits: QueryLimits, text: str, code: str, wish: str
) -> None:
    ensure_access(owner, Access("north-sea", "reader's", [make_analyst("north-sea", "anne")], limits))
    answer = ask(server, "analyst_north_sea__anne", f"{text} {wish}")
    assert code_of(answer) == code, answer.text


def test_an_hours_time_is_counted_for_each_analyst(server: EmbeddedServer, owner: Client) -> None:
    analysts = [make_analyst("north-sea", "calm"), make_analyst("north-sea", "busy")]
    ensure_access(owner, Access("north-sea", "reader's", analysts, QueryLimits(hour_seconds=1)))
    refused = eventually(
        lambda: (answer := ask(server, "analyst_north_sea__busy", "SELECT sleep(1.1)")).is_error and answer
    )
    assert code_of(refused) == "201"
    assert "execution_time = 1.1" in refused.text
    assert ask(server, "analyst_north_sea__calm", "SELECT 1").status_code == 200
    assert server.ask("SELECT 1", "reader_north_sea", "reader's").status_code == 200
    ensure_access(owner, Access("north-sea", "reader's", analysts))
    assert ask(server, "analyst_north_sea__busy", "SELECT 1").status_code == 200


def test_an_unmodified_client_works_as_an_analyst(server: EmbeddedServer, owner: Client) -> None:
    ensure_access(owner, Access("north-sea", "reader's", [make_analyst("north-sea", "client")]))
    with server.connect("analyst_north_sea__client", PASSWORD) as client:
        assert client.query("SELECT count() FROM t").result_rows == [(100_000,)]
        assert client.query("SELECT max(a) FROM tenant_north_sea.t WHERE a < {x:UInt32}", {"x": 9}).first_row == (8,)
    # As the JDBC driver and other clients ask.
    sent = {"async_insert": "1", "wait_for_async_insert": "1", "max_result_rows": "5", "result_overflow_mode": "break"}
    answer = ask(server, "analyst_north_sea__client", "SELECT a FROM t", **sent)
    assert answer.status_code == 200
