"""multipart/mixed on the wire: bodies as others write them, answers as Python's e-mail package reads them."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Iterator
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.policy import HTTP
from pathlib import Path

import httpx
import pytest
from obstore.store import LocalStore

from tests.attachments import MULTIPART, Objects, describe, read_answer, write_body
from tests.contract.lrs_server import serve_in_thread
from tests.unit.lrs.world import VERSION, World, make_statement
from tests.waiting import eventually

RESOURCE = "/xAPI/statements"
LARGE = bytes(range(256)) * 40_000
Served = tuple[World, httpx.Client, Objects]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    objects = Objects(tmp_path / "objects")
    objects.folder.mkdir()
    with serve_in_thread(tmp_path, objects=LocalStore(objects.folder)) as (world, address):
        credential, secret = world.credential(sees=True)
        with httpx.Client(
            base_url=address, auth=(credential.key, secret), headers=VERSION, trust_env=False, timeout=30
        ) as client:
            yield world, client, objects


def read_back(client: httpx.Client, statement_id: str) -> list[bytes]:
    answer = client.get(RESOURCE, params={"statementId": statement_id, "attachments": "true"})
    read = read_answer(answer.headers["content-type"], answer.content)
    assert read.json["id"] == statement_id
    return read.contents


def test_a_body_that_pythons_email_package_writes(served: Served) -> None:
    _, client, _ = served
    content = b"line one\r\nline two, \xc3\xa9 and \xff\r\n\r\n"
    message = MIMEMultipart("mixed")
    first = MIMEBase("application", "json")
    first.set_payload(json.dumps(make_statement(attachments=[describe(content)])))
    message.attach(first)
    part = MIMEBase("application", "pdf")
    part["Content-Transfer-Encoding"] = "binary"
    part["X-Experience-API-Hash"] = hashlib.sha256(content).hexdigest()
    part.set_payload(content.decode("ascii", "surrogateescape"))
    message.attach(part)
    head, _, body = message.as_bytes(policy=HTTP).partition(b"\r\n\r\n")
    assert b"multipart/mixed" in head
    answer = client.post(
        RESOURCE, content=body, headers={"Content-Type": f'multipart/mixed; boundary="{message.get_boundary()}"'}
    )
    assert answer.status_code == 200, answer.text
    assert read_back(client, answer.json()[0]) == [content]


def test_a_body_as_the_specification_shows_one(served: Served) -> None:
    _, client, _ = served
    content = b"here is a simple attachment"
    statement = json.dumps(make_statement(attachments=[describe(content, contentType="text/plain")])).encode()
    body = (
        b"\r\n--abcABC0123'()+_,-./:=?\r\n"
        b"Content-Type:application/json\r\n\r\n" + statement + b"\r\n--abcABC0123'()+_,-./:=?\r\n"
        b"Content-Type:text/plain\r\n"
        b"content-transfer-encoding:BINARY\r\n"
        b"x-experience-api-hash:"
        + hashlib.sha256(content).hexdigest().upper().encode()
        + b"\r\n\r\n"
        + content
        + b"\r\n--abcABC0123'()+_,-./:=?--"
    )
    answer = client.post(
        RESOURCE, content=body, headers={"Content-Type": 'multipart/mixed; boundary="abcABC0123\'()+_,-./:=?"'}
    )
    assert answer.status_code == 200, answer.text
    assert read_back(client, answer.json()[0]) == [content]


def test_many_large_and_empty_contents_pass_in_chunks(served: Served) -> None:
    _, client, _ = served
    contents = [LARGE, b"", b"\r\n", LARGE[::-1], b"--"]
    body = write_body(make_statement(attachments=[describe(content) for content in contents]), *contents)

    def in_pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 10_007):
            yield body[start : start + 10_007]

    answer = client.post(RESOURCE, content=in_pieces(), headers=MULTIPART)
    assert answer.status_code == 200, answer.text
    assert read_back(client, answer.json()[0]) == contents


def test_a_client_that_goes_away_half_way_leaves_nothing(served: Served) -> None:
    world, client, objects = served
    body = write_body(make_statement(attachments=[describe(LARGE)]), LARGE)
    request = client.build_request("POST", RESOURCE, content=body, headers=MULTIPART)
    request = next(client.auth.sync_auth_flow(request))  # type: ignore[union-attr]
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection(("127.0.0.1", client.base_url.port or 0)) as connection:
        connection.sendall(f"POST {RESOURCE} HTTP/1.1\r\n{head}\r\n".encode() + body[: len(body) // 2])
        eventually(lambda: world.services.receiving.staging.held > len(LARGE) // 3)
        assert objects.files()
    eventually(lambda: world.services.receiving.staging.held == 0)
    eventually(lambda: objects.files() == [])
    assert client.post(RESOURCE, json=make_statement()).status_code == 200


def test_a_refusal_half_way_is_read_by_a_client_that_goes_on_sending(served: Served) -> None:
    _, client, _ = served
    body = write_body(make_statement(), LARGE)
    for _ in range(3):
        answer = client.post(RESOURCE, content=body, headers=MULTIPART)
        assert (answer.status_code, answer.json()["code"]) == (400, "attachment-unexpected")
    assert client.post(RESOURCE, json=make_statement()).status_code == 200


def test_a_damaged_content_is_an_answer_that_does_not_end(served: Served) -> None:
    _, client, objects = served
    body = write_body(make_statement(attachments=[describe(LARGE)]), LARGE)
    (statement_id,) = client.post(RESOURCE, content=body, headers=MULTIPART).json()
    objects.spoil(lambda sealed: sealed[: len(sealed) // 2] + b"\x00" + sealed[len(sealed) // 2 + 1 :])
    with pytest.raises(httpx.RemoteProtocolError):
        read_back(client, statement_id)


def test_head_has_the_headers_of_get_and_no_body(served: Served) -> None:
    _, client, _ = served
    body = write_body(make_statement(attachments=[describe(b"x")]), b"x")
    (statement_id,) = client.post(RESOURCE, content=body, headers=MULTIPART).json()
    params = {"statementId": statement_id, "attachments": "true"}
    head, full = client.head(RESOURCE, params=params), client.get(RESOURCE, params=params)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["last-modified"] == full.headers["last-modified"]
    assert head.headers["content-type"].startswith("multipart/mixed; boundary=")
