"""What the embedded server has acknowledged is there after SIGKILL, and it is back within seconds."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import httpx

from tests.embedded_clickhouse import OWNER, PASSWORD, EmbeddedServer, end, find_port, serve_embedded
from tests.waiting import eventually


def add_reader(server: EmbeddedServer) -> None:
    server.run("CREATE DATABASE own")
    server.run("CREATE TABLE own.t (a UInt8) ENGINE = MergeTree ORDER BY a")
    server.run("INSERT INTO own.t VALUES (1)")
    server.run("CREATE USER reader IDENTIFIED WITH sha256_password BY 'word'")
    server.run("GRANT SELECT ON own.* TO reader")


def test_acknowledged_rows_logins_and_grants_outlive_repeated_kills(tmp_path: Path) -> None:
    directory, port = tmp_path / "data", find_port()
    acknowledged: list[int] = []
    for life in range(2):
        began = time.monotonic()
        with serve_embedded(directory, port) as server:
            back = time.monotonic() - began
            server.run("CREATE TABLE IF NOT EXISTS t (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
            if life == 0:
                add_reader(server)
            found = {int(line) for line in server.run("SELECT a FROM t").split()}
            assert found >= set(acknowledged), f"life {life}: lost {sorted(set(acknowledged) - found)[:5]}"
            assert back < 20, f"{back:.1f} s to start"
            stop = threading.Event()

            def write(first: int, port: int = port, stop: threading.Event = stop) -> None:
                with httpx.Client(base_url=f"http://127.0.0.1:{port}/", auth=(OWNER, PASSWORD)) as client:
                    number = first
                    while not stop.is_set():
                        rows = b"".join(b"%d,x\n" % row for row in range(number, number + 20))
                        try:
                            answer = client.post("", content=b"INSERT INTO t FORMAT CSV\n" + rows)
                        except httpx.HTTPError:
                            return
                        if answer.status_code == 200:
                            acknowledged.extend(range(number, number + 20))
                        number += 20

            already = len(acknowledged)
            writers = [threading.Thread(target=write, args=((life * 2 + side) * 1_000_000,)) for side in (0, 1)]
            for writer in writers:
                writer.start()
            eventually(lambda before=already: len(acknowledged) > before + 200, seconds=30)
            end(server.process, kill=True)
            stop.set()
            for writer in writers:
                writer.join(30)
    assert len(acknowledged) > 400
    with serve_embedded(directory, port) as server:
        assert server.ask("SELECT a FROM t", "reader", "word").text == "1\n"
        assert server.ask("SELECT a FROM t", "reader", "wrong").status_code == 403
        assert {int(line) for line in server.run("SELECT a FROM t").split()} >= set(acknowledged)
