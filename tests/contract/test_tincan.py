"""The xAPI client for Python, unmodified, against the LRS: on a socket with doubles, and against the whole product.

Its `about` is left out: it refuses any answer that names a version it does not know, such as 2.0.0.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tincan import Activity, ActivityDefinition, Agent, LanguageMap, RemoteLRS, Result, Score, Statement, Verb
from tincan.lrs_response import LRSResponse

from tests.contract.lrs_server import serve_in_thread

Client = Callable[..., RemoteLRS]


@pytest.fixture(scope="module")
def server_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with serve_in_thread(tmp_path_factory.mktemp("lrs")) as (world, address):

        def connect(version: str = "1.0.1") -> RemoteLRS:
            credential, secret = world.credential(tenant=world.add_tenant(), sees=True)
            return RemoteLRS(version=version, endpoint=f"{address}/xAPI/", username=credential.key, password=secret)

        yield connect


@pytest.fixture
def stack_client(request: pytest.FixtureRequest) -> Client:
    stack, tenant = request.getfixturevalue("stack"), request.getfixturevalue("tenant")
    return lambda version="1.0.1": RemoteLRS(
        version=version, endpoint=stack.xapi, username=tenant.key, password=tenant.secret
    )


@pytest.fixture(params=["server_client", pytest.param("stack_client", marks=pytest.mark.integration)])
def lrs(request: pytest.FixtureRequest) -> RemoteLRS:
    return request.getfixturevalue(request.param)()


def make_statement(**changes: Any) -> Statement:
    return Statement(
        **{
            "actor": Agent(name="Ada Lovelace", mbox="mailto:ada@example.org"),
            "verb": Verb(id="http://adlnet.gov/expapi/verbs/attended", display=LanguageMap({"fr": "a suivi"})),
            "object": Activity(
                id="https://example.org/sessions/1",
                definition=ActivityDefinition(name=LanguageMap({"fr": "Session une"})),
            ),
            "result": Result(score=Score(scaled=0.5), completion=True),
            **changes,
        }
    )


def content_of(answer: LRSResponse) -> Any:
    assert answer.success, (answer.response.status, answer.data)
    return answer.content


def test_a_saved_statement_is_retrieved_at_once(lrs: RemoteLRS) -> None:
    saved = content_of(lrs.save_statement(make_statement()))
    read = content_of(lrs.retrieve_statement(saved.id))
    assert read.actor.mbox == "mailto:ada@example.org"
    assert read.object.definition.name["fr"] == "Session une"
    assert read.result.score.scaled == 0.5
    assert read.stored is not None


def test_a_statement_with_an_id_is_put_and_stands(lrs: RemoteLRS) -> None:
    statement = make_statement(id=str(uuid.uuid4()))
    content_of(lrs.save_statement(statement))
    content_of(lrs.save_statement(statement))
    other = make_statement(id=str(statement.id), object=Activity(id="https://example.org/other"))
    refused = lrs.save_statement(other)
    assert (refused.success, refused.response.status) == (False, 409)
    assert content_of(lrs.retrieve_statement(statement.id)).object.id == "https://example.org/sessions/1"


def test_a_batch_is_saved_queried_and_paged(lrs: RemoteLRS) -> None:
    content_of(lrs.save_statements([make_statement() for _ in range(5)]))
    content_of(lrs.save_statement(make_statement(actor=Agent(mbox="mailto:bob@example.org"))))
    query = {"agent": Agent(mbox="mailto:ada@example.org"), "limit": 2, "ascending": True}
    page = content_of(lrs.query_statements(query))
    found = list(page.statements)
    while page.more:
        page = content_of(lrs.more_statements(page.more))
        found += page.statements
    assert len({statement.id for statement in found}) == len(found) == 5
    assert {statement.actor.mbox for statement in found} == {"mailto:ada@example.org"}


def test_a_verb_and_an_activity_filter(lrs: RemoteLRS) -> None:
    content_of(lrs.save_statement(make_statement(verb=Verb(id="https://example.org/v"))))
    content_of(lrs.save_statement(make_statement()))
    found = content_of(lrs.query_statements({"verb": Verb(id="https://example.org/v")})).statements
    assert [statement.verb.id for statement in found] == ["https://example.org/v"]
    activity = Activity(id="https://example.org/sessions/1")
    assert len(content_of(lrs.query_statements({"activity": activity})).statements) == 2


def test_a_wrong_secret_is_refused(lrs: RemoteLRS) -> None:
    stranger = RemoteLRS(version=lrs.version, endpoint=lrs.endpoint, username="nobody", password="x")
    assert stranger.save_statement(make_statement()).response.status == 401
