"""Every filter of GET statements on the real parts, against a brute-force reading of the same statements."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stack import Stack, TenantAccess

pytestmark = pytest.mark.integration

Statement = dict[str, Any]

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
AGENTS: list[Statement] = [
    {"objectType": "Agent", "mbox": "mailto:ada@example.org", "name": "Ada"},
    {"objectType": "Agent", "account": {"homePage": "https://example.org", "name": "b"}},
    {"objectType": "Agent", "openid": "https://example.org/c"},
    {"objectType": "Agent", "mbox_sha1sum": "0" * 40},
]
GROUPS: list[Statement] = [
    {"objectType": "Group", "mbox": "mailto:team@example.org", "member": [AGENTS[1]]},
    {"objectType": "Group", "member": [AGENTS[0], AGENTS[2]]},
]
ASKED = [*AGENTS, GROUPS[0]]
VERBS = [f"https://example.org/verbs/{number}" for number in range(3)]
ACTIVITIES = [f"https://example.org/activities/{number}" for number in range(4)]
COUNT = 160
ALL_IDS = [str(uuid.UUID(int=10_000 + number)) for number in range(COUNT)]
REGISTRATIONS = [str(uuid.UUID(int=number)) for number in (1, 2)]


@dataclass
class Library:
    """The statements of one tenant as they came back: by id, and those not voided in the order of storing."""

    tenant: TenantAccess
    by_id: dict[str, Statement] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)


def draw_statement(draw: random.Random, statement_id: str) -> Statement:
    """Return a random statement; its reference may well point at one that has not come yet."""
    statement: Statement = {
        "id": statement_id,
        "actor": draw.choice([*AGENTS, *GROUPS]),
        "verb": {"id": draw.choice(VERBS)},
        "object": draw_object(draw),
    }
    if draw.random() < 0.6:
        statement["context"] = draw_context(draw)
    if statement["object"].get("objectType") == "StatementRef" and draw.random() < 0.5:
        statement["verb"] = {"id": VOIDED}
    return statement


def draw_object(draw: random.Random, *, within: bool = False) -> Statement:
    kind = draw.choices(["Activity", "Agent", "StatementRef", "SubStatement"], [5, 1, 0 if within else 4, not within])[
        0
    ]
    if kind == "Activity":
        return {"id": draw.choice(ACTIVITIES)}
    if kind == "Agent":
        return draw.choice([*AGENTS, *GROUPS])
    if kind == "StatementRef":
        return {"objectType": "StatementRef", "id": draw.choice(ALL_IDS)}
    sub: Statement = {
        "objectType": "SubStatement",
        "actor": draw.choice(AGENTS),
        "verb": {"id": draw.choice(VERBS)},
        "object": draw_object(draw, within=True),
    }
    if draw.random() < 0.5:
        sub["context"] = {
            name: value for name, value in draw_context(draw).items() if name in ("contextActivities", "instructor")
        }
    return sub


def draw_context(draw: random.Random) -> Statement:
    context: Statement = {}
    if draw.random() < 0.5:
        context["registration"] = draw.choice(REGISTRATIONS)
    if draw.random() < 0.5:
        relation = draw.choice(["parent", "grouping", "category", "other"])
        context["contextActivities"] = {relation: [{"id": draw.choice(ACTIVITIES)}]}
    if draw.random() < 0.4:
        context["instructor"] = draw.choice(AGENTS)
    if draw.random() < 0.2:
        context["team"] = GROUPS[0]
    return context


@pytest.fixture(scope="module")
def library(stack: Stack) -> Iterator[Library]:
    draw = random.Random(20261126)
    left = draw.sample(ALL_IDS, len(ALL_IDS))
    with stack.add_tenant(scopes=["all"]) as tenant:
        library = Library(tenant)
        while left:
            batch = [draw_statement(draw, left.pop()) for _ in range(min(draw.randint(1, 12), len(left)))]
            # Not waiting in between: references meet what they refer to in one batch, and across batches.
            assert tenant.http.post("statements", json=batch).status_code == 200
        by_id = library.by_id
        for statement_id in ALL_IDS:
            answer = tenant.http.get("statements", params={"statementId": statement_id})
            if answer.status_code == 404:
                answer = tenant.http.get("statements", params={"voidedStatementId": statement_id})
            by_id[statement_id] = answer.json()
        order = [one["id"] for one in read_pages(tenant, {"ascending": "true"})]
        voided = {one for one in ALL_IDS if is_voided(by_id[one], by_id)}
        assert set(order) == set(ALL_IDS) - voided
        library.statements = [by_id[one] for one in order]
        yield library


def read_pages(tenant: TenantAccess, parameters: dict[str, str]) -> list[Statement]:
    answer = tenant.http.get("statements", params=parameters)
    assert answer.status_code == 200, answer.text
    result = answer.json()
    found = result["statements"]
    while result["more"]:
        result = tenant.http.get(str(tenant.http.base_url.copy_with(raw_path=result["more"].encode()))).json()
        found += result["statements"]
    return found


def is_voided(statement: Statement, every: dict[str, Statement]) -> bool:
    return statement["verb"]["id"] != VOIDED and any(
        other["verb"]["id"] == VOIDED and other["object"].get("id") == statement["id"] for other in every.values()
    )


def same_agent(one: Statement, other: Statement) -> bool:
    return any(name in one and one[name] == other.get(name) for name in ("mbox", "account", "openid", "mbox_sha1sum"))


def is_or_has(agent: Statement, asked: Statement) -> bool:
    return same_agent(agent, asked) or any(same_agent(member, asked) for member in agent.get("member", []))


def agents_of(statement: Statement, *, related: bool) -> Iterator[Statement]:
    yield statement["actor"]
    target = statement["object"]
    if target.get("objectType") in ("Agent", "Group"):
        yield target
    if related:
        context = statement.get("context", {})
        yield from (context[name] for name in ("instructor", "team") if name in context)
        if "authority" in statement:
            yield statement["authority"]
        if target.get("objectType") == "SubStatement":
            yield from agents_of(target, related=True)


def activities_of(statement: Statement, *, related: bool) -> Iterator[str]:
    target = statement["object"]
    if target.get("objectType", "Activity") == "Activity":
        yield target["id"]
    if related:
        for found in statement.get("context", {}).get("contextActivities", {}).values():
            yield from (activity["id"] for activity in found)
        if target.get("objectType") == "SubStatement":
            yield from activities_of(target, related=True)


def matches(statement: Statement, query: dict[str, Any]) -> bool:
    agent, activity = query.get("agent"), query.get("activity")
    return (
        query.get("verb") in (None, statement["verb"]["id"])
        and query.get("registration") in (None, statement.get("context", {}).get("registration"))
        and (
            agent is None
            or any(is_or_has(one, agent) for one in agents_of(statement, related=query.get("related_agents", False)))
        )
        and (activity is None or activity in activities_of(statement, related=query.get("related_activities", False)))
    )


def matches_by_reference(statement: Statement, query: dict[str, Any], every: dict[str, Statement]) -> bool:
    passed: set[str] = set()
    current: Statement | None = statement
    while current is not None and current["id"] not in passed:
        if matches(current, query):
            return True
        passed.add(current["id"])
        target = current["object"]
        current = every.get(target["id"]) if target.get("objectType") == "StatementRef" else None
    return False


queries = st.fixed_dictionaries(
    {},
    optional={
        "agent": st.sampled_from(ASKED),
        "verb": st.sampled_from([*VERBS, VOIDED]),
        "activity": st.sampled_from(ACTIVITIES),
        "registration": st.sampled_from(REGISTRATIONS),
        "related_agents": st.booleans(),
        "related_activities": st.booleans(),
        "ascending": st.booleans(),
        "limit": st.integers(7, 60),
        "since": st.tuples(st.integers(0, COUNT), st.integers(-1, 1)),
        "until": st.tuples(st.integers(0, COUNT), st.integers(-1, 1)),
    },
)


def pick_instant(stored: list[str], place: int, milliseconds: int) -> str:
    """Return when one of the statements was stored, or the millisecond before or after."""
    moment = datetime.fromisoformat(stored[min(place, len(stored) - 1)]) + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(query=queries)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_filter_finds_what_reading_all_statements_finds(library: Library, query: dict[str, Any]) -> None:
    stored = [statement["stored"] for statement in library.statements]
    since, until = (pick_instant(stored, *query[name]) if name in query else None for name in ("since", "until"))
    expected = [
        statement["id"]
        for statement in library.statements
        if matches_by_reference(statement, query, library.by_id)
        and (since is None or statement["stored"] > since)
        and (until is None or statement["stored"] <= until)
    ]
    if not query.get("ascending", False):
        expected.reverse()
    parameters = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in query.items()
        if name not in ("agent", "since", "until")
    }
    if "agent" in query:
        parameters["agent"] = orjson.dumps(query["agent"]).decode()
    parameters |= {name: value for name, value in (("since", since), ("until", until)) if value}
    found = [statement["id"] for statement in read_pages(library.tenant, parameters)]
    assert found == expected
