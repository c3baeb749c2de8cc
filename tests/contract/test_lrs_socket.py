"""The LRS as clients meet it on the wire: large and slow bodies, HEAD, keep-alive, and what is logged meanwhile."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lrs.limits import Limits
from tests.contract.lrs_server import serve_in_thread
from tests.unit.lrs.world import VERSION, World, make_statement

Served = tuple[World, httpx.Client]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_in_thread(tmp_path, Limits(body_seconds=0.3)) as (world, address):
        auth = world.credential(sees=True)
        with httpx.Client(
            base_url=address, auth=(auth[0].key, auth[1]), headers=VERSION, trust_env=False, timeout=30
        ) as client:
            yield world, client


def test_a_body_of_1_gb_is_refused_and_the_next_request_is_served(served: Served) -> None:
    _, client = served
    chunk = b" " * 2**20

    def body() -> Iterator[bytes]:
        for _ in range(2**10):
            yield chunk

    headers = {"Content-Length": str(2**30), "Content-Type": "application/json"}
    answer = client.post("/xAPI/statements", content=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert client.post("/xAPI/statements", json=make_statement()).status_code == 200


def test_a_chunked_body_that_never_ends_is_refused_at_the_limit(served: Served) -> None:
    world, client = served

    def body() -> Iterator[bytes]:
        for _ in range(64):
            yield b" " * 2**20

    answer = client.post("/xAPI/statements", content=body(), headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert world.services.bodies.held == 0


def test_a_slow_body_is_given_up_with_an_answer(served: Served) -> None:
    _, client = served
    port = client.base_url.port
    assert port is not None
    request = client.build_request("POST", "/xAPI/statements", content=b"[" + b" " * 999)
    authorization = next(client.auth.sync_auth_flow(request)).headers["authorization"]  # type: ignore[union-attr]
    head = (
        "POST /xAPI/statements HTTP/1.1\r\nHost: lrs\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n"
        f"X-Experience-API-Version: 1.0.3\r\nAuthorization: {authorization}\r\n\r\n["
    )
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head.encode())
        received = b""
        while part := connection.recv(65_536):
            received += part
    assert received.startswith(b"HTTP/1.1 408 ")
    assert b'"request-timeout"' in received


def test_head_has_no_body_and_the_connection_goes_on(served: Served) -> None:
    _, client = served
    (statement_id,) = client.post("/xAPI/statements", json=make_statement()).json()
    head = client.head("/xAPI/statements", params={"statementId": statement_id})
    full = client.get("/xAPI/statements", params={"statementId": statement_id})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(full.content))


def test_nothing_is_logged_of_who_is_asked_for(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    _, client = served
    with caplog.at_level(logging.INFO):
        client.get("/xAPI/statements", params={"agent": '{"mbox":"mailto:lovelace@example.org"}'})
        client.post("/xAPI/statements", json=make_statement(actor={"mbox": "lovelace@example.org"}))
    ours = [record for record in caplog.records if not record.name.startswith("httpx")]
    assert not [record for record in ours if "lovelace" in str(vars(record))]
