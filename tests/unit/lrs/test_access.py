"""Who is let in, how often, and what the others cost: tokens beside secrets, floods, rates."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from identity.credentials import disable_credential
from identity.errors import VaultUnavailable
from lrs.authentication import Authentication
from lrs.limits import Limits
from tests.unit.lrs.doubles import soon
from tests.unit.lrs.issuer import ISSUER, Issuer
from tests.unit.lrs.world import URL, VERSION, Identity, World, make_statement, open_world

PATH = "/xAPI/statements"


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def guarded(identity: Identity, issuer: Issuer) -> AsyncIterator[World]:
    async with open_world(identity, tokens=issuer.tokens()) as world:
        yield world


async def send(world: World, token: str, method: str = "GET", **sent: Any) -> httpx.Response:
    headers = VERSION | {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=world.transport, base_url=URL, headers=headers) as client:
        return await client.request(method, PATH, **sent)


async def test_a_token_writes_as_application_and_user_and_reads_that_back(guarded: World, issuer: Issuer) -> None:
    token = issuer.sign(tenant=guarded.tenant, scope="statements/write statements/read identities")
    assert (await send(guarded, token, "POST", json=make_statement())).status_code == 200
    (statement,) = (await send(guarded, token)).json()["statements"]
    assert statement["authority"] == {
        "objectType": "Group",
        "member": [
            {"objectType": "Agent", "account": {"homePage": ISSUER, "name": "moodle"}},
            {"objectType": "Agent", "account": {"homePage": ISSUER, "name": "9d1f-ada"}},
        ],
    }
    assert statement["actor"] == make_statement()["actor"]


async def test_a_token_of_an_application_alone_writes_as_one_agent(guarded: World, issuer: Issuer) -> None:
    token = issuer.sign(tenant=guarded.tenant, sub="moodle")
    await send(guarded, token, "POST", json=make_statement())
    assert guarded.log.statements[0]["authority"]["account"] == {"homePage": ISSUER, "name": "moodle"}


async def test_without_the_scope_identities_a_token_sees_pseudonyms(guarded: World, issuer: Issuer) -> None:
    token = issuer.sign(tenant=guarded.tenant)
    await send(guarded, token, "POST", json=make_statement())
    answer = await send(guarded, token)
    assert len(answer.json()["statements"]) == 1
    assert "ada@" not in answer.text


async def test_mine_is_the_same_user_through_the_same_application(guarded: World, issuer: Issuer) -> None:
    scope = "statements/write statements/read/mine"
    ada, bob = (issuer.sign(tenant=guarded.tenant, sub=sub, scope=scope) for sub in ("ada", "bob"))
    (statement_id,) = (await send(guarded, ada, "POST", json=make_statement())).json()
    again = issuer.sign(tenant=guarded.tenant, sub="ada", scope=scope, jti="a later token")
    for token, seen in ((ada, 1), (again, 1), (bob, 0)):
        assert len((await send(guarded, token)).json()["statements"]) == seen
        answer = await send(guarded, token, params={"statementId": statement_id})
        assert answer.status_code == (200 if seen else 404)


async def test_a_token_reaches_its_own_tenant_only(guarded: World, issuer: Issuer) -> None:
    other = guarded.add_tenant()
    await send(guarded, issuer.sign(tenant=guarded.tenant), "POST", json=make_statement())
    assert (await send(guarded, issuer.sign(tenant=other))).json()["statements"] == []


async def test_a_tenant_that_is_not_here_is_an_invalid_token(guarded: World, issuer: Issuer) -> None:
    answer = await send(guarded, issuer.sign(tenant="nowhere"))
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_a_genuine_token_without_a_scope_of_xapi_may_nothing(guarded: World, issuer: Issuer) -> None:
    answer = await send(guarded, issuer.sign(tenant=guarded.tenant, scope="openid profile email"))
    assert (answer.status_code, answer.json()["scope"]) == (403, "statements/read")
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="statements/read"'


async def test_challenges_name_bearer_only_where_it_is_on(guarded: World, world: World) -> None:
    plain = await send(world, "x")
    assert (plain.status_code, plain.headers["www-authenticate"]) == (401, 'Basic realm="xAPI", charset="UTF-8"')
    async with httpx.AsyncClient(transport=guarded.transport, base_url=URL, headers=VERSION) as client:
        nothing = await client.get(PATH)
        wrong = await client.get(PATH, auth=("key", "secret"))
    for answer in (nothing, wrong):
        assert answer.headers["www-authenticate"] == 'Basic realm="xAPI", charset="UTF-8", Bearer realm="xAPI"'
    invalid = await send(guarded, "x")
    assert (invalid.status_code, invalid.json()["code"]) == (401, "unauthenticated")
    assert invalid.headers["www-authenticate"].endswith('Bearer realm="xAPI", error="invalid_token"')


async def test_requests_that_fail_together_are_each_told_the_same(guarded: World) -> None:
    answers = await asyncio.gather(*(send(guarded, "x.y.z") for _ in range(5)))
    assert {answer.headers["www-authenticate"].count("Bearer") for answer in answers} == {1}


async def test_basic_goes_on_beside_tokens(guarded: World) -> None:
    assert (await guarded.client().get(PATH)).status_code == 200


async def test_a_token_is_checked_once(guarded: World, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    tokens: Any = guarded.services.tokens
    verify, verified = tokens.verify, []
    monkeypatch.setattr(tokens, "verify", lambda token: verified.append(token) or verify(token))
    token = issuer.sign(tenant=guarded.tenant)
    answers = await asyncio.gather(*(send(guarded, token) for _ in range(10)))
    answers.append(await send(guarded, token))
    assert {answer.status_code for answer in answers} == {200}
    assert len(verified) == 1


async def test_a_remembered_token_ends_with_its_time(guarded: World, issuer: Issuer, monkeypatch) -> None:
    token = issuer.sign(tenant=guarded.tenant)
    assert (await send(guarded, token)).status_code == 200
    monkeypatch.setattr(guarded.services.tokens, "_now", lambda: time.time() + 3_600)
    assert (await send(guarded, token)).status_code == 401


async def test_a_remembered_token_ends_with_its_key(guarded: World, issuer: Issuer) -> None:
    token = issuer.sign(tenant=guarded.tenant)
    assert (await send(guarded, token)).status_code == 200
    issuer.rotate("two")
    issuer.clock.now = 60
    assert (await send(guarded, issuer.sign(tenant=guarded.tenant))).status_code == 200
    assert (await send(guarded, token)).status_code == 401


async def test_an_issuer_out_of_reach_is_a_503_for_new_keys_only(guarded: World, issuer: Issuer) -> None:
    issuer.down = True
    answer = await send(guarded, issuer.sign(tenant=guarded.tenant))
    assert (answer.status_code, answer.json()["code"]) == (503, "issuer-unavailable")
    assert answer.headers["retry-after"]
    issuer.down, issuer.clock.now = False, 60
    assert (await send(guarded, issuer.sign(tenant=guarded.tenant))).status_code == 200
    issuer.down, issuer.clock.now = True, 120
    assert (await send(guarded, issuer.sign(tenant=guarded.tenant, jti="new"))).status_code == 200


async def test_a_vault_out_of_reach_is_a_503_for_tokens_too(guarded: World, issuer: Issuer, monkeypatch) -> None:
    def fail(_tenant: str) -> None:
        raise VaultUnavailable("down")

    monkeypatch.setattr(guarded.services.keys, "tenant_keys", fail)
    answer = await send(guarded, issuer.sign(tenant=guarded.tenant))
    assert (answer.status_code, answer.json()["code"]) == (503, "identity-unavailable")


async def test_a_flood_of_wrong_secrets_holds_up_nobody_who_was_let_in_before(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_world(identity, Limits(sign_ins=3)) as world:
        client = world.client()
        assert (await client.get(PATH)).status_code == 200
        hashing, go_on = threading.Event(), threading.Event()
        authenticator: Any = world.services.authenticator
        authenticate = authenticator.authenticate

        def slow(key: str, secret: str) -> Any:
            hashing.set()
            go_on.wait(10)
            return authenticate(key, secret)

        monkeypatch.setattr(authenticator, "authenticate", slow)
        async with httpx.AsyncClient(transport=world.transport, base_url=URL, headers=VERSION) as stranger:
            flood = [asyncio.create_task(stranger.get(PATH, auth=("key", f"wrong{n}"))) for n in range(3)]
            await soon(asyncio.to_thread(hashing.wait))
            refused = await soon(stranger.get(PATH, auth=("key", "one too many")))
            assert (refused.status_code, refused.json()["code"]) == (503, "overloaded")
            monkeypatch.setattr(authenticator, "_clock", lambda: time.monotonic() + 3_600)
            assert (await soon(client.get(PATH))).status_code == 200
            go_on.set()
            assert {answer.status_code for answer in await asyncio.gather(*flood)} == {401}


async def test_a_disabled_credential_ends_with_its_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    credential, secret = world.credential()
    async with httpx.AsyncClient(transport=world.transport, base_url=URL, headers=VERSION) as client:
        assert (await client.get(PATH, auth=(credential.key, secret))).status_code == 200
        disable_credential(world.identity.engine, credential.key)
        monkeypatch.setattr(world.services.authenticator, "_clock", lambda: time.monotonic() + 3_600)
        assert (await client.get(PATH, auth=(credential.key, secret))).status_code == 401


async def test_the_request_over_the_rate_is_429_before_its_body_is_read(identity: Identity) -> None:
    async with open_world(identity, Limits(rate_per_second=0.01, rate_burst=2)) as world:
        client, other = world.client(), world.client()

        async def body() -> AsyncIterator[bytes]:
            raise AssertionError("the body was read")
            yield b""

        for _ in range(2):
            assert (await client.get(PATH)).status_code == 200
        answer = await client.post(PATH, content=body(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")
        assert 1 <= int(answer.headers["retry-after"]) <= 100
        assert (await other.get(PATH)).status_code == 200


async def test_a_long_query_is_414_with_the_limit(world: World) -> None:
    answer = await world.client().get(PATH, params={"verb": "https://example.org/" + "x" * 20_000})
    assert (answer.status_code, answer.json()) == (
        414,
        {"code": "query-too-long", "message": answer.json()["message"], "limit": 16_384},
    )
    assert answer.headers["x-experience-api-version"] == "1.0.3"


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
async def test_a_request_without_version_is_refused_in_the_version_its_sender_spoke(world: World, version) -> None:
    client = world.client(version=version)
    await client.get(PATH)
    del client.headers["x-experience-api-version"]
    for method in ("GET", "POST", "PUT"):
        answer = await client.request(method, PATH)
        assert (answer.status_code, answer.headers["x-experience-api-version"]) == (400, version)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/xAPI/statements", "GET, HEAD, POST, PUT"),
        ("/xAPI/statements/more", "GET, HEAD"),
        ("/xAPI/about", "GET, HEAD"),
    ],
)
async def test_another_method_is_405_and_told_which_there_are(world: World, path, allowed) -> None:
    for method in ("PATCH", "OPTIONS"):
        answer = await world.client().request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0", None])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_about_answers_in_every_version_and_without_one(world: World, version, method) -> None:
    headers = {"X-Experience-API-Version": version} if version else {}
    async with httpx.AsyncClient(transport=world.transport, base_url=URL, headers=headers) as client:
        answer = await client.request(method, "/xAPI/about")
    assert (answer.status_code, answer.headers["x-experience-api-version"]) == (200, version or "2.0.0")
    if method == "GET":
        assert {"1.0.3", "2.0.0"} <= set(answer.json()["version"])


async def test_knowing_a_caller_again_takes_microseconds(guarded: World, issuer: Issuer) -> None:
    authentication: Authentication = guarded.services.authentication
    credential, secret = guarded.credential()
    basic = next(httpx.BasicAuth(credential.key, secret).auth_flow(httpx.Request("GET", URL))).headers["authorization"]
    for header in (basic, f"Bearer {issuer.sign(tenant=guarded.tenant)}"):
        await authentication.identify(header)
        times = []
        for _ in range(200):
            begun = time.perf_counter()
            await authentication.identify(header)
            times.append(time.perf_counter() - begun)
        # A slow hash takes 20 ms and a signature 0.1 ms; the median is what no busy machine disturbs.
        assert sorted(times)[100] < 0.001
