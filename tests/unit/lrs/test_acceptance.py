"""Accepting statements while others send the same ids, and while Kafka or the store do not answer."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from lrs.errors import LogUnavailable, StatementsUnavailable
from tests.unit.lrs.doubles import soon
from tests.unit.lrs.world import World, make_statement

POST = "/xAPI/statements"


async def test_without_an_acknowledgement_the_outcome_is_said_to_be_unknown_and_sending_again_is_safe(
    small_world: World,
) -> None:
    client = small_world.client()
    statement = make_statement(id=str(uuid.uuid4()))
    small_world.log.acknowledges.clear()
    first = await client.post(POST, json=statement)
    assert (first.status_code, first.json()["code"]) == (503, "outcome-unknown")
    assert first.headers["retry-after"]
    small_world.services.acceptance._ack_seconds = 30
    again = asyncio.create_task(client.post(POST, json=statement))
    small_world.log.acknowledges.set()
    assert (await again).headers["x-jalon-duplicates"] == "1"
    assert len(small_world.log.statements) == 1


async def test_a_log_out_of_reach_is_a_503_and_keeps_no_claim_on_the_ids(world: World) -> None:
    client = world.client()
    statement = make_statement(id=str(uuid.uuid4()))
    world.log.failure = LogUnavailable("Kafka cannot be reached now.")
    for _ in range(2):
        answer = await client.post(POST, json=statement)
        assert (answer.status_code, answer.json()["code"]) == (503, "log-unavailable")
    assert (await client.get(POST)).status_code == 503
    world.log.failure = None
    accepted = await client.post(POST, json=statement)
    assert (accepted.status_code, accepted.headers["x-jalon-duplicates"]) == (200, "0")


@pytest.mark.parametrize("how", ["fails", "hangs"])
async def test_writing_goes_on_while_the_store_is_out_of_reach_and_reading_says_so(small_world: World, how) -> None:
    client = small_world.client()
    if how == "fails":
        small_world.store.failure = StatementsUnavailable("down")
    else:
        small_world.store.answers.clear()
    statement = make_statement(id=str(uuid.uuid4()))
    small_world.services.acceptance._ack_seconds = 5
    assert (await client.post(POST, json=statement)).status_code == 200
    assert (await client.post(POST, json=make_statement(id=str(uuid.uuid4())))).status_code == 200
    assert len(small_world.store.lookups) == 1, "the second write does not wait for a store that has just failed"
    answer = await client.get(POST)
    assert (answer.status_code, answer.json()["code"]) == (503, "not-consistent-yet")
    assert answer.headers["retry-after"]
    # What this process has accepted itself is known without the store.
    other = make_statement(id=statement["id"], object={"id": "https://example.org/other"})
    assert (await client.post(POST, json=other)).status_code == 409


async def test_a_read_never_silently_misses_what_was_accepted(small_world: World) -> None:
    small_world.store.prompt = False
    client = small_world.client()
    (statement_id,) = (await client.post(POST, json=make_statement())).json()
    for params in ({"statementId": statement_id}, {}):
        answer = await client.get(POST, params=params)
        assert (answer.status_code, answer.json()["code"]) == (503, "not-consistent-yet")


async def test_two_different_statements_at_once_under_one_id_have_one_winner(world: World) -> None:
    client = world.client()
    statement_id = str(uuid.uuid4())
    world.log.acknowledges.clear()
    requests = [
        asyncio.create_task(
            client.post(POST, json=make_statement(id=statement_id, object={"id": f"https://example.org/{number}"}))
        )
        for number in range(5)
    ]
    await soon(world.log.sent.wait())
    world.log.acknowledges.set()
    answers = await asyncio.gather(*requests)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    (accepted,) = world.log.statements
    (winner,) = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert accepted["object"]["id"].endswith(str(winner))


async def test_batches_that_share_ids_in_opposite_order_do_not_hold_each_other_up(world: World) -> None:
    client = world.client()
    one, two = (make_statement(id=str(uuid.uuid4())) for _ in range(2))
    answers = await asyncio.gather(client.post(POST, json=[one, two]), client.post(POST, json=[two, one]))
    assert [answer.status_code for answer in answers] == [200, 200]
    assert sorted(answer.headers["x-jalon-duplicates"] for answer in answers) == ["0", "2"]
    assert len(world.log.statements) == 2


async def test_a_repetition_is_not_answered_before_the_first_is_durable_and_takes_over_when_that_fails(
    world: World,
) -> None:
    client = world.client()
    await client.get(POST)
    statement = make_statement(id=str(uuid.uuid4()))
    world.log.acknowledges.clear()
    world.log.failures = [LogUnavailable("Kafka cannot be reached now.")]
    first = asyncio.create_task(client.post(POST, json=statement))
    await soon(world.log.sent.wait())
    again = asyncio.create_task(client.post(POST, json=statement))
    done, _ = await asyncio.wait([first, again], timeout=0.05)
    assert not done
    world.log.acknowledges.set()
    assert (await first).status_code == 503
    taken = await again
    assert (taken.status_code, taken.headers["x-jalon-duplicates"]) == (200, "0")
    assert len(world.log.statements) == 1


async def test_many_single_writes_at_once_ask_the_store_seldom(world: World) -> None:
    client = world.client()
    await client.get(POST)
    world.store.answers.clear()
    requests = [asyncio.create_task(client.post(POST, json=make_statement(id=str(uuid.uuid4())))) for _ in range(50)]
    await soon(world.store.asked.wait())
    world.store.answers.set()
    assert {answer.status_code for answer in await asyncio.gather(*requests)} == {200}
    assert len(world.store.lookups) <= 3
    assert sum(len(ids) for ids in world.store.lookups) == 50


async def test_statements_without_ids_need_no_look_up(world: World) -> None:
    await world.client().post(POST, json=[make_statement()] * 3)
    assert world.store.lookups == []
