"""The xAPI client for JavaScript (@xapi/xapi), unmodified, under Node.js and against the whole product.

With both of its ways to speak HTTP, and in both versions: its types end at 1.0.3, but it sends whichever version it is
given. What it can do with no conformant LRS is refused, and a comment says why.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.attachments import describe, read_answer
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement

SCRIPT = Path(__file__).parent / "javascript" / "call.cjs"
PACKAGES = Path(sys.prefix) / "javascript" / "node_modules"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which("node") is None or not PACKAGES.is_dir(),
        reason="needs a JavaScript client: install Node.js 18 or later and npm, and run make test",
    ),
]

ADA = {"objectType": "Agent", "name": "Ada Lovelace", "mbox": "mailto:ada@example.org"}
BOB = {"objectType": "Agent", "mbox": "mailto:bob@example.org"}
SESSION = "https://example.org/sessions/1"
COURSE = "https://example.org/courses/1"


class Refused(Exception):
    """What the client threw: its text is the LRS's answer."""


@dataclass
class Answer:
    """What the client returned."""

    status: int
    headers: Mapping[str, str]
    data: Any = None


class JavaScriptClient:
    """A client in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], version: str) -> None:
        self._process = process
        self.version = version

    def call(self, method: str, **params: Any) -> Answer:
        """Call a method of the client; raises Refused where that throws."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"method": method, "params": params}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "refused" in answer:
            raise Refused(answer["refused"])
        return Answer(**answer)

    def get(self, method: str, **params: Any) -> Any:
        """Call a method of the client, and return the data of its answer."""
        return self.call(method, **params).data


def encode(*contents: bytes) -> list[str]:
    return [base64.b64encode(content).decode() for content in contents]


@contextmanager
def connect(endpoint: str, adapter: str, version: str, key: str, secret: str) -> Iterator[JavaScriptClient]:
    """Run a client that speaks HTTP through `adapter`."""
    environment = {  # and no proxies of the machine's
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(PACKAGES),
        "XAPI_KEY": key,
        "XAPI_SECRET": secret,
    }
    command = ["node", str(SCRIPT), endpoint, version, adapter]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, encoding="utf-8") as process:
        yield JavaScriptClient(process, version)
        # Leaving closes its input, which ends it.
    assert process.returncode == 0


@pytest.fixture(params=["axios-1.0.3", "fetch-2.0.0"])
def lrs(stack: Stack, tenant: TenantAccess, request: pytest.FixtureRequest) -> Iterator[JavaScriptClient]:
    adapter, version = request.param.split("-")
    with connect(stack.xapi, adapter, version, tenant.key, tenant.secret) as client:
        yield client


def test_about_names_the_versions(lrs: JavaScriptClient) -> None:
    assert lrs.version in lrs.get("getAbout")["version"]


def test_a_sent_statement_is_read_at_once(lrs: JavaScriptClient) -> None:
    statement = make_statement(result={"response": "Ça va → très bien", "score": {"scaled": 0.5}})
    (sent,) = lrs.get("sendStatement", statement=statement)
    read = lrs.get("getStatement", statementId=sent)
    assert {name: read[name] for name in statement} == statement
    assert read["stored"]
    ids = lrs.get("getStatement", statementId=sent, format="ids")
    assert ids["object"] == {"id": SESSION}


def test_a_conflict_is_refused_and_the_first_stands(lrs: JavaScriptClient) -> None:
    statement = make_statement(id=str(uuid.uuid4()))
    for _ in range(2):
        assert lrs.get("sendStatement", statement=statement) == [statement["id"]]
    with pytest.raises(Refused, match="conflict"):
        lrs.get("sendStatement", statement=make_statement(id=statement["id"], actor=BOB))
    assert lrs.get("getStatement", statementId=statement["id"])["actor"]["mbox"] == statement["actor"]["mbox"]


def test_what_is_wrong_with_a_statement_is_told(lrs: JavaScriptClient) -> None:
    with pytest.raises(Refused, match="invalid-statement") as caught:
        lrs.get("sendStatements", statements=[make_statement(), make_statement(verb=None)])
    assert [problem["pointer"] for problem in json.loads(str(caught.value))["problems"]] == ["/1/verb"]
    assert lrs.get("getStatements")["statements"] == []


def test_every_filter_is_understood(lrs: JavaScriptClient) -> None:
    registration = str(uuid.uuid4())
    context = {
        "registration": registration,
        "instructor": BOB,
        "contextActivities": {"parent": [{"id": COURSE}]},
    }
    plain, rich = lrs.get(
        "sendStatements",
        statements=[
            make_statement(actor=ADA),
            make_statement(actor=ADA, verb={"id": "https://example.org/v"}, context=context),
        ],
    )
    (later,) = lrs.get("sendStatement", statement=make_statement(actor=BOB))
    stored = lrs.get("getStatement", statementId=rich)["stored"]
    assert stored < lrs.get("getStatement", statementId=later)["stored"]

    def find(**filters: Any) -> list[str]:
        return [one["id"] for one in lrs.get("getStatements", **filters)["statements"]]

    assert find() == [later, rich, plain]
    assert find(ascending=True) == [plain, rich, later]
    assert find(agent=BOB) == [later]
    assert find(agent=BOB, related_agents=True) == [later, rich]
    assert find(verb="https://example.org/v") == [rich]
    assert find(activity=SESSION) == [later, rich, plain]
    assert find(activity=COURSE) == []
    assert find(activity=COURSE, related_activities=True) == [rich]
    assert find(registration=registration) == [rich]
    assert find(since=stored) == [later]
    assert find(until=stored) == [rich, plain]
    assert find(limit=1) == [later]
    (canonical,) = lrs.get("getStatements", agent=BOB, format="canonical")["statements"]
    assert len(canonical["verb"]["display"]) == 1


def test_pages_follow_each_other(lrs: JavaScriptClient) -> None:
    sent = lrs.get("sendStatements", statements=[make_statement() for _ in range(5)])
    page = lrs.get("getStatements", agent=make_statement()["actor"], limit=2, ascending=True)
    found = page["statements"]
    while page["more"]:
        page = lrs.get("getMoreStatements", more=page["more"])
        found += page["statements"]
    assert [one["id"] for one in found] == sent


def test_voided_statements_are_read_as_voided_alone(lrs: JavaScriptClient) -> None:
    first, second, third = lrs.get("sendStatements", statements=[make_statement() for _ in range(3)])
    lrs.get("voidStatement", actor=ADA, statementId=first)
    lrs.get("voidStatements", actor=ADA, statementIds=[second, third])
    for one in (first, second, third):
        with pytest.raises(Refused, match="not-found"):
            lrs.get("getStatement", statementId=one)
        assert lrs.get("getVoidedStatement", voidedStatementId=one)["id"] == one
    verbs = {one["verb"]["id"] for one in lrs.get("getStatements")["statements"]}
    assert verbs == {"http://adlnet.gov/expapi/verbs/voided"}


# Attachments work with fetch alone: under Node.js axios replaces the media type that the client names by that of the
# Blob in which it has put them, and that has none.
WITH_ATTACHMENTS = pytest.mark.parametrize("lrs", ["fetch-1.0.3", "fetch-2.0.0"], indirect=True)


@pytest.mark.parametrize("lrs", ["axios-1.0.3"], indirect=True)
def test_attachments_sent_as_any_bytes_are_refused(lrs: JavaScriptClient) -> None:
    statement = make_statement(attachments=[describe(b"content")])
    with pytest.raises(Refused, match=r"multipart/mixed"):
        lrs.get("sendStatement", statement=statement, attachments=encode(b"content"))


@WITH_ATTACHMENTS
def test_attachments_go_and_come_back(lrs: JavaScriptClient) -> None:
    content = "Certifié, signé.".encode()
    attachment = describe(content, contentType="text/plain; charset=utf-8")
    statement = make_statement(attachments=[attachment])
    (sent,) = lrs.get("sendStatement", statement=statement, attachments=encode(content))
    read, text = lrs.get("getStatement", statementId=sent, attachments=True)
    assert (read["id"], read["attachments"], text) == (sent, [attachment], content.decode())
    # Another that describes the same content.
    lrs.get("sendStatements", statements=[statement, statement], attachments=encode(content))
    page, *contents = lrs.get("getStatements", attachments=True, limit=2)
    assert (len(page["statements"]), contents) == (2, [content.decode()])
    page, *contents = lrs.get("getMoreStatements", more=page["more"])
    assert ([one["id"] for one in page["statements"]], contents) == ([sent], [content.decode()])
    lrs.get("voidStatement", actor=ADA, statementId=sent)
    voided, text = lrs.get("getVoidedStatement", voidedStatementId=sent, attachments=True)
    assert (voided["id"], text) == (sent, content.decode())


@WITH_ATTACHMENTS
def test_any_bytes_can_be_attached(lrs: JavaScriptClient, tenant: TenantAccess) -> None:
    content = bytes(range(256)) * 1000
    statement = make_statement(attachments=[describe(content)])
    (sent,) = lrs.get("sendStatement", statement=statement, attachments=encode(content))
    # The client reads parts as text, and of a text its last line: so this is looked at without it.
    answer = tenant.http.get("statements", params={"statementId": sent, "attachments": "true"})
    assert read_answer(answer.headers["content-type"], answer.content).contents == [content]


@WITH_ATTACHMENTS
def test_several_attachments_need_a_line_break_between_them(lrs: JavaScriptClient) -> None:
    # The client writes a content and the next boundary without the line break that belongs to it (RFC 2046, 5.1.1).
    contents = [b"first", b"second", b"third"]
    statement = make_statement(attachments=[describe(content, contentType="text/plain") for content in contents])
    with pytest.raises(Refused, match="attachment-hash"):
        lrs.get("sendStatement", statement=statement, attachments=encode(*contents))
    assert lrs.get("getStatements")["statements"] == []
    *others, last = contents
    broken = encode(*(content + b"\r\n" for content in others), last)
    (sent,) = lrs.get("sendStatement", statement=statement, attachments=broken)
    _, *texts = lrs.get("getStatement", statementId=sent, attachments=True)
    assert sorted(texts) == sorted(content.decode() for content in contents)


@WITH_ATTACHMENTS
def test_a_content_other_than_described_is_refused(lrs: JavaScriptClient) -> None:
    statement = make_statement(attachments=[describe(b"what was signed")])
    with pytest.raises(Refused, match=r"attachment-(unexpected|hash)"):
        lrs.get("sendStatement", statement=statement, attachments=encode(b"what was sent"))


def test_states_are_kept_merged_listed_and_deleted(lrs: JavaScriptClient) -> None:
    place = {"agent": ADA, "activityId": SESSION}
    lrs.get("createState", **place, stateId="état", state={"page": 1, "seen": [1]})
    lrs.get("createState", **place, stateId="état", state={"page": 2})
    assert lrs.get("getState", **place, stateId="état") == {"page": 2, "seen": [1]}
    lrs.get("setState", **place, stateId="note", state="Ça va", contentType="text/plain; charset=utf-8")
    note = lrs.call("getState", **place, stateId="note")
    assert (note.data, note.headers["content-type"]) == ("Ça va", "text/plain; charset=utf-8")

    registration = str(uuid.uuid4())
    lrs.get("setState", **place, stateId="note", registration=registration, state={"page": 9})
    assert lrs.get("getState", **place, stateId="note", registration=registration) == {"page": 9}
    assert lrs.get("getStates", **place, registration=registration) == ["note"]
    assert set(lrs.get("getStates", **place)) == {"état", "note"}
    assert set(lrs.get("getStates", **place, since="2020-01-01T00:00:00Z")) == {"état", "note"}
    assert lrs.get("getStates", **place, since="2100-01-01T00:00:00Z") == []

    lrs.get("deleteState", **place, stateId="état")
    with pytest.raises(Refused, match="not-found"):
        lrs.get("getState", **place, stateId="état")
    lrs.get("deleteStates", **place, registration=registration)
    assert lrs.get("getStates", **place) == ["note"]
    lrs.get("deleteStates", **place)
    assert lrs.get("getStates", **place) == []


@pytest.mark.parametrize(
    ("kind", "document", "place"),
    [
        ("State", {"stateId": "p"}, {"agent": ADA, "activityId": SESSION}),
        ("AgentProfile", {"profileId": "p"}, {"agent": ADA}),
        ("ActivityProfile", {"profileId": "p"}, {"activityId": SESSION}),
    ],
)
def test_documents_are_guarded_by_their_tags(
    lrs: JavaScriptClient, kind: str, document: dict[str, str], place: dict[str, Any]
) -> None:
    content = "state" if kind == "State" else "profile"
    one = {**document, **place}
    new = {"etag": "*", "matchHeader": "If-None-Match"}
    lrs.get(f"set{kind}", **one, **{content: {"n": 1}}, **new)
    with pytest.raises(Refused, match="precondition-failed"):
        lrs.get(f"set{kind}", **one, **{content: {"n": 2}}, **new)

    tag = lrs.call(f"get{kind}", **one).headers["etag"]
    lrs.get(f"set{kind}", **one, **{content: {"n": 2}}, etag=tag, matchHeader="If-Match")
    with pytest.raises(Refused, match="precondition-failed"):
        lrs.get(f"create{kind}", **one, **{content: {"m": 3}}, etag=tag, matchHeader="If-Match")
    tag = lrs.call(f"get{kind}", **one).headers["etag"]
    lrs.get(f"create{kind}", **one, **{content: {"m": 3}}, etag=tag, matchHeader="If-Match")
    read = lrs.call(f"get{kind}", **one)
    assert read.data == {"n": 2, "m": 3}

    with pytest.raises(Refused, match="precondition-failed"):
        lrs.get(f"delete{kind}", **one, etag=tag)
    lrs.get(f"delete{kind}", **one, etag=read.headers["etag"])
    with pytest.raises(Refused, match="not-found"):
        lrs.get(f"get{kind}", **one)


def test_profiles_are_merged_listed_and_deleted(lrs: JavaScriptClient) -> None:
    for kind, place in (("AgentProfile", {"agent": ADA}), ("ActivityProfile", {"activityId": SESSION})):
        lrs.get(f"create{kind}", **place, profileId="a", profile={"n": 1})
        lrs.get(f"create{kind}", **place, profileId="a", profile={"m": 2})
        lrs.get(
            f"set{kind}",
            **place,
            profileId="b",
            profile="préféré",
            etag="*",
            matchHeader="If-None-Match",
            contentType="text/plain; charset=utf-8",
        )
        assert lrs.get(f"get{kind}", **place, profileId="a") == {"n": 1, "m": 2}
        assert lrs.get(f"get{kind}", **place, profileId="b") == "préféré"
        assert lrs.get(f"get{kind}s", **place) == ["a", "b"]
        assert lrs.get(f"get{kind}s", **place, since="2100-01-01T00:00:00Z") == []
        lrs.get(f"delete{kind}", **place, profileId="a")
        assert lrs.get(f"get{kind}s", **place, since="2020-01-01T00:00:00Z") == ["b"]


def test_what_statements_say_of_an_activity_and_a_person_is_read_at_once(lrs: JavaScriptClient) -> None:
    definition = {"name": {"fr": "Première séance"}, "type": "http://adlnet.gov/expapi/activities/meeting"}
    lrs.get("sendStatement", statement=make_statement(actor=ADA, object={"id": SESSION, "definition": definition}))
    assert lrs.get("getActivity", activityId=SESSION)["definition"] == definition
    person = lrs.get("getAgent", agent={"mbox": ADA["mbox"]})
    assert (person["objectType"], person["name"], person["mbox"]) == ("Person", [ADA["name"]], [ADA["mbox"]])


def test_a_wrong_secret_is_refused(stack: Stack, lrs: JavaScriptClient) -> None:
    with connect(stack.xapi, "fetch", lrs.version, "nobody", "x") as stranger:
        for method in ("getStatements", "getAgentProfiles"):
            with pytest.raises(Refused, match="unauthenticated"):
                stranger.get(method, agent=ADA)


def test_a_parameter_against_caches_is_refused(lrs: JavaScriptClient) -> None:
    # `useCacheBuster` adds a parameter of the client's own, which every LRS must refuse (XAPI-00122 and the like).
    with pytest.raises(Refused, match="unknown-parameter"):
        lrs.get("getStatements", useCacheBuster=True)
