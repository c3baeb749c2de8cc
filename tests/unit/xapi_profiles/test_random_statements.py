"""Whatever a valid statement looks like, it passes; whatever is broken in it, the refusal points there."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.statements import MUTATIONS, VERSIONS, find_problems, pointer_to, statements, walk
from xapi_profiles.json_text import parse_json
from xapi_profiles.validation import check_statements

_SLOW = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("version", VERSIONS)
@_SLOW
@given(data=st.data())
def test_every_valid_statement_is_accepted_and_left_as_it_was(version: str, data: st.DataObject) -> None:
    statement = data.draw(statements(version))
    before = copy.deepcopy(statement)
    assert find_problems(statement, version) == ()
    assert check_statements([statement], version)[0] is statement
    assert statement == before


@_SLOW
@given(statements("1.0.3"))
def test_a_statement_survives_its_journey_through_json(statement: dict[str, Any]) -> None:
    assert check_statements(parse_json(orjson.dumps([statement])), "1.0.3") == [statement]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mutation", MUTATIONS)
@_SLOW
@given(data=st.data())
def test_a_single_mutation_is_refused_where_it_is(version: str, mutation: str, data: st.DataObject) -> None:
    statement = data.draw(statements(version))
    places = list(walk(statement))
    start = data.draw(st.integers(0, len(places) - 1))
    attempts = (MUTATIONS[mutation](statement, path, value) for path, value in places[start:] + places[:start])
    broken, path = next(attempt for attempt in attempts if attempt is not None)
    assert pointer_to(path) in {problem.pointer for problem in find_problems(broken, version)}
