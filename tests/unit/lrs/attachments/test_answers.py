"""Who gets which contents beside the statements that they may see."""

from __future__ import annotations

import hashlib
import logging
import uuid
from typing import Any

import httpx
import orjson
import pytest

from tests.attachments import (
    MULTIPART,
    SIGNATURE,
    Answer,
    Objects,
    attach_signature,
    describe,
    read_answer,
    sign,
    write_body,
)
from tests.unit.lrs.world import URL, World, make_statement

RESOURCE = "/xAPI/statements"
CONTENT = b"\x00\xff content of a certificate\r\n" * 9_000
OTHER = b"another content"


async def post(client: httpx.AsyncClient, statements: Any, *contents: bytes) -> list[str]:
    answer = await client.post(RESOURCE, content=write_body(statements, *contents), headers=MULTIPART)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def get(client: httpx.AsyncClient, path: str = RESOURCE, **params: Any) -> Answer:
    answer = await client.get(path, params={"attachments": "true", **params} if path == RESOURCE else None)
    assert answer.status_code == 200, answer.text
    return read_answer(answer.headers["content-type"], answer.content)


async def test_a_statement_comes_with_its_contents(world: World) -> None:
    client = world.client()
    statement = make_statement(attachments=[describe(CONTENT), describe(OTHER, contentType="text/plain")])
    (statement_id,) = await post(client, statement, CONTENT, OTHER)
    answer = await client.get(RESOURCE, params={"statementId": statement_id, "attachments": "true"})
    read = read_answer(answer.headers["content-type"], answer.content)
    assert read.json["id"] == statement_id
    assert read.contents == [CONTENT, OTHER]
    assert [part.get_content_type() for part in read.parts] == ["application/pdf", "text/plain"]
    assert answer.headers["last-modified"]
    assert answer.headers["x-experience-api-consistent-through"]


async def test_a_number_that_no_double_holds_is_given_out_beside_contents(world: World) -> None:
    client = world.client()
    extensions = {"https://example.org/n": "NUMBER"}
    statement = make_statement(attachments=[describe(CONTENT)], result={"extensions": extensions})
    body = write_body(statement, CONTENT).replace(b'"NUMBER"', b"1e400")
    (statement_id,) = (await client.post(RESOURCE, content=body, headers=MULTIPART)).json()
    answer = await client.get(RESOURCE, params={"statementId": statement_id, "attachments": "true"})
    assert answer.status_code == 200
    assert b'"https://example.org/n":1e400' in answer.content
    assert CONTENT in answer.content


async def test_every_content_is_there_once(world: World) -> None:
    client = world.client()
    await post(client, [make_statement(attachments=[describe(CONTENT), describe(CONTENT)]) for _ in range(3)], CONTENT)
    await post(client, make_statement(attachments=[describe(OTHER)]), OTHER)
    assert sorted((await get(client)).contents) == sorted([CONTENT, OTHER])


async def test_without_the_parameter_plain_json_is_answered(world: World) -> None:
    client = world.client()
    await post(client, make_statement(attachments=[describe(CONTENT)]), CONTENT)
    for params in ({}, {"attachments": "false"}):
        answer = await client.get(RESOURCE, params=params)
        assert answer.headers["content-type"] == "application/json"
        assert len(answer.json()["statements"]) == 1


async def test_statements_without_attachments_are_multipart_too_when_asked_for(world: World) -> None:
    client = world.client()
    assert (await get(client)).json == {"statements": [], "more": ""}
    await post(client, make_statement())
    read = await get(client)
    assert (len(read.json["statements"]), read.parts) == (1, [])


async def test_more_pages_come_with_their_own_contents(world: World) -> None:
    client = world.client()
    for content in (CONTENT, OTHER):
        await post(client, make_statement(attachments=[describe(content)]), content)
    first = await get(client, limit=1)
    second = await get(client, first.json["more"])
    assert (first.contents, second.contents, second.json["more"]) == ([OTHER], [CONTENT], "")
    plain = (await client.get(RESOURCE, params={"limit": 1})).json()["more"]
    assert (await client.get(plain)).headers["content-type"] == "application/json"


async def test_contents_of_sub_statements_are_there(world: World) -> None:
    client = world.client()
    target = {**make_statement(attachments=[describe(CONTENT)]), "objectType": "SubStatement"}
    await post(client, make_statement(object=target), CONTENT)
    assert (await get(client)).contents == [CONTENT]


async def test_what_only_has_a_file_url_has_no_part(world: World) -> None:
    client = world.client()
    await post(client, make_statement(attachments=[describe(CONTENT, fileUrl="https://example.org/file")]))
    read = await get(client)
    assert read.parts == []
    assert read.json["statements"][0]["attachments"][0]["fileUrl"]


async def test_what_was_sent_although_it_has_a_file_url_has_a_part(world: World) -> None:
    client = world.client()
    await post(client, make_statement(attachments=[describe(CONTENT, fileUrl="https://example.org/file")]), CONTENT)
    assert (await get(client)).contents == [CONTENT]


async def test_a_file_url_does_not_fetch_what_others_have_handed_in(world: World) -> None:
    await post(world.client(), make_statement(attachments=[describe(CONTENT)]), CONTENT)
    thief = world.client("statements/write", "statements/read/mine")
    await post(thief, make_statement(attachments=[describe(CONTENT, fileUrl="https://example.org/file")]))
    assert (await get(thief)).parts == []


async def test_a_file_url_does_not_fetch_a_signature_with_its_names(world: World) -> None:
    statement = make_statement()
    signature = sign(statement)
    await post(world.client(sees=True), attach_signature(statement, signature), signature)
    blind = world.client()
    await post(blind, make_statement(attachments=[describe(signature, fileUrl="https://example.org/file")]))
    assert (await get(blind)).parts == []


async def test_a_reader_of_its_own_statements_gets_their_contents_only(world: World) -> None:
    writer = world.client()
    own = world.client("statements/write", "statements/read/mine")
    (theirs,) = await post(writer, make_statement(attachments=[describe(CONTENT)]), CONTENT)
    await post(own, make_statement(attachments=[describe(OTHER)]), OTHER)
    assert (await get(own)).contents == [OTHER]
    refused = await own.get(RESOURCE, params={"statementId": theirs, "attachments": "true"})
    assert refused.status_code == 404


async def test_another_tenant_gets_nothing(world: World) -> None:
    (theirs,) = await post(world.client(), make_statement(attachments=[describe(CONTENT)]), CONTENT)
    stranger = world.client(tenant=world.add_tenant())
    assert (await get(stranger)).parts == []
    assert (await stranger.get(RESOURCE, params={"statementId": theirs, "attachments": "true"})).status_code == 404
    # Nor by describing what it has not got.
    await post(stranger, make_statement(attachments=[describe(CONTENT, fileUrl="https://example.org/file")]))
    assert (await get(stranger)).parts == []


async def test_a_signature_is_for_those_who_may_see_the_names_in_it(world: World) -> None:
    statement = make_statement(id=str(uuid.uuid4()), attachments=[describe(CONTENT)])
    signature = sign(statement)
    await post(world.client(), attach_signature(statement, signature), CONTENT, signature)
    seeing = await get(world.client(sees=True), statementId=statement["id"])
    blind = await get(world.client(sees=False), statementId=statement["id"])
    assert seeing.contents == [CONTENT, signature]
    assert blind.contents == [CONTENT]
    assert [one["usageType"] for one in blind.json["attachments"]][1] == SIGNATURE
    assert "ada@example.org" not in orjson.dumps(blind.json).decode()


async def test_head_reads_no_content_and_has_no_body(world: World, objects: Objects) -> None:
    client = world.client()
    (statement_id,) = await post(client, make_statement(attachments=[describe(CONTENT)]), CONTENT)
    objects.spoil(lambda _: b"not what was sealed")
    for params in ({}, {"statementId": statement_id}):
        head = await client.head(RESOURCE, params={**params, "attachments": "true"})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].startswith("multipart/mixed; boundary=")


async def test_an_object_store_out_of_reach_is_503_before_the_answer_begins(world: World, objects: Objects) -> None:
    client = world.client()
    await post(client, make_statement(attachments=[describe(CONTENT)]), CONTENT)
    objects.take_away()
    answer = await client.get(RESOURCE, params={"attachments": "true"})
    assert (answer.status_code, answer.json()["code"]) == (503, "attachments-unavailable")
    assert (await client.get(RESOURCE)).status_code == 200


async def test_a_damaged_content_breaks_the_answer_off(
    world: World, objects: Objects, caplog: pytest.LogCaptureFixture
) -> None:
    client = world.client()
    await post(client, make_statement(attachments=[describe(CONTENT)]), CONTENT)
    objects.spoil(lambda sealed: sealed[:-1])
    with caplog.at_level(logging.ERROR):
        answer = await client.get(RESOURCE, params={"attachments": "true"})
    assert not answer.content.rstrip().endswith(b"--")
    (record,) = (record for record in caplog.records if record.message == "attachment_damaged")
    assert (record.tenant, record.sha2) == (world.tenant, hashlib.sha256(CONTENT).hexdigest())  # type: ignore[attr-defined]


async def test_a_media_type_cannot_make_headers_of_its_own(world: World) -> None:
    client = world.client()
    odd = 'text/plain; name="a\x0bb"'
    await post(client, make_statement(attachments=[describe(CONTENT, contentType=odd)]), CONTENT)
    (part,) = (await get(client)).parts
    assert part.get_content_type() == "application/octet-stream"


async def test_a_wrong_value_is_refused(world: World) -> None:
    client = world.client()
    assert (await client.get(RESOURCE, params={"attachments": "yes"})).status_code == 400
    await post(client, [make_statement(), make_statement()])
    more = (await client.get(RESOURCE, params={"limit": 1})).json()["more"]
    assert (await client.get(f"{URL}{more}&attachments=yes")).status_code == 400
