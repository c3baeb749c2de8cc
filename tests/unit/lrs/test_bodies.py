"""Bodies of requests: of which type, how large, how slow, and how many at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from tests.unit.lrs.doubles import soon
from tests.unit.lrs.world import World, make_statement

POST = "/xAPI/statements"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON;charset=UTF-8", 200),
        ("application/json; charset=utf-16", 400),
        ("text/plain", 400),
        ("json", 400),
        ("application/x-www-form-urlencoded", 400),
        ("multipart/mixed; boundary=x", 400),  # and no such body
        (None, 400),
    ],
)
async def test_statements_are_taken_as_utf_8_json_only(world: World, content_type, status) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    answer = await world.client().post(POST, content=orjson.dumps(make_statement()), headers=headers)
    assert answer.status_code == status


async def test_a_compressed_body_is_refused(world: World) -> None:
    answer = await world.client().post(POST, json=make_statement(), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


async def test_a_parameter_on_post_is_refused(world: World) -> None:
    assert (await world.client().post(POST, params={"x": "1"}, json=make_statement())).status_code == 400


async def test_a_body_said_to_be_too_large_is_refused_before_it_is_read(small_world: World) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 100

    headers = {"Content-Length": str(2**30), "Content-Type": "application/json"}
    answer = await small_world.client().post(POST, content=body(), headers=headers)
    assert (answer.status_code, answer.json()["limit"]) == (413, 2_000)
    assert read == 0


async def test_a_body_that_grows_too_large_is_refused_when_it_does(small_world: World) -> None:
    read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b"x" * 100

    answer = await small_world.client().post(POST, content=body(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert read <= 22
    assert small_world.services.bodies.held == 0


async def test_a_body_that_does_not_come_is_given_up_and_holds_nobody_else_up(small_world: World) -> None:
    client = small_world.client()
    never = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"["
        await never.wait()

    slow = asyncio.create_task(client.post(POST, content=body(), headers={"Content-Type": "application/json"}))
    assert (await client.post(POST, json=make_statement())).status_code == 200
    assert (await slow).status_code == 408
    assert small_world.services.bodies.held == 0


async def test_bodies_held_at_once_are_bounded(small_world: World) -> None:
    client = small_world.client()
    await client.get(POST)
    small_world.log.acknowledges.clear()
    content = make_statement(result={"response": "x" * 1_500})
    first = asyncio.create_task(client.post(POST, json=content))
    await soon(small_world.log.sent.wait())
    second = await client.post(POST, json=content)
    assert (second.status_code, second.json()["code"]) == (503, "overloaded")
    small_world.log.acknowledges.set()
    assert (await first).status_code in (200, 503)
    assert small_world.services.bodies.held == 0


async def test_a_batch_over_the_limit_is_refused(small_world: World) -> None:
    answer = await small_world.client().post(POST, json=[make_statement()] * 4)
    assert (answer.status_code, answer.json()["limit"]) == (413, 3)
