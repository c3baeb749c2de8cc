"""While the identity database is out of reach: who is known goes on, who is not is told to come back."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from identity.errors import IdentityUnavailable as IdentityDown
from lrs.limits import Limits
from tests.unit.lrs.world import URL, Identity, World, make_statement, open_world

POST = "/xAPI/statements"


@pytest.fixture
async def fragile(tmp_path: Path) -> AsyncIterator[World]:
    """A world whose identity database can be taken away."""
    identity = Identity.open(tmp_path)
    async with open_world(identity, Limits(renewal_seconds=1, identity_seconds=1)) as world:
        yield world
    identity.engine.dispose()


def take_away(world: World, *, seconds: float = 100) -> Path:
    """Let the database be gone and the time be over in which a credential is trusted unseen."""
    engine = world.identity.engine
    engine.dispose()
    authenticator: Any = world.services.authenticator
    authenticator._clock = lambda: time.monotonic() + seconds
    path = Path(engine.url.database or "")
    return path.rename(path.with_name("away.db"))


async def test_without_the_identity_database_who_is_known_goes_on(fragile: World, caplog) -> None:
    client, seeing = fragile.client(), fragile.client(sees=True)
    assert (await client.post(POST, json=make_statement())).status_code == 200
    assert (await seeing.get(POST)).status_code == 200
    stranger = fragile.client()
    away = take_away(fragile)
    with caplog.at_level(logging.INFO, logger="lrs"):
        for _ in range(3):
            assert (await client.post(POST, json=make_statement())).status_code == 200
            assert len((await client.get(POST)).json()["statements"]) >= 1
            answer = await stranger.post(POST, json=make_statement())
            assert (answer.status_code, answer.json()["code"]) == (503, "identity-unavailable")
        away.rename(away.with_name("identity.db"))
        assert (await stranger.post(POST, json=make_statement())).status_code == 200
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("identity_")]
    assert told == ["identity_unreachable", "identity_reached"]


async def test_without_the_identity_database_nobody_is_trusted_for_ever(fragile: World) -> None:
    client = fragile.client()
    assert (await client.get(POST)).status_code == 200
    take_away(fragile, seconds=3700)
    assert (await client.get(POST)).status_code == 503


async def test_an_identity_database_that_hangs_is_waited_for_a_short_time(fragile: World, monkeypatch) -> None:
    client, stranger = fragile.client(), fragile.client()
    assert (await client.get(POST)).status_code == 200
    hanging = threading.Event()
    monkeypatch.setattr(fragile.services.authenticator, "_find", lambda _key: hanging.wait())
    monkeypatch.setattr(fragile.services.authenticator, "_clock", lambda: time.monotonic() + 100)
    answers = await asyncio.gather(client.get(POST), stranger.get(POST))
    hanging.set()
    assert [answer.status_code for answer in answers] == [200, 503]


async def test_without_the_identity_database_it_says_so_and_stays_in_service(world: World, monkeypatch) -> None:
    hanging = threading.Event()

    def fail() -> None:
        raise IdentityDown("down")

    async with httpx.AsyncClient(transport=world.transport, base_url=URL) as client:
        for check in (fail, hanging.wait):
            monkeypatch.setattr(world.services.authenticator, "check", check)
            monkeypatch.setattr("lrs.about._READY_SECONDS", 0.2)
            answer = await client.get("/ready")
            assert (answer.status_code, answer.json()["identity"]) == (200, False)
        hanging.set()
