"""The xAPI client for Python, unmodified, against the LRS: on a socket with doubles, and against the whole product.

What it lacks is left out. Its `about` refuses any answer that names a version it does not know, such as 2.0.0. It has
no calls for the activities and agents resources and none that voids; a voiding statement it sends like any other. It
neither sends contents of attachments nor reads the `multipart/mixed` that has them; it does know their descriptions.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tincan import (
    Activity,
    ActivityDefinition,
    Agent,
    AgentAccount,
    Attachment,
    Context,
    ContextActivities,
    Extensions,
    Group,
    LanguageMap,
    RemoteLRS,
    Result,
    Score,
    Statement,
    StatementRef,
    SubStatement,
    Verb,
)
from tincan.lrs_response import LRSResponse
from tincan.version import Version

from tests.attachments import MULTIPART, describe, write_body
from tests.contract.lrs_server import serve_in_thread
from tests.statements import make_statement as make_plain_statement

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


def void(lrs: RemoteLRS, statement_id: uuid.UUID) -> None:
    verb = Verb(id="http://adlnet.gov/expapi/verbs/voided", display=LanguageMap({"en": "voided"}))
    content_of(lrs.save_statement(make_statement(verb=verb, object=StatementRef(id=str(statement_id)))))


def find(lrs: RemoteLRS, **query: Any) -> list[str]:
    return [str(statement.id) for statement in content_of(lrs.query_statements(query)).statements]


@pytest.mark.parametrize("version", Version.supported)
def test_every_version_that_the_client_speaks_is_taken(server_client: Client, version: str) -> None:
    lrs = server_client(version)
    saved = content_of(lrs.save_statement(make_statement()))
    answer = lrs.retrieve_statement(saved.id)
    assert content_of(answer).id == saved.id
    assert answer.response.getheader("X-Experience-API-Version") == Version.latest


def test_everything_that_the_client_models_is_kept(lrs: RemoteLRS) -> None:
    account = AgentAccount(home_page="https://lms.example.org", name="42")
    group = Group(name="Promotion", member=[Agent(account=account), Agent(openid="https://ada.example.org")])
    activities = ContextActivities(
        parent=[Activity(id="https://example.org/courses/1")], category=[Activity(id="https://example.org/profile")]
    )
    context = Context(
        registration=uuid.uuid4(),
        instructor=Agent(mbox_sha1sum="0123456789abcdef" * 2 + "01234567"),
        team=group,
        context_activities=activities,
        language="fr",
        statement=StatementRef(id=str(uuid.uuid4())),
        extensions=Extensions({"https://example.org/room": {"seats": 12}}),
    )
    target = Activity(
        id="https://example.org/questions/1",
        definition=ActivityDefinition(
            type="http://adlnet.gov/expapi/activities/cmi.interaction",
            interaction_type="choice",
            correct_responses_pattern=["a"],
            choices=[{"id": "a", "description": {"fr": "Oui"}}, {"id": "b", "description": {"fr": "Non"}}],
        ),
    )
    inner = SubStatement(actor=group, verb=Verb(id="https://example.org/answered"), object=target)
    result = Result(score=Score(raw=3, min=0, max=4, scaled=0.75), duration=timedelta(minutes=90), response="a")
    statement = make_statement(actor=group, object=inner, context=context, result=result)
    statement.timestamp = "2026-11-26T09:30:00.123+01:00"
    saved = content_of(lrs.save_statement(statement))
    read = content_of(lrs.retrieve_statement(saved.id)).as_version()
    sent = saved.as_version()
    assert {name: read[name] for name in sent} == sent


def test_a_voided_statement_is_retrieved_as_voided_alone(lrs: RemoteLRS) -> None:
    statement = content_of(lrs.save_statement(make_statement()))
    void(lrs, statement.id)
    assert lrs.retrieve_statement(statement.id).response.status == 404
    assert content_of(lrs.retrieve_voided_statement(statement.id)).id == statement.id
    (voiding,) = content_of(lrs.query_statements({})).statements
    assert str(voiding.object.id) == str(statement.id)


def test_every_filter_of_the_client_is_understood(lrs: RemoteLRS) -> None:
    bob, course = Agent(mbox="mailto:bob@example.org"), Activity(id="https://example.org/courses/1")
    registration = uuid.uuid4()
    context = Context(registration=registration, instructor=bob, context_activities=ContextActivities(parent=[course]))
    plain = str(content_of(lrs.save_statement(make_statement())).id)
    rich = content_of(lrs.save_statement(make_statement(context=context)))
    later = str(content_of(lrs.save_statement(make_statement(actor=bob))).id)
    # The client would write a datetime with a space in it, which is no ISO 8601.
    stored = content_of(lrs.retrieve_statement(rich.id)).stored.isoformat()
    rich = str(rich.id)

    assert find(lrs) == [later, rich, plain]
    assert find(lrs, ascending=True) == [plain, rich, later]
    assert find(lrs, agent=bob) == [later]
    assert find(lrs, agent=bob, related_agents=True) == [later, rich]
    assert find(lrs, activity=course) == []
    assert find(lrs, activity=course, related_activities=True) == [rich]
    assert find(lrs, registration=registration) == [rich]
    assert find(lrs, since=stored) == [later]
    assert find(lrs, until=stored) == [rich, plain]
    assert find(lrs, limit=2) == [later, rich]
    assert find(lrs, related_agents=False, ascending=False, limit=0) == [later, rich, plain]
    (ids,) = content_of(lrs.query_statements({"registration": registration, "format": "ids"})).statements
    assert (ids.actor.name, ids.object.definition) == (None, None)
    (canonical,) = content_of(lrs.query_statements({"registration": registration, "format": "canonical"})).statements
    assert canonical.object.definition.name["fr"] == "Session une"


def test_pages_keep_their_filters_and_order(lrs: RemoteLRS) -> None:
    bob = Agent(mbox="mailto:bob@example.org")
    context = Context(instructor=bob)
    content_of(lrs.save_statements([make_statement(context=context if n % 2 else None) for n in range(10)]))
    expected = find(lrs, agent=bob, related_agents=True)
    assert len(expected) == 5
    page = content_of(lrs.query_statements({"agent": bob, "related_agents": True, "limit": 1}))
    found = [str(statement.id) for statement in page.statements]
    # What arrives meanwhile is not on the pages that follow.
    content_of(lrs.save_statement(make_statement(context=context)))
    while page.more:
        page = content_of(lrs.more_statements(page))
        found += [str(statement.id) for statement in page.statements]
    assert found == expected


def test_attachments_with_an_address_are_kept(lrs: RemoteLRS) -> None:
    described = {
        "usage_type": "http://id.tincanapi.com/attachment/supporting_media",
        "display": LanguageMap({"fr": "La captation"}),
        "content_type": "video/mp4",
        "length": 3,
        "sha2": "ab" * 32,
    }
    attachment = Attachment(**described, fileurl="https://media.example.org/1.mp4")
    saved = content_of(lrs.save_statement(make_statement(attachments=[attachment])))
    (read,) = content_of(lrs.retrieve_statement(saved.id)).attachments
    assert read.as_version() == attachment.as_version()
    refused = lrs.save_statement(make_statement(attachments=[Attachment(**described)]))
    assert (refused.success, refused.response.status) == (False, 400)


def test_what_others_attached_is_described(lrs: RemoteLRS) -> None:
    statement = make_plain_statement(id=str(uuid.uuid4()), attachments=[describe(b"A certificate")])
    headers = {"X-Experience-API-Version": "1.0.1", "Authorization": lrs.auth, **MULTIPART}
    body = write_body(statement, b"A certificate")
    assert httpx.post(f"{lrs.endpoint}statements", content=body, headers=headers, trust_env=False).status_code == 200
    read = content_of(lrs.retrieve_statement(statement["id"]))
    assert [attachment.as_version() for attachment in read.attachments] == statement["attachments"]
