"""Data 2.4.6, contexts; and the agents and groups that 2.0.0 adds to them (IEEE 9274.1.1, 4.2.2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statements import assert_accepted, assert_refused, find_problems, make_statement

AGENT = {"mbox": "mailto:ada@example.org"}
GROUP = {"objectType": "Group", **AGENT}
ACTIVITY = {"id": "https://example.org/modules/1"}
REFERENCE = {"objectType": "StatementRef", "id": "8f87ccde-bb56-4c2e-ab83-44982ef22df0"}
CONTEXT_2 = "IEEE-9274.1.1-4.2.2.5"
RELATIONS = ("parent", "grouping", "category", "other")


@pytest.mark.parametrize(
    "context",
    [
        {},
        {"registration": "EC531277-B57B-4C15-8D91-D292C5B2B8F7"},
        {"instructor": AGENT},
        {"instructor": {"objectType": "Group", "member": [AGENT]}},
        {"team": GROUP},
        {"revision": "", "platform": "", "language": "fr-FR"},
        {"statement": REFERENCE},
        {"extensions": {}},
        {"contextActivities": {}},
        *({"contextActivities": {relation: ACTIVITY}} for relation in RELATIONS),
        *({"contextActivities": {relation: []}} for relation in RELATIONS),
        {"contextActivities": {relation: [ACTIVITY, {"objectType": "Activity", **ACTIVITY}] for relation in RELATIONS}},
    ],
    ids=str,
)
def test_a_sound_context_is_accepted(context: dict[str, Any]) -> None:
    assert_accepted(make_statement(context=context))
    assert_accepted(make_statement(object={"objectType": "SubStatement", **make_statement(context=context)}))


@pytest.mark.parametrize(
    ("context", "at", "rule"),
    [
        ([], "", "XAPI-00006"),
        ({"registration": 7}, "/registration", "XAPI-00087-1"),
        ({"registration": "MC531277-b57b-4c15-8d91-d292c5b2b8f7"}, "/registration", "XAPI-00087-1"),
        ({"registration": "{ec531277-b57b-4c15-8d91-d292c5b2b8f7}"}, "/registration", "XAPI-00087-1"),
        ({"instructor": "ada"}, "/instructor", "XAPI-00087-2"),
        ({"instructor": {}}, "/instructor", "XAPI-00034"),
        ({"instructor": {"objectType": "Activity", **ACTIVITY}}, "/instructor/objectType", "XAPI-00087-2"),
        ({"team": [GROUP]}, "/team", "XAPI-00088"),
        ({"team": {"objectType": "Group"}}, "/team/member", "XAPI-00035"),
        ({"revision": 1}, "/revision", "XAPI-00089"),
        ({"platform": {}}, "/platform", "XAPI-00090"),
        ({"language": 7}, "/language", "XAPI-00091"),
        ({"language": "french_France"}, "/language", "XAPI-00091"),
        ({"statement": "8f87ccde-bb56-4c2e-ab83-44982ef22df0"}, "/statement", "XAPI-00092"),
        ({"statement": {**REFERENCE, "id": "x"}}, "/statement/id", "XAPI-00072"),
        ({"statement": {"objectType": "StatementRef"}}, "/statement/id", "XAPI-00072"),
        ({"statement": {"id": REFERENCE["id"]}}, "/statement/objectType", "XAPI-00073"),
        ({"statement": {**REFERENCE, "objectType": "statementRef"}}, "/statement/objectType", "XAPI-00009"),
        ({"extensions": []}, "/extensions", "XAPI-00120"),
        ({"extensions": {"no scheme": 1}}, "/extensions/no scheme", "XAPI-00011"),
        ({"contextActivities": []}, "/contextActivities", "XAPI-00086"),
        ({"contextActivities": {"sibling": [ACTIVITY]}}, "/contextActivities/sibling", "XAPI-00093"),
        ({"contextActivities": {"parent": "x"}}, "/contextActivities/parent", "XAPI-00094"),
        ({"contextActivities": {"parent": {}}}, "/contextActivities/parent/id", "XAPI-00094"),
        ({"contextActivities": {"other": [ACTIVITY, {}]}}, "/contextActivities/other/1/id", "XAPI-00094"),
        ({"contextActivities": {"other": [{"id": "x"}]}}, "/contextActivities/other/0/id", "XAPI-00011"),
    ],
)
def test_an_unsound_context_is_refused(context: Any, at: str, rule: str) -> None:
    assert_refused(make_statement(context=context), "/0/context" + at, rule)
    nested = make_statement(object={"objectType": "SubStatement", **make_statement(context=context)})
    assert_refused(nested, "/0/object/context" + at, rule)


@pytest.mark.parametrize(("name", "rule"), [("revision", "XAPI-00084"), ("platform", "XAPI-00085")])
@pytest.mark.parametrize("target", [{"objectType": "Agent", **AGENT}, GROUP, REFERENCE], ids=str)
def test_revision_and_platform_need_an_activity(name: str, rule: str, target: dict[str, Any]) -> None:
    statement = make_statement(object=target, context={name: "1"})
    assert_refused(statement, f"/0/context/{name}", rule)
    nested = make_statement(object={"objectType": "SubStatement", **statement})
    assert_refused(nested, f"/0/object/context/{name}", rule)


def test_a_sub_statement_about_an_activity_is_no_activity() -> None:
    sub = {"objectType": "SubStatement", **make_statement(context={"platform": "here"})}
    assert_accepted(make_statement(object=sub))
    assert_refused(make_statement(object=sub, context={"platform": "here"}), "/0/context/platform", "XAPI-00085")


CONTEXT_AGENT = {"objectType": "contextAgent", "agent": AGENT}
CONTEXT_GROUP = {"objectType": "contextGroup", "group": GROUP}


@pytest.mark.parametrize(
    ("name", "item"), [("contextAgents", CONTEXT_AGENT), ("contextGroups", CONTEXT_GROUP)], ids=["agents", "groups"]
)
def test_only_2_0_0_has_context_agents_and_groups(name: str, item: dict[str, Any]) -> None:
    for items in ([], [item], [{**item, "relevantTypes": ["https://example.org/roles/jury"]}, item]):
        statement = make_statement(context={name: items})
        assert_accepted(statement, "2.0.0")
        assert_refused(statement, f"/0/context/{name}", "XAPI-00008", "1.0.3")


@pytest.mark.parametrize(
    ("context", "at", "rule"),
    [
        ({"contextAgents": CONTEXT_AGENT}, "contextAgents", CONTEXT_2),
        ({"contextAgents": [{"agent": AGENT}]}, "contextAgents/0/objectType", CONTEXT_2),
        ({"contextAgents": [{**CONTEXT_AGENT, "objectType": "Agent"}]}, "contextAgents/0/objectType", CONTEXT_2),
        ({"contextAgents": [{"objectType": "contextAgent"}]}, "contextAgents/0/agent", CONTEXT_2),
        ({"contextAgents": [{**CONTEXT_AGENT, "agent": {}}]}, "contextAgents/0/agent", "XAPI-00034"),
        ({"contextAgents": [{**CONTEXT_AGENT, "relevantTypes": []}]}, "contextAgents/0/relevantTypes", CONTEXT_2),
        (
            {"contextAgents": [{**CONTEXT_AGENT, "relevantTypes": ["x"]}]},
            "contextAgents/0/relevantTypes/0",
            "XAPI-00011",
        ),
        ({"contextGroups": [{"objectType": "contextGroup"}]}, "contextGroups/0/group", CONTEXT_2),
        (
            {"contextGroups": [{**CONTEXT_GROUP, "group": {"objectType": "Group"}}]},
            "contextGroups/0/group/member",
            "XAPI-00035",
        ),
        ({"contextGroups": [{**CONTEXT_GROUP, "relevantTypes": "x"}]}, "contextGroups/0/relevantTypes", CONTEXT_2),
    ],
)
def test_unsound_context_agents_and_groups_are_refused(context: Any, at: str, rule: str) -> None:
    assert_refused(make_statement(context=context), "/0/context/" + at, rule, "2.0.0")


def test_a_context_group_is_no_agent() -> None:
    context = {"contextGroups": [{**CONTEXT_GROUP, "group": AGENT}]}
    assert "/0/context/contextGroups/0/group/objectType" in {
        problem.pointer for problem in find_problems(make_statement(context=context), "2.0.0")
    }
