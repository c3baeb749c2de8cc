"""Data 2.6 over HTTP: signed statements, under both versions. The suite's number of a requirement stands beside."""

from __future__ import annotations

import json
import uuid
import warnings
from base64 import urlsafe_b64encode
from typing import Any

import httpx
import pytest

from tests.attachments import (
    MULTIPART,
    SIGNATURE,
    attach_signature,
    certify,
    describe,
    make_key,
    make_other_key,
    read_answer,
    sign,
    write_body,
)
from tests.statements import VERSIONS, make_statement
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

RESOURCE = "/xAPI/statements"


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(sees=True, version=request.param)


def plain(**changes: Any) -> dict[str, Any]:
    return make_statement(**{"id": str(uuid.uuid4()), "timestamp": "2026-11-26T09:30:00.123Z", **changes})


async def send(client: httpx.AsyncClient, statement: Any, *contents: bytes) -> httpx.Response:
    return await client.post(RESOURCE, content=write_body(statement, *contents), headers=MULTIPART)


async def assert_accepted(client: httpx.AsyncClient, statement: dict[str, Any], signature: bytes) -> None:
    answer = await send(client, attach_signature(statement, signature), signature)
    assert answer.status_code == 200, answer.text


async def assert_refused(client: httpx.AsyncClient, statement: dict[str, Any], signature: bytes, rule: str) -> None:
    answer = await send(client, attach_signature(statement, signature), signature)
    assert answer.status_code == 400, answer.text
    (problem,) = answer.json()["problems"]
    assert (problem["rule"], problem["pointer"]) == (rule, "/0/attachments/0"), problem
    assert (await client.get(RESOURCE)).json()["statements"] == []


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
async def test_a_signed_statement_is_accepted_and_given_back(client: httpx.AsyncClient, algorithm: str) -> None:
    # XAPI-00117
    statement = plain()
    signature = sign(statement, algorithm=algorithm)
    await assert_accepted(client, statement, signature)
    answer = await client.get(RESOURCE, params={"statementId": statement["id"], "attachments": "true"})
    assert read_answer(answer.headers["content-type"], answer.content).contents == [signature]


@pytest.mark.parametrize("algorithm", ["HS256", "PS256", "none"])
async def test_another_algorithm_is_refused(client: httpx.AsyncClient, algorithm: str) -> None:  # XAPI-00117
    statement = plain()
    if algorithm == "none":
        signature = b"eyJhbGciOiJub25lIn0." + sign(statement).split(b".")[1] + b".eA"
    else:
        signature = sign(statement, algorithm=algorithm)
    await assert_refused(client, statement, signature, "XAPI-00117")


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"not a signature",
        b"a.b",
        b"a.b.c",
        b"eyJhbGciOiJSUzI1NiJ9..eA",
        b"eyJhbGciOiJSUzI1NiJ9.e30.",
        b"W10.e30.eA",
        b"eyJhbGciOiJSUzI1NiJ9.e30.eA\n",
        json.dumps({"payload": "e30", "signatures": []}).encode(),
        b"\xff" * 50,
    ],
)
async def test_what_is_no_jws_is_refused(client: httpx.AsyncClient, signature: bytes) -> None:  # XAPI-00115
    await assert_refused(client, plain(), signature, "XAPI-00115")


@pytest.mark.parametrize("header", [{"crit": ["exp"], "exp": 1}, {"b64": False, "crit": ["b64"]}, {"x5c": "no list"}])
async def test_a_header_that_is_not_understood_is_refused(client: httpx.AsyncClient, header: dict[str, Any]) -> None:
    head = json.dumps({"alg": "RS256", **header}).encode()
    statement = plain()
    _, payload, mark = sign(statement).split(b".")
    await assert_refused(
        client, statement, b".".join([urlsafe_b64encode(head).rstrip(b"="), payload, mark]), "XAPI-00115"
    )


async def test_a_signature_is_an_octet_stream(client: httpx.AsyncClient) -> None:  # XAPI-00115
    statement = plain()
    signature = sign(statement)
    answer = await send(client, attach_signature(statement, signature, contentType="text/plain"), signature)
    assert answer.status_code == 400
    (problem,) = answer.json()["problems"]
    assert (problem["rule"], problem["pointer"]) == ("XAPI-00115", "/0/attachments/0/contentType")


async def test_a_signature_is_sent_along(client: httpx.AsyncClient) -> None:  # XAPI-00115
    statement = plain()
    elsewhere = attach_signature(statement, sign(statement), fileUrl="https://example.org/signature")
    for answer in (await client.post(RESOURCE, json=elsewhere), await send(client, elsewhere)):
        assert answer.status_code == 400
        assert answer.json()["problems"][0]["rule"] == "XAPI-00115"


async def test_a_sub_statement_is_not_signed_by_itself(client: httpx.AsyncClient) -> None:
    target = make_statement(objectType="SubStatement")
    signature = sign(target)
    statement = plain(object=attach_signature(target, signature))
    answer = await send(client, statement, signature)
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["pointer"] == "/0/object/attachments/0"


@pytest.mark.parametrize(
    "payload",
    [b"{'actor': 1}", b"", b"[]", b"null", b'"text"', b"{}", json.dumps(make_statement(verb=None)).encode()],
)
async def test_the_payload_is_a_statement_in_json(client: httpx.AsyncClient, payload: bytes) -> None:  # XAPI-00116
    rule = "XAPI-00116" if payload else "XAPI-00115"
    await assert_refused(client, plain(), sign(payload), rule)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": {"mbox": "mailto:somebody.else@example.org"}},
        {"verb": {"id": "http://adlnet.gov/expapi/verbs/failed"}},
        {"object": {"id": "https://example.org/sessions/2"}},
        {"result": {"success": True}},
        {"context": {"registration": str(uuid.uuid4())}},
        {"timestamp": "2026-11-26T09:30:00.124Z"},
        {"id": str(uuid.uuid4())},
        {"attachments": [describe(b"elsewhere", fileUrl="https://example.org/file")]},
        {"attachments": [describe(b"x", usageType=SIGNATURE, contentType="application/octet-stream")]},
    ],
    ids="-".join,
)
async def test_another_statement_under_the_signature_is_refused(
    client: httpx.AsyncClient, change: dict[str, Any]
) -> None:  # XAPI-00116
    statement = plain()
    await assert_refused(client, statement, sign({**statement, **change}), "XAPI-00116")


async def test_what_a_store_may_have_changed_does_not_count(client: httpx.AsyncClient) -> None:  # Data 2.6.s5
    statement = plain()
    signed = {
        **statement,
        "id": statement["id"].upper(),
        "timestamp": "2026-11-26T10:30:00.1234567+01:00",
        "stored": "2020-01-01T00:00:00Z",
        "version": "1.0.0",
        "authority": {"mbox": "mailto:another.store@example.org"},
        "verb": {"id": statement["verb"]["id"]},
    }
    await assert_accepted(client, statement, sign(signed))
    without = {name: part for name, part in plain().items() if name not in ("id", "timestamp")}
    await assert_accepted(client, plain(), sign(without))
    await assert_accepted(client, without, sign(plain()))


async def test_other_attachments_are_signed_with_the_statement(client: httpx.AsyncClient) -> None:
    content = b"a certificate"
    statement = plain(attachments=[describe(content)])
    signature = sign(statement)
    assert (await send(client, attach_signature(statement, signature), content, signature)).status_code == 200
    unsigned = plain()
    signature = sign(unsigned)
    added = attach_signature({**unsigned, "attachments": [describe(content)]}, signature)
    assert (await send(client, added, content, signature)).status_code == 400


async def test_a_second_signature_may_sign_the_first(client: httpx.AsyncClient) -> None:
    for includes_first in (True, False):
        statement = plain()
        first = sign(statement)
        once = attach_signature(statement, first)
        second = sign(once if includes_first else statement, algorithm="RS512", key=make_other_key())
        assert (await send(client, attach_signature(once, second), first, second)).status_code == 200


async def test_each_statement_of_a_batch_is_held_against_its_own_signature(client: httpx.AsyncClient) -> None:
    one, other = plain(), plain()
    of_one, of_other = sign(one), sign(other)
    crossed = [attach_signature(one, of_other), attach_signature(other, of_one)]
    assert (await send(client, crossed, of_one, of_other)).status_code == 400
    right = [attach_signature(one, of_one), attach_signature(other, of_other)]
    assert (await send(client, right, of_one, of_other)).status_code == 200


async def test_a_certificate_verifies_the_signature(client: httpx.AsyncClient) -> None:  # Data 2.6.s5, RFC 7515 4.1.6
    statement = plain()
    chain = [certify(make_key(), make_other_key()), certify(make_other_key(), name="Issuer")]
    await assert_accepted(client, statement, sign(statement, x5c=chain))
    alone = plain()
    await assert_accepted(client, alone, sign(alone, x5c=chain[:1], typ="JWS", x_private="anything"))


async def test_a_signature_by_another_key_than_the_certified_is_refused(client: httpx.AsyncClient) -> None:
    statement = plain()
    await assert_refused(
        client, statement, sign(statement, key=make_other_key(), x5c=[certify(make_key())]), "XAPI-00117"
    )
    head, payload, mark = sign(statement, x5c=[certify(make_key())]).split(b".")
    forged = b".".join([head, payload, mark[:-6] + b"AAAAAA"])
    await assert_refused(client, statement, forged, "XAPI-00117")


@pytest.mark.parametrize("chain", [[], ["bm8="], ["not base64!"], [1], "x", ["bm8="] * 11])
async def test_what_is_no_chain_of_certificates_is_refused(client: httpx.AsyncClient, chain: Any) -> None:
    statement = plain()
    signature = sign(statement, x5c=[certify(make_key())])
    head = urlsafe_b64encode(json.dumps({"alg": "RS256", "x5c": chain}).encode()).rstrip(b"=")
    await assert_refused(client, statement, b".".join([head, *signature.split(b".")[1:]]), "XAPI-00115")


async def test_a_chain_whose_links_do_not_hold_is_refused(client: httpx.AsyncClient) -> None:
    statement = plain()
    chain = [certify(make_key(), make_other_key()), certify(make_key(), name="Issuer")]
    await assert_refused(client, statement, sign(statement, x5c=chain), "XAPI-00115")


async def test_a_short_key_is_refused(client: httpx.AsyncClient) -> None:  # RFC 7518 3.3
    statement = plain()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = sign(statement, key=make_key(1024), x5c=[certify(make_key(1024))])
    await assert_refused(client, statement, signature, "XAPI-00115")
