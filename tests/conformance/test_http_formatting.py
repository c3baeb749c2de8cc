"""Data 2.2, 2.3.1, 2.4.10 and 4.6 over HTTP: exact numbers, keys that come once, versions, durations compared."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.statements import VERSIONS, make_statement
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

RESOURCE = "/xAPI/statements"
JSON = {"Content-Type": "application/json"}
NUMBERS = "[1.0,18446744073709551616,-123456789012345678901234567890,0.1234567890123456789,1e400,-2.5E-400,3e7]"


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(sees=True, version=request.param)


def read_exactly(text: str) -> Any:
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


async def test_a_number_is_given_back_as_precise_as_it_came(client: httpx.AsyncClient) -> None:  # XAPI-00002
    statement_id = str(uuid.uuid4())
    result = f'{{"score":{{"raw":1234567.1234567890123456789}},"extensions":{{"https://example.org/n":{NUMBERS}}}}}'
    body = json.dumps(make_statement(id=statement_id, result="RESULT")).replace('"RESULT"', result)
    for stored_already in ("0", "1"):
        answer = await client.post(RESOURCE, content=body, headers=JSON)
        assert (answer.status_code, answer.headers["X-Jalon-Duplicates"]) == (200, stored_already)
    answer = await client.get(RESOURCE, params={"statementId": statement_id})
    assert read_exactly(answer.text)["result"] == read_exactly(result)
    other = body.replace("0.1234567890123456789", "0.1234567890123456780")
    assert (await client.post(RESOURCE, content=other, headers=JSON)).status_code == 409


async def test_a_property_that_comes_twice_is_refused(client: httpx.AsyncClient) -> None:  # IEEE 9274.1.1, 4.2.1
    twice = json.dumps(make_statement(result={"success": True})).replace("true", 'true, "success": false')
    body = f"[{json.dumps(make_statement())}, {twice}]"
    answer = await client.post(RESOURCE, content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, "repeated-key")
    [problem] = answer.json()["problems"]
    assert (problem["pointer"], problem["rule"], problem["found"]) == ("/1/result/success", "XAPI-00014", "success")
    assert (await client.get(RESOURCE)).json()["statements"] == []


@pytest.mark.parametrize("content", ["NaN", '{"a": 1e400}', "[" * 5000, "1" * 2000, '"\\ud800"', "\ufeff{}", "{}"])
async def test_no_text_is_a_fault_of_the_store(client: httpx.AsyncClient, content: str) -> None:
    for body in (content, json.dumps(make_statement(result={"score": {"raw": "X"}})).replace('"X"', content)):
        assert (await client.post(RESOURCE, content=body.encode(), headers=JSON)).status_code == 400
        assert (await client.put(RESOURCE, content=body.encode(), headers=JSON)).status_code == 400


@pytest.mark.parametrize(
    ("header", "version", "status"),
    [
        ("1.0.3", "1.0", 200),
        ("1.0.3", "1.0.9", 200),
        ("1.0.3", "2.0.0", 400),
        ("1.0.3", "1.1.0", 400),
        ("2.0.0", "1.0.3", 200),
        ("2.0.0", "2.0.0", 200),
        ("2.0.0", "2.0.1", 200),
        ("2.0.0", "2.1.0", 400),
    ],
)
async def test_a_statement_keeps_a_version_that_its_request_allows(  # XAPI-00101, XAPI-00332
    world: World, header: str, version: str, status: int
) -> None:
    client = world.client(version=header)
    answer = await client.post(RESOURCE, json=make_statement(version=version))
    assert answer.status_code == status
    if status == 200:
        read = await client.get(RESOURCE, params={"statementId": answer.json()[0]})
        assert read.json()["version"] == version


async def test_a_property_of_2_0_0_is_unknown_to_1_0_3(world: World) -> None:
    agents = [{"objectType": "contextAgent", "agent": {"mbox": "mailto:grace@example.org"}}]
    statement = make_statement(context={"contextAgents": agents})
    assert (await world.client(version="2.0.0").post(RESOURCE, json=statement)).status_code == 200
    answer = await world.client(version="1.0.3").post(RESOURCE, json=statement)
    assert answer.json()["problems"][0]["pointer"] == "/0/context/contextAgents"


async def test_durations_are_compared_to_hundredths_of_a_second(client: httpx.AsyncClient) -> None:
    statement_id = str(uuid.uuid4())

    async def post(duration: str) -> httpx.Response:
        return await client.post(RESOURCE, json=make_statement(id=statement_id, result={"duration": duration}))

    assert (await post("P1DT12H36M0.12567S")).status_code == 200
    same = await post("P1DT12H36M0.12S")
    assert (same.status_code, same.headers["X-Jalon-Duplicates"]) == (200, "1")
    assert (await post("P1DT12H36M0.13S")).status_code == 409
    read = await client.get(RESOURCE, params={"statementId": statement_id})
    assert read.json()["result"]["duration"] == "P1DT12H36M0.12567S"
