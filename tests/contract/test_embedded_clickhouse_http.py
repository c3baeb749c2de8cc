"""ClickHouse's HTTP interface as curl and other plain clients use it."""

from __future__ import annotations

import asyncio
import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import lz4.frame
import pytest
import zstandard

from tests.embedded_clickhouse import OWNER, PASSWORD, EmbeddedServer, end, find_port, launch, serve_embedded
from tests.waiting import eventually


@pytest.fixture(scope="module")
def http(server: EmbeddedServer) -> Iterator[httpx.Client]:
    with server.http() as client:
        yield client


def test_the_server_says_that_it_is_there_to_anybody(server: EmbeddedServer) -> None:
    for path in ("ping", "replicas_status", ""):
        answer = httpx.get(server.url + path)
        assert (answer.status_code, answer.text) == (200, "Ok.\n")


def test_a_query_in_the_address_in_the_body_and_in_both(http: httpx.Client) -> None:
    assert http.get("", params={"query": "SELECT 1"}).text == "1\n"
    assert http.post("", content=b"SELECT 2").text == "2\n"
    http.post("", content=b"CREATE TABLE both (a UInt8, s String) ENGINE = MergeTree ORDER BY a")
    answer = http.post("", params={"query": "INSERT INTO both FORMAT TSV"}, content=b"1\tx\n2\ty\n")
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    http.post("", params={"query": "INSERT INTO both VALUES"}, content=b"(3, 'z');\n")
    http.post("", content=b"INSERT INTO both VALUES ({a:UInt8}, {s:String})", params={"param_a": "4", "param_s": "w"})
    assert (
        http.post("", content=b"SELECT count(), groupArray(s) FROM (SELECT * FROM both ORDER BY a)").text
        == "4\t['x','y','z','w']\n"
    )


def test_an_answer_carries_clickhouses_headers(http: httpx.Client) -> None:
    answer = http.post("", content=b"SELECT number FROM numbers(3) FORMAT JSONEachRow", params={"query_id": "my-id"})
    assert answer.headers["X-ClickHouse-Query-Id"] == "my-id"
    assert answer.headers["X-ClickHouse-Format"] == "JSONEachRow"
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert answer.headers["X-ClickHouse-Timezone"]
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"] == "3"
    assert [json.loads(line)["number"] for line in answer.text.splitlines()] in ([0, 1, 2], ["0", "1", "2"])


def test_the_default_format_can_be_chosen(http: httpx.Client) -> None:
    query = {"default_format": "JSONCompact"}
    assert http.post("", content=b"SELECT 1 AS a", params=query).json()["data"] == [[1]]
    assert http.post("", content=b"SHOW DATABASES", params=query).json()["rows"] >= 2
    assert http.post("", content=b"SELECT 1 AS a FORMAT CSV", params=query).text == "1\n"
    assert http.post("", content=b"SELECT 1", headers={"X-ClickHouse-Format": "Values"}).text == "(1)"


def test_a_whole_json_document_comes_out_of_a_long_result(http: httpx.Client) -> None:
    document = http.post("", content=b"SELECT number FROM numbers(300000) FORMAT JSON").json()
    assert document["rows"] == len(document["data"]) == 300_000


@pytest.mark.parametrize("wait", ["0", "1"])
def test_a_late_error_is_a_status_if_the_end_is_waited_for_and_marked_in_the_body_if_not(
    http: httpx.Client, wait: str
) -> None:
    query = b"SELECT throwIf(number = 3000000) FROM numbers(5000000)"
    answer = http.post("", content=query, params={"wait_end_of_query": wait})
    if wait == "1":
        assert answer.status_code == 500
        assert answer.headers["X-ClickHouse-Exception-Code"] == "395"
    else:
        tag = answer.headers["X-ClickHouse-Exception-Tag"]
        assert answer.status_code == 200
        assert answer.text.endswith(f" {tag}\r\n__exception__\r\n")
        assert f"__exception__\r\n{tag}\r\nCode: 395. DB::Exception" in answer.text


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        ("SELEC 1", 400, 62),
        ("SELECT 1; SELECT 2", 400, 62),
        ("SELECT * FROM no_such_table", 404, 60),
        ("SELECT * FROM no_such_database.t", 404, 81),
        ("SELECT 1 FORMAT NoSuchFormat", 404, 73),
        ("SELECT 1 INTO OUTFILE '/tmp/never'", 501, 48),
        ("INSERT INTO t FROM INFILE '/etc/passwd' FORMAT CSV", 501, 48),
        ("INSERT INTO t SELECT a + 1 FROM input('a UInt8') FORMAT TSV\n1\n", 501, 48),
        ("SET max_threads = 1", 501, 48),
        ("USE system", 501, 48),
        ("GRANT ALL ON *.* TO x", 501, 48),
        ("", 400, 116),
        ("   -- nothing", 400, 116),
    ],
)
def test_errors_have_clickhouses_numbers_and_statuses(http: httpx.Client, content: str, status: int, code: int) -> None:
    answer = http.post("", content=content.encode())
    assert answer.status_code == status, answer.text
    assert answer.headers["X-ClickHouse-Exception-Code"] == str(code)
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert "/dev/fd" not in answer.text


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"no_such_setting": "1"}, 404, 115),
        ({"max_threads": "many"}, 400, 27),
        ({"compress": "1"}, 501, 48),
        ({"decompress": "1"}, 501, 48),
        ({"session_id": "s", "session_check": "1"}, 400, 372),
        ({"database": "no_such"}, 404, 81),
        ({"param_x": "word"}, 400, 457),
        ({"max_threads = 1, readonly": "0"}, 400, 36),
        ({"query_id": "a\r\nSet-Cookie: x"}, 400, 36),
    ],
)
def test_what_the_address_asks_for_is_checked(
    http: httpx.Client, parameters: dict[str, str], status: int, code: int
) -> None:
    answer = http.post("", content=b"SELECT {x:UInt8}", params={"param_x": "1"} | parameters)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code)), answer.text


def test_get_and_head_only_read(http: httpx.Client) -> None:
    answer = http.get("", params={"query": "CREATE TABLE never (a UInt8) ENGINE = Memory"})
    assert answer.headers["X-ClickHouse-Exception-Code"] == "164"
    assert (
        http.get("", params={"query": "CREATE USER never IDENTIFIED BY 'x'"}).headers["X-ClickHouse-Exception-Code"]
        == "164"
    )
    head = http.head("", params={"query": "SELECT 1"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["X-ClickHouse-Summary"]


def test_bodies_are_coded_both_ways(http: httpx.Client) -> None:
    http.post("", content=b"CREATE TABLE coded (a UInt32) ENGINE = MergeTree ORDER BY a")
    for coding, encode in (("gzip", gzip.compress), ("zstd", zstandard.compress), ("lz4", lz4.frame.compress)):
        data = encode(b"INSERT INTO coded FORMAT CSV\n1\n2\n")
        assert http.post("", content=data, headers={"Content-Encoding": coding}).status_code == 200
    assert http.post("", content=b"SELECT count() FROM coded").text == "6\n"
    with httpx.Client(base_url=http.base_url, auth=(OWNER, PASSWORD)) as plain:
        request = {"headers": {"Accept-Encoding": "lz4"}, "content": b"SELECT number FROM numbers(200000) FORMAT TSV"}
        with plain.stream("POST", "", **request) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.headers["Content-Encoding"] == "lz4"
        assert lz4.frame.decompress(raw).count(b"\n") == 200_000
        with plain.stream("POST", "", **request, params={"enable_http_compression": "0"}) as answer:
            assert "Content-Encoding" not in answer.headers
    refused = http.post("", content=b"x", headers={"Content-Encoding": "snappy"})
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (400, "89")


@pytest.mark.parametrize("text", ["INSERT INTO {} VALUES ({}, 'x')", "INSERT INTO {} FORMAT CSV\n{},x\n"])
@pytest.mark.parametrize("refused_by", ["table", "view"])
def test_an_insert_that_the_table_or_a_view_refuses_is_an_error(http: httpx.Client, text: str, refused_by: str) -> None:
    for name in ("refusing_view", "refusing", "refusing_target"):
        http.post("", content=f"DROP TABLE IF EXISTS {name}".encode())
    constraint = "CONSTRAINT below CHECK a < 10"
    table, target = (f", {constraint}", "") if refused_by == "table" else ("", f", {constraint}")
    for statement in (
        f"CREATE TABLE refusing (a UInt8, s String{table}) ENGINE = MergeTree ORDER BY a",
        f"CREATE TABLE refusing_target (a UInt8{target}) ENGINE = MergeTree ORDER BY a",
        "CREATE MATERIALIZED VIEW refusing_view TO refusing_target AS SELECT a FROM refusing",
    ):
        assert http.post("", content=statement.encode()).status_code == 200
    assert http.post("", content=text.format("refusing", 1).encode()).status_code == 200
    refused = http.post("", content=text.format("refusing", 11).encode())
    assert refused.headers.get("X-ClickHouse-Exception-Code") == "469", refused.text
    assert "/dev/fd" not in refused.text
    assert http.post("", content=b"SELECT groupArray(a) FROM refusing_target").text == "[1]\n"


def test_an_insert_that_cannot_be_read_says_where_and_leaves_nothing(http: httpx.Client) -> None:
    http.post("", content=b"CREATE TABLE unreadable (a UInt8, s String) ENGINE = MergeTree ORDER BY a")
    for text, code in (
        ("INSERT INTO unreadable FORMAT CSV\n1,x\nword,y\n", "27"),
        ("INSERT INTO unreadable FORMAT NoSuchFormat\n1,x\n", "73"),
        ("INSERT INTO unreadable (a, FORMAT CSV\n1,x\n", "62"),
        ("INSERT INTO unreadable (a); DROP TABLE unreadable FORMAT CSV\n1\n", "62"),
        ("INSERT INTO no_such_table FORMAT CSV\n1,x\n", "60"),
    ):
        answer = http.post("", content=text.encode())
        assert answer.headers.get("X-ClickHouse-Exception-Code") == code, answer.text
        assert "/dev/fd" not in answer.text
        assert "INFILE '" not in answer.text
    assert http.post("", content=b"SELECT count() FROM unreadable").text == "0\n"


def test_settings_may_stand_in_an_insert(http: httpx.Client) -> None:
    http.post("", content=b"CREATE TABLE settings (a UInt8, d DateTime DEFAULT 1) ENGINE = MergeTree ORDER BY a")
    given = "INSERT INTO settings SETTINGS input_format_skip_unknown_fields = 1, async_insert = 0 FORMAT JSONEachRow\n"
    assert http.post("", content=(given + '{"a": 1, "more": 2}').encode()).status_code == 200
    refused = http.post(
        "",
        content=b'INSERT INTO settings FORMAT JSONEachRow\n{"a": 1, "more": 2}',
        params={"input_format_skip_unknown_fields": "0"},
    )
    assert refused.headers["X-ClickHouse-Exception-Code"] == "117"
    assert http.post("", content=b"SELECT a, toUnixTimestamp(d) FROM settings").text == "1\t1\n"


def test_a_body_in_chunks_larger_than_any_buffer(http: httpx.Client) -> None:
    http.post("", content=b"CREATE TABLE chunks (a UInt64, s String) ENGINE = MergeTree ORDER BY a")

    def chunks(rows: int) -> Iterator[bytes]:
        yield b"INSERT INTO chunks FORMAT CSV\n"
        for start in range(0, rows, 1000):
            yield b"".join(b'%d,"%s"\n' % (number, b"x" * 100) for number in range(start, start + 1000))

    answer = http.post("", content=chunks(200_000))
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "200000", answer.text
    assert http.post("", content=b"SELECT count(), uniqExact(a) FROM chunks").text == "200000\t200000\n"
    truncated = gzip.compress(b"INSERT INTO chunks FORMAT CSV\n" + b"1,x\n" * 1000)[:-8]
    broken = http.post("", content=truncated, headers={"Content-Encoding": "gzip"})
    assert broken.headers["X-ClickHouse-Exception-Code"] == "271"
    assert http.post("", content=b"SELECT count() FROM chunks").text == "200000\n"


@pytest.mark.parametrize(
    ("headers", "parameters", "status"),
    [
        ({}, {}, 401),
        ({"X-ClickHouse-User": OWNER, "X-ClickHouse-Key": PASSWORD}, {}, 200),
        ({}, {"user": OWNER, "password": PASSWORD}, 200),
        ({"X-ClickHouse-User": OWNER, "X-ClickHouse-Key": "wrong"}, {}, 403),
        ({}, {"user": "nobody", "password": PASSWORD}, 403),
        ({"Authorization": "Bearer x"}, {}, 403),
        ({"Authorization": "Basic !!"}, {}, 403),
    ],
)
def test_every_way_to_sign_in(
    server: EmbeddedServer, headers: dict[str, str], parameters: dict[str, str], status: int
) -> None:
    answer = httpx.post(server.url, content=b"SELECT 1", headers=headers, params=parameters)
    assert answer.status_code == status, answer.text
    if status == 403:
        assert answer.headers["X-ClickHouse-Exception-Code"] == "516"
    assert PASSWORD not in answer.text


RUNNING = b"SELECT count() FROM system.processes WHERE query LIKE '%numbers(__00000%' AND query NOT LIKE '%processes%'"


def leave_queries_behind(server: EmbeddedServer) -> None:
    """One client gives up waiting for a count, one leaves in the middle of a stream."""
    counting = b"SELECT count() FROM numbers(9900000000000) WHERE sipHash64(number) = 17"
    with pytest.raises(httpx.ReadTimeout), server.http() as impatient:
        impatient.post("", content=counting, timeout=0.5)
    writing = b"SELECT number, 17 FROM numbers(9900000000000)"
    with server.http() as impatient, impatient.stream("POST", "", content=writing) as answer:
        assert next(answer.iter_bytes())[:5] == b"0\t17\n"


def test_a_query_ends_when_its_client_goes_away(server: EmbeddedServer, http: httpx.Client) -> None:
    leave_queries_behind(server)
    eventually(lambda: http.post("", content=RUNNING).text == "0\n", seconds=20)


def test_a_stream_that_is_held_outlives_the_queries_of_clients_that_left(
    server: EmbeddedServer, http: httpx.Client
) -> None:
    # Far more than all buffers between engine and client hold, so the engine is in the middle of it while it is held.
    held = b"SELECT number, 17 FROM numbers(3300000)"
    with server.http() as patient, patient.stream("POST", "", content=held) as answer:
        # Kept in a name: httpx closes the connection when an iterator over its answer is let go of.
        pieces = answer.iter_bytes()
        received = bytearray(next(pieces))
        for _ in range(2):
            leave_queries_behind(server)
            eventually(lambda: http.post("", content=RUNNING).text == "1\n", seconds=20)
        for piece in pieces:
            received += piece
    assert received == b"".join(b"%d\t17\n" % number for number in range(3_300_000))


def test_the_same_query_id_cannot_run_twice(server: EmbeddedServer) -> None:
    async def ask() -> list[int]:
        async with httpx.AsyncClient(base_url=server.url, auth=(OWNER, PASSWORD), timeout=30) as client:
            request = {"content": b"SELECT sleep(1)", "params": {"query_id": "one-at-a-time"}}
            answers = await asyncio.gather(*(client.post("", **request) for _ in range(2)))
        return sorted(int(answer.headers.get("X-ClickHouse-Exception-Code", "0")) for answer in answers)

    assert asyncio.run(ask()) == [0, 216]


def test_a_second_server_on_the_same_directory_or_port_says_so_and_ends(server: EmbeddedServer, tmp_path: Path) -> None:
    for directory, port, said in (
        (server.directory, find_port(), f"{server.directory} is in use by a running ClickHouse server"),
        (tmp_path / "other", server.port, f"Cannot listen on 127.0.0.1:{server.port}"),
        (Path("/proc/nowhere"), find_port(), "Cannot write in /proc/nowhere"),
    ):
        second = launch(directory, port)
        second.wait(30)
        text = end(second)
        assert second.returncode == 1
        assert said in text
        assert text.count("\n") == 1
    assert server.run("SELECT 1") == "1\n"


APP = """
import asyncio, pathlib, sys, httpx
from clickhouse.embedded.configuration import Limits
from clickhouse.embedded.server import build_app

async def main(directory):
    app = build_app(pathlib.Path(directory), owner="o", owner_password="p", limits=Limits(queries=2, wait=0.5))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x", auth=("o", "p")) as client:
            slow = [asyncio.create_task(client.post("/", content=b"SELECT sleep(2)")) for _ in range(2)]
            await asyncio.sleep(0.3)
            refused = await client.post("/", content=b"SELECT 1")
            print(refused.status_code, refused.headers["X-ClickHouse-Exception-Code"])
            print([answer.status_code for answer in await asyncio.gather(*slow)])
            print((await client.post("/", content=b"SELECT 1")).text)

asyncio.run(main(sys.argv[1]))
"""


def test_more_queries_than_allowed_wait_a_while_and_are_then_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", APP, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split("\n") == ["503 202", "[200, 200]", "1", "", ""], done.stderr


def test_sigterm_ends_the_server_with_success(tmp_path: Path) -> None:
    with serve_embedded(tmp_path / "data") as running:
        running.run("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    assert running.process.returncode == 0
    outside = {path.name for path in tmp_path.iterdir()} - {"data"}
    assert outside == set()
