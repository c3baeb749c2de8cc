"""Data 2.2, formatting requirements: presence, types, formats, null, case and unknown keys."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statements import (
    Path,
    assert_accepted,
    assert_refused,
    find_problems,
    make_statement,
    pointer_to,
    remove,
    replace,
)

AGENT = {"mbox": "mailto:ada@example.org"}
WHOLE = make_statement(
    id="6690e6c9-3ef0-4ed3-8b37-7f3964730bee",
    object={
        "id": "https://example.org/sessions/1",
        "definition": {"name": {"en": "Session"}, "type": "http://activitystrea.ms/event"},
    },
    result={"score": {"scaled": 0.5, "raw": 5, "min": 0, "max": 10}, "success": True, "completion": True},
    context={
        "registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7",
        "instructor": AGENT,
        "platform": "here",
        "contextActivities": {"parent": [{"id": "https://example.org/modules/1"}]},
    },
    timestamp="2026-11-22T09:30:00.000Z",
    authority={"account": {"homePage": "https://example.org", "name": "lrs"}},
    version="1.0.0",
)


def test_a_whole_statement_is_accepted() -> None:
    assert_accepted(WHOLE)
    assert_accepted(make_statement())


@pytest.mark.parametrize(("name", "rule"), [("actor", "XAPI-00003"), ("verb", "XAPI-00004"), ("object", "XAPI-00005")])
def test_actor_verb_and_object_are_required(name: str, rule: str) -> None:
    assert_refused(remove(make_statement(), (name,)), f"/0/{name}", rule)


@pytest.mark.parametrize(
    "path",
    [
        ("id",),
        ("timestamp",),
        ("result",),
        ("result", "score"),
        ("result", "score", "raw"),
        ("result", "success"),
        ("context", "registration"),
        ("context", "platform"),
        ("context", "instructor"),
        ("context", "contextActivities", "parent"),
        ("context", "contextActivities", "parent", 0),
        ("object", "definition"),
        ("object", "definition", "name"),
        ("object", "definition", "name", "en"),
        ("actor", "objectType"),
        ("authority", "account", "name"),
    ],
    ids=str,
)
def test_null_is_refused(path: Path) -> None:
    assert_refused(replace(WHOLE, path, None), pointer_to(path), "XAPI-00001")


@pytest.mark.parametrize("value", [None, "", {}, [], False, 0, {"deep": [None]}], ids=repr)
@pytest.mark.parametrize("path", [("context",), ("result",), ("object", "definition")], ids=str)
def test_null_and_empty_values_are_welcome_in_extensions(path: Path, value: Any) -> None:
    assert_accepted(replace(WHOLE, (*path, "extensions"), {"https://example.org/ex": value}))


@pytest.mark.parametrize(
    ("path", "value", "rule"),
    [
        (("result", "success"), "true", "XAPI-00074"),
        (("result", "success"), 1, "XAPI-00074"),
        (("result", "completion"), "false", "XAPI-00075"),
        (("result", "score", "raw"), "5", "XAPI-00082"),
        (("result", "score", "max"), "10", "XAPI-00080"),
        (("result", "score", "scaled"), True, "XAPI-00083"),
        (("result", "score", "scaled"), "0.5", "XAPI-00083"),
        (("result", "score"), 5, "XAPI-00079"),
        (("object", "definition", "name"), "Session", "XAPI-00056"),
        (("context", "platform"), 7, "XAPI-00090"),
        (("verb",), "attended", "XAPI-00004"),
        (("actor",), ["mailto:ada@example.org"], "XAPI-00003"),
    ],
)
def test_a_wrong_type_is_refused_even_if_it_could_be_converted(path: Path, value: Any, rule: str) -> None:
    assert_refused(replace(WHOLE, path, value), pointer_to(path), rule)


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (("id",), "XAPI-00027"),
        (("timestamp",), "XAPI-00022"),
        (("version",), "XAPI-00101"),
        (("verb", "id"), "XAPI-00011"),
        (("object", "id"), "XAPI-00011"),
        (("actor", "mbox"), "XAPI-00038"),
        (("context", "registration"), "XAPI-00087-1"),
        (("authority", "account", "homePage"), "XAPI-00011"),
    ],
)
def test_an_empty_string_is_no_formatted_value(path: Path, rule: str) -> None:
    assert_refused(replace(WHOLE, path, ""), pointer_to(path), rule)


@pytest.mark.parametrize(
    "path",
    [
        ("unknown",),
        ("actor", "unknown"),
        ("verb", "unknown"),
        ("object", "unknown"),
        ("object", "definition", "unknown"),
        ("result", "unknown"),
        ("result", "score", "unknown"),
        ("context", "unknown"),
        ("context", "contextActivities", "parent", 0, "unknown"),
        ("authority", "account", "unknown"),
    ],
    ids=str,
)
def test_an_unknown_key_is_refused(path: Path) -> None:
    assert_refused(replace(WHOLE, path, "should fail"), pointer_to(path), "XAPI-00008")


@pytest.mark.parametrize(
    ("path", "other"),
    [(("timestamp",), "timeStamp"), (("result", "success"), "Success"), (("object", "definition", "type"), "TYPE")],
)
def test_a_key_in_another_case_is_refused(path: Path, other: str) -> None:
    value: Any = WHOLE
    for part in path:
        value = value[part]
    misspelt = (*path[:-1], other)
    assert_refused(replace(remove(WHOLE, path), misspelt, value), pointer_to(misspelt), "XAPI-00010")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("actor", "objectType"), "agent"),
        (("object", "objectType"), "activity"),
        (("object", "definition", "interactionType"), "True-False"),
        (("context", "contextActivities", "parent", 0, "objectType"), "ACTIVITY"),
    ],
)
def test_an_enumerated_value_in_another_case_is_refused(path: Path, value: str) -> None:
    assert_refused(replace(WHOLE, path, value), pointer_to(path), "XAPI-00009")


@pytest.mark.parametrize("value", [None, 7, "statement", [], [[]], [make_statement(), None]], ids=repr)
def test_what_is_no_statement_is_refused(value: Any) -> None:
    assert len(find_problems(value)) == 1
