"""A tenant's login on the embedded server: its own database and nothing else, whatever it asks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

from tests.embedded_clickhouse import EmbeddedServer
from tests.waiting import eventually

WORD = "a reader's pass\\word"
SECRET = "what only b may know"


def add_tenant(server: EmbeddedServer, letter: str, secret: str) -> None:
    server.run(f"CREATE DATABASE tenant_{letter}")
    server.run(f"CREATE TABLE tenant_{letter}.t (a Int32, s String) ENGINE = MergeTree ORDER BY a")
    server.run(f"INSERT INTO tenant_{letter}.t VALUES (1, '{secret}'), (2, 'y')")
    server.run(f"CREATE VIEW tenant_{letter}.v AS SELECT a, s FROM tenant_{letter}.t WHERE a = 2")
    escaped = WORD.replace("\\", "\\\\")
    server.run(
        f"CREATE USER IF NOT EXISTS reader_{letter} IDENTIFIED WITH sha256_password BY {{word:String}}",
        param_word=escaped,
    )
    server.run(f"GRANT SELECT ON tenant_{letter}.* TO reader_{letter}")


@pytest.fixture(scope="module", autouse=True)
def _tenants(server: EmbeddedServer) -> None:
    add_tenant(server, "a", "mine")
    add_tenant(server, "b", SECRET)


@pytest.fixture(scope="module")
def reader(server: EmbeddedServer) -> Iterator[httpx.Client]:
    with server.http("reader_a", WORD) as client:
        yield client


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT a FROM t ORDER BY a DESC", "2\n1\n"),
        ("SELECT a FROM tenant_a.t ORDER BY a LIMIT 1", "1\n"),
        ("select s from v format JSONEachRow", '{"s":"y"}\n'),
        ("WITH x AS (SELECT * FROM t) SELECT count() FROM x", "2\n"),
        ("SELECT count() FROM t WHERE a IN (SELECT a FROM v)", "1\n"),
        ("SELECT 1 UNION ALL SELECT 1", "1\n1\n"),
        ("SELECT a FROM t WHERE a = {x:Int32}", "2\n"),
        ("SELECT arrayMap(x -> x + 1, [1, 2])", "[2,3]\n"),
        ("SELECT x.a FROM t AS x JOIN t AS y ON x.a = y.a ORDER BY x.a LIMIT 1 SETTINGS max_threads = 1", "1\n"),
        ("SHOW TABLES", "t\nv\n"),
        ("SHOW DATABASES", "tenant_a\n"),
        ("DESCRIBE TABLE t FORMAT TSV", "a\tInt32\t\t\t\t\t\ns\tString\t\t\t\t\t\n"),
        ("SELECT name FROM system.databases", "tenant_a\n"),
        ("SELECT name FROM system.tables WHERE database LIKE 'tenant%' ORDER BY name", "t\nv\n"),
        ("SELECT currentDatabase()", "tenant_a\n"),
    ],
)  # fmt: skip
def test_a_reader_asks_its_own_database_what_it_likes(reader: httpx.Client, text: str, expected: str) -> None:
    answer = reader.post("", content=text.encode(), params={"param_x": "2"})
    assert (answer.status_code, answer.text) == (200, expected)


ATTACKS = [
    "SELECT * FROM tenant_b.t",
    "SELECT * FROM `tenant_b`.`t`",
    'SELECT * FROM "tenant_b"."t"',
    "SELECT * FROM tenant_b . t",
    "FROM tenant_b.t SELECT *",
    "SELECT * FROM tenant_b.v",
    "SELECT * FROM t UNION ALL SELECT * FROM tenant_b.t",
    "SELECT * FROM t EXCEPT SELECT * FROM tenant_b.t",
    "SELECT (SELECT s FROM tenant_b.t LIMIT 1)",
    "WITH (SELECT s FROM tenant_b.t LIMIT 1) AS x SELECT x",
    "WITH t AS (SELECT * FROM tenant_b.t) SELECT * FROM t",
    "SELECT 1 IN (SELECT a FROM tenant_b.t)",
    "SELECT tuple(1, 'x') IN tenant_b.t",
    "SELECT * FROM t WHERE a IN tenant_b.t",
    "SELECT exists(SELECT 1 FROM tenant_b.t)",
    "SELECT * FROM t ORDER BY (SELECT max(a) FROM tenant_b.t)",
    "SELECT * FROM t LIMIT (SELECT max(a) FROM tenant_b.t)",
    "SELECT * FROM t JOIN tenant_b.t AS u ON 1 = 1",
    "SELECT * FROM (SELECT * FROM tenant_b.t) AS t",
    "SELECT * FROM view(SELECT * FROM tenant_b.t)",
    "SELECT throwIf(1, (SELECT s FROM tenant_b.t LIMIT 1))",
    "SELECT * FROM merge('tenant_b', '.*')",
    "SELECT * FROM merge('system', 'processes')",
    "SELECT * FROM cluster('default', tenant_b.t)",
    "SELECT * FROM remote('127.0.0.1', 'tenant_b', 't')",
    "SELECT * FROM loop(tenant_b.t)",
    "SELECT * FROM mergeTreeIndex('tenant_b', 't')",
    "SELECT * FROM dictionary('x')",
    "SELECT dictGet('tenant_b.d', 's', 1)",
    "SELECT joinGet('tenant_b.j', 's', 1)",
    "SELECT hasColumnInTable('tenant_b', 't', 's')",
    "SELECT * FROM {place:Identifier}.t",
    "SELECT * FROM {place:Identifier}",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT file('/etc/passwd')",
    "SELECT FiLe('/etc/passwd')",
    "SELECT `file`('/etc/passwd')",
    "SELECT arrayMap(file, ['/etc/passwd'])",
    "SELECT arrayMap(x -> file(x), ['/etc/passwd'])",
    "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
    "SELECT * APPLY(x -> file('/etc/passwd')) FROM t",
    "SELECT * REPLACE(file('/etc/passwd') AS s) FROM t",
    "SELECT getServerSetting('path')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:1/b/c', 'LineAsString')",
    "SELECT * FROM executable('id', 'TSV', 'a String')",
    "SELECT * FROM python('x')",
    "SELECT aiGenerate('x', 'y')",
    "SELECT * FROM t INTO OUTFILE '/tmp/never'",
    "SELECT * FROM t INTO OUTFILE '/tmp/never' TRUNCATE FORMAT TSV",
    "SELECT * FROM t FORMAT Template SETTINGS format_template_resultset = '/etc/passwd'",
    "SELECT * FROM t FORMAT Protobuf SETTINGS output_format_schema = '/tmp/never'",
    "SELECT * FROM system.processes",
    "SELECT * FROM SYSTEM.processes",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system.errors",
    "SELECT * FROM system.users",
    "SELECT * FROM system.roles",
    "SELECT * FROM system.grants",
    "SELECT * FROM system.parts",
    "SELECT * FROM default.`/etc/passwd`",
    "SELECT 1; SELECT * FROM tenant_b.t",
    "SELECT 1 /* ; */ ; -- x\nSELECT 2",
    "SELECT 1) UNION ALL (SELECT s FROM tenant_b.t",
    "SELECT (1",
    "SELECT 1 /* open",
    "EXPLAIN SELECT * FROM tenant_b.t",
    "EXPLAIN AST SELECT * FROM tenant_b.t",
    "SELECT * FROM (EXPLAIN SELECT 1)",
    "DESCRIBE tenant_b.t",
    "DESCRIBE (SELECT * FROM tenant_b.t)",
    "DESCRIBE file('/etc/passwd')",
    "SHOW TABLES FROM tenant_b",
    "SHOW CREATE TABLE tenant_b.t",
    "SHOW PROCESSLIST",
    "SHOW USERS",
    "SHOW MERGES",
    "EXISTS tenant_b.t",
    "CHECK TABLE t",
    "INSERT INTO t VALUES (3, 'x')",
    "INSERT INTO t SELECT 3, 'x'",
    "DROP TABLE t",
    "TRUNCATE TABLE t",
    "ALTER TABLE t DELETE WHERE 1",
    "DELETE FROM t WHERE 1",
    "OPTIMIZE TABLE t",
    "CREATE TABLE tenant_a.z (a Int8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE z (a Int8)",
    "CREATE VIEW tenant_a.w DEFINER = default SQL SECURITY DEFINER AS SELECT * FROM tenant_b.t",
    "CREATE USER x IDENTIFIED BY 'y'",
    "ALTER USER reader_b IDENTIFIED BY 'y'",
    "DROP USER reader_b",
    "GRANT SELECT ON tenant_b.* TO reader_a",
    "SET ROLE jalon_owner",
    "SET ROLE ALL",
    "SET readonly = 0",
    "USE tenant_b",
    "EXECUTE AS default SELECT * FROM tenant_b.t",
    "KILL QUERY WHERE 1",
    "SYSTEM FLUSH LOGS",
    "BACKUP DATABASE tenant_b TO File('x')",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT * FROM (SELECT 1 SETTINGS allow_ddl = 1)",
    "SELECT 1 SETTINGS use_query_cache = 1",
    "SELECT * FROM t SETTINGS additional_table_filters = {'t': '1'}",
    "exit",
    "quit",
    "??",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_everything_else_is_refused_and_says_nothing(reader: httpx.Client, text: str) -> None:
    answer = reader.post("", content=text.encode(), params={"param_place": "tenant_b"})
    assert answer.status_code in {400, 403, 500}, answer.text
    assert answer.headers["X-ClickHouse-Exception-Code"] in {"36", "62", "164", "497"}
    assert SECRET not in answer.text
    assert "root:" not in answer.text


def test_a_deeply_nested_statement_is_answered_or_refused(reader: httpx.Client) -> None:
    nested = {depth: "SELECT * FROM (" * depth + "SELECT 7" + ")" * depth for depth in (1, 15, 60, 400)}
    codes = {}
    for depth, text in nested.items():
        answer = reader.post("", content=text.encode())
        codes[depth] = (answer.status_code, answer.headers.get("X-ClickHouse-Exception-Code"))
    assert codes[1] == codes[15] == (200, None)
    assert codes[400] == (500, "306")
    assert codes[60] in {(200, None), (400, "167")}


def test_attacks_left_nothing_behind(server: EmbeddedServer) -> None:
    assert server.run("SELECT count() FROM tenant_a.t") == "2\n"
    assert server.run("SHOW TABLES FROM tenant_a") == "t\nv\n"
    assert server.run("SHOW USERS") == "jalon\nreader_a\nreader_b\n"
    assert not Path("/tmp/never").exists()


@pytest.mark.parametrize("text", ["SELECT * FROM {}.t", "SHOW TABLES FROM {}", "DESCRIBE {}.t", "SELECT * FROM {}.x"])
def test_another_tenants_database_and_none_at_all_look_alike(reader: httpx.Client, text: str) -> None:
    said = {
        name: reader.post("", content=text.format(name).encode()).text.replace(name, "X")
        for name in ("tenant_b", "tenant_zz")
    }
    assert said["tenant_b"] == said["tenant_zz"]
    as_database = {
        name: reader.post("", content=b"SELECT 1", params={"database": name}).text.replace(name, "X")
        for name in ("tenant_b", "tenant_zz")
    }
    assert as_database["tenant_b"] == as_database["tenant_zz"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"readonly": "0"},
        {"max_memory_usage": "0"},
        {"allow_ddl": "1"},
        {"role": "jalon_owner"},
        {"default_format": "TSV SETTINGS readonly=0"},
        {"format_template_resultset": "/etc/passwd"},
    ],
)
def test_settings_that_would_widen_a_readers_rights_are_refused(
    reader: httpx.Client, parameters: dict[str, str]
) -> None:
    answer = reader.post("", content=b"SELECT 1", params=parameters)
    assert answer.status_code in {400, 500, 501}, answer.text


def test_the_engine_itself_enforces_the_grant(server: EmbeddedServer) -> None:
    """A view of the tenant's own database that reads another one, which no look at the statement could refuse."""
    server.run("CREATE VIEW tenant_a.leak AS SELECT * FROM tenant_b.t")
    try:
        answer = server.ask("SELECT * FROM leak", "reader_a", WORD)
    finally:
        server.run("DROP VIEW tenant_a.leak")
    assert answer.status_code == 403, answer.text
    assert SECRET not in answer.text
    assert re.match(r"Code: 497\. DB::Exception: reader_a: Not enough privileges", answer.text)


def test_a_readers_queries_end_after_their_time(reader: httpx.Client) -> None:
    endless = b"SELECT count() FROM numbers(1000000000000) WHERE sipHash64(number) = 17"
    answer = reader.post("", content=endless, params={"max_execution_time": "1"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "159"
    assert reader.post("", content=b"SELECT getSetting('max_execution_time')").text == "30\n"


def test_an_unmodified_client_reads_as_a_reader(server: EmbeddedServer) -> None:
    with server.connect("reader_a", WORD) as client:
        assert client.query("SELECT a, s FROM t ORDER BY a").result_rows == [(1, "mine"), (2, "y")]
        assert client.query("SELECT {x:Int32} AS x", parameters={"x": 4}).result_rows == [(4,)]
        with client.query_rows_stream("SELECT number FROM numbers(300000)") as rows:
            assert sum(1 for _ in rows) == 300_000
        with pytest.raises(DatabaseError) as refused:
            client.command("DROP TABLE t")
        assert refused.value.code == 497
        with pytest.raises(DatabaseError, match="external tables"):
            client.query("SELECT * FROM x", external_data=ExternalData(file_name="x", data=b"1", structure="a UInt8"))
    with server.connect("reader_a", WORD, database="tenant_a") as client:
        assert client.command("SELECT count() FROM t") == 2


def test_grants_and_passwords_change_while_others_work(server: EmbeddedServer) -> None:
    def keep_asking(_number: int) -> int:
        done = 0
        until = time.monotonic() + 2
        while time.monotonic() < until:
            assert server.ask("SELECT count() FROM t", "reader_a", WORD).text == "2\n"
            assert server.run("SELECT count() FROM tenant_b.t") == "2\n"
            done += 1
        return done

    with ThreadPoolExecutor(3) as others:
        asking = [others.submit(keep_asking, number) for number in range(3)]
        add_tenant(server, "c", "of c")
        assert server.ask("SELECT s FROM t WHERE a = 1", "reader_c", WORD).text == "of c\n"
        server.run("ALTER USER reader_c IDENTIFIED WITH sha256_password BY 'new'")
        assert server.ask("SELECT 1", "reader_c", WORD).status_code == 403
        assert server.ask("SELECT count() FROM t", "reader_c", "new").text == "2\n"
        server.run("REVOKE SELECT ON tenant_c.* FROM reader_c")
        assert server.ask("SELECT count() FROM tenant_c.t", "reader_c", "new").status_code == 403
        server.run("DROP USER reader_c")
        assert server.ask("SELECT 1", "reader_c", "new").status_code == 403
        assert all(task.result() > 0 for task in asking)
    server.run("DROP DATABASE tenant_c")


def test_a_grant_waits_for_running_queries_and_disturbs_none(server: EmbeddedServer) -> None:
    server.run("CREATE USER late IDENTIFIED WITH sha256_password BY 'word'")
    with ThreadPoolExecutor(2) as others:
        slow = others.submit(server.run, "SELECT sleep(2)")
        streaming = others.submit(server.run, "SELECT count(), sum(sleepEachRow(0.01)) FROM numbers(150)")
        eventually(lambda: server.run("SELECT count() FROM system.processes") == "3\n", seconds=10)
        server.run("GRANT SELECT ON tenant_a.* TO late")
        assert server.ask("SELECT version()", "late", "word").status_code == 200
        assert not slow.done()
        assert server.ask("SELECT count() FROM t", "late", "word").text == "2\n"
        assert slow.done()
        assert (slow.result(), streaming.result()) == ("0\n", "150\t0\n")
    server.run("DROP USER late")
