"""An embedded ClickHouse server in a process of its own, on a free port of loopback, over a folder of the test's."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import clickhouse_connect
import httpx
from clickhouse_connect.driver.client import Client

from tests.waiting import eventually

OWNER = "jalon"
PASSWORD = "an owner's password"
ROOT = Path(__file__).parent.parent


@dataclass
class EmbeddedServer:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    directory: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def connect(self, username: str = OWNER, password: str = PASSWORD, **options: object) -> Client:
        return clickhouse_connect.get_client(
            host="127.0.0.1", port=self.port, username=username, password=password, **options
        )

    def http(self, username: str = OWNER, password: str = PASSWORD) -> httpx.Client:
        return httpx.Client(base_url=self.url, auth=(username, password), timeout=60)

    def ask(self, text: str, username: str = OWNER, password: str = PASSWORD, **parameters: str) -> httpx.Response:
        """Send one query as curl would."""
        with self.http(username, password) as client:
            return client.post("", content=text.encode(), params=parameters)

    def run(self, text: str, **parameters: str) -> str:
        """Send one query of the owner and return its result, which must be a success."""
        answer = self.ask(text, **parameters)
        assert answer.status_code == 200, answer.text
        return answer.text


def find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def launch(directory: Path, port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "clickhouse.embedded", str(directory), "127.0.0.1", str(port), OWNER],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert process.stdin is not None
    process.stdin.write(PASSWORD.encode() + b"\n")
    process.stdin.close()
    return process


def end(process: subprocess.Popen[bytes], *, kill: bool = False) -> str:
    """End the server and return what it said. Ended before: nothing to do."""
    if process.poll() is None:
        (process.kill if kill else process.terminate)()
    process.wait(40)
    assert process.stderr is not None
    if process.stderr.closed:
        return ""
    with process.stderr:
        return process.stderr.read().decode()


@contextmanager
def serve_embedded(directory: Path, port: int | None = None) -> Iterator[EmbeddedServer]:
    """Run the server until the block ends."""
    port = port or find_port()
    process = launch(directory, port)
    try:
        eventually(lambda: answers(port) or process.poll() is not None, seconds=60, pause=0.02)
        assert process.poll() is None, end(process)
        yield EmbeddedServer(port, process, directory)
    finally:
        said = end(process)
    assert said == "", said


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/ping", timeout=2).text == "Ok.\n"
    except httpx.HTTPError:
        return False
