"""Data (1.0.3) 2.3.2 and Communication 2.1.4: voiding statements, and filters that follow references."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from tests.statements import VERSIONS, make_statement
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

RESOURCE = "/xAPI/statements"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
TAUGHT = "https://example.org/verbs/taught"


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(sees=True, version=request.param)


def refer_to(statement_id: str, **changes: Any) -> dict[str, Any]:
    return make_statement(object={"objectType": "StatementRef", "id": statement_id}, **changes)


def void(statement_id: str, **changes: Any) -> dict[str, Any]:
    return refer_to(statement_id, verb={"id": VOIDED, "display": {"en": "voided"}}, **changes)


async def save(client: httpx.AsyncClient, *sent: dict[str, Any]) -> list[str]:
    answer = await client.post(RESOURCE, json=list(sent))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def status(client: httpx.AsyncClient, **parameters: str) -> int:
    return (await client.get(RESOURCE, params=parameters)).status_code


async def list_ids(client: httpx.AsyncClient, **parameters: str) -> list[str]:
    answer = await client.get(RESOURCE, params=parameters)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["statements"]]


async def test_a_voided_statement_is_found_by_voided_statement_id_alone(client: httpx.AsyncClient) -> None:
    """XAPI-00018, XAPI-00155, XAPI-00163."""
    (target,) = await save(client, make_statement())
    assert await status(client, statementId=target) == 200
    assert await status(client, voidedStatementId=target) == 404
    (voiding,) = await save(client, void(target))
    assert await status(client, statementId=target) == 404
    read = (await client.get(RESOURCE, params={"voidedStatementId": target})).json()
    assert read["id"] == target
    assert await list_ids(client) == [voiding]


async def test_a_voiding_may_come_before_what_it_voids(client: httpx.AsyncClient) -> None:
    target = str(uuid.uuid4())
    await save(client, void(target))
    await save(client, make_statement(id=target))
    assert await status(client, statementId=target) == 404
    assert await status(client, voidedStatementId=target) == 200


async def test_a_voiding_of_nothing_is_accepted(client: httpx.AsyncClient) -> None:
    """XAPI-00016 of 2.0.0: the LRS need not find what is voided."""
    await save(client, void(str(uuid.uuid4())))


async def test_a_voiding_cannot_be_voided(client: httpx.AsyncClient) -> None:
    """XAPI-00016: such a statement is kept and has no effect."""
    (target,) = await save(client, make_statement())
    (voiding,) = await save(client, void(target))
    (second,) = await save(client, void(voiding))
    assert await status(client, statementId=voiding) == 200
    assert await status(client, statementId=second) == 200
    assert await status(client, voidedStatementId=target) == 200


async def test_voiding_twice_changes_nothing_more(client: httpx.AsyncClient) -> None:
    (target,) = await save(client, make_statement())
    await save(client, void(target))
    await save(client, void(target))
    assert await status(client, voidedStatementId=target) == 200


async def test_a_voiding_has_a_reference_to_a_statement_as_its_object(client: httpx.AsyncClient) -> None:
    """XAPI-00020."""
    answer = await client.post(RESOURCE, json=make_statement(verb={"id": VOIDED}))
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["rule"] == "XAPI-00020"


async def test_a_filter_finds_statements_that_refer_to_what_matches(client: httpx.AsyncClient) -> None:
    """XAPI-00162: also by way of a voided statement, newest first."""
    (target,) = await save(client, make_statement(verb={"id": TAUGHT}))
    (voiding,) = await save(client, void(target))
    (comment,) = await save(client, refer_to(target))
    (further,) = await save(client, refer_to(comment))
    assert await list_ids(client, verb=TAUGHT) == [further, comment, voiding]
    assert await list_ids(client, verb=TAUGHT, limit="1") == [further]
    assert await list_ids(client, verb="https://example.org/verbs/other") == []


async def test_times_are_those_of_the_referring_statement(client: httpx.AsyncClient) -> None:
    (target,) = await save(client, make_statement(verb={"id": TAUGHT}))
    stored = (await client.get(RESOURCE, params={"statementId": target})).json()["stored"]
    (comment,) = await save(client, refer_to(target))
    assert await list_ids(client, verb=TAUGHT, since=stored) in ([comment], [])
    assert set(await list_ids(client, verb=TAUGHT)) == {comment, target}


async def test_a_voided_statement_of_another_tenant_stays(world: World) -> None:
    (target,) = await save(world.client(), make_statement())
    await save(world.client(tenant=world.add_tenant()), void(target))
    assert await status(world.client(), statementId=target) == 200


async def test_who_reads_their_own_cannot_read_a_voided_statement_of_others(world: World) -> None:
    (target,) = await save(world.client(), make_statement())
    await save(world.client(), void(target))
    assert await status(world.client("statements/read/mine"), voidedStatementId=target) == 404
