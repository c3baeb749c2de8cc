"""Reading statements over HTTP: pages, filters, more links, and how fresh an answer says it is."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from identity.pseudonyms import identify, pseudonym
from lrs.limits import Limits
from tests.unit.lrs.world import ADA, Identity, World, make_statement, open_world

POST = "/xAPI/statements"


async def put(client, statement, statement_id=None):
    return await client.put(POST, params={"statementId": statement_id or statement["id"]}, json=statement)


async def get(client, statement_id):
    return await client.get(POST, params={"statementId": str(statement_id)})


async def test_one_tenant_sees_nothing_of_another(world: World) -> None:
    mine, theirs = world.client(), world.client(tenant=world.add_tenant())
    statement = make_statement(id=str(uuid.uuid4()))
    await mine.post(POST, json=statement)
    assert (await get(theirs, statement["id"])).status_code == 404
    assert (await theirs.get(POST)).json() == {"statements": [], "more": ""}
    other = make_statement(id=statement["id"], object={"id": "https://example.org/other"})
    assert (await theirs.post(POST, json=other)).status_code == 200


async def test_newest_come_first_and_more_leads_through_all_while_others_arrive(world: World) -> None:
    client = world.client()
    ids = []
    for _ in range(7):
        ids += (await client.post(POST, json=make_statement())).json()
    page = (await client.get(POST, params={"limit": 3})).json()
    seen = [statement["id"] for statement in page["statements"]]
    while page["more"]:
        assert page["more"].startswith("/xAPI/statements")
        await client.post(POST, json=make_statement())
        page = (await client.get(page["more"])).json()
        seen += [statement["id"] for statement in page["statements"]]
    assert sorted(seen) == sorted(ids)
    stored = {statement_id: row.statement.place for statement_id, row in world.store.tenants[world.tenant].items()}
    instants = [stored[uuid.UUID(statement_id)].stored for statement_id in seen]
    assert instants == sorted(instants, reverse=True)


async def test_ascending_turns_the_order_round(world: World) -> None:
    client = world.client()
    for _ in range(4):
        await client.post(POST, json=make_statement())
    down = (await client.get(POST)).json()["statements"]
    up = (await client.get(POST, params={"ascending": "true"})).json()["statements"]
    assert [statement["id"] for statement in up] == [statement["id"] for statement in reversed(down)]


async def test_an_ascending_page_loses_nothing_that_another_partition_shows_a_moment_later(world: World) -> None:
    """Two partitions stamp at the same time; the later stamp is read first, and a link would lead past the earlier."""
    client = world.client()
    world.store.prompt = False
    ids = [(await client.post(POST, json=make_statement())).json()[0] for _ in range(3)]
    for record in world.log.records:
        # So that they are read before the time that the broker may take has passed.
        record.stamp += 0.2
    late = world.store.tenants[world.tenant] = HiddenAtFirst(uuid.UUID(ids[0]))
    world.store.prompt = True
    seen, more = [], f"{POST}?ascending=true&limit=1"
    while more:
        page = (await client.get(more)).json()
        seen += [statement["id"] for statement in page["statements"]]
        more = page["more"]
    assert late.hid
    assert seen == ids


class HiddenAtFirst(dict[uuid.UUID, Any]):
    """Rows of a store of which one is not shown to the first query."""

    def __init__(self, hidden: uuid.UUID) -> None:
        super().__init__()
        self._hidden = hidden
        self.hid = False

    def values(self) -> Any:
        rows = super().values()
        if self.hid:
            return rows
        self.hid = True
        return [row for row in rows if row.statement.id != self._hidden]


async def test_a_more_link_belongs_to_the_credential_that_got_it(world: World) -> None:
    client = world.client()
    await client.post(POST, json=[make_statement(), make_statement()])
    more = (await client.get(POST, params={"limit": 1})).json()["more"]
    assert (await client.get(more)).status_code == 200
    for link in (more[:-2] + ("AA" if more[-2:] != "AA" else "BB"), more.split("=")[0] + "="):
        assert (await client.get(link)).json()["code"] == "invalid-cursor"
    assert (await world.client().get(more)).json()["code"] == "invalid-cursor"
    stranger = world.client(tenant=world.add_tenant())
    assert (await stranger.get(more)).json()["code"] == "invalid-cursor"


async def test_a_more_link_holds_no_identity(world: World) -> None:
    client = world.client()
    await client.post(POST, json=[make_statement(), make_statement()])
    page = await client.get(POST, params={"limit": 1, "agent": json.dumps(ADA)})
    more = page.json()["more"]
    assert "ada@" not in more.lower()
    assert (await client.get(more)).json()["statements"]


@pytest.mark.parametrize(
    ("name", "value", "changes"),
    [
        ("verb", "https://example.org/v", {"verb": {"id": "https://example.org/v"}}),
        ("activity", "https://example.org/a", {"object": {"id": "https://example.org/a"}}),
        ("agent", json.dumps({"mbox": "mailto:bob@example.org"}), {"actor": {"mbox": "mailto:Bob@example.org"}}),
        (
            "registration",
            "0e3a3b1e-3f3c-4c3f-8f2b-0a2a7d3e9d10",
            {"context": {"registration": "0e3a3b1e-3f3c-4c3f-8f2b-0a2a7d3e9d10"}},
        ),
    ],
)
async def test_a_filter_gives_what_matches_and_nothing_else(world: World, name, value, changes) -> None:
    client = world.client()
    wanted, _ = (await client.post(POST, json=[make_statement(**changes), make_statement()])).json()
    found = (await client.get(POST, params={name: value})).json()["statements"]
    assert [statement["id"] for statement in found] == [wanted]


async def test_an_agent_can_be_asked_for_by_pseudonym(world: World) -> None:
    client = world.client()
    await client.post(POST, json=make_statement())
    (read,) = (await client.get(POST)).json()["statements"]
    found = (await client.get(POST, params={"agent": json.dumps(read["actor"])})).json()["statements"]
    assert found == [read]


async def test_since_excludes_and_until_includes_its_instant(world: World) -> None:
    client = world.client()
    (statement_id,) = (await client.post(POST, json=make_statement())).json()
    stored = (await get(client, statement_id)).json()["stored"]
    assert (await client.get(POST, params={"since": stored})).json()["statements"] == []
    (found,) = (await client.get(POST, params={"until": stored})).json()["statements"]
    assert found["id"] == statement_id


@pytest.mark.parametrize(
    "params",
    [
        {"foo": "1"},
        {"StatementId": "x"},
        {"limit": "-1"},
        {"limit": "x"},
        {"since": "yesterday"},
        {"ascending": "1"},
        {"verb": "not an iri"},
        {"activity": "x"},
        {"registration": "x"},
        {"agent": "{"},
        {"agent": "[]"},
        {"agent": '{"mbox":"x"}'},
        {"agent": '{"objectType":"Group","member":[]}'},
        {"format": "pretty"},
        {"attachments": "yes"},
        {"related_agents": "maybe"},
        {"statementId": "x"},
        {"statementId": str(uuid.UUID(int=1)), "limit": "1"},
        {"statementId": str(uuid.UUID(int=1)), "voidedStatementId": str(uuid.UUID(int=2))},
        {"limit": ["1", "2"]},
    ],
)
async def test_a_wrong_parameter_is_refused_with_a_sentence(world: World, params) -> None:
    answer = await world.client().get(POST, params=params)
    assert answer.status_code == 400
    assert answer.json()["message"].endswith(".")


async def test_defaults_may_be_said(world: World) -> None:
    params = {"attachments": "false", "format": "exact", "related_agents": "false", "limit": "0", "ascending": "false"}
    assert (await world.client().get(POST, params=params)).status_code == 200


async def test_head_answers_as_get_without_a_body(world: World) -> None:
    client = world.client()
    (statement_id,) = (await client.post(POST, json=make_statement())).json()
    for params in ({"statementId": statement_id}, {}):
        full = await client.get(POST, params=params)
        head = await client.head(POST, params=params)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == full.headers["content-length"]


async def test_a_read_of_only_ones_own_leaves_out_what_others_wrote(world: World) -> None:
    own, other = world.client("statements/write", "statements/read/mine"), world.client()
    (mine,) = (await own.post(POST, json=make_statement())).json()
    (theirs,) = (await other.post(POST, json=make_statement())).json()
    found = (await own.get(POST)).json()["statements"]
    assert [statement["id"] for statement in found] == [mine]
    assert (await get(own, mine)).status_code == 200
    assert (await get(own, theirs)).status_code == 404
    assert len((await other.get(POST)).json()["statements"]) == 2


async def test_the_record_says_whose_it_is_and_which_version(world: World) -> None:
    await world.client(version="2.0.0").post(POST, json=make_statement())
    (record,) = world.log.records
    headers = dict(record.headers)
    assert headers.pop("attestation")
    assert headers == {"tenant": world.tenant.encode(), "source": b"lrs", "version": b"2.0.0"}
    assert record.key.startswith(world.tenant.encode() + b":")
    assert record.statements[0]["version"] == "2.0.0"


async def test_consistent_through_is_never_later_than_what_the_answer_saw(world: World) -> None:
    client = world.client()
    await client.post(POST, json=make_statement())
    answer = await client.get(POST)
    through = datetime.fromisoformat(answer.headers["x-experience-api-consistent-through"])
    (later,) = (await client.post(POST, json=make_statement())).json()
    stored = datetime.fromisoformat((await get(client, later)).json()["stored"])
    assert through < stored


async def test_the_actor_asked_for_is_looked_up_by_pseudonym(world: World) -> None:
    keys = world.store.vault.tenant_keys(world.tenant)
    client = world.client()
    await client.post(POST, json=make_statement())
    (read,) = (await client.get(POST)).json()["statements"]
    identifier = identify(ADA)
    assert identifier is not None
    assert read["actor"]["account"]["name"] == pseudonym(keys, identifier)


async def test_a_refused_read_tells_as_fresh_an_instant_as_an_answered_one(world: World) -> None:
    client = world.client()
    (stored,) = (await client.post(POST, json=make_statement())).json()
    refused = await client.get(POST, params={"statementId": stored, "limit": 1})
    assert refused.status_code == 400
    through = datetime.fromisoformat(refused.headers["x-experience-api-consistent-through"])
    read = (await client.get(POST, params={"statementId": stored})).json()
    assert through > datetime.fromisoformat(read["stored"]) - timedelta(seconds=1)


async def test_a_refusal_does_not_wait_long_for_parts_that_are_down(identity: Identity) -> None:
    async with open_world(identity, Limits(read_seconds=600, refusal_seconds=0.01)) as world:
        world.log.answers.clear()
        answer = await world.client().get(POST, params={"limit": "x"})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid-parameter")
