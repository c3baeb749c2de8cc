"""Communication (1.0.3) 2.2, 2.3, 2.6 and 2.7, and 4.1.6.2, 4.1.6.5 and 4.1.6.6 of 2.0.0: the document resources.

State is XAPI-00187 to 00235, agent profiles XAPI-00255 to 00284, activity profiles XAPI-00285 to 00314. The numbers
beside a test are those of state, agent profile and activity profile, as far as there is one for each.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import pytest

from tests.documents import (
    ACTIVITY_PROFILE,
    AGENT_PROFILE,
    ID_PARAMETER,
    NEW,
    RESOURCES,
    STATE,
    make_document,
    make_parameters,
)
from tests.statements import VERSIONS
from tests.unit.lrs.conftest import identity, world
from tests.unit.lrs.world import World

__all__ = ["identity", "world"]

each_resource = pytest.mark.parametrize("resource", RESOURCES, ids=lambda path: path.removeprefix("/xAPI/"))
METHODS = ("GET", "PUT", "POST", "DELETE")


@pytest.fixture(params=VERSIONS)
async def client(request: pytest.FixtureRequest, world: World) -> httpx.AsyncClient:
    return world.client(version=request.param)


def ago(**time: float) -> str:
    return (datetime.now(UTC) - timedelta(**time)).isoformat()


@each_resource
@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_document_is_stored_and_answered_as_it_was_sent(  # 00188-190, 192; 259, 269, 272-274; 286-288, 290
    client: httpx.AsyncClient, resource, method
) -> None:
    parameters, document = make_parameters(resource), make_document()
    stored = await client.request(method, resource, params=parameters, json=document, headers=NEW)
    assert (stored.status_code, stored.content) == (204, b"")
    read = await client.get(resource, params=parameters)
    assert (read.status_code, read.json()) == (200, document)
    assert read.headers["content-type"] == "application/json"


@each_resource
async def test_any_bytes_are_a_document_of_their_content_type(client: httpx.AsyncClient, resource) -> None:  # 2.2.s2
    for content, content_type in ((bytes(range(256)), "image/png"), (b"", "text/plain"), (b"{", "a/b;c=d")):
        parameters = make_parameters(resource)
        headers = {**NEW, "Content-Type": content_type}
        assert (await client.put(resource, params=parameters, content=content, headers=headers)).status_code == 204
        read = await client.get(resource, params=parameters)
        assert (read.content, read.headers["content-type"]) == (content, content_type)


@each_resource
async def test_delete_answers_204_and_the_document_is_gone(  # 00187, 191, 216; 271; 285, 291
    client: httpx.AsyncClient, resource
) -> None:
    parameters, other = make_parameters(resource), make_parameters(resource)
    for one in (parameters, other):
        await client.post(resource, params=one, json=make_document())
    for _ in range(2):  # what is gone already is deleted all the same
        assert (await client.delete(resource, params=parameters)).status_code == 204
    assert (await client.get(resource, params=parameters)).status_code == 404
    assert (await client.get(resource, params=other)).status_code == 200


@each_resource
async def test_head_answers_as_get_without_a_body(client: httpx.AsyncClient, resource) -> None:  # 00125, 00126
    parameters = make_parameters(resource)
    await client.post(resource, params=parameters, json=make_document())
    for asked in (parameters, make_parameters(resource, **{ID_PARAMETER[resource]: None})):
        read, head = await client.get(resource, params=asked), await client.head(resource, params=asked)
        assert (head.status_code, head.content) == (200, b"")
        assert dict(head.headers) == dict(read.headers)


@each_resource
async def test_without_an_id_get_answers_the_ids(client: httpx.AsyncClient, resource) -> None:  # 00193; 270; 289
    name = ID_PARAMETER[resource]
    all_of_them = make_parameters(resource, **{name: None})
    assert (await client.get(resource, params=all_of_them)).json() == []
    sent = [make_parameters(resource) for _ in range(3)]
    for parameters in sent:
        await client.post(resource, params=parameters, json=make_document())
    answer = await client.get(resource, params=all_of_them)
    assert (answer.status_code, answer.json()) == (200, [parameters[name] for parameters in sent])


@each_resource
async def test_since_leaves_the_ids_stored_later(  # 00195, 221; 268, 275; 294, 303
    client: httpx.AsyncClient, resource
) -> None:
    name = ID_PARAMETER[resource]
    first, second = make_parameters(resource), make_parameters(resource)
    for parameters in (first, second):
        await client.post(resource, params=parameters, json=make_document())
    listed = make_parameters(resource, **{name: None})
    early = await client.get(resource, params={**listed, "since": ago(minutes=1)})
    assert early.json() == [first[name], second[name]]
    between = datetime.now(UTC).isoformat()
    await client.post(resource, params=first, json={"updated": True})
    assert (await client.get(resource, params={**listed, "since": between})).json() == [first[name]]
    assert (await client.get(resource, params={**listed, "since": ago(minutes=-1)})).json() == []


@each_resource
async def test_since_is_a_timestamp(client: httpx.AsyncClient, resource) -> None:  # 00204; 260; 295
    for since in ("not a timestamp", "true", "", "2026-13-01T00:00:00Z"):
        parameters = make_parameters(resource, since=since, **{ID_PARAMETER[resource]: None})
        assert (await client.get(resource, params=parameters)).status_code == 400


@each_resource
async def test_last_modified_is_when_the_document_was_stored(client: httpx.AsyncClient, resource) -> None:  # 2.2.s6
    parameters = make_parameters(resource)
    before = datetime.now(UTC).replace(microsecond=0)
    await client.post(resource, params=parameters, json=make_document())
    for asked in (parameters, make_parameters(resource, **{ID_PARAMETER[resource]: None})):
        modified = parsedate_to_datetime((await client.get(resource, params=asked)).headers["last-modified"])
        assert before <= modified <= datetime.now(UTC)


@each_resource
async def test_required_parameters_are_required(  # 00206-215; 261-267; 296-302
    client: httpx.AsyncClient, resource
) -> None:
    for method in METHODS:
        required = set(make_parameters(resource))
        if method == "GET" or (method == "DELETE" and resource == STATE):
            required.discard(ID_PARAMETER[resource])
        for name in required:
            parameters = make_parameters(resource, **{name: None})
            answer = await client.request(method, resource, params=parameters, headers=NEW)
            assert (answer.status_code, answer.json()["code"]) == (400, "parameter-missing")
            assert name in answer.json()["message"]


@pytest.mark.parametrize("resource", [STATE, AGENT_PROFILE])
async def test_an_agent_is_an_agent_in_json(client: httpx.AsyncClient, resource) -> None:  # 00196-199; 255-258
    account = '{"account":{"homePage":"https://example.org"}}'
    for agent in ("not JSON", "true", "[]", "{}", '{"mbox":"ada@example.org"}', account, ""):
        for method in METHODS:
            answer = await client.request(method, resource, params=make_parameters(resource, agent=agent), headers=NEW)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid-parameter")


@pytest.mark.parametrize("resource", [STATE, ACTIVITY_PROFILE])
async def test_an_activity_id_is_an_iri(client: httpx.AsyncClient, resource) -> None:  # 2.3, 2.7, first rows
    for activity in ("1", "true", '{"key":"value"}', "", "with space:x y", "https://example.org/\0"):
        for method in METHODS:
            parameters = make_parameters(resource, activityId=activity)
            assert (await client.request(method, resource, params=parameters, headers=NEW)).status_code == 400


async def test_a_registration_is_a_uuid(client: httpx.AsyncClient) -> None:  # 00200-203
    for registration in ("true", "1", ""):
        for method in METHODS:
            parameters = make_parameters(STATE, registration=registration)
            assert (await client.request(method, STATE, params=parameters)).status_code == 400


async def test_a_state_with_a_registration_is_another_one(client: httpx.AsyncClient) -> None:  # 00218-220, 227
    without = make_parameters(STATE)
    first, second = ({**without, "registration": str(uuid.uuid4())} for _ in range(2))
    for number, parameters in enumerate((without, first, second)):
        assert (await client.put(STATE, params=parameters, json={"number": number}, headers=NEW)).status_code == 204
    for number, parameters in enumerate((without, first, second)):
        assert (await client.get(STATE, params=parameters)).json() == {"number": number}
    assert (await client.delete(STATE, params=first)).status_code == 204
    states = [(await client.get(STATE, params=parameters)).status_code for parameters in (without, first, second)]
    assert states == [200, 404, 200]


async def test_a_context_without_registration_is_that_of_all_of_them(
    client: httpx.AsyncClient,
) -> None:  # 2.3.s4, 2.3.s5
    registration = str(uuid.uuid4())
    plain, registered = make_parameters(STATE), make_parameters(STATE, registration=registration)
    both = {**plain, "registration": registration}
    for parameters in (plain, registered, both):
        await client.post(STATE, params=parameters, json=make_document())
    context = make_parameters(STATE, stateId=None)
    of_registration = {**context, "registration": registration.upper()}
    assert (await client.get(STATE, params=context)).json() == [plain["stateId"], registered["stateId"]]
    assert (await client.get(STATE, params=of_registration)).json() == [registered["stateId"], plain["stateId"]]
    await client.delete(STATE, params=of_registration)
    assert (await client.get(STATE, params=context)).json() == [plain["stateId"]]
    await client.delete(STATE, params=context)
    assert (await client.get(STATE, params=context)).json() == []


async def test_delete_without_an_id_deletes_the_states_of_the_context_alone(client: httpx.AsyncClient) -> None:  # 00194
    here = make_parameters(STATE)
    elsewhere = [
        make_parameters(STATE, activityId="https://example.org/other"),
        make_parameters(STATE, agent=json.dumps({"mbox": "mailto:other@example.org"})),
    ]
    for parameters in (here, *elsewhere):
        await client.post(STATE, params=parameters, json=make_document())
    answer = await client.delete(STATE, params=make_parameters(STATE, stateId=None))
    assert answer.status_code == 204
    states = [(await client.get(STATE, params=parameters)).status_code for parameters in (here, *elsewhere)]
    assert states == [404, 200, 200]


@each_resource
async def test_post_merges_one_level_deep(client: httpx.AsyncClient, resource) -> None:  # 00183, 184, 234; 279; 308
    parameters = make_parameters(resource)
    await client.post(resource, params=parameters, json={"car": {"make": "Ford", "model": "Escape"}, "driver": "Dale"})
    merged = await client.post(resource, params=parameters, json={"car": {"make": "Dodge"}, "year": 1999})
    assert merged.status_code == 204
    document = (await client.get(resource, params=parameters)).json()
    assert document == {"car": {"make": "Dodge"}, "driver": "Dale", "year": 1999}


@each_resource
async def test_what_cannot_be_merged_is_refused_and_changes_nothing(  # 00182, 229, 232, 235; 278, 281; 309, 313
    client: httpx.AsyncClient, resource
) -> None:
    json_type, bytes_type, latin_1 = "application/json", "application/octet-stream", "application/json; charset=latin-1"
    for there, there_type, posted, posted_type in (
        (b'{"a":1}', json_type, b"abc", bytes_type),
        (b'{"a":1}', json_type, b'{"b":2}', "text/json"),
        (b'{"a":1}', bytes_type, b'{"b":2}', json_type),
        (b'{"a":1}', json_type, b'{"b":2}{', json_type),
        (b'{"a":1}', json_type, b"[1]", json_type),
        (b"[1]", json_type, b'{"b":2}', json_type),
        (b"{", json_type, b'{"b":2}', json_type),
        (b'{"a":1}', json_type, b'{"b":"\xe9"}', latin_1),
    ):
        parameters = make_parameters(resource)
        headers = {**NEW, "Content-Type": there_type}
        assert (await client.put(resource, params=parameters, content=there, headers=headers)).status_code == 204
        answer = await client.post(resource, params=parameters, content=posted, headers={"Content-Type": posted_type})
        assert answer.status_code == 400
        read = await client.get(resource, params=parameters)
        assert (read.content, read.headers["content-type"]) == (there, there_type)


@each_resource
async def test_post_of_what_is_new_is_stored_as_by_put(client: httpx.AsyncClient, resource) -> None:  # 00233; 280; 310
    parameters = make_parameters(resource)
    answer = await client.post(resource, params=parameters, content=b"\x00", headers={"Content-Type": "image/png"})
    assert answer.status_code == 204
    assert (await client.get(resource, params=parameters)).content == b"\x00"


@each_resource
async def test_post_of_json_that_is_none_is_refused(client: httpx.AsyncClient, resource) -> None:  # 00235; 284; 314
    parameters = make_parameters(resource)
    for content in (b'{"a":1}[', b"", b"[]", b"1"):
        answer = await client.post(
            resource, params=parameters, content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 400
    assert (await client.get(resource, params=parameters)).status_code == 404


@each_resource
async def test_unknown_and_repeated_parameters_are_refused(client: httpx.AsyncClient, resource) -> None:  # 3.2
    parameters = make_parameters(resource)
    name = ID_PARAMETER[resource]
    not_here = {STATE: "profileId", ACTIVITY_PROFILE: "agent", AGENT_PROFILE: "activityId"}[resource]
    for added in (("foo", "1"), (not_here, "x"), (name.lower(), "x"), (name, "y")):
        for method in METHODS:
            answer = await client.request(method, resource, params=[*parameters.items(), added], headers=NEW)
            assert answer.status_code == 400, added
            assert answer.json()["code"] in ("unknown-parameter", "repeated-parameter")


@each_resource
async def test_since_is_for_lists_alone(client: httpx.AsyncClient, resource) -> None:  # 00205, 223
    parameters = make_parameters(resource, since=ago(minutes=1))
    answers = [await client.request(method, resource, params=parameters, headers=NEW) for method in METHODS]
    assert [answer.json()["code"] for answer in answers] == ["parameter-combination", *["unknown-parameter"] * 3]
