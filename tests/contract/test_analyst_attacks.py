"""What an analyst tries against other tenants of the embedded server: nothing comes, not even a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from clickhouse.access import Access, drop_access, ensure_access
from tests.attacks import BLIND, NAMED
from tests.contract.test_analysts import PASSWORD, make_analyst
from tests.embedded_clickhouse import EmbeddedServer

OWN, OTHER, ABSENT = "tenant_curious", "tenant_qzjx_one", "tenant_abcd_one"
SECRET = 4_242_042


@pytest.fixture(scope="module")
def analyst(server: EmbeddedServer) -> Iterator[httpx.Client]:
    with server.connect() as owner:
        for tenant, database, value in (("curious", OWN, 1), ("qzjx-one", OTHER, SECRET)):
            owner.command(f"CREATE DATABASE {database}")
            owner.command(f"CREATE TABLE {database}.t (a UInt32) ENGINE = MergeTree ORDER BY a")
            owner.command(f"INSERT INTO {database}.t VALUES ({value})")
            owner.command(f"CREATE VIEW {database}.v AS SELECT * FROM {database}.t")
            ensure_access(owner, Access(tenant, f"of {tenant}", [make_analyst(tenant, "anne")]))
        owner.command(
            f"CREATE DICTIONARY {OTHER}.d (a UInt64, b UInt64) PRIMARY KEY a "
            f"SOURCE(CLICKHOUSE(TABLE 't' DB '{OTHER}')) LAYOUT(FLAT()) LIFETIME(0)"
        )
        with server.http("analyst_curious__anne", PASSWORD) as client:
            yield client
        for tenant, database in (("curious", OWN), ("qzjx-one", OTHER)):
            drop_access(owner, tenant)
            owner.command(f"DROP DATABASE {database}")


def test_nothing_comes_of_what_names_nobody(analyst: httpx.Client) -> None:
    told = {}
    for text in BLIND:
        answer = analyst.post("", content=text.encode())
        if str(SECRET) in answer.text or "qzjx" in answer.text or "root:" in answer.text:
            told[text] = answer.text
    assert told == {}
    assert not Path("/tmp/never").exists()


def test_every_statement_that_names_a_database_is_refused_alike_whether_it_is_there(analyst: httpx.Client) -> None:
    told = {}
    for text in NAMED:
        found = []
        for name in (OTHER, ABSENT):
            answer = analyst.post("", content=text.format(name).encode())
            found.append((answer.status_code, answer.text.replace(name, "X")))
        if found[0] != found[1] or found[0][0] == 200:
            told[text] = found
    assert told == {}


def test_what_is_named_beside_the_statement_is_refused_alike(analyst: httpx.Client) -> None:
    for parameter in ("database", "param_x"):
        found = set()
        for name in (OTHER, ABSENT):
            answer = analyst.post("", content=b"SELECT * FROM {x:Identifier}.t", params={parameter: name})
            found.add((answer.status_code, answer.text.replace(name, "X")))
        assert len(found) == 1
        assert found.pop()[0] >= 400


def test_attacks_have_changed_nothing(server: EmbeddedServer, analyst: httpx.Client) -> None:
    assert analyst.post("", content=b"SELECT * FROM t").text == "1\n"
    assert server.run(f"SELECT a FROM {OTHER}.t") == f"{SECRET}\n"
    assert server.run(f"SHOW TABLES FROM {OWN}") == "t\nv\n"
    assert server.ask("SELECT * FROM t", "analyst_qzjx_one__anne", PASSWORD).text == f"{SECRET}\n"
