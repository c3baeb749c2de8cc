"""Documents as the xAPI client for Python, unmodified, saves, reads, lists and deletes them.

It cannot create a profile: it knows no If-None-Match, which 1.0.3 asks for (tests/conformance has the rule). Of what it
reads it does not fill in the tag either, so the tests take that from the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tincan import Activity, Agent, RemoteLRS
from tincan.documents import ActivityProfileDocument, AgentProfileDocument, StateDocument
from tincan.lrs_response import LRSResponse

from tests.contract.lrs_server import serve_in_thread
from tests.documents import ACTIVITY_PROFILE, AGENT_PROFILE, NEW

ADA = Agent(name="Ada Lovelace", mbox="mailto:ada@example.org")
SESSION = Activity(id="https://example.org/sessions/1")


@pytest.fixture(scope="module")
def lrs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RemoteLRS]:
    with serve_in_thread(tmp_path_factory.mktemp("lrs")) as (world, address):
        credential, secret = world.credential()
        yield RemoteLRS(version="1.0.1", endpoint=f"{address}/xAPI/", username=credential.key, password=secret)


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


def test_profiles_are_read_listed_replaced_under_their_tag_and_deleted(lrs: RemoteLRS) -> None:
    headers = {"X-Experience-API-Version": "1.0.1", "Authorization": lrs.auth, **NEW}
    for path, name, value in (
        (ACTIVITY_PROFILE, "activityId", SESSION.id),
        (AGENT_PROFILE, "agent", json.dumps({"mbox": ADA.mbox})),
    ):
        created = httpx.put(
            f"{lrs.endpoint.removesuffix('/xAPI/')}{path}",
            params={"profileId": "p", name: value},
            json={"n": 1},
            headers=headers,
            trust_env=False,
        )
        assert created.status_code == 204

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

    content_of(lrs.delete_agent_profile(AgentProfileDocument(id="p", agent=ADA)))
    content_of(lrs.delete_activity_profile(ActivityProfileDocument(id="p", activity=SESSION)))
    assert content_of(lrs.retrieve_agent_profile_ids(ADA)) == []
