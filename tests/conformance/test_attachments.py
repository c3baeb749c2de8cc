"""Data 2.4.11 and Communication 1.5 over HTTP: attachments sent and asked for, under both versions.

The public suite's number of a requirement stands beside the test.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import httpx
import pytest

from tests.attachments import (
    BOUNDARY,
    MULTIPART,
    Answer,
    Part,
    describe,
    read_answer,
    write_body,
    write_parts,
)
from tests.statements import VERSIONS, make_statement
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

RESOURCE = "/xAPI/statements"
TEXT, OTHER = b"a simple text\n", b"another text\r\n"


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(sees=True, version=request.param)


async def send(client: httpx.AsyncClient, body: bytes, content_type: str = MULTIPART["Content-Type"]) -> httpx.Response:
    return await client.post(RESOURCE, content=body, headers={"Content-Type": content_type})


async def assert_refused(client: httpx.AsyncClient, body: bytes, rule: str, **place: Any) -> None:
    """Assert that a body is refused for this rule, and that nothing of it was stored."""
    answer = await send(client, body)
    assert answer.status_code == 400, answer.text
    (problem,) = answer.json()["problems"]
    assert problem["rule"] == rule, problem
    assert {name: problem.get(name) for name in place} == place
    assert problem["message"]
    assert problem["found"]
    assert (await client.get(RESOURCE)).json()["statements"] == []


async def fetch(client: httpx.AsyncClient, **params: str) -> Answer:
    answer = await client.get(RESOURCE, params={"attachments": "true", **params})
    assert answer.status_code == 200, answer.text
    return read_answer(answer.headers["content-type"], answer.content)


def attached(*contents: bytes, **changes: Any) -> dict[str, Any]:
    return make_statement(attachments=[describe(content, **changes) for content in contents])


async def test_a_file_url_goes_as_json_and_as_multipart(client: httpx.AsyncClient) -> None:  # XAPI-00127
    statement = attached(TEXT, fileUrl="https://example.org/file.txt")
    assert (await client.post(RESOURCE, json=statement)).status_code == 200
    assert (await send(client, write_body(statement))).status_code == 200


async def test_statements_without_attachments_go_as_multipart(client: httpx.AsyncClient) -> None:
    assert (await send(client, write_body(make_statement()))).status_code == 200
    assert (await send(client, write_body([make_statement(), make_statement()]))).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/related", "text/plain", "application/octet-stream"]
)
async def test_no_other_media_type_is_taken(client: httpx.AsyncClient, content_type: str) -> None:  # XAPI-00127
    answer = await send(client, write_body(attached(TEXT), TEXT), f"{content_type}; boundary={BOUNDARY}")
    assert (answer.status_code, answer.json()["code"]) == (400, "content-type")


async def test_contents_are_stored_with_their_statements(client: httpx.AsyncClient) -> None:
    answer = await send(client, write_body([attached(TEXT), attached(OTHER, TEXT)], TEXT, OTHER))
    assert answer.status_code == 200
    statement_id = str(uuid.uuid4())
    put = await client.put(
        RESOURCE, params={"statementId": statement_id}, content=write_body(attached(TEXT), TEXT), headers=MULTIPART
    )
    assert put.status_code == 204
    assert (await fetch(client, statementId=statement_id)).contents == [TEXT]


async def test_an_excess_part_is_refused(client: httpx.AsyncClient) -> None:  # XAPI-00128
    await assert_refused(client, write_body(attached(TEXT), TEXT, OTHER), "XAPI-00128", part=3)


async def test_a_missing_part_is_refused(client: httpx.AsyncClient) -> None:  # XAPI-00129
    await assert_refused(client, write_body(attached(TEXT, OTHER), TEXT), "XAPI-00129", pointer="/0/attachments/1")
    await assert_refused(
        client, write_body([make_statement(), attached(TEXT)]), "XAPI-00129", pointer="/1/attachments/0"
    )


async def test_a_missing_part_of_a_sub_statement_is_refused(client: httpx.AsyncClient) -> None:  # XAPI-00129
    statement = make_statement(object={**attached(TEXT), "objectType": "SubStatement"})
    await assert_refused(client, write_body(statement), "XAPI-00129", pointer="/0/object/attachments/0")
    assert (await send(client, write_body(statement, TEXT))).status_code == 200


async def test_json_needs_a_file_url_for_every_attachment(client: httpx.AsyncClient) -> None:  # Communication 1.5.1
    for statement, pointer in (
        (attached(TEXT), "/0/attachments/0"),
        (make_statement(object={**attached(TEXT), "objectType": "SubStatement"}), "/0/object/attachments/0"),
    ):
        answer = await client.post(RESOURCE, json=statement)
        assert answer.status_code == 400
        (problem,) = answer.json()["problems"]
        assert (problem["pointer"], problem["rule"]) == (pointer, "Communication-1.5.1")


@pytest.mark.parametrize(
    "body",
    [
        # Statements without a boundary before them, and an attachment without one.
        write_body(attached(TEXT), TEXT).partition(b"\r\n")[2],
        write_body(attached(TEXT), TEXT).rpartition(f"--{BOUNDARY}--".encode())[0],
        b"",
    ],
)
async def test_every_part_has_a_boundary_before_it(client: httpx.AsyncClient, body: bytes) -> None:  # XAPI-00130
    await assert_refused(client, body, "XAPI-00130")


async def test_an_attachment_without_a_boundary_before_it_is_refused(client: httpx.AsyncClient) -> None:  # XAPI-00130
    delimiter = f"--{BOUNDARY}\r\n".encode()
    _, first, second = write_body(attached(TEXT), TEXT).split(delimiter)
    answer = await send(client, delimiter + first + second)
    assert answer.status_code == 400
    assert (await client.get(RESOURCE)).json()["statements"] == []


@pytest.mark.parametrize("content_type", ["multipart/mixed", "multipart/mixed;", "multipart/mixed; boundary="])
async def test_the_boundary_is_named_in_the_header(client: httpx.AsyncClient, content_type: str) -> None:  # XAPI-00131
    answer = await send(client, write_body(attached(TEXT), TEXT), content_type)
    assert (answer.status_code, answer.json()["problems"][0]["rule"]) == (400, "XAPI-00131")


async def test_every_further_part_names_its_hash(client: httpx.AsyncClient) -> None:  # XAPI-00132
    headers = ["Content-Type: text/plain", "Content-Transfer-Encoding: binary"]
    body = write_parts([Part.of_statements(attached(TEXT)), Part(headers, TEXT)])
    await assert_refused(client, body, "XAPI-00132", part=2)


async def test_a_hash_that_no_statement_has_is_refused(client: httpx.AsyncClient) -> None:  # XAPI-00132, as XAPI-00128
    part = Part.of_attachment(TEXT, "b0" * 32)
    await assert_refused(client, write_parts([Part.of_statements(attached(TEXT)), part]), "XAPI-00128", part=2)


async def test_a_content_with_another_hash_is_refused(client: httpx.AsyncClient) -> None:  # Communication 1.5.2
    part = Part.of_attachment(OTHER, hashlib.sha256(TEXT).hexdigest())
    await assert_refused(client, write_parts([Part.of_statements(attached(TEXT)), part]), "Communication-1.5.2", part=2)


async def test_all_statements_are_in_the_first_part(client: httpx.AsyncClient) -> None:  # XAPI-00133
    parts = [Part.of_statements(attached(TEXT)), Part.of_statements(attached(TEXT)), Part.of_attachment(TEXT)]
    answer = await send(client, write_parts(parts))
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["part"] == 2


@pytest.mark.parametrize(
    "header", [[], ["Content-Type: text/plain"], ["Content-Type: application/json; charset=latin-1"]]
)
async def test_the_first_part_is_json(client: httpx.AsyncClient, header: list[str]) -> None:  # XAPI-00134
    first = Part(header, Part.of_statements(attached(TEXT)).content)
    await assert_refused(client, write_parts([first, Part.of_attachment(TEXT)]), "XAPI-00134", part=1)


async def test_the_first_part_is_not_encoded(client: httpx.AsyncClient) -> None:
    first = Part(["Content-Type: application/json", "Content-Transfer-Encoding: base64"], b"e30=")
    await assert_refused(client, write_parts([first]), "XAPI-00135", part=1)


@pytest.mark.parametrize("coding", [None, "base64", "quoted-printable", "7bit", ""])
async def test_an_attachment_is_sent_as_binary(client: httpx.AsyncClient, coding: str | None) -> None:  # XAPI-00135
    part = Part.of_attachment(TEXT)
    headers = [header for header in part.headers if "Encoding" not in header]
    if coding is not None:
        headers.append(f"Content-Transfer-Encoding: {coding}")
    body = write_parts([Part.of_statements(attached(TEXT)), Part(headers, TEXT)])
    await assert_refused(client, body, "XAPI-00135", part=2)


async def test_the_first_part_is_held_against_the_same_rules(client: httpx.AsyncClient) -> None:
    answer = await send(client, write_body([attached(TEXT), make_statement(verb=None)], TEXT))
    assert answer.json()["problems"][0]["pointer"] == "/1/verb"
    answer = await send(client, write_parts([Part(["Content-Type: application/json"], b'{"actor":')]))
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-json")
    assert (await client.get(RESOURCE)).json()["statements"] == []


@pytest.mark.parametrize("algorithm", ["sha224", "sha256", "sha384", "sha512"])
async def test_every_sha_2_is_known(client: httpx.AsyncClient, algorithm: str) -> None:
    sha2 = hashlib.new(algorithm, TEXT).hexdigest()
    statement = make_statement(attachments=[describe(TEXT, sha2=sha2.upper())])
    body = write_parts([Part.of_statements(statement), Part.of_attachment(TEXT, sha2)])
    assert (await send(client, body)).status_code == 200
    wrong = write_parts([Part.of_statements(statement), Part.of_attachment(OTHER, sha2)])
    assert (await send(client, wrong)).status_code == 400
    answer = await client.get(RESOURCE, params={"attachments": "true"})
    assert TEXT in answer.content


async def test_the_hash_alone_decides_not_the_length_that_is_said(client: httpx.AsyncClient) -> None:
    # Nothing in the specification lets a store refuse these, and the public suite sends one that it wants accepted.
    assert (await send(client, write_body(attached(TEXT, length=1), TEXT))).status_code == 200


async def test_attachments_are_included_when_asked_for(client: httpx.AsyncClient) -> None:  # XAPI-00167
    (statement_id,) = (await send(client, write_body(attached(TEXT, OTHER), TEXT, OTHER))).json()
    single = await fetch(client, statementId=statement_id)
    assert single.json["id"] == statement_id
    assert single.contents == [TEXT, OTHER]
    result = await fetch(client)
    assert [statement["id"] for statement in result.json["statements"]] == [statement_id]
    assert result.contents == [TEXT, OTHER]


async def test_attachments_are_not_included_when_not_asked_for(client: httpx.AsyncClient) -> None:  # XAPI-00161
    await send(client, write_body(attached(TEXT, fileUrl="https://example.org/file.txt"), TEXT))
    for params in ({}, {"attachments": "false"}):
        answer = await client.get(RESOURCE, params=params)
        assert answer.headers["content-type"] == "application/json"
        assert "multipart" not in answer.text
        assert answer.headers["x-experience-api-consistent-through"]
