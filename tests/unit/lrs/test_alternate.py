"""The alternate request syntax: a POST with a form is served as the request that was meant, or refused clearly."""

from __future__ import annotations

import base64
import uuid
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson
import pytest

from lrs.alternate import MAX_FIELDS
from lrs.limits import Limits
from tests.unit.lrs.world import SECRET, URL, Identity, World, make_statement, open_world

STATEMENTS = "/xAPI/statements"
FORM = "application/x-www-form-urlencoded"


def form_client(world: World) -> httpx.AsyncClient:
    """A client that sends no header of xAPI at all."""
    client = httpx.AsyncClient(transport=world.transport, base_url=URL)
    world.clients.append(client)
    return client


def signed(world: World, *scopes: str, version: str = "1.0.3", **fields: Any) -> dict[str, str]:
    """Return the fields of a form that also carries the credential and the version."""
    credential, secret = world.credential(*scopes)
    basic = base64.b64encode(f"{credential.key}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {basic}", "X-Experience-API-Version": version, **fields}


async def test_a_form_without_any_header_stores_a_statement_and_reads_it_back(world: World) -> None:
    statement_id = str(uuid.uuid4())
    statement = make_statement(result={"extensions": {"https://example.org/x": "a+b & c=d é 道 %41"}})
    client = form_client(world)
    content = orjson.dumps(statement).decode()
    fields = signed(world, **{"statementId": statement_id, "content": content, "Content-Type": "application/json"})
    put = await client.post(f"{STATEMENTS}?method=PUT", data=fields)
    assert (put.status_code, put.headers["x-experience-api-version"]) == (204, "1.0.3")
    credential = {name: fields[name] for name in ("Authorization", "X-Experience-API-Version")}
    got = await client.post(f"{STATEMENTS}?method=GET", data={**credential, "statementId": statement_id})
    assert got.json()["result"] == statement["result"]
    head = await client.post(f"{STATEMENTS}?method=HEAD", data={**credential, "statementId": statement_id})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["last-modified"]


async def test_the_headers_of_the_request_hold_where_the_form_has_none(world: World) -> None:
    client = world.client()
    posted = await client.post(f"{STATEMENTS}?method=POST", data={"content": orjson.dumps([make_statement()]).decode()})
    assert posted.status_code == 200
    page = await client.post(f"{STATEMENTS}?method=GET", data={"limit": "1"})
    assert [statement["id"] for statement in page.json()["statements"]] == posted.json()


async def test_a_field_of_the_form_replaces_the_header_whatever_its_case(world: World) -> None:
    client = world.client()
    for name in ("X-Experience-API-Version", "x-experience-api-VERSION"):
        answer = await client.post(f"{STATEMENTS}?method=GET", data={name: "0.8"})
        assert (answer.status_code, answer.json()["code"]) == (400, "version-unknown")
    answer = await client.post(f"{STATEMENTS}?method=GET", data={"authorization": "Basic bm9ib2R5Om5vdGhpbmc="})
    assert answer.status_code == 401


async def test_the_content_type_of_the_form_is_that_of_its_content(world: World) -> None:
    content = orjson.dumps(make_statement()).decode()
    answer = await world.client().post(
        f"{STATEMENTS}?method=POST", data={"content": content, "Content-Type": "text/plain"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "content-type")


async def test_a_length_in_the_form_is_not_believed(world: World) -> None:
    content = orjson.dumps(make_statement()).decode()
    answer = await world.client().post(f"{STATEMENTS}?method=POST", data={"content": content, "Content-Length": "3"})
    assert answer.status_code == 200


async def test_the_credential_of_the_form_decides_what_is_allowed(world: World) -> None:
    content = orjson.dumps(make_statement()).decode()
    answer = await form_client(world).post(
        f"{STATEMENTS}?method=POST", data=signed(world, "statements/read", content=content)
    )
    assert (answer.status_code, answer.json()["scope"]) == (403, "statements/write")


async def test_documents_are_kept_under_the_conditions_of_the_form(world: World) -> None:
    client = world.client()
    place = {"activityId": "https://example.org/a", "profileId": "p"}
    address = "/xAPI/activities/profile?method="
    text = {**place, "content": "É + & =", "Content-Type": "text/plain; charset=utf-8"}
    assert (await client.post(f"{address}PUT", data={**text, "If-None-Match": "*"})).status_code == 204
    assert (await client.post(f"{address}PUT", data={**text, "If-None-Match": "*"})).status_code == 412
    read = await client.post(f"{address}GET", data=place)
    assert (read.content, read.headers["content-type"]) == ("É + & =".encode(), "text/plain; charset=utf-8")
    assert (await client.post(f"{address}DELETE", data={**place, "If-Match": '"0"'})).status_code == 412
    assert (await client.post(f"{address}DELETE", data={**place, "If-Match": read.headers["etag"]})).status_code == 204
    assert (await client.post(f"{address}GET", data=place)).status_code == 404


@pytest.mark.parametrize("method", ["DELETE", "PUT", "GET"])
async def test_a_resource_sees_the_method_that_was_meant(world: World, method: str) -> None:
    fields = {"content": "{}"} if method == "PUT" else {}
    answer = await world.client().post(f"/xAPI/about?method={method}", data=fields, headers={"Content-Type": FORM})
    assert answer.status_code == (200 if method == "GET" else 405)


@pytest.mark.parametrize(
    ("sent", "address", "fields", "code"),
    [
        ("PUT", "?method=POST", {"content": "{}"}, "alternate-syntax"),
        ("POST", "?method=PUT&statementId=x", {"content": "{}"}, "alternate-syntax"),
        ("POST", "?method=GET&method=GET", {}, "alternate-syntax"),
        ("POST", "?method=get", {}, "alternate-syntax"),
        ("POST", "?method=PATCH", {}, "alternate-syntax"),
        ("POST", "?method=", {}, "alternate-syntax"),
        ("POST", "?method=PUT", {"statementId": str(uuid.uuid4())}, "parameter-missing"),
        ("POST", "?method=GET", {"content": "{}"}, "alternate-syntax"),
        ("POST", "?method=GET", {"foo": "1"}, "unknown-parameter"),
        ("POST", "?method=GET", {"limit": ["1", "2"]}, "repeated-parameter"),
        ("POST", "?method=POST", {"content": ["{}", "{}"]}, "repeated-parameter"),
        ("POST", "?method=GET", {"Authorization": "x", "authorization": "y"}, "repeated-parameter"),
        ("POST", "?method=GET", {"Authorization": "Basic \r\nX-Other: 1"}, "alternate-syntax"),
        ("POST", "?method=GET", {f"x{number}": "1" for number in range(MAX_FIELDS + 1)}, "alternate-syntax"),
        ("POST", "?method=GET", {"X-Experience-API-Version": "2.0.0"}, "alternate-syntax"),
    ],
)
async def test_what_the_syntax_does_not_allow_is_refused(
    world: World, sent: str, address: str, fields: dict[str, Any], code: str
) -> None:
    answer = await world.client().request(sent, STATEMENTS + address, data=fields, headers={"Content-Type": FORM})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize("body", [b"\xff=1", b"a=%ff", b'{"content": "x"}', b"content"])
async def test_a_body_that_is_no_form_is_refused(world: World, body: bytes) -> None:
    answer = await world.client().post(f"{STATEMENTS}?method=POST", content=body, headers={"Content-Type": FORM})
    assert (answer.status_code, answer.json()["code"]) == (400, "alternate-syntax")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", ""])
async def test_another_content_type_than_that_of_a_form_is_refused(world: World, kind: str) -> None:
    answer = await world.client().post(f"{STATEMENTS}?method=GET", content=b"limit=1", headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (400, "content-type")


async def test_2_0_0_has_no_alternate_syntax(world: World) -> None:
    answer = await world.client(version="2.0.0").post(f"{STATEMENTS}?method=GET", data={"limit": "1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "alternate-syntax")
    assert answer.headers["x-experience-api-version"] == "2.0.0"


async def test_limits_hold_for_the_form_and_for_a_large_one(identity: Identity) -> None:
    async with open_world(identity, Limits(body_bytes=2000, thread_bytes=1000)) as world:
        client = world.client()
        content = orjson.dumps(make_statement(result={"response": "x" * 900})).decode()
        assert (await client.post(f"{STATEMENTS}?method=POST", data={"content": content})).status_code == 200
        content = orjson.dumps(make_statement(result={"response": "x" * 1900})).decode()
        answer = await client.post(f"{STATEMENTS}?method=POST", data={"content": content})
        assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
        assert world.services.bodies.held == 0


async def test_a_fault_inside_is_answered_as_ever(world: World) -> None:
    answer = await form_client(world).post(f"{STATEMENTS}?method=GET", content=urlencode({"limit": 1}))
    assert answer.status_code == 400
    answer = await form_client(world).post(f"{STATEMENTS}?method=GET", data={"X-Experience-API-Version": "1.0.3"})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert SECRET not in answer.text
