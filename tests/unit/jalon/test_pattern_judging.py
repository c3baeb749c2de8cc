"""Registrations against patterns: who fits, who is on the way, who does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from jalon.pattern_judging import follow_registration, list_judges
from tests.unit.xapi_profiles.profiles import NAMED, PROFILE, VERSION, make_profile
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.vocabulary import Extension

BEGUN, DONE = (f"https://example.org/verbs/{name}" for name in ("begun", "done"))
PATTERN = f"{PROFILE}/patterns/whole"
RULE = {"location": "$.result.duration", "presence": "included"}
PROFILES = [
    make_profile(
        {"id": f"{PROFILE}/t/begun", "verb": BEGUN},
        {"id": f"{PROFILE}/t/done", "verb": DONE, "rules": [RULE]},
        patterns=[
            {
                "id": PATTERN,
                "type": "Pattern",
                "primary": True,
                **NAMED,
                "sequence": [f"{PROFILE}/t/begun", f"{PROFILE}/t/done"],
            }
        ],
    )
]


def say(verb: str, *, subregistration: str = "", category: str = VERSION, **changes: Any) -> dict[str, Any]:
    context: dict[str, Any] = {"contextActivities": {"category": [{"id": category}]}}
    if subregistration:
        told = [{"profile": "https://example.org/other", "subregistration": "x"}]
        told.append({"profile": VERSION, "subregistration": subregistration})
        context["extensions"] = {Extension.SUBREGISTRATION: told}
    return {"verb": {"id": verb}, "object": {"id": "https://example.org/a"}, "context": context, **changes}


def begin(**more: Any) -> dict[str, Any]:
    return say(BEGUN, **more)


def finish(**more: Any) -> dict[str, Any]:
    return say(DONE, result={"duration": "PT1H"}, **more)


def judge(statements: Sequence[dict[str, Any]]) -> list[str]:
    found = list(follow_registration(statements, ConformanceChecker(PROFILES), list_judges(PROFILES)))
    assert {pattern for pattern, _ in found} <= {PATTERN}
    return sorted(outcome.value for _, outcome in found)


@pytest.mark.parametrize(
    ("statements", "outcomes"),
    [
        ([begin(), finish()], ["success"]),
        ([begin()], ["partial"]),
        ([finish(), begin()], ["failure"]),
        ([begin(), finish(), finish()], ["failure"]),
        # One that matches a template and does not keep it follows no pattern.
        ([begin(), say(DONE)], ["failure"]),
        # What claims the profile's own id claims its newest version.
        ([begin(category=PROFILE), finish()], ["success"]),
        # Of other profiles: neither counted nor in the way.
        ([begin(), say(DONE, category="https://example.org/other"), finish()], ["success"]),
        ([say(DONE, category="https://example.org/other")], []),
        ([], []),
    ],
)
def test_a_registration_is_followed_in_the_order_of_its_statements(
    statements: list[dict[str, Any]], outcomes: list[str]
) -> None:
    assert judge(statements) == outcomes


def test_each_subregistration_is_followed_for_itself() -> None:
    statements = [begin(subregistration="1"), begin(subregistration="2"), finish(subregistration="1"), begin()]
    assert judge(statements) == ["partial", "partial", "success"]


@pytest.mark.parametrize("told", ["text", [1], [{"profile": VERSION}], {"profile": VERSION}])
def test_an_extension_of_another_shape_names_no_subregistration(told: Any) -> None:
    statements = [begin(), finish()]
    statements[0]["context"]["extensions"] = {Extension.SUBREGISTRATION: told}
    assert judge(statements) == ["success"]
