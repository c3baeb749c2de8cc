"""Two tenants with the same learners, sessions, statement ids, documents and logins: nothing of one reaches the other.

Whatever one of them sends carries a mark that the other's never does; then everything that can be asked is asked as the
other, across every resource, board, export, error, more link and analyst's query, and no answer may hold the mark.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from clickhouse.databases import name_tenant_database
from clickhouse.disclosure import Thresholds, set_thresholds
from jalon import tenancy
from jalon.importing.store_view import TenantStore
from jalon.tenancy import Act
from tests.attachments import MULTIPART, describe, write_body
from tests.attacks import BLIND, NAMED
from tests.documents import ACTIVITY, AGENT_PROFILE, ID_PARAMETER, NEW, RESOURCES, make_parameters
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement

pytestmark = pytest.mark.integration

IDS = [f"5b0d7f3a-1111-4111-8111-{number:012}" for number in range(5)]
SESSION = "https://example.org/sessions/shared"
LEARNER = "mailto:ada@example.org"
SHARED_FILE = b"a file that both have"
ACT = Act("operator:tests", "a test")


@dataclass
class Side:
    """One tenant with what stands for it: `mark` in all that it sends, `traces` in what is made of it."""

    access: TenantAccess
    mark: str
    login: str
    password: str
    file: bytes
    more: str = ""
    traces: set[str] = field(default_factory=set)

    @property
    def agent(self) -> dict[str, str]:
        return {"mbox": LEARNER, "name": f"Ada {self.mark}"}

    def shows(self, text: str) -> list[str]:
        """Return what of this tenant is in a text."""
        return [trace for trace in self.traces if trace in text]


def documents(resource: str) -> tuple[str, dict[str, str]]:
    return resource.removeprefix("/xAPI/"), make_parameters(resource, **{ID_PARAMETER[resource]: "shared"})


def fill(side: Side) -> None:
    definition = {"name": {"en": f"Session {side.mark}"}, "type": "http://adlnet.gov/expapi/activities/meeting"}
    statements = [
        make_statement(
            id=statement_id,
            actor=side.agent,
            object={"id": SESSION, "definition": definition},
            result={"response": f"said {side.mark}"},
            context={"extensions": {"https://example.org/x": side.mark}},
        )
        for statement_id in IDS[:4]
    ]
    assert side.access.http.post("statements", json=statements).status_code == 200
    attached = make_statement(
        id=IDS[4],
        actor=side.agent,
        object={"id": SESSION},
        attachments=[describe(side.file, display={"en": side.mark}), describe(SHARED_FILE)],
    )
    body = write_body(attached, side.file, SHARED_FILE)
    assert side.access.http.post("statements", content=body, headers=MULTIPART).status_code == 200
    for resource in RESOURCES:
        path, parameters = documents(resource)
        if resource == AGENT_PROFILE or "agent" in parameters:
            parameters["agent"] = json.dumps(side.agent)
        stored = side.access.http.put(path, params=parameters, json={"text": side.mark}, headers=NEW)
        assert stored.status_code == 204, stored.text
    page = side.access.http.get("statements", params={"limit": 2}).json()
    side.more = page["more"]
    pseudonyms = {row[0] for row in side.access.reader.query("SELECT DISTINCT actor FROM statements").result_rows}
    side.traces = {side.mark, side.access.id, side.access.id.replace("-", "_"), side.access.key, *pseudonyms}
    assert pseudonyms


@pytest.fixture(scope="module")
def sides(stack: Stack) -> Iterator[tuple[Side, Side]]:
    with stack.add_tenant("One", scopes=("all",)) as one, stack.add_tenant("Other", scopes=("all",)) as other:
        made = []
        for access, mark in ((one, "qzj-one-mark"), (other, "qzj-other-mark")):
            login, password = tenancy.let_in(stack.installation, access.id, "anne", ACT)
            made.append(Side(access, mark, login, password, f"a file of {mark}".encode()))
        for side in made:
            fill(side)
        with stack.connect_owner() as owner:
            TenantStore(stack.settings, owner, one.id).wait_until_stored()
            for side in made:  # so that boards show what there is
                set_thresholds(owner, side.access.id, Thresholds(inside=1))
        yield made[0], made[1]


@pytest.fixture(params=[0, 1], ids=["one", "other"])
def pair(sides: tuple[Side, Side], request: pytest.FixtureRequest) -> tuple[Side, Side]:
    """Who asks, and who must not be seen."""
    return sides[request.param], sides[1 - request.param]


def test_each_has_its_own_under_the_same_names(pair: tuple[Side, Side]) -> None:
    me, other = pair
    found = me.access.http.get("statements").json()["statements"]
    assert sorted(statement["id"] for statement in found) == IDS
    assert me.mark in json.dumps(found)
    assert me.traces.isdisjoint(other.traces)


def test_no_resource_of_the_lrs_shows_anything_of_another(pair: tuple[Side, Side]) -> None:
    me, other = pair
    http = me.access.http
    person = json.dumps({"mbox": LEARNER})
    answers = [
        http.get("statements", params=parameters)
        for parameters in (
            *({"format": kind} for kind in ("exact", "ids", "canonical")),
            *({"statementId": statement_id, "attachments": "true"} for statement_id in IDS),
            {"attachments": "true"},
            {"agent": person, "related_agents": "true"},
            {"activity": SESSION, "related_activities": "true"},
            {"ascending": "true", "limit": "1"},
            {"voidedStatementId": IDS[0]},
            {"agent": json.dumps({"account": {"homePage": "https://w3id.org/jalon/pseudonyms", "name": "0" * 32}})},
        )
    ]
    answers += [http.get("activities", params={"activityId": SESSION}), http.get("agents", params={"agent": person})]
    for resource in RESOURCES:
        path, parameters = documents(resource)
        if "agent" in parameters:
            parameters["agent"] = person
        answers += [http.get(path, params=parameters), http.head(path, params=parameters)]
        del parameters[ID_PARAMETER[resource]]
        answers.append(http.get(path, params=parameters))
    answers += [http.get(path) for path in ("about", "activities", "agents", "statements/more", "nothing")]
    told = {str(answer.request.url): other.shows(answer.text + str(answer.headers)) for answer in answers}
    assert {url: shown for url, shown in told.items() if shown} == {}
    assert sum(me.mark in answer.text for answer in answers) >= 12


def test_a_more_link_is_of_no_use_to_another(pair: tuple[Side, Side], stack: Stack) -> None:
    me, other = pair
    assert other.more
    url = httpx.URL(stack.xapi).join(other.more)
    assert other.access.http.get(url).status_code == 200
    answer = me.access.http.get(url)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-cursor")
    assert other.shows(answer.text) == []


def test_the_hash_of_a_file_fetches_nothing_that_another_handed_in(pair: tuple[Side, Side]) -> None:
    me, other = pair
    statement = make_statement(attachments=[describe(other.file, fileUrl="https://example.org/file")])
    (statement_id,) = me.access.http.post("statements", json=statement).json()
    answer = me.access.http.get("statements", params={"statementId": statement_id, "attachments": "true"})
    assert answer.status_code == 200
    assert other.file not in answer.content
    shared = me.access.http.get("statements", params={"statementId": IDS[4], "attachments": "true"})
    assert SHARED_FILE in shared.content


def test_what_one_does_to_its_own_leaves_the_others(pair: tuple[Side, Side]) -> None:
    me, other = pair
    conflicting = make_statement(id=IDS[0], result={"response": "another"})
    refused = me.access.http.post("statements", json=conflicting)
    assert refused.status_code == 409
    assert other.shows(refused.text) == []
    path, parameters = documents(AGENT_PROFILE)
    parameters["agent"] = json.dumps({"mbox": LEARNER})
    parameters["profileId"] = f"only {me.mark}"
    assert me.access.http.put(path, params=parameters, json={}, headers=NEW).status_code == 204
    assert other.access.http.get(path, params=parameters).status_code == 404
    assert me.access.http.delete(path, params=parameters).status_code == 204
    voiding = make_statement(
        verb={"id": "http://adlnet.gov/expapi/verbs/voided"}, object={"objectType": "StatementRef", "id": IDS[3]}
    )
    before = other.access.http.get("statements", params={"statementId": IDS[3]}).status_code
    assert me.access.http.post("statements", json=voiding).status_code == 200
    assert me.access.http.get("statements", params={"statementId": IDS[3]}).status_code == 404
    assert other.access.http.get("statements", params={"statementId": IDS[3]}).status_code == before


def test_no_board_shows_anything_of_another(sides: tuple[Side, Side], stack: Stack) -> None:
    me, other = sides
    with stack.open_boards(me.access) as browser:
        answers = [
            browser.get(f"/boards/{board}{part}", params={"from": "now-30d", "to": "now+1d", "tenant": other.access.id})
            for board in ("live", "attendance", "pathways")
            for part in ("", "/data", "/definition")
        ]
    assert {answer.status_code for answer in answers} == {200}
    told = {str(answer.request.url): other.shows(answer.text) for answer in answers}
    # The address holds the other's id because it was asked with it.
    assert {url: shown for url, shown in told.items() if shown} == {}
    assert any(me.mark in answer.text for answer in answers)


def test_no_export_holds_anything_of_another(sides: tuple[Side, Side], stack: Stack, tmp_path: Path) -> None:
    me, other = sides
    for identities in (True, False):
        path = tmp_path / f"{identities}.zip"
        tenancy.export(stack.installation, me.access.id, path, ACT, identities=identities)
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name).decode("utf-8", "replace") for name in archive.namelist()}
        told = {name: other.shows(name + content) for name, content in contents.items()}
        assert {name: shown for name, shown in told.items() if shown} == {}
        assert me.mark in contents["statements.jsonl"]


def test_no_query_of_an_analyst_shows_anything_of_another(sides: tuple[Side, Side], stack: Stack) -> None:
    me, other = sides
    address = stack.installation.owner_address
    database = name_tenant_database(other.access.id)
    told = {}
    with httpx.Client(
        base_url=f"http://{address.host}:{address.port}/", auth=(me.login, me.password), timeout=60, trust_env=False
    ) as client:
        for text in BLIND:
            shown = other.shows(client.post("", content=text.encode()).text)
            if shown:
                told[text] = shown
        for text in NAMED:
            query = text.format(database).replace(".t", ".statements")
            answer = client.post("", content=query.encode())
            if answer.status_code == 200 or other.shows(answer.text.replace(database, "")):
                told[query] = answer.text
        assert client.post("", content=b"SELECT count() FROM statements FINAL").text.strip() in {"5", "6", "7"}
        others = client.post("", content=b"SELECT 1", auth=(other.login, me.password))
    assert told == {}
    assert others.status_code == 403


def test_errors_say_nothing_of_another(pair: tuple[Side, Side], stack: Stack) -> None:
    me, other = pair
    wrong = [
        httpx.get(f"{stack.xapi}statements", auth=(key, me.access.secret), headers=me.access.http.headers)
        for key in (other.access.key, "0" * 32)
    ]
    # Another's key with one's own secret is told what a key that nobody has is told.
    assert [(answer.status_code, answer.json()) for answer in wrong] == [(401, wrong[1].json())] * 2
    broken = [
        me.access.http.post("statements", content=b"{"),
        me.access.http.post("statements", json=[{"actor": {}}]),
        me.access.http.get("statements", params={"agent": "x", "tenant": other.access.id}),
        me.access.http.put(f"statements?statementId={IDS[0]}", json=make_statement(id=IDS[1])),
        me.access.http.get("statements/more", params={"cursor": "x"}),
        me.access.http.get("activities/state", params={"activityId": ACTIVITY}),
    ]
    for answer in broken:
        assert answer.status_code >= 400
        assert set(other.shows(answer.text)) <= {other.access.id} & set(other.shows(str(answer.request.url)))
