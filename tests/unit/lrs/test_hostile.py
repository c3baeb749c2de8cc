"""What hostile or careless clients send: each a clear refusal or a success, never a fault of the LRS, never a hang."""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator
from typing import Any

import httpx
import orjson
import pytest

from tests.unit.lrs.doubles import soon
from tests.unit.lrs.world import World, make_statement

STATEMENTS = "/xAPI/statements"
JSON = {"Content-Type": "application/json"}
RESOURCES = [
    "about",
    "statements",
    "statements/more",
    "activities",
    "agents",
    "activities/state",
    "activities/profile",
    "agents/profile",
]
AGENT = '{"mbox":"mailto:ada@example.org"}'
DOCUMENT = "/xAPI/agents/profile?agent=%7B%22mbox%22%3A%22mailto%3Aada%40example.org%22%7D&profileId="


async def ask(world: World, method: str, address: str | httpx.URL, **sent: Any) -> httpx.Response:
    """Send a request of a credential that may do all; whatever comes back is no fault and says what it is."""
    if not world.clients:
        world.client()
    answer: httpx.Response = await soon(world.clients[0].request(method, address, **sent))
    assert answer.status_code < 500, (method, str(address)[:80], answer.text)
    assert "X-Experience-API-Version" in answer.headers
    if answer.status_code >= 400 and method != "HEAD":
        told = answer.json()
        assert told["code"]
        assert len(told["message"]) > 10
    return answer


def extended(value: str) -> bytes:
    """Return a statement with this JSON as an extension's value."""
    statement = make_statement(context={"extensions": {"https://example.org/x": "HERE"}})
    return orjson.dumps(statement).replace(b'"HERE"', value.encode())


BODIES = [
    (b"", "malformed-json"),
    (b" \n", "malformed-json"),
    (b"null", "invalid-statement"),
    (b"[]", "invalid-statement"),
    (b"[[]]", "invalid-statement"),
    (b'"x"', "invalid-statement"),
    (b"\xef\xbb\xbf" + orjson.dumps(make_statement()), "malformed-json"),
    (json.dumps(make_statement()).encode("utf-16"), "malformed-json"),
    (extended("NaN"), "malformed-json"),
    (extended("9" * 100_000), "malformed-json"),
    (extended("[" * 150 + "]" * 150), "invalid-statement"),
    (extended("[" * 5_000 + "]" * 5_000), "malformed-json"),
    (extended("[" * 1_000_000), "malformed-json"),
    (extended('{"a":' * 100_000), "malformed-json"),
    (extended(r'"\ud800"'), "malformed-json"),
    (extended(r'"\udc00x"'), "malformed-json"),
    (extended(r'"\udc00\ud800"'), "malformed-json"),
    (extended(r'{"\ud800": 1}'), "malformed-json"),
    (extended('"').replace(b'"}}', b'\xed\xa0\x80"}}'), "malformed-json"),
    (extended('"\x01"'), "malformed-json"),
    (orjson.dumps(make_statement(object={"id": "https://example.org/\x00"})), "invalid-statement"),
    (orjson.dumps(make_statement(timestamp="9999-12-31T23:59:59-14:00")), "invalid-statement"),
    (orjson.dumps(make_statement(timestamp="0001-01-01T00:00:00+14:00")), "invalid-statement"),
    (orjson.dumps(make_statement(result={"score": {"raw": 7}})).replace(b"7", b"1e999999999"), "invalid-statement"),
    (orjson.dumps(make_statement(result={"duration": "PT" + "9" * 100_000 + "S"})), "invalid-statement"),
    (orjson.dumps(make_statement(actor={"mbox": f"mailto:{'a' * 500_000}@example.org"})), "invalid-statement"),
]


async def test_a_body_that_is_no_statement_is_refused_by_its_name(world: World) -> None:
    for body, code in BODIES:
        answer = await ask(world, "POST", STATEMENTS, content=body, headers=JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, code), body[-100:]
    assert not world.log.records


CONTENT_TYPES = [
    "",
    "*/*",
    "text/plain",
    "application/json, text/plain",
    "application/json; charset",
    "application/json; charset=latin1",
    "application/json; charset=utf-16",
    "multipart/mixed",
    "multipart/mixed; boundary=",
    "multipart/mixed; boundary=" + "x" * 300,
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "x" * 5_000,
]


async def test_an_odd_content_type_is_refused(world: World) -> None:
    for content_type in CONTENT_TYPES:
        answer = await ask(
            world, "POST", STATEMENTS, content=orjson.dumps(make_statement()), headers={"Content-Type": content_type}
        )
        assert answer.status_code == 400, content_type
        assert answer.json()["code"] in ("content-type", "charset", "multipart"), content_type


QUERIES = [
    *(f"limit={value}" for value in ("-1", "", "1.0", "%2B1", "9" * 20, "%D9%A1", "1;verb=x")),
    *(f"statementId={value}" for value in ("", "x", "%00", "{00000000-0000-4000-8000-000000000000}", "0" * 32)),
    "statementId=urn:uuid:00000000-0000-4000-8000-000000000000",
    *(f"since={value}" for value in ("", "x", "2026-01-01", "2026-01-01T00:00:00+01:00", "2026-13-01T00:00:00Z")),
    "since=9999-12-31T23:59:59-14:00",
    "until=0001-01-01T00:00:00%2B14:00",
    *(f"format={value}" for value in ("", "EXACT", "x")),
    *(f"{name}={value}" for name in ("ascending", "attachments", "related_agents") for value in ("", "1", "x")),
    *(
        f"{name}={value}"
        for name in ("verb", "activity")
        for value in ("", "x", "https://e.org/%00", "https://e.org/'%20OR")
    ),
    *(f"agent={value}" for value in ("", "x", "1", "null", "[]", "%7B%7D", "[" * 7_000)),
    "agent=%7B%22mbox%22:%22mailto:a@e.org%22,%22mbox%22:%22mailto:b@e.org%22%7D",
    "agent=%7B%22mbox%22:%22mailto:a@e.org%22,%22openid%22:%22https://e.org%22%7D",
    "agent=%7B%22account%22:%7B%22homePage%22:%22https://e.org%22,%22name%22:%22%5Cud800%22%7D%7D",
    "agent=%7B%22account%22:%7B%22homePage%22:%22https://e.org%22,%22name%22:1e999%7D%7D",
    "registration=x",
    "=",
    "a",
    "%00=1",
    "&".join(f"p{number}=1" for number in range(1_000)),
    "limit=1&limit=1",
]


async def test_a_query_that_says_nothing_clear_is_refused(world: World) -> None:
    for query in QUERIES:
        answer = await ask(world, "GET", f"{STATEMENTS}?{query}")
        assert answer.status_code == 400, query[:80]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_address_that_is_not_percent_encoded_utf_8_names_nothing(world: World, method: str) -> None:
    """Read leniently, every such id would be the same one: U+FFFD."""
    sent = {"content": b"x", "headers": {"If-None-Match": "*"}} if method == "PUT" else {}
    for broken in ("%ff", "%", "%zz", "%ed%a0%80", "%c3", "a%2"):
        answer = await ask(world, method, httpx.URL(DOCUMENT).copy_with(raw_path=(DOCUMENT + broken).encode()), **sent)
        assert (answer.status_code, answer.json()["code"]) == (400, "query-encoding"), broken


async def test_ids_are_read_in_any_case(world: World) -> None:
    statement_id = str(uuid.uuid4())
    await ask(world, "PUT", f"{STATEMENTS}?statementId={statement_id.upper()}", json=make_statement())
    for spelling in (statement_id, statement_id.upper()):
        assert (await ask(world, "GET", f"{STATEMENTS}?statementId={spelling}")).json()["id"] == statement_id


async def test_a_query_at_the_ends_of_its_ranges_is_answered(world: World) -> None:
    await ask(world, "POST", STATEMENTS, json=make_statement())
    for query in ("limit=0", "limit=999999999", "&", "since=0001-01-01T00:00:00Z&until=9999-12-31T00:00:00Z"):
        assert len((await ask(world, "GET", f"{STATEMENTS}?{query}")).json()["statements"]) == 1, query


HEADERS: list[dict[str, Any]] = [
    {"Accept-Language": "x" * 20_000},
    {"Accept-Language": ",,;;q=9,*;q=x"},
    {"Accept-Language": "en;q=1e999,*;q=nan"},
    {"Accept-Language": b"\xff\xfe"},
    {"Accept": "text/html"},
    {"Range": "bytes=0-1"},
    {"If-Match": '"' * 5_000},
    {"If-None-Match": "*"},
    {"If-Modified-Since": "x"},
]


async def test_headers_that_mean_nothing_here_do_no_harm(world: World) -> None:
    await ask(world, "POST", STATEMENTS, json=make_statement())
    for headers in HEADERS:
        answer = await ask(world, "GET", f"{STATEMENTS}?format=canonical", headers=headers)
        assert answer.status_code == 200, headers


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"])
async def test_every_method_of_every_resource_is_answered(world: World, method: str) -> None:
    for path in RESOURCES:
        answer = await ask(world, method, f"/xAPI/{path}")
        assert answer.status_code in {200, 400, 405}, path
        if answer.status_code == 405:
            assert method not in answer.headers["Allow"].split(", ")
        if method == "HEAD":
            assert answer.content == b""


async def test_a_made_up_link_is_refused(world: World) -> None:
    for cursor in ("", "x", "%00", "a.b", "." * 5_000, "eyJAIjpbMSwyLDMsNF19.x"):
        answer = await ask(world, "GET", f"{STATEMENTS}/more?cursor={cursor}")
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor"), cursor


async def test_a_document_may_have_any_text_for_its_id(world: World) -> None:
    names = ["a/b", "%00", "%0A", "%20", "%E2%80%AE", "%C3%A9", "e%CC%81", "%F0%9F%98%80", "a" * 10_000]
    for name in names:
        content = name.encode()
        put = await ask(world, "PUT", DOCUMENT + name, content=content, headers={"If-None-Match": "*"})
        assert put.status_code == 204, name
    for name in names:
        assert (await ask(world, "GET", DOCUMENT + name)).content == name.encode()


class Authorization(httpx.Auth):
    """Sends a header as it is."""

    def __init__(self, header: str) -> None:
        self._header = header

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers["Authorization"] = self._header
        yield request


async def test_an_odd_authorization_is_nobodys(world: World) -> None:
    for header in (
        "",
        "Basic",
        "Basic x",
        "Basic " + "x" * 5_000,
        "Basic /zr+",
        "Basic YQBiOmM=",
        "Bearer x",
        "Digest",
    ):
        assert (await ask(world, "GET", STATEMENTS, auth=Authorization(header))).status_code == 401, header
