"""Communication (1.0.3) 2.1, 3 and 4 over HTTP: the requirements on the statements resource that are in place so far.

The public suite's number of a requirement stands beside the test where it has one.
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.statements import VERSIONS, make_statement, statements
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

RESOURCE = "/xAPI/statements"
BY_THE_STORE = {"id", "stored", "timestamp", "authority", "version"}


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(sees=True, version=request.param)


async def save(client: httpx.AsyncClient, *sent: dict[str, Any]) -> list[str]:
    answer = await client.post(RESOURCE, json=list(sent))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def fetch(client: httpx.AsyncClient, statement_id: str) -> dict[str, Any]:
    answer = await client.get(RESOURCE, params={"statementId": statement_id})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_post_answers_200_and_an_array_of_the_ids(client: httpx.AsyncClient) -> None:
    single = await client.post(RESOURCE, json=make_statement())
    assert single.status_code == 200
    assert [uuid.UUID(one) for one in single.json()]
    assert len(await save(client, make_statement(), make_statement())) == 2


async def test_put_answers_204_without_content(client: httpx.AsyncClient) -> None:
    answer = await client.put(RESOURCE, params={"statementId": str(uuid.uuid4())}, json=make_statement())
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_statement_is_there_straight_after_it_was_posted(client: httpx.AsyncClient) -> None:  # XAPI-00172
    (statement_id,) = await save(client, make_statement())
    assert (await fetch(client, statement_id))["id"] == statement_id


async def test_the_first_statement_under_an_id_is_not_changed(client: httpx.AsyncClient) -> None:  # XAPI-00142
    first = make_statement(id=str(uuid.uuid4()))
    await save(client, first)
    other = make_statement(id=first["id"], verb={"id": "https://example.org/other"})
    assert (await client.post(RESOURCE, json=other)).status_code == 409
    put = await client.put(RESOURCE, params={"statementId": first["id"]}, json=other)
    assert put.status_code == 409
    assert (await fetch(client, first["id"]))["verb"] == first["verb"]


async def test_a_batch_with_a_bad_statement_stores_nothing(client: httpx.AsyncClient) -> None:
    good, bad = make_statement(id=str(uuid.uuid4())), make_statement(actor={})
    assert (await client.post(RESOURCE, json=[good, bad])).status_code == 400
    missing = await client.get(RESOURCE, params={"statementId": good["id"]})
    assert missing.status_code == 404


async def test_stored_is_set_by_the_store_with_milliseconds(client: httpx.AsyncClient) -> None:
    (statement_id,) = await save(client, make_statement(stored="2001-01-01T00:00:00.000Z"))
    stored = (await fetch(client, statement_id))["stored"]
    assert datetime.fromisoformat(stored).year > 2001
    assert len(stored.partition(".")[2]) >= 4


async def test_a_missing_timestamp_is_the_time_of_storing_and_a_given_one_stays(client: httpx.AsyncClient) -> None:
    given_time = "2020-02-03T04:05:06.789Z"
    without, with_one = await save(client, make_statement(), make_statement(timestamp=given_time))
    read = await fetch(client, without)
    assert read["timestamp"] == read["stored"]
    assert (await fetch(client, with_one))["timestamp"] == given_time


async def test_the_authority_is_the_credential(client: httpx.AsyncClient) -> None:
    (statement_id,) = await save(client, make_statement(authority={"mbox": "mailto:eve@example.org"}))
    authority = (await fetch(client, statement_id))["authority"]
    assert authority["objectType"] == "Agent"
    assert set(authority["account"]) == {"homePage", "name"}


async def test_the_version_is_set_where_it_is_missing(world: World) -> None:
    for version, expected in (("1.0.3", "1.0.0"), ("2.0.0", "2.0.0")):
        client = world.client(version=version)
        (statement_id,) = await save(client, make_statement())
        assert (await fetch(client, statement_id))["version"] == expected


async def test_a_query_answers_a_statement_result_newest_stored_first(client: httpx.AsyncClient) -> None:
    for _ in range(3):
        await save(client, make_statement())
    answer = await client.get(RESOURCE)
    assert answer.headers["content-type"].startswith("application/json")
    result = answer.json()
    assert set(result) == {"statements", "more"}
    stored = [statement["stored"] for statement in result["statements"]]
    assert stored == sorted(stored, reverse=True)


async def test_nothing_found_is_an_empty_result(client: httpx.AsyncClient) -> None:
    answer = await client.get(RESOURCE, params={"verb": "https://example.org/never"})
    assert (answer.status_code, answer.json()) == (200, {"statements": [], "more": ""})


async def test_limit_0_asks_for_all_and_more_is_relative(client: httpx.AsyncClient) -> None:
    await save(client, *(make_statement() for _ in range(5)))
    assert len((await client.get(RESOURCE, params={"limit": 0})).json()["statements"]) == 5
    more = (await client.get(RESOURCE, params={"limit": 2})).json()["more"]
    assert more.startswith("/")
    assert len((await client.get(more)).json()["statements"]) == 2


async def test_filters_are_joined_by_and(client: httpx.AsyncClient) -> None:
    verb, activity = {"id": "https://example.org/v"}, {"id": "https://example.org/a"}
    both, _, _ = await save(
        client, make_statement(verb=verb, object=activity), make_statement(verb=verb), make_statement(object=activity)
    )
    found = (await client.get(RESOURCE, params={"verb": verb["id"], "activity": activity["id"]})).json()["statements"]
    assert [statement["id"] for statement in found] == [both]


@pytest.mark.parametrize(
    "ifi",
    [
        {"mbox": "mailto:grace@example.org"},
        {"mbox_sha1sum": "a" * 40},
        {"openid": "https://example.org/grace"},
        {"account": {"homePage": "https://example.org", "name": "grace"}},
    ],
    ids=lambda ifi: next(iter(ifi)),
)
@pytest.mark.parametrize("kind", ["Agent", "Group"])
async def test_an_actor_is_found_by_any_identifier(client: httpx.AsyncClient, ifi, kind) -> None:
    wanted, _ = await save(client, make_statement(actor={"objectType": kind, **ifi}), make_statement())
    found = (await client.get(RESOURCE, params={"agent": json.dumps({"objectType": kind, **ifi})})).json()["statements"]
    assert [statement["id"] for statement in found] == [wanted]


async def test_every_method_but_those_of_the_resource_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.delete(RESOURCE)
    assert answer.status_code == 405
    assert {"GET", "HEAD", "POST", "PUT"} <= {method.strip() for method in answer.headers["allow"].split(",")}


async def test_parameter_names_are_case_sensitive(client: httpx.AsyncClient) -> None:
    for name in ("StatementId", "Agent", "LIMIT"):
        assert (await client.get(RESOURCE, params={name: "1"})).status_code == 400


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_format_exact_gives_back_what_came_in(client: httpx.AsyncClient, data: st.DataObject) -> None:
    sent = data.draw(statements(client.headers["X-Experience-API-Version"]))
    sent["id"] = str(uuid.uuid4())
    for holder in (sent, sent["object"]):
        for attachment in holder.get("attachments", ()):
            attachment.setdefault("fileUrl", "https://example.org/file")  # what has none is sent as multipart
    await save(client, sent)
    read = await fetch(client, sent["id"])
    assert read.keys() - sent.keys() <= BY_THE_STORE
    for name in sent.keys() - {"authority", "stored"}:
        assert json.dumps(read[name], sort_keys=True) == json.dumps(with_arrays(sent)[name], sort_keys=True), name


def with_arrays(statement: dict[str, Any]) -> dict[str, Any]:
    """Every context activity stands in an array when it is read (XAPI-00096)."""
    new = dict(statement)
    if new["object"].get("objectType") == "SubStatement":
        new["object"] = with_arrays(new["object"])
    if "contextActivities" in new.get("context", {}):
        found = new["context"]["contextActivities"]
        arrays = {name: value if isinstance(value, list) else [value] for name, value in found.items()}
        new["context"] = {**new["context"], "contextActivities": arrays}
    return new
