"""Clients that are slow, large or many on a real socket, and that they hold nobody else up."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from lrs.limits import Limits
from tests.contract.lrs_server import serve_in_thread
from tests.unit.lrs.world import VERSION, World, make_statement

LIMITS = Limits(head_bytes=64 * 1024, head_seconds=2, body_seconds=20)


class Served:
    """A running LRS and a credential of its."""

    def __init__(self, world: World, address: str) -> None:
        self.world = world
        self.address = address
        self.port = int(address.rpartition(":")[2])
        credential, secret = world.credential()
        self.auth = (credential.key, secret)
        self.basic = base64.b64encode(f"{credential.key}:{secret}".encode()).decode()

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.address, auth=self.auth, headers=VERSION, trust_env=False, timeout=10)

    @contextmanager
    def connect(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            yield connection

    def head(self, *lines: str) -> bytes:
        head = (
            "POST /xAPI/statements HTTP/1.1",
            "Host: lrs",
            "Content-Type: application/json",
            "X-Experience-API-Version: 1.0.3",
            f"Authorization: Basic {self.basic}",
            *lines,
        )
        return ("\r\n".join(head) + "\r\n\r\n").encode()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_in_thread(tmp_path, LIMITS) as (world, address):
        yield Served(world, address)


def receive_all(connection: socket.socket) -> bytes:
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionResetError:  # the server does not read what comes after its refusal
        pass
    return received


def test_slow_bodies_hold_nobody_up(served: Served) -> None:
    with served.client() as client, ExitStack() as stack:
        assert client.get("/xAPI/statements").status_code == 200
        slow = [stack.enter_context(served.connect()) for _ in range(300)]
        for connection in slow:
            connection.sendall(served.head("Content-Length: 1000") + b"[")
        for _ in range(20):
            # Within the client's timeout, which is half of what the slow ones have left.
            assert client.post("/xAPI/statements", json=make_statement()).status_code == 200
            assert client.get("/xAPI/statements", params={"limit": 1}).status_code == 200
        body = b" " * 996 + b"]"
        for connection in slow[:3]:
            connection.sendall(b" " * (999 - len(body)) + body)
            assert connection.recv(65_536).startswith(b"HTTP/1.1 ")


def test_heads_that_never_end_are_given_up_and_hold_nobody_up(served: Served) -> None:
    with served.client() as client, ExitStack() as stack:
        slow = [stack.enter_context(served.connect()) for _ in range(100)]
        for number, connection in enumerate(slow):
            connection.sendall(b"GET /xAPI/about HTTP/1.1\r\nHost: lrs\r\nX-Slow"[: number or None])
        assert client.get("/xAPI/statements").status_code == 200
        for connection in slow:
            assert receive_all(connection).startswith(b"HTTP/1.1 408 ")


def test_a_connection_that_says_nothing_is_given_up(served: Served) -> None:
    with served.connect() as connection:
        assert b'"request-timeout"' in receive_all(connection)


def test_a_second_head_on_a_connection_is_bounded_in_time_too(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: lrs\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /heal")
        assert receive_all(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("piece", [b"X-Flood: abc\r\n" * 100, b"X" * 4096])
def test_a_flood_of_headers_or_one_without_end_is_refused(served: Served, piece: bytes) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /xAPI/about HTTP/1.1\r\nHost: lrs\r\n")
        if piece.startswith(b"XX"):
            connection.sendall(b"X-Long: ")
        try:
            for _ in range(10_000):
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was refused before it had said all
        else:
            pytest.fail("it took everything")
        received = receive_all(connection)
    # The refusal itself is lost where the system drops a connection with unread bytes.
    assert received == b"" or received.startswith(b"HTTP/1.1 431 ")
    with served.client() as client:
        assert client.get("/xAPI/about").status_code == 200


def test_headers_just_over_the_limit_are_told_so(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"GET /xAPI/about HTTP/1.1\r\nHost: lrs\r\nX-Long: " + b"x" * (64 * 1024))
        received = receive_all(connection)
    assert received.startswith(b"HTTP/1.1 431 ")
    assert b'"head-too-large"' in received


def test_the_bound_is_on_one_request_not_on_the_connection(served: Served) -> None:
    with served.client() as client:
        for _ in range(20):
            assert client.get("/xAPI/about", headers={"X-Long": "x" * 10_000}).status_code == 200


def test_trailers_are_left_aside(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Headers] = []
    read = served.world.services.bodies.read

    @asynccontextmanager
    async def watch(request: Request) -> AsyncIterator[bytes]:
        async with read(request) as body:
            seen.append(Headers(scope=request.scope))
            yield body

    monkeypatch.setattr(served.world.services.bodies, "read", watch)
    with served.connect() as connection:
        connection.sendall(served.head("Transfer-Encoding: chunked", "Connection: close") + b"2\r\n[]\r\n0\r\n")
        connection.sendall(b"X-Trailer: 1\r\n" * 100 + b"\r\n")
        receive_all(connection)
    assert len(seen) == 1
    assert "x-trailer" not in seen[0]


def test_a_long_query_is_414(served: Served) -> None:
    with served.client() as client:
        answer = client.get("/xAPI/statements", params={"verb": "x" * 20_000})
        assert (answer.status_code, answer.json()["code"]) == (414, "query-too-long")
        assert client.get("/xAPI/statements").status_code == 200


def test_writes_that_kafka_does_not_acknowledge_are_503_and_what_does_not_need_it_goes_on(tmp_path: Path) -> None:
    with serve_in_thread(tmp_path, Limits(ack_seconds=0.5)) as (world, address):
        served = Served(world, address)
        world.log.acknowledges.clear()
        with served.client() as client:
            answer = client.post("/xAPI/statements", json=make_statement())
            assert (answer.status_code, answer.json()["code"]) == (503, "outcome-unknown")
            assert int(answer.headers["retry-after"]) >= 1
            assert client.get("/xAPI/about").status_code == 200


def test_a_preflight_of_a_browser_is_answered(served: Served) -> None:
    headers = {"Origin": "https://content.example", "Access-Control-Request-Method": "PUT"}
    answer = httpx.options(f"{served.address}/xAPI/statements", headers=headers, trust_env=False)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
