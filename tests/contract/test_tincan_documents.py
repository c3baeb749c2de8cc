"""Documents as the xAPI client for Python, unmodified, saves, reads, lists and deletes them.

It cannot create a profile: it knows no If-None-Match, which 1.0.3 asks for (tests/conformance has the rule). Of what it
reads it does not fill in the tag either, so the tests take that from the answer. It saves and deletes single states
without their registration, and saves each twice: under a tag, the second time only finds its own document there.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from tincan import Activity, Agent, RemoteLRS
from tincan.documents import ActivityProfileDocument, AgentProfileDocument, StateDocument
from tincan.lrs_response import LRSResponse

from tests.contract.lrs_server import serve_in_thread
from tests.documents import ACTIVITY_PROFILE, AGENT_PROFILE, NEW, STATE

ADA = Agent(name="Ada Lovelace", mbox="mailto:ada@example.org")
SESSION = Activity(id="https://example.org/sessions/1")

Client = Callable[[], RemoteLRS]


@pytest.fixture(scope="module")
def server_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serve_in_thread(tmp_path_factory.mktemp("lrs")) as (world, address):

        def connect() -> RemoteLRS:
            credential, secret = world.credential(tenant=world.add_tenant())
            return RemoteLRS(version="1.0.1", endpoint=f"{address}/xAPI/", username=credential.key, password=secret)

        yield connect


@pytest.fixture
def stack_client(request: pytest.FixtureRequest) -> Client:
    stack, tenant = request.getfixturevalue("stack"), request.getfixturevalue("tenant")
    return lambda: RemoteLRS(version="1.0.1", endpoint=stack.xapi, username=tenant.key, password=tenant.secret)


@pytest.fixture(params=["server_client", pytest.param("stack_client", marks=pytest.mark.integration)])
def lrs(request: pytest.FixtureRequest) -> RemoteLRS:
    return request.getfixturevalue(request.param)()


def content_of(answer: LRSResponse) -> Any:
    assert answer.success, (answer.response.status, answer.data)
    return answer.content


def tag_of(answer: LRSResponse) -> str:
    tag: str = answer.response.getheader("ETag")
    return tag


def test_states_are_saved_read_listed_and_deleted(lrs: RemoteLRS) -> None:
    state = StateDocument(id="état", activity=SESSION, agent=ADA, content="first", content_type="text/plain")
    content_of(lrs.save_state(state))
    answer = lrs.retrieve_state(SESSION, ADA, "état")
    assert content_of(answer).content == bytearray(b"first")
    assert content_of(lrs.retrieve_state_ids(SESSION, ADA)) == ["état"]
    other = StateDocument(id="état", activity=SESSION, agent=ADA, content="deux", etag='"' + "0" * 40 + '"')
    assert lrs.save_state(other).response.status == 412
    assert lrs.delete_state(other).response.status == 412
    other.etag = tag_of(answer)
    content_of(lrs.delete_state(other))
    assert lrs.retrieve_state(SESSION, ADA, "état").response.status == 404
    content_of(lrs.save_state(state))
    content_of(lrs.clear_state(SESSION, ADA))
    assert content_of(lrs.retrieve_state_ids(SESSION, ADA)) == []


def create(lrs: RemoteLRS, resource: str, **parameters: str) -> None:
    """Store a document that the client has no call for."""
    answer = httpx.put(
        f"{lrs.endpoint.removesuffix('/xAPI/')}{resource}",
        params=parameters,
        json={"n": 1},
        headers={"X-Experience-API-Version": "1.0.1", "Authorization": lrs.auth, **NEW},
        trust_env=False,
    )
    assert answer.status_code == 204


def test_states_of_a_registration_are_read_listed_and_cleared(lrs: RemoteLRS) -> None:
    registration = str(uuid.uuid4())
    agent = json.dumps({"mbox": ADA.mbox})
    create(lrs, STATE, stateId="one", activityId=SESSION.id, agent=agent, registration=registration)
    content_of(lrs.save_state(StateDocument(id="two", activity=SESSION, agent=ADA, content="without")))
    read = content_of(lrs.retrieve_state(SESSION, ADA, "one", registration=registration))
    assert (json.loads(read.content), read.registration) == ({"n": 1}, registration)
    assert lrs.retrieve_state(SESSION, ADA, "one").response.status == 404
    assert content_of(lrs.retrieve_state_ids(SESSION, ADA, registration=registration)) == ["one"]
    assert content_of(lrs.retrieve_state_ids(SESSION, ADA)) == ["one", "two"]
    content_of(lrs.clear_state(SESSION, ADA, registration=registration))
    assert content_of(lrs.retrieve_state_ids(SESSION, ADA)) == ["two"]


def test_ids_are_listed_since(lrs: RemoteLRS) -> None:
    create(lrs, AGENT_PROFILE, profileId="p", agent=json.dumps({"mbox": ADA.mbox}))
    create(lrs, ACTIVITY_PROFILE, profileId="p", activityId=SESSION.id)
    content_of(lrs.save_state(StateDocument(id="p", activity=SESSION, agent=ADA, content="{}")))
    for list_ids in (
        lambda since: lrs.retrieve_state_ids(SESSION, ADA, since=since),
        lambda since: lrs.retrieve_activity_profile_ids(SESSION, since=since),
        lambda since: lrs.retrieve_agent_profile_ids(ADA, since=since),
    ):
        assert content_of(list_ids("2020-01-01T00:00:00Z")) == ["p"]
        assert content_of(list_ids("2100-01-01T00:00:00Z")) == []


def test_what_is_saved_under_a_tag_is_there_though_it_is_sent_twice(lrs: RemoteLRS) -> None:
    state = StateDocument(id="s", activity=SESSION, agent=ADA, content="first", content_type="text/plain")
    content_of(lrs.save_state(state))
    state.etag = tag_of(lrs.retrieve_state(SESSION, ADA, "s"))
    state.content = "second"
    assert lrs.save_state(state).response.status == 412
    assert content_of(lrs.retrieve_state(SESSION, ADA, "s")).content == bytearray(b"second")


def test_profiles_are_read_listed_replaced_under_their_tag_and_deleted(lrs: RemoteLRS) -> None:
    create(lrs, AGENT_PROFILE, profileId="p", agent=json.dumps({"mbox": ADA.mbox}))
    create(lrs, ACTIVITY_PROFILE, profileId="p", activityId=SESSION.id)

    of_session, of_ada = lrs.retrieve_activity_profile(SESSION, "p"), lrs.retrieve_agent_profile(ADA, "p")
    for answer in (of_session, of_ada):
        assert json.loads(content_of(answer).content) == {"n": 1}
    assert content_of(lrs.retrieve_activity_profile_ids(SESSION)) == ["p"]
    assert content_of(lrs.retrieve_agent_profile_ids(ADA, since="2020-01-01T00:00:00Z")) == ["p"]

    refused = lrs.save_agent_profile(AgentProfileDocument(id="p", agent=ADA, content="{}"))
    assert (refused.success, refused.response.status) == (False, 409)
    content_of(lrs.save_agent_profile(AgentProfileDocument(id="p", agent=ADA, content="2", etag=tag_of(of_ada))))
    replaced = ActivityProfileDocument(id="p", activity=SESSION, content="2", etag=tag_of(of_session))
    content_of(lrs.save_activity_profile(replaced))
    assert content_of(lrs.retrieve_agent_profile(ADA, "p")).content == bytearray(b"2")

    stale = tag_of(of_ada)
    assert (
        lrs.save_agent_profile(AgentProfileDocument(id="p", agent=ADA, content="3", etag=stale)).response.status == 412
    )
    assert lrs.delete_agent_profile(AgentProfileDocument(id="p", agent=ADA, etag=stale)).response.status == 412
    assert lrs.delete_activity_profile(replaced).response.status == 412
    content_of(lrs.delete_agent_profile(AgentProfileDocument(id="p", agent=ADA)))
    replaced.etag = tag_of(lrs.retrieve_activity_profile(SESSION, "p"))
    content_of(lrs.delete_activity_profile(replaced))
    assert content_of(lrs.retrieve_agent_profile_ids(ADA)) == []
    assert content_of(lrs.retrieve_activity_profile_ids(SESSION)) == []
