from __future__ import annotations

from typing import get_args

import orjson
import pytest

from identity.errors import InvalidPolicy
from identity.policy import FieldName, Policy


def test_the_default_policy_says_what_it_does_with_every_field() -> None:
    told = orjson.loads(Policy().dump())
    assert told["detected"] == "seal"
    assert set(told["fields"]) == set(get_args(FieldName))
    assert [name for name, action in told["fields"].items() if action != "inspect"] == ["result.response"]


def test_what_a_policy_prints_can_be_read_again() -> None:
    policy = Policy(
        detected="drop", region="CH", fields={"verb.id": "keep"}, extensions={"*": "hash"}, iris={"a": "keep"}
    )
    again = Policy.read(policy.dump())
    assert again.dump() == policy.dump()
    assert (again.detected, again.region, again.actions["verb.id"]) == ("drop", "CH", "keep")


@pytest.mark.parametrize(
    ("content", "pointer", "expected", "found"),
    [
        ("{", "", "JSON", ""),
        ("[]", "", "object", "[]"),
        ('{"detected": "inspect"}', "/detected", "'seal'", '"inspect"'),
        ('{"fields": {"result.respons": "keep"}}', "/fields/result.respons", "'result.response'", '"result.respons"'),
        ('{"fields": {"verb.id": "hide"}}', "/fields/verb.id", "'drop'", '"hide"'),
        ('{"extensions": {"https://x.org/": 7}}', "/extensions/https:~1~1x.org~1", "'drop'", "7"),
        ('{"iris": {"a*b": "keep"}}', "/iris", "'a*b'", "keep"),
        ('{"region": "fr"}', "/region", "capital", '"fr"'),
        ('{"extension": {}}', "/extension", "extensions", "{}"),
        ('{"region": "FR", "region": "CH"}', "", "JSON", "twice"),
    ],
)
def test_a_policy_is_refused_with_place_rule_and_what_was_found(
    content: str, pointer: str, expected: str, found: str
) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        Policy.read(content)
    problem = refused.value.problems[0]
    assert problem.pointer == pointer
    assert expected in problem.expected
    assert found in problem.found
    assert problem.expected in str(refused.value)


def test_the_longest_rule_that_fits_counts_and_an_exact_one_before_all() -> None:
    rules = Policy(
        extensions={"*": "keep", "https://a.org/*": "seal", "https://a.org/b*": "hash", "https://a.org/bc": "drop"}
    ).extension_rules
    iris = ("urn:x", "https://a.org/x", "https://a.org/bcd", "https://a.org/bc")
    assert [rules.find(iri) for iri in iris] == ["keep", "seal", "hash", "drop"]
    assert Policy().extension_rules.find("urn:x") is None
