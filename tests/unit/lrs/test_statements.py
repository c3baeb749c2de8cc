"""Statements over HTTP: what is accepted, what is refused, and what is read back."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from identity.sealing import PSEUDONYM_HOME
from tests.unit.lrs.doubles import soon
from tests.unit.lrs.world import URL, World, make_statement

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
    assert "ada@" not in text.lower()
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
