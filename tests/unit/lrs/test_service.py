"""What surrounds the statements: versions, credentials, faults, and being honest while a part is down."""

from __future__ import annotations

import asyncio
import logging
import uuid
from datetime import datetime

import httpx
import pytest

from identity.errors import IdentityUnavailable as IdentityDown
from identity.errors import VaultUnavailable
from lrs.errors import LogUnavailable, StatementsUnavailable
from lrs.limits import Limits
from tests.unit.lrs.doubles import soon
from tests.unit.lrs.world import ADA, URL, VERSION, Identity, World, make_statement, open_world

POST = "/xAPI/statements"


async def test_about_answers_without_credential_or_version(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=URL) as client:
        answer = await client.get("/xAPI/about")
        head = await client.head("/xAPI/about")
    assert answer.json()["version"] == ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"]
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [("1.0", "1.0.3"), ("1.0.0", "1.0.3"), ("1.0.3", "1.0.3"), ("2.0.0", "2.0.0"), ("2.0.7", "2.0.0")],
)
async def test_a_known_version_is_answered_in_its_kind(world: World, sent, answered) -> None:
    answer = await world.client(version=sent).get(POST)
    assert (answer.status_code, answer.headers["x-experience-api-version"]) == (200, answered)


@pytest.mark.parametrize("sent", ["0.95", "1.1", "1.0.4", "3.0.0", "2.0.x", "2.0.", "1.0.3 x", ""])
async def test_an_unknown_version_is_refused(world: World, sent) -> None:
    answer = await world.client(version=sent).get(POST)
    assert (answer.status_code, answer.json()["code"]) == (400, "version-unknown")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
async def test_a_request_without_version_is_refused(world: World, method) -> None:
    client = world.client()
    del client.headers["x-experience-api-version"]
    answer = await client.request(method, POST)
    assert (answer.status_code, answer.json()["code"]) == (400, "version-missing")


@pytest.mark.parametrize(
    ("method", "params", "status"),
    [
        ("GET", {}, 200),
        ("GET", {"foo": "1"}, 400),
        ("GET", {"statementId": str(uuid.UUID(int=1))}, 404),
        ("DELETE", {}, 405),
        ("GET", {"format": "all"}, 400),
    ],
)
async def test_every_answer_carries_version_and_an_honest_consistent_through(
    world: World, method, params, status
) -> None:
    answer = await world.client().request(method, POST, params=params)
    assert answer.status_code == status
    assert answer.headers["x-experience-api-version"] == "1.0.3"
    assert answer.headers["x-experience-api-consistent-through"].endswith("Z")
    if status != 200:
        assert set(answer.json()) >= {"code", "message"}


@pytest.mark.parametrize(
    "header",
    [None, "Bearer x", "Basic", "Basic !!!", "Basic bm9jb2xvbg==", "Basic /w==", "Basic a2V5OnNlY3JldA=="],
)
async def test_a_request_without_a_right_credential_is_refused_without_telling_more(world: World, header) -> None:
    headers = VERSION | ({"Authorization": header} if header else {})
    async with httpx.AsyncClient(transport=world.transport, base_url=URL) as client:
        answer = await client.get(POST, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert "x-experience-api-consistent-through" in answer.headers


async def test_a_wrong_secret_is_refused_also_after_the_right_one_was_seen(world: World) -> None:
    credential, secret = world.credential()
    async with httpx.AsyncClient(transport=world.transport, base_url=URL, headers=VERSION) as client:
        assert (await client.get(POST, auth=(credential.key, secret))).status_code == 200
        assert (await client.get(POST, auth=(credential.key, secret + "x"))).status_code == 401


async def test_many_first_requests_at_once_pay_one_slow_check(world: World, monkeypatch) -> None:
    checked: list[str] = []
    authenticate = world.services.authenticator.authenticate
    monkeypatch.setattr(
        world.services.authenticator,
        "authenticate",
        lambda key, secret: checked.append(key) or authenticate(key, secret),
    )
    client = world.client()
    answers = await asyncio.gather(*(client.get(POST) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(checked) == 1


@pytest.mark.parametrize(
    ("scope", "method", "allowed"),
    [
        ("statements/write", "POST", True),
        ("statements/write", "GET", False),
        ("statements/read", "GET", True),
        ("statements/read", "POST", False),
        ("statements/read/mine", "GET", True),
        ("all/read", "GET", True),
        ("all/read", "POST", False),
        ("all", "POST", True),
        ("state", "GET", False),
    ],
)
async def test_a_scope_allows_what_it_says(world: World, scope, method, allowed) -> None:
    answer = await world.client(scope).request(method, POST, json=make_statement() if method == "POST" else None)
    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert "scope" in answer.json()["message"]


async def test_identity_out_of_reach_is_a_503(world: World, monkeypatch) -> None:
    def fail(*_: str) -> None:
        raise IdentityDown("down")

    monkeypatch.setattr(world.services.authenticator, "authenticate", fail)
    answer = await world.client().get(POST)
    assert (answer.status_code, answer.json()["code"]) == (503, "identity-unavailable")
    assert answer.headers["retry-after"]


async def test_a_vault_out_of_reach_gives_no_pseudonyms_to_who_expects_people(world: World, monkeypatch) -> None:
    client = world.client(sees=True)
    await client.post(POST, json=make_statement())

    def fail(*_: object) -> None:
        raise VaultUnavailable("down")

    monkeypatch.setattr(world.store.vault, "find_learner_keys", fail)
    assert (await client.get(POST)).status_code == 503


async def test_an_unknown_path_is_a_404_in_json(world: World) -> None:
    answer = await world.client().get("/xAPI/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_a_fault_is_answered_with_an_id_and_logged_once_without_identity(
    world: World, monkeypatch, caplog
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError(f"broken by {ADA['mbox']}")

    client = world.client()
    monkeypatch.setattr(world.store, "query_statements", fail)
    with caplog.at_level(logging.WARNING):
        answer = await client.get(POST, params={"agent": '{"mbox":"mailto:ada@example.org"}'})
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "x-experience-api-consistent-through" in answer.headers
    (record,) = [record for record in caplog.records if record.name.startswith("lrs")]
    assert vars(record)["request_id"] == answer.json()["request_id"]
    assert "mailto" not in str(vars(record))


async def test_a_slow_request_is_logged_without_its_query(identity: Identity, caplog) -> None:
    async with open_world(identity, Limits(slow_seconds=0)) as world:
        with caplog.at_level(logging.WARNING, logger="lrs"):
            await world.client().get(POST, params={"agent": '{"mbox":"mailto:ada@example.org"}'})
    (record,) = [record for record in caplog.records if record.getMessage() == "slow_request"]
    assert "mailto" not in str(vars(record))
    assert vars(record)["route"] == POST


async def test_ready_says_what_cannot_be_reached_and_health_does_not_care(world: World) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=URL) as client:
        assert (await client.get("/ready")).json() == {"kafka": True, "clickhouse": True, "identity": True}
        world.store.failure = StatementsUnavailable("down")
        world.log.failure = LogUnavailable("down")
        answer = await client.get("/ready")
        assert (answer.status_code, answer.json()) == (503, {"kafka": False, "clickhouse": False, "identity": True})
        assert (await client.get("/health")).status_code == 200


async def test_stopping_waits_for_what_was_sent(identity: Identity) -> None:
    async with open_world(identity) as world:
        client = world.client()
        await client.get(POST)
        world.log.acknowledges.clear()
        writing = asyncio.create_task(client.post(POST, json=make_statement()))
        await soon(world.log.sent.wait())
        stopping = asyncio.create_task(world.services.stop())
        await asyncio.sleep(0)
        assert not stopping.done()
        assert not world.log.stopped
        world.log.acknowledges.set()
        await stopping
        assert world.log.stopped
        assert (await writing).status_code == 200


async def test_a_read_claims_no_more_than_its_own_barrier_though_others_learn_more_meanwhile(world: World) -> None:
    client, barrier = world.client(), world.services.barrier
    await client.post(POST, json=make_statement())
    await client.get(POST)
    world.store.answers.clear()
    world.store.asked.clear()
    early = asyncio.create_task(client.get(POST))
    await soon(world.store.asked.wait())
    known = barrier.consistent_through
    barrier._clock = lambda: known.timestamp() + 60
    await barrier.wait()
    assert barrier.consistent_through > known
    world.store.answers.set()
    claimed = datetime.fromisoformat((await early).headers["x-experience-api-consistent-through"])
    assert claimed <= known
