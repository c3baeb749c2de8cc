"""Text of every kind, and the farthest values, over HTTP, Kafka and ClickHouse: kept as sent, found by, never lost."""

from __future__ import annotations

import unicodedata
import uuid
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from tests.attachments import MULTIPART, describe, read_answer, write_body
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from xapi_profiles.vocabulary import Extension

pytestmark = pytest.mark.integration

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "Élodie Ångström") for form in ("NFC", "NFD"))
TEXTS = [
    COMPOSED,
    DECOMPOSED,
    "שלום \u202eabc\u202c مرحبا",
    "a\u0000b\u0001\u007f\u0085\u2028\ufeff",
    "👩🏽‍🏫 🇫🇷 𝛀𝒴𓀀 𠜎 \U0010fffd",
    "".join(chr(plane * 0x10000 + 0x41) for plane in range(17)) + "\ufffe\uffff\U0010ffff",
    "'\"\\`{a:Int} %s \t\r\n\b\f/",
    " ",
    "",
]
IRIS = [
    "https://example.org/𝛀𝒴𓀀/👩🏽‍🏫",
    f"https://example.org/{COMPOSED.replace(' ', '_')}",
    f"https://example.org/{DECOMPOSED.replace(' ', '_')}",
    "https://example.org/שלום/مرحبا",
    "https://example.org/%C3%89lodie?a='b'&c=(d)#é",
]


@pytest.fixture
def tenant(stack: Stack) -> Iterator[TenantAccess]:
    with stack.add_tenant(scopes=("all",)) as access:
        yield access


def read(tenant: TenantAccess, **parameters: Any) -> list[dict[str, Any]]:
    answer = tenant.http.get("statements", params=parameters)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = orjson.loads(answer.content)["statements"]
    return found


def send(tenant: TenantAccess, statement: dict[str, Any]) -> dict[str, Any]:
    """Post a statement, and return what is read back of it."""
    answer = tenant.http.post(
        "statements", content=orjson.dumps(statement), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 200, answer.text
    got = tenant.http.get("statements", params={"statementId": statement["id"]})
    assert got.status_code == 200, got.text
    return dict(orjson.loads(got.content))


def assert_nothing_died(tenant: TenantAccess) -> None:
    letters = tenant.reader.query("SELECT code, detail, pointer FROM dead_letters").result_rows
    assert not letters, letters


def test_a_text_comes_back_byte_for_byte_wherever_it_stood(tenant: TenantAccess) -> None:
    for text in TEXTS:
        assert_kept(tenant, text)
    assert_nothing_died(tenant)


def assert_kept(tenant: TenantAccess, text: str) -> None:
    languages = {"und": text, "fr": text, "zh-Hant-TW": text, "x-klingon": text} | {
        f"en-x-a{number}": text for number in range(300)
    }
    account = {"homePage": "https://example.org", "name": text or "."}
    statement = make_statement(
        id=str(uuid.uuid4()),
        actor={"name": text, "account": account},
        verb={"id": "https://example.org/verbs/v", "display": languages},
        object={
            "id": "https://example.org/a",
            "definition": {"name": {}, "description": {"und": text}, "extensions": {"https://example.org/x": [text]}},
        },
        result={"response": text, "extensions": {"https://example.org/x": {text: text}}},
        context={"platform": text, "registration": str(uuid.uuid4())},
    )
    got = send(tenant, statement)
    for name in ("actor", "verb", "object", "result", "context"):
        assert orjson.dumps(got[name], option=orjson.OPT_SORT_KEYS) == orjson.dumps(
            statement[name], option=orjson.OPT_SORT_KEYS
        )
    assert [one["id"] for one in read(tenant, agent=orjson.dumps({"account": account}).decode())] == [statement["id"]]
    # The same again, in other words of JSON, is known; the same text in another form of normalisation is not the same.
    escaped = "".join(f"\\u{ord(character):04x}" for character in "verbs/v")
    again = orjson.dumps(statement).replace(b"verbs/v", escaped.encode())
    assert (
        tenant.http.post("statements", content=again, headers={"Content-Type": "application/json"}).headers[
            "X-Jalon-Duplicates"
        ]
        == "1"
    )
    other = next((one for one in (COMPOSED, DECOMPOSED) if text in (COMPOSED, DECOMPOSED) and one != text), None)
    if other is not None:
        changed = statement | {"result": statement["result"] | {"response": other}}
        assert tenant.http.post("statements", json=changed).status_code == 409


def test_iris_and_accounts_beyond_ascii_are_found_by_exactly_what_they_are(tenant: TenantAccess) -> None:
    sent = {
        iri: make_statement(
            id=str(uuid.uuid4()),
            # Not the IRI itself: what names the actor is hidden wherever else it stands.
            actor={"account": {"homePage": iri, "name": f"{iri}#me"}},
            verb={"id": iri},
            object={"id": iri, "definition": {"name": {"und": iri}}},
        )
        for iri in IRIS
    }
    for statement in sent.values():
        send(tenant, statement)
    for iri, statement in sent.items():
        account = orjson.dumps({"account": {"homePage": iri, "name": f"{iri}#me"}}).decode()
        for parameters in ({"verb": iri}, {"activity": iri}, {"agent": account}, {"verb": iri, "activity": iri}):
            (found,) = read(tenant, **parameters)
            assert found["id"] == statement["id"]
        assert tenant.http.get("activities", params={"activityId": iri}).json()["definition"]["name"] == {"und": iri}
        assert tenant.http.get("agents", params={"agent": account}).json()["account"][0]["name"] == f"{iri}#me"
        (canonical,) = read(tenant, verb=iri, format="canonical")
        assert canonical["object"]["definition"]["name"] == {"und": iri}
    rows = tenant.reader.query("SELECT verb, activity FROM current_statements").result_rows
    assert set(rows) == {(iri, iri) for iri in IRIS}


def test_documents_are_kept_under_ids_of_any_text(tenant: TenantAccess) -> None:
    names = [text for text in TEXTS if text]
    for name in names:
        agent = orjson.dumps({"account": {"homePage": "https://example.org", "name": name}}).decode()
        for path, context, parameter in (
            ("activities/state", {"activityId": IRIS[0], "agent": agent}, "stateId"),
            ("activities/profile", {"activityId": IRIS[0]}, "profileId"),
            ("agents/profile", {"agent": agent}, "profileId"),
        ):
            content = name.encode() + bytes(range(256))
            parameters = {**context, parameter: name}
            stored = tenant.http.put(path, params=parameters, content=content, headers={"If-None-Match": "*"})
            assert stored.status_code == 204, stored.text
            assert tenant.http.get(path, params=parameters).content == content
            assert orjson.loads(tenant.http.get(path, params=context).content)[-1] == name
    # Composed and decomposed forms are two names.
    assert orjson.loads(tenant.http.get("activities/profile", params={"activityId": IRIS[0]}).content) == names


def test_attachments_are_described_in_any_text(tenant: TenantAccess) -> None:
    content = TEXTS[5].encode() + b"\r\n--" + bytes(range(256))
    described = describe(content, display={"und": TEXTS[2], "fr": DECOMPOSED}, description={})
    statement = make_statement(id=str(uuid.uuid4()), attachments=[described])
    body = write_body(statement, content)
    posted = tenant.http.post("statements", content=body, headers=MULTIPART)
    assert posted.status_code == 200, posted.text
    got = tenant.http.get("statements", params={"statementId": statement["id"], "attachments": "true"})
    answer = read_answer(got.headers["Content-Type"], got.content)
    assert answer.json["attachments"] == [described]
    assert answer.contents == [content]


FARTHEST: dict[str, dict[str, Any]] = {
    "earliest time": {"timestamp": "0001-01-01T00:00:00Z"},
    "latest time": {"timestamp": "9999-12-31T23:59:59.999999999Z"},
    "leap second": {"timestamp": "2016-12-31T23:59:60Z"},
    "longest duration": {"result": {"duration": "P999999999999999999999999Y"}},
    "many digits of a duration": {"result": {"duration": f"PT{'9' * 400}S"}},
    "long name": {"actor": {"mbox": "mailto:a@example.org", "name": "é" * 500_000}},
    "long account": {"actor": {"account": {"homePage": "https://example.org", "name": "é" * 500_000}}},
    "long activity": {"object": {"id": "https://example.org/" + "é" * 500_000, "definition": {"name": {"fr": "x"}}}},
    "long verb": {"verb": {"id": "https://example.org/" + "v" * 500_000}},
    "many keys": {"result": {"extensions": {"https://example.org/x": {f"k{n}": n for n in range(50_000)}}}},
    "many activities": {
        "context": {"contextActivities": {"other": [{"id": f"https://example.org/{n}"} for n in range(5_000)]}}
    },
    "many members": {
        "actor": {"objectType": "Group", "member": [{"mbox": f"mailto:a{n}@example.org"} for n in range(2_000)]}
    },
    "deep": {"result": {"extensions": {"https://example.org/x": orjson.loads("[" * 90 + "]" * 90)}}},
    "planned beyond time": {"context": {"extensions": {Extension.PLANNED_START_TIME: "9999-12-31T00:00:00Z"}}},
}


def test_whatever_is_accepted_is_stored_however_far_its_values_go(tenant: TenantAccess) -> None:
    """Accepted and then refused by the stream would be a 2xx for a statement that no read ever shows."""
    for name, changes in FARTHEST.items():
        statement = make_statement(id=str(uuid.uuid4()), **changes)
        got = send(tenant, statement)
        assert {part: got[part] for part in changes} == changes, name
    assert_nothing_died(tenant)
    assert len(read(tenant)) == len(FARTHEST)
    assert tenant.reader.query("SELECT count() FROM current_statements").result_rows == [(len(FARTHEST),)]
    for form in ("ids", "canonical"):
        assert len(read(tenant, format=form)) == len(FARTHEST)


def test_numbers_beyond_any_float_are_stored(tenant: TenantAccess) -> None:
    for number in ("1e9999999999", "-1e-9999999999", "0." + "0" * 900 + "1", "9" * 900):
        statement_id = str(uuid.uuid4())
        text = orjson.dumps(make_statement(id=statement_id, result={"extensions": {"https://example.org/x": 0}}))
        text = text.replace(b'/x":0', f'/x":{number}'.encode())
        assert tenant.http.post("statements", content=text, headers={"Content-Type": "application/json"}).is_success
        assert number in tenant.http.get("statements", params={"statementId": statement_id}).text
    assert_nothing_died(tenant)


def test_a_canonical_page_of_many_long_activities_is_answered(tenant: TenantAccess) -> None:
    ids = [f"https://example.org/{'é' * 400}/{number}" for number in range(500)]
    batch = [make_statement(object={"id": one, "definition": {"name": {"fr": one, "en": "x"}}}) for one in ids]
    assert tenant.http.post("statements", json=batch).status_code == 200
    canonical = tenant.http.get("statements", params={"format": "canonical"}, headers={"Accept-Language": "fr"})
    assert canonical.status_code == 200, canonical.text
    found = {one["object"]["id"]: one["object"]["definition"]["name"] for one in canonical.json()["statements"]}
    assert found == {one: {"fr": one} for one in ids}
