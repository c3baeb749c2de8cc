"""Data 2.4.3 and 2.4.4, verbs and objects: activities, agents, references, sub-statements; and voiding (2.3.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statements import assert_accepted, assert_refused, find_problems, make_statement

AGENT = {"mbox": "mailto:ada@example.org"}
ACTIVITY = {"id": "https://example.org/sessions/1"}
REFERENCE = {"objectType": "StatementRef", "id": "8f87ccde-bb56-4c2e-ab83-44982ef22df0"}
VOIDED = {"id": "http://adlnet.gov/expapi/verbs/voided"}


def make_sub_statement(**overrides: Any) -> dict[str, Any]:
    return {"objectType": "SubStatement", **make_statement(**overrides)}


@pytest.mark.parametrize(
    ("verb", "at", "rule"),
    [
        ({}, "/id", "XAPI-00044"),
        ({"id": "attended"}, "/id", "XAPI-00011"),
        ({"id": "https://example.org/at tended"}, "/id", "XAPI-00044"),
        ({"id": 7}, "/id", "XAPI-00044"),
        ({"id": "https://example.org/v", "display": "attended"}, "/display", "XAPI-00045"),
        ({"id": "https://example.org/v", "display": {"en": 7}}, "/display/en", "XAPI-00006"),
        ({"id": "https://example.org/v", "display": {"a12345": "x"}}, "/display/a12345", "XAPI-00121"),
    ],
)
def test_a_malformed_verb_is_refused(verb: Any, at: str, rule: str) -> None:
    assert_refused(make_statement(verb=verb), "/0/verb" + at, rule)
    assert_refused(make_statement(object=make_sub_statement(verb=verb)), "/0/object/verb" + at, rule)


def test_a_verb_may_have_any_display() -> None:
    assert_accepted(make_statement(verb={"id": "https://example.org/v"}))
    assert_accepted(make_statement(verb={"id": "https://example.org/v", "display": {}}))
    assert_accepted(make_statement(verb={"id": "https://example.org/v", "display": {"und": ""}}))


@pytest.mark.parametrize(
    "target",
    [
        ACTIVITY,
        {"objectType": "Activity", **ACTIVITY, "definition": {}},
        {"objectType": "Agent", **AGENT},
        {"objectType": "Group", **AGENT},
        {"objectType": "Group", "member": [AGENT]},
        REFERENCE,
        make_sub_statement(),
    ],
    ids=lambda target: str(target.get("objectType")),
)
def test_every_kind_of_object_is_accepted(target: dict[str, Any]) -> None:
    assert_accepted(make_statement(object=target))
    if target.get("objectType") != "SubStatement":
        assert_accepted(make_statement(object=make_sub_statement(object=target)))


@pytest.mark.parametrize(
    ("target", "at", "rule"),
    [
        ({"objectType": "Session", **ACTIVITY}, "/objectType", "XAPI-00046"),
        ({"objectType": "activity", **ACTIVITY}, "/objectType", "XAPI-00009"),
        ({"objectType": ["Activity"], **ACTIVITY}, "/objectType", "XAPI-00032"),
        ({"objectType": "Activity"}, "/id", "XAPI-00047"),
        ({}, "/id", "XAPI-00047"),
        ({"id": "sessions/1"}, "/id", "XAPI-00011"),
        ({"id": "https://exa mple.org"}, "/id", "XAPI-00047"),
        ("https://example.org", "", "XAPI-00005"),
        ({"objectType": "Agent"}, "", "XAPI-00034"),
        ({"objectType": "Group"}, "/member", "XAPI-00035"),
        ({"objectType": "StatementRef"}, "/id", "XAPI-00072"),
        ({"objectType": "StatementRef", "id": "https://example.org"}, "/id", "XAPI-00072"),
        ({**REFERENCE, "definition": {}}, "/definition", "XAPI-00008"),
        ({**ACTIVITY, "definition": "a session"}, "/definition", "XAPI-00048"),
        ({**ACTIVITY, "definition": {"name": "x"}}, "/definition/name", "XAPI-00056"),
        ({**ACTIVITY, "definition": {"description": ["x"]}}, "/definition/description", "XAPI-00059"),
        ({**ACTIVITY, "definition": {"type": "session"}}, "/definition/type", "XAPI-00011"),
        ({**ACTIVITY, "definition": {"type": 7}}, "/definition/type", "XAPI-00060"),
        ({**ACTIVITY, "definition": {"moreInfo": "/more"}}, "/definition/moreInfo", "XAPI-00011"),
        ({**ACTIVITY, "definition": {"moreInfo": {}}}, "/definition/moreInfo", "XAPI-00061"),
        ({**ACTIVITY, "definition": {"extensions": []}}, "/definition/extensions", "XAPI-00057"),
        ({**ACTIVITY, "definition": {"extensions": {"k": 1}}}, "/definition/extensions/k", "XAPI-00011"),
    ],
)
def test_a_malformed_object_is_refused(target: Any, at: str, rule: str) -> None:
    assert_refused(make_statement(object=target), "/0/object" + at, rule)
    assert_refused(make_statement(object=make_sub_statement(object=target)), "/0/object/object" + at, rule)


@pytest.mark.parametrize("target", [AGENT, {"member": [AGENT]}], ids=str)
def test_an_agent_or_a_group_as_object_has_to_say_so(target: dict[str, Any]) -> None:
    rules = {problem.pointer: problem.rule for problem in find_problems(make_statement(object=target))}
    assert rules["/0/object/objectType"] == "XAPI-00065"


SUPPORTED = {
    "true-false": [],
    "choice": ["choices"],
    "fill-in": [],
    "long-fill-in": [],
    "matching": ["source", "target"],
    "performance": ["steps"],
    "sequencing": ["choices"],
    "likert": ["scale"],
    "numeric": [],
    "other": [],
}
LISTS = ("choices", "scale", "source", "target", "steps")


@pytest.mark.parametrize("kind", SUPPORTED)
def test_an_interaction_has_the_components_of_its_type(kind: str) -> None:
    for name in LISTS:
        components = [{"id": "a", "description": {"en": "A"}}, {"id": "b"}]
        definition = {"interactionType": kind, "correctResponsesPattern": ["a[,]b"], name: components}
        statement = make_statement(object={**ACTIVITY, "definition": definition})
        if name in SUPPORTED[kind]:
            assert_accepted(statement)
        else:
            assert_refused(statement, f"/0/object/definition/{name}", "Data-2.4.4.1")


@pytest.mark.parametrize(
    ("definition", "at", "rule"),
    [
        ({"interactionType": "quiz"}, "/interactionType", "XAPI-00049"),
        ({"interactionType": 7}, "/interactionType", "XAPI-00049"),
        ({"interactionType": "Choice"}, "/interactionType", "XAPI-00009"),
        ({"correctResponsesPattern": ["true"]}, "/interactionType", "XAPI-00064"),
        *(({name: [{"id": "a"}]}, "/interactionType", "XAPI-00064") for name in LISTS),
        ({"interactionType": "other", "correctResponsesPattern": "x"}, "/correctResponsesPattern", "Data-2.4.4.1"),
        ({"interactionType": "other", "correctResponsesPattern": [1]}, "/correctResponsesPattern/0", "Data-2.4.4.1"),
        ({"interactionType": "choice", "choices": {"id": "a"}}, "/choices", "Data-2.4.4.1"),
        ({"interactionType": "choice", "choices": [{}]}, "/choices/0/id", "Data-2.4.4.1"),
        ({"interactionType": "choice", "choices": [{"id": 1}]}, "/choices/0/id", "Data-2.4.4.1"),
        ({"interactionType": "choice", "choices": [{"id": "a"}, {"id": "a"}]}, "/choices/1/id", "Data-2.4.4.1"),
        (
            {"interactionType": "likert", "scale": [{"id": "a", "description": "A"}]},
            "/scale/0/description",
            "XAPI-00062",
        ),
    ],
)
def test_a_malformed_interaction_is_refused(definition: Any, at: str, rule: str) -> None:
    target = {**ACTIVITY, "definition": definition}
    assert_refused(make_statement(object=target), "/0/object/definition" + at, rule)
    context = {"contextActivities": {"other": [target]}}
    place = "/0/context/contextActivities/other/0/definition"
    assert_refused(make_statement(context=context), place + at, rule)


@pytest.mark.parametrize(
    ("extra", "rule"),
    [
        ({"id": "8f87ccde-bb56-4c2e-ab83-44982ef22df0"}, "XAPI-00070"),
        ({"stored": "2026-11-22T09:30:00Z"}, "XAPI-00069"),
        ({"version": "1.0.0"}, "XAPI-00068"),
        ({"authority": AGENT}, "XAPI-00067"),
        ({"unknown": 1}, "XAPI-00008"),
    ],
)
def test_a_sub_statement_has_nothing_of_what_a_store_adds(extra: dict[str, Any], rule: str) -> None:
    [name] = extra
    assert_refused(make_statement(object={**make_sub_statement(), **extra}), f"/0/object/{name}", rule)


@pytest.mark.parametrize(("name", "rule"), [("actor", "XAPI-00003"), ("verb", "XAPI-00004"), ("object", "XAPI-00005")])
def test_a_sub_statement_needs_what_a_statement_needs(name: str, rule: str) -> None:
    assert_refused(make_statement(object=make_sub_statement(**{name: None})), f"/0/object/{name}", rule)


def test_a_sub_statement_is_not_nested() -> None:
    nested = make_statement(object=make_sub_statement(object=make_sub_statement()))
    assert_refused(nested, "/0/object/object/objectType", "XAPI-00071")


@pytest.mark.parametrize("target", [ACTIVITY, {"objectType": "Agent", **AGENT}, make_sub_statement()], ids=str)
def test_voiding_names_a_statement(target: dict[str, Any]) -> None:
    assert_accepted(make_statement(verb=VOIDED, object=REFERENCE))
    assert_refused(make_statement(verb=VOIDED, object=target), "/0/object", "XAPI-00020")
