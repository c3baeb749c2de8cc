from __future__ import annotations

import uuid
from typing import Any

from clickhouse.terms import name_term
from identity.hiding import hide_iri
from identity.keys import TenantKeys
from identity.sealing import PSEUDONYM_HOME
from stream_processors.relations import find_reference, list_activities, list_terms

KEYS = TenantKeys("acme", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)


def hide(name: str) -> str:
    return hide_iri(f"https://example.org/{name}", KEYS)


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
    terms = list_terms(make_statement(context={"registration": registration}), KEYS)
    assert sorted(terms) == sorted(
        [
            name_term("every"),
            name_term("verb", hide("v")),
            name_term("agent", "ada"),
            name_term("related-agent", "ada"),
            name_term("related-agent", "lms"),
            name_term("authority", "lms"),
            name_term("activity", hide("a")),
            name_term("related-activity", hide("a")),
            name_term("registration", registration.lower()),
        ]
    )


def test_a_statement_whose_iris_are_hidden_has_the_terms_that_it_would_have_had_otherwise() -> None:
    hidden = make_statement(verb={"id": hide("v")}, object={"id": hide("a")})
    assert list_terms(hidden, KEYS) == list_terms(make_statement(), KEYS)


def test_members_of_groups_and_an_agent_as_object_count_as_the_agent() -> None:
    group = {"objectType": "Group", "member": [agent("ada"), agent("bob")]}
    terms = list_terms(make_statement(actor=group, object=agent("eve")), KEYS)
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
    terms = set(list_terms(make_statement(object=sub, context=context), KEYS))
    related = {"ada", "lms", "bob", "cy", "team", "dan", "eve", "fay"}
    assert {name_term("related-agent", name) for name in related} <= terms
    assert {name_term("agent", name) for name in related - {"ada"}}.isdisjoint(terms)
    assert {name_term("related-activity", hide(name)) for name in "bcd"} <= terms
    assert {name_term("activity", hide(name)) for name in "bcd"}.isdisjoint(terms)
    assert name_term("verb", hide("w")) not in terms


def test_activities_are_listed_wherever_they_stand() -> None:
    context = {"contextActivities": {"parent": {"id": "https://p"}, "category": [{"id": "https://c"}]}}
    found = [one["id"] for one in list_activities(make_statement(context=context))]
    assert found == ["https://example.org/a", "https://p", "https://c"]


def test_only_the_object_is_a_reference_that_is_followed() -> None:
    target = {"objectType": "StatementRef", "id": str(uuid.UUID(int=7))}
    assert find_reference(make_statement(object=target)) == uuid.UUID(int=7)
    assert find_reference(make_statement(context={"statement": target})) is None
