"""Communication (1.0.3) 3.1 and 4.1.4 of 2.0.0, XAPI-00322: nobody overwrites what they have not seen."""

from __future__ import annotations

import hashlib
import re

import httpx
import pytest

from tests.documents import ACTIVITY_PROFILE, AGENT_PROFILE, NEW, RESOURCES, STATE, make_document, make_parameters
from tests.statements import VERSIONS
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda path: path.removeprefix("/xAPI/"))
PROFILES = (ACTIVITY_PROFILE, AGENT_PROFILE)
CHANGES = ("PUT", "POST", "DELETE")
WRONG = '"1111111111111111111111111111111111111111"'


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(version=request.param)


async def store(client: httpx.AsyncClient, resource: str) -> tuple[dict[str, str], bytes, str]:
    """Store a document and return its parameters, its content and its tag."""
    parameters = make_parameters(resource)
    await client.post(resource, params=parameters, json=make_document())
    read = await client.get(resource, params=parameters)
    return parameters, read.content, read.headers["etag"]


@each_resource
async def test_the_tag_is_the_sha1_of_the_content_in_quotes(client: httpx.AsyncClient, resource) -> None:
    _, content, tag = await store(client, resource)
    assert re.fullmatch('"[0-9a-f]{40}"', tag)
    assert tag.strip('"') == hashlib.sha1(content).hexdigest()


@each_resource
async def test_if_match_with_another_tag_is_412_and_changes_nothing(client: httpx.AsyncClient, resource) -> None:
    parameters, content, _ = await store(client, resource)
    for method in CHANGES:
        headers = {"If-Match": WRONG, "Content-Type": "application/json"}
        answer = await client.request(method, resource, params=parameters, content=b"{}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition-failed")
        assert (await client.get(resource, params=parameters)).content == content


@each_resource
async def test_if_match_takes_the_tag_in_any_form(client: httpx.AsyncClient, resource) -> None:
    for form in ("{tag}", "W/{tag}", "{wrong}, {tag}", ' "" ,W/{wrong},{tag} ', "*"):
        for method in CHANGES:
            parameters, content, tag = await store(client, resource)
            headers = {"If-Match": form.format(tag=tag, wrong=WRONG), "Content-Type": "application/json"}
            answer = await client.request(method, resource, params=parameters, content=b'{"name":""}', headers=headers)
            assert answer.status_code == 204
            read = await client.get(resource, params=parameters)
            assert read.status_code == (404 if method == "DELETE" else 200)
            assert read.content != content


@each_resource
async def test_if_match_fails_where_there_is_nothing(client: httpx.AsyncClient, resource) -> None:
    for method in CHANGES:
        for tag in ("*", WRONG):
            parameters = make_parameters(resource)
            headers = {"If-Match": tag, "Content-Type": "application/json"}
            answer = await client.request(method, resource, params=parameters, content=b"{}", headers=headers)
            assert answer.status_code == 412
            assert (await client.get(resource, params=parameters)).status_code == 404


@each_resource
async def test_if_none_match_with_a_star_creates_and_never_replaces(client: httpx.AsyncClient, resource) -> None:
    parameters = make_parameters(resource)
    assert (await client.put(resource, params=parameters, json={"first": 1}, headers=NEW)).status_code == 204
    assert (await client.put(resource, params=parameters, json={"second": 2}, headers=NEW)).status_code == 412
    assert (await client.get(resource, params=parameters)).json() == {"first": 1}


@pytest.mark.parametrize(("version", "resources"), [("1.0.3", PROFILES), ("2.0.0", RESOURCES)])
async def test_put_without_a_header_on_what_is_there_is_409_in_plain_text(world: World, version, resources) -> None:
    client = world.client(version=version)
    for resource in resources:
        parameters, content, _ = await store(client, resource)
        answer = await client.put(resource, params=parameters, json={})
        assert (answer.status_code, answer.headers["content-type"]) == (409, "text/plain; charset=utf-8")
        assert "If-Match" in answer.text
        assert "current state" in answer.text
        assert (await client.get(resource, params=parameters)).content == content


async def test_put_of_a_new_profile_without_a_header_is_400_in_1_0_3(world: World) -> None:  # 00273, 00293
    for resource in PROFILES:
        parameters = make_parameters(resource)
        answer = await world.client().put(resource, params=parameters, json={})
        assert (answer.status_code, answer.json()["code"]) == (400, "precondition-missing")
        assert (await world.client().get(resource, params=parameters)).status_code == 404
        assert (await world.client(version="2.0.0").put(resource, params=parameters, json={})).status_code == 204


async def test_state_is_put_without_a_header_in_1_0_3(world: World) -> None:
    client, parameters = world.client(), make_parameters(STATE)
    for number in range(2):
        assert (await client.put(STATE, params=parameters, json={"number": number})).status_code == 204
    assert (await client.get(STATE, params=parameters)).json() == {"number": 1}
