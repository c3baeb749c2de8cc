"""Paths of profiles: what they find, in which order, and that what is not there is found by none."""

from __future__ import annotations

from typing import Any

import pytest

from xapi_profiles.json_path import compile_path

STATEMENT = {
    "id": "1",
    "result": {"score": {"scaled": 0.5}, "success": False},
    "context": {
        "extensions": {"https://example.org/a.b[0]|c": 1, "https://example.org/list": [10, {"x": 20}]},
        "contextActivities": {
            "grouping": [
                {"id": "a", "definition": {"type": "t1"}},
                {"id": "b"},
                {"id": "c", "definition": {"type": "t2"}},
            ],
            "parent": [{"id": "p"}],
        },
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.id", ["1"]),
        ("id", ["1"]),
        ("$", [STATEMENT]),
        ("$.result.success", [False]),
        ("$.result['score']['scaled']", [0.5]),
        ('$.result["score"].scaled', [0.5]),
        ("$.context.extensions['https://example.org/a.b[0]|c']", [1]),
        ("$.context.extensions['https://example.org/list'][0]", [10]),
        ("$.context.extensions['https://example.org/list'][1].x", [20]),
        ("$.context.contextActivities.grouping[*].definition.type", ["t1", "t2"]),
        ("$.context.contextActivities.grouping[ 0 , 2 ].id", ["a", "c"]),
        ("$.context.contextActivities['grouping','parent'][*].id", ["a", "b", "c", "p"]),
        ("$.context.contextActivities.*[0].id", ["a", "p"]),
        ("$.context.contextActivities..id", ["a", "b", "c", "p"]),
        ("$.result.duration | $.result.success | $.id", [False, "1"]),
        ("$.result.score.*", [0.5]),
    ],
)
def test_a_path_finds_what_it_names_in_order(path: str, found: list[Any]) -> None:
    assert compile_path(path)(STATEMENT) == found


@pytest.mark.parametrize(
    "path",
    [
        "$.result.duration",
        "$.result.success.deeper",
        "$.id[0]",
        "$.context.contextActivities.grouping.id",
        "$.context.contextActivities.grouping[3]",
        "$.context.contextActivities.grouping['0']",
        "$.result[0]",
        "$.context.contextActivities.category[*].id",
    ],
)
def test_what_is_not_there_is_not_found(path: str) -> None:
    assert compile_path(path)(STATEMENT) == []


def test_a_path_finds_null() -> None:
    assert compile_path("$.a")({"a": None}) == [None]
