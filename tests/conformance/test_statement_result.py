"""Data 2.4.5, results and scores."""

from __future__ import annotations

from typing import Any

import pytest

from tests.statements import assert_accepted, assert_refused, make_statement


def with_result(result: Any, *, nested: bool = False) -> dict[str, Any]:
    if nested:
        return make_statement(object={"objectType": "SubStatement", **with_result(result)})
    return make_statement(result=result)


@pytest.mark.parametrize(
    "result",
    [
        {},
        {"success": True, "completion": False, "response": "", "duration": "PT1H", "extensions": {}},
        {"score": {}},
        {"score": {"scaled": 1}},
        {"score": {"scaled": -1.0}},
        {"score": {"scaled": 0.6767676}},
        {"score": {"raw": 1e300}},
        {"score": {"min": 0, "max": 100.6767676, "raw": 0}},
        {"score": {"min": -5, "max": -1, "raw": -1}},
        {"score": {"min": 1}},
        {"score": {"max": 1, "raw": -7}},
    ],
    ids=str,
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_sound_result_is_accepted(result: dict[str, Any], *, nested: bool) -> None:
    assert_accepted(with_result(result, nested=nested))


@pytest.mark.parametrize(
    ("result", "at", "rule"),
    [
        ("passed", "", "XAPI-00006"),
        ({"success": "yes"}, "/success", "XAPI-00074"),
        ({"completion": 0}, "/completion", "XAPI-00075"),
        ({"response": 42}, "/response", "XAPI-00076"),
        ({"duration": "1 hour"}, "/duration", "XAPI-00124"),
        ({"duration": 3600}, "/duration", "XAPI-00124"),
        ({"extensions": "x"}, "/extensions", "XAPI-00078"),
        ({"extensions": {"k": 1}}, "/extensions/k", "XAPI-00011"),
        ({"extensions": {"https://a b/": 1}}, "/extensions/https:~1~1a b~1", "XAPI-00118"),
        ({"score": "high"}, "/score", "XAPI-00079"),
        ({"score": {"scaled": 1.01}}, "/score/scaled", "XAPI-00083"),
        ({"score": {"scaled": -1.00001}}, "/score/scaled", "XAPI-00083"),
        ({"score": {"scaled": 50, "raw": 50, "min": 0, "max": 100}}, "/score/scaled", "XAPI-00083"),
        ({"score": {"raw": 11, "max": 10}}, "/score/raw", "XAPI-00082"),
        ({"score": {"raw": -1, "min": 0}}, "/score/raw", "XAPI-00082"),
        ({"score": {"min": 10, "max": 1}}, "/score/min", "XAPI-00081"),
        ({"score": {"min": 1, "max": 1, "raw": 1}}, "/score/min", "XAPI-00081"),
        ({"score": {"max": [1]}}, "/score/max", "XAPI-00080"),
        ({"score": {"raw": float("nan")}}, "/score/raw", "XAPI-00082"),
    ],
    ids=str,
)
@pytest.mark.parametrize("nested", [False, True])
def test_an_unsound_result_is_refused(result: Any, at: str, rule: str, *, nested: bool) -> None:
    place = "/0/object/result" if nested else "/0/result"
    assert_refused(with_result(result, nested=nested), place + at, rule)
