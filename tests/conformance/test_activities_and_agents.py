"""Communication (1.0.3) 2.4 and 2.5: the agents and activities resources, and formats of GET statements."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx
import orjson
import pytest

from identity.sealing import PSEUDONYM_HOME
from tests.statements import VERSIONS, make_statement
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

STATEMENTS, ACTIVITIES, AGENTS = "/xAPI/statements", "/xAPI/activities", "/xAPI/agents"
COURSE = "https://example.org/courses/1"


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(sees=True, version=request.param)


def define(**definition: Any) -> dict[str, Any]:
    return {"objectType": "Activity", "id": COURSE, "definition": definition}


async def save(client: httpx.AsyncClient, *sent: dict[str, Any]) -> None:
    assert (await client.post(STATEMENTS, json=list(sent))).status_code == 200


async def get_activity(client: httpx.AsyncClient, activity_id: str = COURSE) -> dict[str, Any]:
    answer = await client.get(ACTIVITIES, params={"activityId": activity_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def get_person(client: httpx.AsyncClient, agent: dict[str, Any]) -> dict[str, Any]:
    answer = await client.get(AGENTS, params={"agent": orjson.dumps(agent).decode()})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_activity_is_answered_whole(client: httpx.AsyncClient) -> None:
    """XAPI-00251."""
    sent = define(name={"en-US": "example meeting"}, type="http://adlnet.gov/expapi/activities/meeting")
    await save(client, make_statement(object=sent))
    assert await get_activity(client) == sent


async def test_an_activity_has_what_all_statements_say_of_it(client: httpx.AsyncClient) -> None:
    """XAPI-00254: wherever in a statement the activity stands."""
    context = {"contextActivities": {"grouping": [define(name={"fr-FR": "réunion"}, moreInfo="https://example.org/m")]}}
    await save(client, make_statement(object=define(name={"en-US": "meeting"})))
    await save(client, make_statement(context=context))
    assert (await get_activity(client))["definition"] == {
        "name": {"en-US": "meeting", "fr-FR": "réunion"},
        "moreInfo": "https://example.org/m",
    }


async def test_an_unknown_activity_is_answered_by_its_id(client: httpx.AsyncClient) -> None:
    assert await get_activity(client) == {"objectType": "Activity", "id": COURSE}


@pytest.mark.parametrize("parameters", [{}, {"activityId": "no iri"}, {"activityId": COURSE, "x": "1"}])
async def test_activities_need_one_valid_id(client: httpx.AsyncClient, parameters: dict[str, str]) -> None:
    """XAPI-00250."""
    assert (await client.get(ACTIVITIES, params=parameters)).status_code == 400


async def test_who_may_not_define_leaves_definitions_as_they_are(world: World) -> None:
    """Communication 4.2, scope `define`: the statement is stored all the same."""
    await save(world.client("statements/write", "define"), make_statement(object=define(name={"en": "first"})))
    await save(world.client("statements/write"), make_statement(object=define(name={"en": "second"})))
    assert (await get_activity(world.client()))["definition"] == {"name": {"en": "first"}}
    assert len((await world.client().get(STATEMENTS)).json()["statements"]) == 2


async def test_an_activity_of_another_tenant_is_not_known(world: World) -> None:
    await save(world.client(), make_statement(object=define(name={"en": "secret"})))
    assert "definition" not in await get_activity(world.client(tenant=world.add_tenant()))


async def test_a_person_has_every_name_and_identifier_of_the_agent(client: httpx.AsyncClient) -> None:
    """XAPI-00237 to XAPI-00248: arrays, and the address's SHA-1 is the same person."""
    ada = {"objectType": "Agent", "mbox": "mailto:ada@example.org"}
    hashed = {"mbox_sha1sum": hashlib.sha1(b"mailto:ada@example.org").hexdigest()}
    await save(client, make_statement(actor={**ada, "name": "Ada"}), make_statement(actor={**ada, "name": "A. Byron"}))
    person = await get_person(client, ada)
    assert person["objectType"] == "Person"
    assert set(person["name"]) == {"Ada", "A. Byron"}
    assert person["mbox"] == ["mailto:ada@example.org"]
    same = await get_person(client, hashed)
    assert same["mbox"] == person["mbox"]
    assert same["mbox_sha1sum"] == [hashed["mbox_sha1sum"]]


async def test_an_unknown_agent_is_a_person_with_the_identifier_asked_for(client: httpx.AsyncClient) -> None:
    account = {"homePage": "https://example.org", "name": "nobody"}
    assert await get_person(client, {"account": account}) == {"objectType": "Person", "account": [account]}


@pytest.mark.parametrize("agent", [None, "{", "[]", '{"name":"Ada"}', '{"mbox":"ada"}'])
async def test_agents_need_one_valid_agent(client: httpx.AsyncClient, agent: str | None) -> None:
    """XAPI-00243, XAPI-00249."""
    assert (await client.get(AGENTS, params={} if agent is None else {"agent": agent})).status_code == 400


async def test_who_may_not_see_people_gets_the_pseudonym_alone(world: World) -> None:
    await save(world.client(), make_statement())
    person = await get_person(world.client(sees=False), make_statement()["actor"])
    assert person.keys() == {"objectType", "account"}
    assert [account["homePage"] for account in person["account"]] == [PSEUDONYM_HOME]


async def test_canonical_shows_one_language_of_the_merged_definition(client: httpx.AsyncClient) -> None:
    """XAPI-00169, XAPI-00172."""
    await save(client, make_statement(object=define(name={"en-GB": "colour", "fr": "couleur"})))
    await save(client, make_statement(object={"objectType": "Activity", "id": COURSE}))
    answer = await client.get(STATEMENTS, params={"format": "canonical"}, headers={"Accept-Language": "en-GB"})
    for statement in answer.json()["statements"]:
        assert statement["object"]["definition"] == {"name": {"en-GB": "colour"}}
        assert list(statement["verb"]["display"]) == ["en"]


async def test_ids_hold_no_more_than_identifiers(client: httpx.AsyncClient) -> None:
    """XAPI-00171."""
    await save(client, make_statement(actor={"mbox": "mailto:ada@example.org", "name": "Ada"}, object=define(name={})))
    (statement,) = (await client.get(STATEMENTS, params={"format": "ids"})).json()["statements"]
    assert statement["actor"] == {"mbox": "mailto:ada@example.org"}
    assert statement["object"] == {"id": COURSE}
    assert statement["verb"].keys() == {"id"}


async def test_a_format_goes_on_through_more_links(client: httpx.AsyncClient) -> None:
    await save(client, make_statement(), make_statement())
    first = (await client.get(STATEMENTS, params={"format": "ids", "limit": "1"})).json()
    second = (await client.get(first["more"])).json()
    assert second["statements"][0]["verb"].keys() == {"id"}
    assert second["more"] == ""


@pytest.mark.parametrize("path", [ACTIVITIES, AGENTS])
async def test_head_answers_as_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    parameters = {"activityId": COURSE} if path == ACTIVITIES else {"agent": '{"mbox":"mailto:a@example.org"}'}
    got, headed = [await client.request(method, path, params=parameters) for method in ("GET", "HEAD")]
    assert headed.status_code == 200
    assert headed.content == b""
    assert headed.headers["content-length"] == got.headers["content-length"]
