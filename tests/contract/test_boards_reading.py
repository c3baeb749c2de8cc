"""How the boards read: over ClickHouse's HTTP interface, as the tenant's own user, against the embedded server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clickhouse.access import Access, ensure_access
from clickhouse.connection import ClickHouseAddress, Client, connect
from clickhouse.errors import StoreUnavailable
from clickhouse.migration import apply_tenant
from grafana.boards.data import FEWEST
from grafana.boards.macros import expand
from grafana.boards.ranges import read_range
from grafana.boards.reading import Answer, ClickHouseReader
from grafana.dashboards.catalogue import BUILDERS
from grafana.errors import QueryFailed
from tests.waiting import eventually

OWNER_PASSWORD = "owner-pass"


@dataclass
class Server:
    """An embedded server that can be stopped and started again on its port and data."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def address(self) -> ClickHouseAddress:
        return ClickHouseAddress("127.0.0.1", self.port, "jalon", OWNER_PASSWORD)

    def start(self) -> None:
        command = [sys.executable, "-m", "clickhouse.embedded", str(self.folder), "127.0.0.1", str(self.port), "jalon"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True)
        self.process.stdin.write(f"{OWNER_PASSWORD}\n")
        self.process.stdin.close()
        eventually(self._answers, seconds=60)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)

    def _answers(self) -> bool:
        try:
            connect(self.address).close()
        except StoreUnavailable:
            return False
        return True


def fill(client: Client, tenant: str, name: str) -> None:
    apply_tenant(client, tenant)
    ensure_access(client, Access(tenant, f"password of {tenant}"))
    row = {
        "id": "00000000-0000-0000-0000-000000000001",
        "stored": "2026-09-18 08:00:00.250",
        "timestamp": "2026-09-18 08:00:00.000",
        "activity_name": name,
        "source": "lrs",
        "actor": "a" * 32,
        "partition": 0,
        "offset": 1,
        "position": 0,
    }
    database = f"tenant_{tenant.replace('-', '_')}"
    client.raw_insert(f"{database}.statements", insert_block=json.dumps(row).encode(), fmt="JSONEachRow")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        running = Server(tmp_path_factory.mktemp("clickhouse"), taken.getsockname()[1])
    running.start()
    client = connect(running.address)
    fill(client, "alpha", "of alpha")
    fill(client, "beta-x", "of beta")
    client.close()
    yield running
    running.stop()


@pytest.fixture
async def reader(server):
    reading = ClickHouseReader(server.address, lambda tenant: f"password of {tenant}")
    yield reading
    await reading.close()


async def test_values_arrive_as_a_browser_reads_them(reader):
    sql = """
        SELECT stored, activity_name, id, toUInt64(7) AS many, 0.5 AS half, nan AS nothing,
            CAST(NULL AS Nullable(Int32)) AS none, toDateTime('2026-09-18 08:00:00', 'UTC') AS second
        FROM statements FINAL
    """
    answer = await reader.read("alpha", sql)
    assert answer.rows == [
        [
            1789718400250,
            "of alpha",
            "00000000-0000-0000-0000-000000000001",
            7,
            0.5,
            None,
            None,
            1789718400000,
        ]
    ]
    assert answer.columns[0] == ("stored", "DateTime64(3, 'UTC')")
    assert json.loads(json.dumps(answer.to_json()))["columns"][3] == {"name": "many", "type": "UInt64"}


async def test_each_tenant_reads_its_own_and_is_refused_the_others(reader):
    for tenant, name in ("alpha", "of alpha"), ("beta-x", "of beta"), ("alpha", "of alpha"):
        assert (await reader.read(tenant, "SELECT activity_name FROM statements FINAL")).rows == [[name]]
    for sql in (
        "SELECT * FROM tenant_beta_x.statements",
        "SELECT count() FROM system.users",
        "SELECT * FROM url('http://x')",
    ):
        with pytest.raises(QueryFailed) as caught:
            await reader.read("alpha", sql)
        assert caught.value.code == "refused"
        assert "beta" not in str(caught.value)
    assert isinstance(await reader.read("alpha", "SELECT 1"), Answer)


async def test_a_wrong_password_is_a_refusal_and_a_new_one_is_taken_up(server):
    secret = "wrong"
    reading = ClickHouseReader(server.address, lambda tenant: secret)
    with pytest.raises(QueryFailed) as caught:
        await reading.read("alpha", "SELECT 1")
    assert caught.value.code == "refused"
    secret = "password of alpha"
    assert (await reading.read("alpha", "SELECT 1")).rows == [[1]]
    await reading.close()


async def test_a_wrong_query_is_told_apart_from_a_slow_one(reader, server):
    with pytest.raises(QueryFailed) as caught:
        await reader.read("alpha", "SELECT nonsense FROM statements")
    assert caught.value.code == "query"
    hasty = ClickHouseReader(server.address, lambda tenant: f"password of {tenant}", seconds=0.2)
    with pytest.raises(QueryFailed) as caught:
        await hasty.read("alpha", "SELECT sum(cityHash64(number)) FROM numbers(100000000000)")
    assert caught.value.code == "slow"
    await hasty.close()


async def test_a_server_that_was_away_is_read_again_when_it_is_back(reader, server):
    assert (await reader.read("alpha", "SELECT count() FROM statements FINAL")).rows == [[1]]
    server.stop()
    with pytest.raises(QueryFailed) as caught:
        await reader.read("alpha", "SELECT 1")
    assert caught.value.code == "unreachable"
    server.start()
    assert (await reader.read("alpha", "SELECT count() FROM statements FINAL")).rows == [[1]]


@pytest.mark.parametrize("board", BUILDERS)
async def test_every_panel_is_answered_to_the_tenants_own_user(reader, board):
    """Thresholds, and the expressions that cut small groups, work under the engine's access control as well."""
    span = read_range("2026-09-18T00:00", "2026-09-18T10:00", now=datetime(2026, 10, 1, tzinfo=UTC), zone=UTC)
    for panel in BUILDERS[board]("en")["panels"]:
        await reader.read("alpha", expand(panel["targets"][0]["rawSql"], span, 3600))  # or it raises QueryFailed
    assert (await reader.read("alpha", FEWEST)).rows == [[5]]
