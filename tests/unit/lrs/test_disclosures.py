"""What shows who somebody is goes on the audit trail first, or is not shown."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import pytest

from identity.audit import AuditTrail, Entry
from identity.errors import IdentityUnavailable
from identity.sealing import PSEUDONYM_HOME
from tests.unit.lrs.world import ADA, World, make_statement


def read_trail(world: World) -> list[Entry]:
    trail = AuditTrail(world.identity.engine, world.identity.master)
    return [entry for entry in trail.read(tenant=world.tenant, limit=1_000) if entry.event.action == "identities-read"]


def name(pseudonym: str) -> str:
    return json.dumps({"account": {"homePage": PSEUDONYM_HOME, "name": pseudonym}})


async def post(client: Any, *statements: dict[str, Any]) -> list[str]:
    answer = await client.post("/xAPI/statements", json=list(statements))
    assert answer.status_code == 200, answer.text
    return list(answer.json())


async def test_a_page_that_shows_people_is_on_record_with_who_read_how_much(world: World) -> None:
    client = world.client(sees=True)
    await post(client, make_statement(), make_statement())
    assert (await client.get("/xAPI/statements")).status_code == 200

    (entry,) = read_trail(world)
    assert entry.event.who == f"credential:{read_key(client)}"
    assert entry.event.action == "identities-read"
    assert entry.event.why == "A credential of the tests"
    # Ada, and the credential that wrote.
    assert entry.event.details == {"resource": "statements", "statements": 2, "people": 2}


def read_key(client: Any) -> str:
    return base64.b64decode(client.auth._auth_header.removeprefix("Basic ")).decode().partition(":")[0]


async def test_one_statement_by_its_id_is_on_record(world: World) -> None:
    client = world.client(sees=True)
    (statement_id,) = await post(client, make_statement())
    await client.get("/xAPI/statements", params={"statementId": statement_id})
    assert [entry.event.details["statements"] for entry in read_trail(world)] == [1]


async def test_the_person_behind_an_agent_is_on_record_by_pseudonym_alone(world: World) -> None:
    client = world.client(sees=True)
    await post(client, make_statement())
    await client.get("/xAPI/agents", params={"agent": json.dumps(ADA)})

    (entry,) = read_trail(world)
    assert len(entry.event.about) == 32
    assert "ada@" not in repr(entry).lower()


async def test_what_shows_no_people_is_not_on_record(world: World) -> None:
    client = world.client()
    await post(client, make_statement())
    await client.get("/xAPI/statements")
    await client.get("/xAPI/agents", params={"agent": json.dumps(ADA)})
    await world.client(sees=True).get("/xAPI/statements", params={"verb": "https://example.org/never"})
    assert read_trail(world) == []


async def test_without_the_trail_no_identity_is_shown(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client(sees=True)
    await post(client, make_statement())

    def fail(*_: object) -> None:
        raise IdentityUnavailable("The identity database does not answer.")

    monkeypatch.setattr(world.services.trail, "append", fail)
    answer = await client.get("/xAPI/statements")
    assert answer.status_code == 503
    assert answer.json()["code"] == "identity-unavailable"
    assert "ada@" not in answer.text.lower()


async def test_many_reads_at_once_are_all_on_record(world: World) -> None:
    client = world.client(sees=True)
    await post(client, make_statement())
    await asyncio.gather(*(client.get("/xAPI/statements") for _ in range(20)))
    assert len(read_trail(world)) == 20
    trail = AuditTrail(world.identity.engine, world.identity.master)
    assert trail.verify() == trail.head()


async def test_documents_of_a_pseudonym_are_for_those_who_see_identities(world: World) -> None:
    platform = world.client()
    sent = {"agent": json.dumps(ADA), "profileId": "p"}
    assert (
        await platform.put("/xAPI/agents/profile", params=sent, json={"name": "Ada"}, headers={"If-None-Match": "*"})
    ).status_code == 204
    assert (await platform.get("/xAPI/agents/profile", params=sent)).json() == {"name": "Ada"}

    await post(platform, make_statement())
    (statement,) = (await platform.get("/xAPI/statements")).json()["statements"]
    by_pseudonym = {"agent": name(statement["actor"]["account"]["name"]), "profileId": "p"}
    answer = await platform.get("/xAPI/agents/profile", params=by_pseudonym)
    assert answer.status_code == 403
    assert "Ada" not in answer.text
    assert read_trail(world) == []

    officer = world.client(sees=True)
    assert (await officer.get("/xAPI/agents/profile", params=by_pseudonym)).json() == {"name": "Ada"}
    (entry,) = read_trail(world)
    assert entry.event.about == statement["actor"]["account"]["name"]
    assert entry.event.details == {"resource": "agents/profile"}
