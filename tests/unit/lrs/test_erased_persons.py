"""A person who was erased: not found by what names them, and taken in again or not, as the tenant has it."""

from __future__ import annotations

import json
import threading
import uuid
from typing import Any

import pytest
from sqlalchemy import select

from identity.audit import AuditTrail
from identity.erasures import Erased, Later, Tombstone, erase, succeed
from identity.errors import VaultUnavailable
from identity.persons import name_versions
from identity.sealing import PSEUDONYM_HOME
from identity.tables import DOCUMENTS
from lrs.erasures import ErasureWatch
from tests.documents import NEW
from tests.unit.lrs.world import World, make_statement

ADA = {"objectType": "Agent", "name": "Ada", "mbox": "mailto:ada.erased@example.org"}
GRACE = {"objectType": "Agent", "name": "Grace", "mbox": "mailto:grace@example.org"}
STATEMENTS = "/xAPI/statements"
STATE = "/xAPI/activities/state"
PROFILE = "/xAPI/agents/profile"


def name(world: World, agent: dict[str, Any]) -> str:
    return name_versions(world.store.vault.tenant_keys(world.tenant), agent)[0]


def erase_one(world: World, agent: dict[str, Any], later: Later = "refuse", *, learnt: bool = True) -> None:
    audit = AuditTrail(world.identity.engine, world.identity.master)
    names = [name(world, agent)]
    erase(world.identity.engine, audit, world.tenant, names, later=later, who="operator:o", why="asked")
    if learnt:
        world.services.erasures._known.clear()  # a second has passed


def state_of(agent: dict[str, Any]) -> dict[str, str]:
    return {"activityId": "https://example.org/a", "stateId": "s", "agent": json.dumps(agent)}


async def test_an_erased_person_is_found_by_nothing_that_names_them(world: World) -> None:
    client = world.client("all", sees=True)
    ids = [str(uuid.uuid4()) for _ in range(2)]
    both = [make_statement(id=ids[0], actor=ADA), make_statement(id=ids[1], actor=GRACE, context={"instructor": ADA})]
    assert (await client.post(STATEMENTS, json=both)).status_code == 200
    assert (await client.put(STATE, params=state_of(ADA), json={"page": 1})).status_code == 204
    asked = {"agent": json.dumps(ADA), "related_agents": "true"}
    assert len((await client.get(STATEMENTS, params=asked)).json()["statements"]) == 2
    erase_one(world, ADA)

    assert (await client.get(STATEMENTS, params=asked)).json()["statements"] == []
    assert (await client.get(STATE, params=state_of(ADA))).status_code == 404
    person = (await client.get("/xAPI/agents", params={"agent": json.dumps({"mbox": ADA["mbox"]})})).json()
    assert person == {"objectType": "Person", "mbox": [ADA["mbox"]]}  # what was asked, nothing else
    everything = await client.get(STATEMENTS)
    assert {one["id"] for one in everything.json()["statements"]} == set(ids)
    assert "ada.erased" not in everything.text.lower()
    assert GRACE in [one["actor"] for one in everything.json()["statements"]]
    # Who has the pseudonym still finds what lies under it, and nobody behind it.
    account = {"account": {"homePage": PSEUDONYM_HOME, "name": name(world, ADA)}}
    found = await client.get(STATEMENTS, params={"agent": json.dumps(account)})
    assert len(found.json()["statements"]) == 1
    person = (await client.get("/xAPI/agents", params={"agent": json.dumps(account)})).json()
    assert person == {"objectType": "Person", "account": [account["account"]]}


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_later_statements_and_documents_are_refused_with_their_place(world: World, method: str) -> None:
    client = world.client("all")
    erase_one(world, ADA)
    told = make_statement(id=str(uuid.uuid4()), actor=GRACE, context={"instructor": {**ADA, "name": "Another"}})
    body: Any = told if method == "PUT" else [make_statement(actor=GRACE), told]
    params = {"statementId": told["id"]} if method == "PUT" else {}
    answer = await client.request(method, STATEMENTS, json=body, params=params)
    assert (answer.status_code, answer.json()["code"]) == (403, "person-erased")
    (problem,) = answer.json()["problems"]
    assert problem["pointer"] == f"/{0 if method == 'PUT' else 1}/context/instructor"
    assert "ada.erased" not in answer.text.lower()
    assert world.log.records == []

    for path, place in ((STATE, state_of(ADA)), (PROFILE, {"profileId": "p", "agent": json.dumps(ADA)})):
        answer = await client.request(method, path, params=place, json={}, headers=NEW)
        assert (answer.status_code, answer.json()["code"]) == (403, "person-erased")
    account = {"account": {"homePage": PSEUDONYM_HOME, "name": name(world, ADA)}}
    answer = await client.request(method, STATE, params=state_of(account), json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "person-erased")
    assert (await client.post(STATEMENTS, json=make_statement(actor=GRACE))).status_code == 200


async def test_a_new_person_begins_with_nothing_and_is_not_linked_to_the_erased_one(world: World) -> None:
    client = world.client("all", sees=True)
    assert (await client.put(STATE, params=state_of(ADA), json={"page": 1})).status_code == 204
    erase_one(world, ADA, "new-person")
    assert (await client.get(STATE, params=state_of(ADA))).status_code == 404
    assert (await client.put(STATE, params=state_of(ADA), json={"page": 2})).status_code == 204
    assert (await client.get(STATE, params=state_of(ADA))).json() == {"page": 2}
    old = {"account": {"homePage": PSEUDONYM_HOME, "name": name(world, ADA)}}
    assert (await client.get(STATE, params=state_of(old))).status_code == 404
    new = succeed(world.store.vault.tenant_keys(world.tenant), name(world, ADA))
    account = {"account": {"homePage": PSEUDONYM_HOME, "name": new}}
    assert (await client.get(STATE, params=state_of(account))).json() == {"page": 2}
    assert (await client.post(STATEMENTS, json=make_statement(actor=ADA))).status_code == 200


async def test_a_document_just_after_the_erasure_is_neither_lost_nor_kept_under_the_old_name(world: World) -> None:
    client = world.client("all")
    assert (await client.put(STATE, params=state_of(ADA), json={"page": 1})).status_code == 204
    erase_one(world, ADA, "new-person", learnt=False)
    for _ in range(2):
        answer = await client.put(STATE, params=state_of(ADA), json={"page": 2})
        assert (answer.status_code, answer.json()["code"]) == (503, "identity-unavailable")
        assert "retry-after" in answer.headers
    world.services.erasures._known.clear()
    assert (await client.put(STATE, params=state_of(ADA), json={"page": 2})).status_code == 204
    with world.identity.engine.connect() as connection:
        agents = connection.scalars(select(DOCUMENTS.c.agent).where(DOCUMENTS.c.tenant == world.tenant)).all()
    assert name(world, ADA) not in agents
    assert len(agents) == 1


async def test_an_erasure_of_one_tenant_is_none_of_anothers(world: World) -> None:
    other = world.client("all", tenant=world.add_tenant())
    erase_one(world, ADA)
    assert (await other.post(STATEMENTS, json=make_statement(actor=ADA))).status_code == 200


class Source:
    """Who was erased, from a database that may be slow or down."""

    def __init__(self) -> None:
        self.tombstones: dict[str, Tombstone] = {}
        self.failure: Exception | None = None
        self.calls = 0
        self.answers = threading.Event()
        self.answers.set()

    def erased(self, tenant: str) -> Erased:
        assert tenant == "acme"
        self.calls += 1
        self.answers.wait()
        if self.failure is not None:
            raise self.failure
        return Erased(self.tombstones)


async def test_erasures_are_learnt_within_a_second_and_accepting_outlives_their_source() -> None:
    source, now = Source(), [0.0]
    watch = ErasureWatch(source, clock=lambda: now[0], patience_seconds=0.05)
    assert not await watch.find("acme")
    source.tombstones["a"] = Tombstone(1, "refuse")
    now[0] = 0.9
    assert not await watch.find("acme")
    now[0] = 1.0
    assert "a" in await watch.find("acme")
    assert source.calls == 2

    source.failure = VaultUnavailable("down")
    now[0] = 2.0
    assert "a" in await watch.find("acme")
    source.answers.clear()
    now[0] = 3.0
    try:
        assert "a" in await watch.find("acme")
    finally:
        source.answers.set()
