from __future__ import annotations

import uuid
from typing import Any

from clickhouse.terms import name_term
from identity.sealing import PSEUDONYM_HOME
from stream_processors.relations import find_reference, list_activities, list_terms


def agent(name: str) -> dict[str, Any]:
    return {"objectType": "Agent", "account": {"homePage": PSEUDONYM_HOME, "name": name}}


def make_statement(**changes: Any) -> dict[str, Any]:
    return {
        "actor": agent("ada"),
        "verb": {"id": "https://example.org/v"},
        "object": {"id": "https://example.org/a"},
        "authority": agent("lms"),
        **changes,
    }


def test_a_plain_statement_is_found_by_each_of_its_own() -> None:
    registration = str(uuid.UUID(int=10)).upper()
    terms = list_terms(make_statement(context={"registration": registration}))
    assert sorted(terms) == sorted(
        [
            name_term("every"),
            name_term("verb", "https://example.org/v"),
            name_term("agent", "ada"),
            name_term("related-agent", "ada"),
            name_term("related-agent", "lms"),
            name_term("authority", "lms"),
            name_term("activity", "https://example.org/a"),
            name_term("related-activity", "https://example.org/a"),
            name_term("registration", registration.lower()),
        ]
    )


def test_members_of_groups_and_an_agent_as_object_count_as_the_agent() -> None:
    group = {"objectType": "Group", "member": [agent("ada"), agent("bob")]}
    terms = list_terms(make_statement(actor=group, object=agent("eve")))
    assert {name_term("agent", name) for name in ("ada", "bob", "eve")} <= set(terms)
    assert len(terms) == len(set(terms))


def test_everybody_in_the_context_and_in_a_sub_statement_is_related_only() -> None:
    sub = {
        "objectType": "SubStatement",
        "actor": agent("bob"),
        "verb": {"id": "https://example.org/w"},
        "object": {"id": "https://example.org/b"},
        "context": {
            "instructor": agent("cy"),
            "contextActivities": {"other": {"id": "https://example.org/c"}},
        },
    }
    context = {
        "team": {"objectType": "Group", **agent("team"), "member": [agent("dan")]},
        "contextAgents": [{"objectType": "contextAgent", "agent": agent("eve")}],
        "contextGroups": [{"objectType": "contextGroup", "group": {"objectType": "Group", "member": [agent("fay")]}}],
        "contextActivities": {"grouping": [{"id": "https://example.org/d"}]},
    }
    terms = set(list_terms(make_statement(object=sub, context=context)))
    related = {"ada", "lms", "bob", "cy", "team", "dan", "eve", "fay"}
    assert {name_term("related-agent", name) for name in related} <= terms
    assert {name_term("agent", name) for name in related - {"ada"}}.isdisjoint(terms)
    assert {name_term("related-activity", f"https://example.org/{name}") for name in "bcd"} <= terms
    assert {name_term("activity", f"https://example.org/{name}") for name in "bcd"}.isdisjoint(terms)
    assert name_term("verb", "https://example.org/w") not in terms


def test_activities_are_listed_wherever_they_stand() -> None:
    context = {"contextActivities": {"parent": {"id": "https://p"}, "category": [{"id": "https://c"}]}}
    found = [one["id"] for one in list_activities(make_statement(context=context))]
    assert found == ["https://example.org/a", "https://p", "https://c"]


def test_only_the_object_is_a_reference_that_is_followed() -> None:
    target = {"objectType": "StatementRef", "id": str(uuid.UUID(int=7))}
    assert find_reference(make_statement(object=target)) == uuid.UUID(int=7)
    assert find_reference(make_statement(context={"statement": target})) is None
