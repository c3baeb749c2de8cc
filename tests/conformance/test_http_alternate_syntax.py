"""Communication 1.3 (1.0.3): the alternate request syntax, which 2.0.0 has no more (XAPI-00336)."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.statements import make_statement
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

RESOURCE = "/xAPI/statements"


async def test_a_get_in_a_post_answers_a_statement_result(world: World) -> None:  # XAPI-00148
    answer = await world.client().post(f"{RESOURCE}?method=GET", data={"limit": 1})
    assert answer.status_code == 200
    assert answer.json().keys() == {"statements", "more"}


async def test_a_put_in_a_post_stores_its_content(world: World) -> None:
    client, statement_id = world.client(), str(uuid.uuid4())
    fields = {"statementId": statement_id, "content": json.dumps(make_statement())}
    answer = await client.post(f"{RESOURCE}?method=PUT", data=fields)
    assert answer.status_code == 204
    assert (await client.get(RESOURCE, params={"statementId": statement_id})).status_code == 200


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
async def test_another_method_than_post_does_not_carry_it(world: World, version: str) -> None:
    content = {"content": json.dumps(make_statement())}
    answer = await world.client(version=version).put(f"{RESOURCE}?method=POST", data=content)
    assert answer.status_code == 400


async def test_the_form_names_headers_that_hold_for_the_request(world: World) -> None:
    fields = {"X-Experience-API-Version": "0.8", "content": json.dumps(make_statement())}
    answer = await world.client().post(f"{RESOURCE}?method=POST", data=fields)
    assert answer.status_code == 400


async def test_parameters_are_in_the_form_and_not_in_the_address(world: World) -> None:
    statement_id = str(uuid.uuid4())
    fields = {"statementId": statement_id, "content": json.dumps(make_statement())}
    answer = await world.client().post(f"{RESOURCE}?method=PUT&statementId={statement_id}", data=fields)
    assert answer.status_code == 400


async def test_content_is_needed_for_what_has_a_body(world: World) -> None:
    answer = await world.client().post(f"{RESOURCE}?method=PUT", data={"statementId": str(uuid.uuid4())})
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
async def test_2_0_0_refuses_it(world: World, method: str) -> None:
    answer = await world.client(version="2.0.0").post(f"{RESOURCE}?method={method}", data={"limit": 1})
    assert answer.status_code == 400
