"""A suspended tenant is told so, a removed one what any wrong credential is, once the tenants were read anew."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from identity.audit import AuditTrail
from identity.removal import begin_removal, finish_removal
from identity.standing import Standing
from identity.tenants import resume_tenant, suspend_tenant
from tests.unit.lrs.issuer import Clock, Issuer
from tests.unit.lrs.world import URL, VERSION, Identity, World, make_statement, open_world

BY = {"who": "operator:anne", "why": "a test"}
PATHS = (
    "statements",
    "activities?activityId=https://example.org/a",
    "agents?agent=%7B%22mbox%22%3A%22mailto:a@example.org%22%7D",
    "activities/profile?activityId=https://example.org/a",
)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def kept(identity: Identity, issuer: Issuer, clock: Clock) -> AsyncIterator[World]:
    standing = Standing(identity.engine, seconds=2, clock=clock)
    async with open_world(identity, tokens=issuer.tokens(), standing=standing) as world:
        yield world


@pytest.fixture
def trail(identity: Identity) -> AuditTrail:
    return AuditTrail(identity.engine, identity.master)


async def test_a_suspended_tenant_is_refused_everything_until_it_is_resumed(
    kept: World, trail: AuditTrail, clock: Clock
) -> None:
    client, other = kept.client("all"), kept.client("all", tenant=kept.add_tenant())
    assert (await client.post("/xAPI/statements", json=make_statement())).status_code == 200
    suspend_tenant(kept.identity.engine, trail, kept.tenant, **BY)
    clock.now += 2
    appended = len(kept.log.statements)
    answers = [await client.post("/xAPI/statements", json=make_statement())]
    answers += [await client.get(f"/xAPI/{path}") for path in PATHS]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "tenant-suspended")}
    assert len(kept.log.statements) == appended
    assert (await other.get("/xAPI/statements")).status_code == 200
    resume_tenant(kept.identity.engine, trail, kept.tenant, **BY)
    clock.now += 2
    assert (await client.get("/xAPI/statements")).status_code == 200


async def test_a_removed_tenant_is_told_what_any_wrong_credential_is(
    kept: World, trail: AuditTrail, clock: Clock, issuer: Issuer
) -> None:
    client = kept.client("all")
    headers = VERSION | {"Authorization": f"Bearer {issuer.sign(tenant=kept.tenant)}"}
    assert (await client.get("/xAPI/statements")).status_code == 200
    assert (await send(kept, headers)).status_code == 200
    begin_removal(kept.identity.engine, trail, kept.tenant, {}, **BY)
    finish_removal(kept.identity.engine, trail, kept.tenant, {}, **BY)
    clock.now += 2
    wrong = await httpx_client(kept, auth=("nobody", "at all")).get("/xAPI/statements")
    # Both are still remembered: it is the tenant that is gone.
    for answer in (await client.get("/xAPI/statements"), await send(kept, headers)):
        assert (answer.status_code, answer.json()) == (wrong.status_code, wrong.json())


async def test_a_tenant_that_was_just_added_is_let_in(kept: World) -> None:
    assert (await kept.client("all").get("/xAPI/statements")).status_code == 200
    assert (await kept.client("all", tenant=kept.add_tenant()).get("/xAPI/statements")).status_code == 200


async def test_a_database_that_is_slow_holds_no_request_up_for_long(
    kept: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = kept.client("all")
    assert (await client.get("/xAPI/statements")).status_code == 200
    released = threading.Event()

    def wait(*_: Any, **__: Any) -> list[Any]:
        released.wait(30)
        return []

    monkeypatch.setattr("identity.standing.list_tenants", wait)
    monkeypatch.setattr("lrs.authentication._RENEWAL_SECONDS", 0.01)
    clock.now += 2
    try:
        assert (await client.get("/xAPI/statements")).status_code == 200
    finally:
        released.set()


def httpx_client(world: World, **options: Any) -> httpx.AsyncClient:
    client = httpx.AsyncClient(transport=world.transport, base_url=URL, headers=VERSION, **options)
    world.clients.append(client)
    return client


async def send(world: World, headers: dict[str, str]) -> httpx.Response:
    client = httpx_client(world)
    client.headers.update(headers)
    return await client.get("/xAPI/statements")
