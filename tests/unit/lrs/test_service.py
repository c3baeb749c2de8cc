"""What surrounds the statements: versions, credentials, limits, faults, and being honest while a part is down."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import orjson
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


async def test_an_unknown_path_is_a_404_in_json(world: World) -> None:
    answer = await world.client().get("/xAPI/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.fixture
async def small_world(identity: Identity) -> AsyncIterator[World]:
    limits = Limits(
        body_bytes=2_000,
        bodies_bytes=3_000,
        body_seconds=0.05,
        batch_statements=3,
        ack_seconds=0.05,
        lookup_seconds=0.05,
        read_seconds=0.05,
        thread_bytes=500,
    )
    async with open_world(identity, limits) as world:
        yield world


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


async def test_without_an_acknowledgement_the_outcome_is_said_to_be_unknown_and_sending_again_is_safe(
    small_world: World,
) -> None:
    client = small_world.client()
    statement = make_statement(id=str(uuid.uuid4()))
    small_world.log.acknowledges.clear()
    first = await client.post(POST, json=statement)
    assert (first.status_code, first.json()["code"]) == (503, "outcome-unknown")
    assert first.headers["retry-after"]
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
        assert (await client.get("/ready")).json() == {"kafka": True, "clickhouse": True}
        world.store.failure = StatementsUnavailable("down")
        world.log.failure = LogUnavailable("down")
        answer = await client.get("/ready")
        assert (answer.status_code, answer.json()) == (503, {"kafka": False, "clickhouse": False})
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
