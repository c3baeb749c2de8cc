"""The document resources through the application: who may, what is told, and what happens while a part is down."""

from __future__ import annotations

import asyncio
import json
import logging

import httpx
import pytest
from sqlalchemy import select

from identity.errors import IdentityUnavailable as IdentityDown
from identity.errors import VaultUnavailable
from identity.pseudonyms import identify, pseudonym
from identity.sealing import PSEUDONYM_HOME
from identity.tables import DOCUMENTS
from lrs.documents import storage
from lrs.limits import Limits
from tests.documents import ADA, NEW, RESOURCES, STATE, make_document, make_parameters
from tests.unit.lrs.world import Identity, World, open_world

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")
SCOPE = {resource: "state" if resource == STATE else "profile" for resource in RESOURCES}


def by_pseudonym(world: World, agent: dict) -> str:
    identifier = identify(agent)
    assert identifier is not None
    name = pseudonym(world.store.vault.tenant_keys(world.tenant), identifier)
    return json.dumps({"objectType": "Agent", "account": {"homePage": PSEUDONYM_HOME, "name": name}})


@pytest.mark.parametrize("resource", RESOURCES)
async def test_a_scope_gives_what_it_says_and_no_more(world: World, resource) -> None:
    scope = SCOPE[resource]
    other = "profile" if scope == "state" else "state"
    parameters = make_parameters(resource)
    allowed = {scope: METHODS, "all": METHODS, "all/read": METHODS[:2], other: (), "statements/read": ()}
    for granted, methods in allowed.items():
        client = world.client(granted)
        for method in METHODS:
            await world.client("all").post(resource, params=parameters, json={})
            answer = await client.request(method, resource, params=parameters, json={}, headers={"If-Match": "*"})
            assert answer.status_code == (403 if method not in methods else 200 if method in METHODS[:2] else 204)
            if answer.status_code == 403 and method != "HEAD":
                assert answer.json()["scope"] == scope


@pytest.mark.parametrize("resource", RESOURCES)
async def test_a_document_of_one_tenant_is_none_of_another(world: World, resource) -> None:
    parameters = make_parameters(resource)
    listed = {name: value for name, value in parameters.items() if name not in ("stateId", "profileId")}
    ours, theirs = world.client(), world.client(tenant=world.add_tenant())
    await ours.post(resource, params=parameters, json={"tenant": "ours"})
    assert (await theirs.get(resource, params=parameters)).status_code == 404
    assert (await theirs.get(resource, params=listed)).json() == []
    assert (await theirs.delete(resource, params=parameters)).status_code == 204
    assert (await theirs.put(resource, params=parameters, json={"tenant": "theirs"}, headers=NEW)).status_code == 204
    assert (await ours.get(resource, params=parameters)).json() == {"tenant": "ours"}


async def test_a_pseudonym_leads_to_the_same_documents_for_who_sees_identities_and_to_none_for_others(
    world: World,
) -> None:
    seeing, platform = world.client("all", sees=True), world.client("all")
    agent = by_pseudonym(world, ADA)
    for resource in (STATE, "/xAPI/agents/profile"):
        parameters, document = make_parameters(resource), make_document()
        await platform.post(resource, params=parameters, json=document)
        assert (await seeing.get(resource, params={**parameters, "agent": agent})).json() == document
        await seeing.post(resource, params={**parameters, "agent": agent}, json={"more": 1})
        assert (await platform.get(resource, params=parameters)).json() == {**document, "more": 1}
        for method in ("GET", "POST", "PUT", "DELETE"):
            refused = await platform.request(method, resource, params={**parameters, "agent": agent})
            assert refused.status_code == 403, method


@pytest.mark.parametrize("name", ["ada", "A" * 32, "a" * 31, 1, None])
async def test_a_pseudonym_that_cannot_be_one_is_refused(world: World, name) -> None:
    agent = json.dumps({"account": {"homePage": PSEUDONYM_HOME, "name": name}})
    answer = await world.client().put(STATE, params=make_parameters(STATE, agent=agent), json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-parameter")


async def test_the_same_person_in_another_spelling_has_the_same_documents(world: World) -> None:
    client = world.client()
    spellings = [{"mbox": "mailto:Ada@Example.org"}, {"name": "Ada", "mbox": "mailto:ada@example.org"}]
    parameters = make_parameters(STATE, agent=json.dumps(spellings[0]))
    await client.post(STATE, params=parameters, json={"a": 1})
    read = await client.get(STATE, params={**parameters, "agent": json.dumps(spellings[1])})
    assert read.json() == {"a": 1}


@pytest.mark.parametrize("resource", RESOURCES)
async def test_nothing_of_a_request_is_in_clear_in_the_database_or_the_log(
    world: World, caplog: pytest.LogCaptureFixture, resource
) -> None:
    agent = json.dumps({"name": "MARKER Ada", "mbox": "mailto:marker.ada@example.org"})
    changes = {"agent": agent} if "agent" in make_parameters(resource) else {}
    parameters = make_parameters(resource, **changes)
    id_parameter = "stateId" if resource == STATE else "profileId"
    parameters[id_parameter] = "progress of MARKER Ada"
    with caplog.at_level(logging.DEBUG):
        for method in METHODS:
            headers = {"If-None-Match": "*"} if method == "PUT" else {}
            await world.client().request(method, resource, params=parameters, json={"who": "MARKER"}, headers=headers)
            await world.client().request("PUT", resource, params=parameters, json={"who": "MARKER"}, headers=headers)
    with world.identity.engine.connect() as connection:
        rows = connection.execute(select(DOCUMENTS).where(DOCUMENTS.c.tenant == world.tenant)).all()
    assert rows or resource != STATE
    assert b"marker" not in repr(rows).encode().lower()
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert "marker" not in repr([record.__dict__ for record in ours]).lower()


async def test_a_document_is_no_statement_and_is_not_in_the_log_of_them(world: World) -> None:
    for resource in RESOURCES:
        await world.client().post(resource, params=make_parameters(resource), json=make_document())
    assert world.log.records == []
    assert world.log.end_calls == 0


async def test_whoever_has_the_document_is_told_so(world: World) -> None:
    client, parameters = world.client(), make_parameters(STATE)
    stored = await client.put(STATE, params=parameters, json={"a": 1})
    tag = (await client.get(STATE, params=parameters)).headers["etag"]
    assert stored.headers["etag"] == tag
    known = await client.get(STATE, params=parameters, headers={"If-None-Match": tag})
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
    assert (await client.get(STATE, params=parameters, headers={"If-Match": '"x"'})).status_code == 412
    assert (await client.get(STATE, params=parameters, headers={"If-Match": tag})).status_code == 200


async def test_no_cache_answers_in_our_place(world: World) -> None:
    client, parameters = world.client(), make_parameters(STATE)
    tag = (await client.put(STATE, params=parameters, json={})).headers["etag"]
    listed = make_parameters(STATE, stateId=None)
    for asked, headers in ((parameters, {}), (parameters, {"If-None-Match": tag}), (listed, {})):
        answer = await client.get(STATE, params=asked, headers=headers)
        assert answer.headers["cache-control"] == "private, no-cache"


async def test_a_document_is_inert_in_a_browser(world: World) -> None:
    client, parameters = world.client(), make_parameters(STATE)
    headers = {"Content-Type": "text/html"}
    await client.put(STATE, params=parameters, content=b"<script>alert(1)</script>", headers=headers)
    read = await client.get(STATE, params=parameters)
    assert read.headers["content-type"] == "text/html"
    assert read.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in read.headers["content-security-policy"]


async def test_a_body_without_a_type_is_bytes(world: World) -> None:
    client, parameters = world.client(), make_parameters(STATE)
    assert (await client.put(STATE, params=parameters, content=b"x")).status_code == 204
    assert (await client.get(STATE, params=parameters)).headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("method", "headers", "code"),
    [
        ("PUT", {"If-Match": "1234"}, "malformed-header"),
        ("GET", {"If-None-Match": '"'}, "malformed-header"),
        ("POST", {"Content-Encoding": "gzip"}, "unsupported-encoding"),
    ],
)
async def test_headers_that_cannot_be_followed_are_refused(world: World, method, headers, code) -> None:
    answer = await world.client().request(method, STATE, params=make_parameters(STATE), headers=headers)
    assert answer.json()["code"] == code


async def test_preconditions_are_about_one_document(world: World) -> None:
    client, listed = world.client(), make_parameters(STATE, stateId=None)
    await client.post(STATE, params=make_parameters(STATE), json={})
    for method in ("GET", "DELETE"):
        answer = await client.request(method, STATE, params=listed, headers={"If-Match": "*"})
        assert (answer.status_code, answer.json()["code"]) == (400, "parameter-missing")
    assert len((await client.get(STATE, params=listed)).json()) == 1


async def test_other_methods_are_refused(world: World) -> None:
    for resource in RESOURCES:
        answer = await world.client().patch(resource, params=make_parameters(resource))
        assert answer.status_code == 405
        assert set(METHODS) == {method.strip() for method in answer.headers["allow"].split(",")}


async def test_version_and_credential_are_asked_for(world: World) -> None:
    client = world.client()
    assert (await client.get(STATE, params=make_parameters(STATE), auth=("key", "secret"))).status_code == 401
    del client.headers["x-experience-api-version"]
    assert (await client.get(STATE, params=make_parameters(STATE))).json()["code"] == "version-missing"


async def test_documents_do_not_grow_beyond_the_limit(identity: Identity) -> None:
    async with open_world(identity, Limits(body_bytes=100)) as world:
        client, parameters = world.client(), make_parameters(STATE)
        headers = {"Content-Type": "application/json"}
        first, second = b'{"a":"%b"}' % (b"x" * 60), b'{"b":"%b"}' % (b"x" * 60)
        assert (await client.post(STATE, params=parameters, content=first, headers=headers)).status_code == 204
        refused = await client.post(STATE, params=parameters, content=second, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (413, "too-large")
        assert (await client.put(STATE, params=parameters, content=b"x" * 101)).status_code == 413
        assert (await client.get(STATE, params=parameters)).content == first


@pytest.mark.parametrize("failure", [IdentityDown("down"), VaultUnavailable("down")])
async def test_while_the_database_or_the_vault_is_down_documents_are_503(
    world: World, monkeypatch: pytest.MonkeyPatch, failure
) -> None:
    client = world.client()
    parameters = {resource: make_parameters(resource) for resource in RESOURCES}
    for resource in RESOURCES:
        await client.post(resource, params=parameters[resource], json={"a": 1})

    def fail(*_arguments: object) -> None:
        raise failure

    with monkeypatch.context() as down:
        down.setattr(storage, "reading", fail)
        down.setattr(storage, "writing", fail)
        for resource in RESOURCES:
            for method in METHODS:
                answer = await client.request(method, resource, params=parameters[resource], json={}, headers=NEW)
                assert answer.status_code == 503
                assert answer.headers["retry-after"] == "1"
                if method != "HEAD":
                    assert answer.json()["code"] == "identity-unavailable"
    for resource in RESOURCES:
        assert (await client.get(resource, params=parameters[resource])).json() == {"a": 1}


async def test_of_many_requests_with_one_tag_one_wins(world: World) -> None:
    client, parameters = world.client(version="2.0.0"), make_parameters(STATE)
    tag = (await client.put(STATE, params=parameters, json={})).headers["etag"]

    async def replace(number: int) -> httpx.Response:
        return await client.put(STATE, params=parameters, json={"number": number}, headers={"If-Match": tag})

    answers = await asyncio.gather(*(replace(number) for number in range(12)))
    assert sorted(answer.status_code for answer in answers) == [204] + [412] * 11
    winner = next(number for number, answer in enumerate(answers) if answer.status_code == 204)
    assert (await client.get(STATE, params=parameters)).json() == {"number": winner}
