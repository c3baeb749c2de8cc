"""The examples of docs/vocabulary.md are valid statements that follow our own profile."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.statements import assert_accepted
from xapi_profiles.profile import Template, load_profile
from xapi_profiles.vocabulary import Category

PAGE = Path(__file__).parents[3] / "docs" / "vocabulary.md"
EXAMPLES = [orjson.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)]
_STEP = re.compile(r"\.(\w+)|\['([^']+)'\]|\[(\*)\]")


def evaluate(location: str, statement: dict[str, Any]) -> list[Any]:
    """Return the values at a path of children and `[*]`, which is all that our own rules use."""
    values: list[Any] = [statement]
    for child, quoted, star in _STEP.findall(location):
        if star:
            values = [item for value in values if isinstance(value, list) for item in value]
        else:
            values = [
                value[child or quoted] for value in values if isinstance(value, dict) and (child or quoted) in value
            ]
    return values


def choose_template(statement: dict[str, Any]) -> Template:
    kind = statement["object"]["definition"]["type"]
    [template] = [
        template
        for template in load_profile().templates
        if (template.verb, template.object_activity_type) == (statement["verb"]["id"], kind)
    ]
    return template


@pytest.mark.parametrize("statement", EXAMPLES, ids=lambda statement: statement["verb"]["id"])
def test_an_example_is_a_valid_statement_of_the_profile(statement: dict[str, Any]) -> None:
    assert_accepted(statement)
    categories = [activity["id"] for activity in statement["context"]["contextActivities"]["category"]]
    assert categories == [Category.TRAINING]
    for rule in choose_template(statement).rules or ():
        values = evaluate(rule.location, statement)
        assert values or rule.presence != "included", rule.location
        assert rule.all is None or all(value in rule.all for value in values), rule.location
        assert rule.none is None or not any(value in rule.none for value in values), rule.location
        assert rule.any is None or not values or any(value in rule.any for value in values), rule.location


def test_the_page_shows_several() -> None:
    assert len(EXAMPLES) == 3
