"""Statements over HTTP: what is accepted, what is refused, and what is read back."""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from identity.pseudonyms import identify, pseudonym
from identity.sealing import PSEUDONYM_HOME
from lrs.limits import Limits
from tests.unit.lrs.doubles import soon
from tests.unit.lrs.world import ADA, URL, Identity, World, make_statement, open_world

POST = "/xAPI/statements"


async def put(client, statement, statement_id=None):
    return await client.put(POST, params={"statementId": statement_id or statement["id"]}, json=statement)


async def get(client, statement_id):
    return await client.get(POST, params={"statementId": str(statement_id)})


async def test_a_posted_statement_is_read_back_with_what_the_store_adds(world: World) -> None:
    client = world.client(sees=True)
    sent = make_statement(result={"score": {"scaled": 1.0}, "duration": "PT1H"})
    posted = await client.post(POST, json=sent)
    assert posted.status_code == 200
    (statement_id,) = posted.json()

    answer = await get(client, statement_id)
    assert answer.status_code == 200
    read = answer.json()
    assert {name: read[name] for name in sent} == sent
    assert read["id"] == statement_id
    assert read["version"] == "1.0.0"
    assert read["authority"]["account"]["homePage"] == URL
    assert read["stored"] == read["timestamp"]
    assert '"scaled":1.0' in answer.text
    assert answer.headers["last-modified"].endswith("GMT")


async def test_who_may_not_see_identities_reads_pseudonyms(world: World) -> None:
    client = world.client(sees=False)
    (statement_id,) = (await client.post(POST, json=make_statement())).json()
    text = (await get(client, statement_id)).text
    assert "ada" not in text.lower()
    assert PSEUDONYM_HOME in text


async def test_a_read_sees_every_statement_answered_before_it_began(world: World) -> None:
    world.store.prompt = False
    client = world.client()
    (statement_id,) = (await client.post(POST, json=make_statement())).json()
    reading = asyncio.create_task(get(client, statement_id))
    await soon(world.log.asked.wait())
    assert not reading.done()
    world.store.prompt = True
    assert (await reading).status_code == 200


async def test_ids_are_answered_in_the_order_sent(world: World) -> None:
    client = world.client()
    ids = [str(uuid.uuid4()) for _ in range(5)]
    posted = await client.post(POST, json=[make_statement(id=statement_id) for statement_id in ids])
    assert posted.json() == ids
    assert len(world.log.records) == 1


async def test_put_takes_the_id_from_the_parameter(world: World) -> None:
    client = world.client()
    statement_id = str(uuid.uuid4())
    answer = await put(client, make_statement(), statement_id)
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await get(client, statement_id)).status_code == 200


async def test_put_with_another_id_in_the_body_is_refused(world: World) -> None:
    answer = await put(world.client(), make_statement(id=str(uuid.uuid4())), str(uuid.uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (400, "id-mismatch")


async def test_put_compares_ids_without_case(world: World) -> None:
    statement_id = str(uuid.uuid4())
    assert (await put(world.client(), make_statement(id=statement_id.upper()), statement_id)).status_code == 204


@pytest.mark.parametrize(("params", "code"), [({}, "parameter-missing"), ({"statementId": "x"}, "invalid-parameter")])
async def test_put_needs_a_statement_id(world: World, params, code) -> None:
    answer = await world.client().put(POST, params=params, json=make_statement())
    assert (answer.status_code, answer.json()["code"]) == (400, code)


async def test_put_takes_one_statement_only(world: World) -> None:
    answer = await put(world.client(), [make_statement()], str(uuid.uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (400, "one-statement")


async def test_a_clients_authority_and_stored_are_replaced(world: World) -> None:
    client = world.client()
    sent = make_statement(authority={"mbox": "mailto:eve@example.org"}, stored="2001-01-01T00:00:00Z")
    assert (await client.post(POST, json=sent)).status_code == 200
    (accepted,) = world.log.statements
    assert accepted["authority"]["account"]["homePage"] == URL
    assert "stored" not in accepted


async def test_the_same_again_is_a_success_that_stores_nothing(world: World) -> None:
    client = world.client()
    statement = make_statement(id=str(uuid.uuid4()))
    first = await client.post(POST, json=statement)
    assert first.headers["x-jalon-duplicates"] == "0"
    unseen = await client.post(POST, json=statement)
    world.store.process()
    seen = await put(client, statement)
    assert (unseen.status_code, unseen.headers["x-jalon-duplicates"]) == (200, "1")
    assert (seen.status_code, seen.headers["x-jalon-duplicates"]) == (204, "1")
    assert len(world.log.statements) == 1


@pytest.mark.parametrize("visible", [False, True])
async def test_another_statement_under_a_known_id_is_a_conflict_and_stores_nothing(world: World, visible) -> None:
    client = world.client(sees=True)
    statement = make_statement(id=str(uuid.uuid4()))
    await client.post(POST, json=statement)
    if visible:
        await get(client, statement["id"])
        assert len(world.services.in_flight) == 0
    other = make_statement(id=statement["id"], object={"id": "https://example.org/other"})
    answer = await client.post(POST, json=[make_statement(), other])
    assert answer.status_code == 409
    assert answer.json()["ids"] == [statement["id"]]
    assert len(world.log.statements) == 1
    assert (await get(client, statement["id"])).json()["object"] == statement["object"]


async def test_a_generated_id_is_protected_as_well(world: World) -> None:
    client = world.client()
    (statement_id,) = (await client.post(POST, json=make_statement())).json()
    other = make_statement(object={"id": "https://example.org/other"})
    assert (await put(client, other, statement_id)).status_code == 409


async def test_one_bad_statement_refuses_the_whole_batch(world: World) -> None:
    answer = await world.client().post(POST, json=[make_statement(), make_statement(actor={"mbox": "nobody"})])
    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "invalid-statement"
    (problem,) = body["problems"]
    assert problem["pointer"] == "/1/actor/mbox"
    assert problem["rule"]
    assert "nobody" in problem["found"]
    assert world.log.records == []


async def test_malformed_json_is_refused_with_its_place(world: World) -> None:
    answer = await world.client().post(POST, content=b'{"actor": ', headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"], answer.json()["line"]) == (400, "malformed-json", 1)


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
async def test_the_same_id_twice_in_a_batch_is_refused(world: World, version) -> None:
    statement = make_statement(id=str(uuid.uuid4()))
    answer = await world.client(version=version).post(POST, json=[statement, statement])
    assert answer.status_code == 400
    assert answer.json()["problems"][0]["pointer"] == "/1/id"
    assert world.log.records == []


async def test_an_attachment_without_data_or_address_is_refused(world: World) -> None:
    attachment = {
        "usageType": "https://example.org/usage",
        "display": {"en": "A file"},
        "contentType": "text/plain",
        "length": 3,
        "sha2": "a" * 64,
    }
    client = world.client()
    refused = await client.post(POST, json=make_statement(attachments=[attachment]))
    assert refused.status_code == 400
    assert refused.json()["problems"][0]["pointer"] == "/0/attachments/0"
    accepted = await client.post(POST, json=make_statement(attachments=[{**attachment, "fileUrl": "https://e.org/f"}]))
    assert accepted.status_code == 200


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
    assert "ada" not in more.lower()
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
