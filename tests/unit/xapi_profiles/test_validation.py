"""parse_json and check_statements: places, batches, bounds, and messages that give nothing away."""

from __future__ import annotations

import gzip
import os
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statements import find_problems, make_statement
from xapi_profiles.errors import MalformedJson
from xapi_profiles.json_text import parse_json
from xapi_profiles.validation import (
    MAX_FAULTS,
    MAX_PROBLEMS,
    InvalidStatement,
    check_statements,
)

REAL = Path(__file__).parents[4] / "shared" / "data" / "fun-mooc-statements.jsonl.gz"
UUID = "aa97b177-9383-4934-8543-0f91a7a02836"
SECRET = "zaphod"


@pytest.fixture(scope="module")
def real_statements() -> list[dict[str, Any]]:
    if not REAL.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{REAL} is missing")
        pytest.skip("needs the 2,000 real statements kept beside the checkout")
    return [orjson.loads(line) for line in gzip.open(REAL)]


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_all_real_statements_are_valid(real_statements: list[dict[str, Any]], version: str) -> None:
    assert len(real_statements) == 2000
    assert check_statements(real_statements, version) is real_statements


def test_a_valid_statement_is_checked_in_well_under_a_millisecond(real_statements: list[dict[str, Any]]) -> None:
    check_statements(real_statements[0])
    started = time.process_time()
    check_statements(real_statements)
    # 30 us on an idle core; the bound only catches a loss of the fast path, on a machine as busy as it likes.
    assert (time.process_time() - started) / len(real_statements) < 300e-6


@pytest.mark.parametrize("version", ["1.0.0", "", "3.0.0"])
def test_an_unknown_version_is_a_mistake_of_the_caller(version: str) -> None:
    with pytest.raises(ValueError, match="xAPI version"):
        check_statements(make_statement(), version)


def test_a_single_statement_comes_back_as_a_list_of_it() -> None:
    statement = make_statement()
    assert check_statements(statement) == [statement]
    assert check_statements(statement)[0] is statement


def test_an_empty_batch_is_refused() -> None:
    [problem] = find_problems([])
    assert (problem.pointer, problem.found) == ("", "[]")


@pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
def test_an_id_twice_in_a_batch_is_refused_whatever_its_case(version: str) -> None:
    batch = [make_statement(id=UUID), make_statement(), make_statement(id=UUID.upper()), make_statement()]
    [problem] = find_problems(batch, version)
    assert (problem.pointer, problem.rule) == ("/2/id", "Communication-2.1.2")


def test_statements_without_id_do_not_repeat_one() -> None:
    assert find_problems([make_statement(), make_statement(), make_statement(id=UUID)]) == ()


def test_every_fault_of_every_statement_is_named() -> None:
    batch = [
        make_statement(),
        make_statement(verb=None, result={"success": "yes"}, context={"team": {"objectType": "Group"}}),
        make_statement(object={"id": "x", "definition": {"choices": [{"id": "a"}, {"id": "a"}]}}),
    ]
    assert {problem.pointer for problem in find_problems(batch)} == {
        "/1/verb",
        "/1/result/success",
        "/1/context/team/member",
        "/2/object/id",
        "/2/object/definition/interactionType",
    }


def test_problems_are_bounded() -> None:
    with pytest.raises(InvalidStatement) as caught:
        check_statements([make_statement(verb=None)] * (MAX_PROBLEMS + 1))
    assert len(caught.value.problems) == MAX_PROBLEMS
    assert caught.value.more
    with pytest.raises(InvalidStatement) as caught:
        check_statements([make_statement(verb=None)] * MAX_PROBLEMS)
    assert len(caught.value.problems) == MAX_PROBLEMS
    assert not caught.value.more


def test_a_flood_of_faults_is_refused_without_naming_each() -> None:
    [problem] = find_problems(make_statement(**{f"k{number}": 1 for number in range(MAX_FAULTS + 1)}))
    assert (problem.pointer, problem.rule) == ("/0", "Jalon-faults")
    assert len(find_problems(make_statement(**{f"k{number}": 1 for number in range(MAX_FAULTS)}))) == MAX_PROBLEMS


@pytest.mark.parametrize(
    "broken",
    [
        {"actor": {"mbox": SECRET}},
        {"actor": {"openid": SECRET}},
        {"actor": {"mbox_sha1sum": SECRET, "openid": "https://a.fr"}},
        {"actor": {"objectType": SECRET}},
        {"object": {"id": f"https://a b/{SECRET}"}},
        {"object": {"id": "https://a.fr", "definition": {"interactionType": SECRET}}},
        {"timestamp": SECRET},
        {"version": SECRET},
        {"result": {"duration": SECRET, "success": SECRET, "score": {"raw": SECRET}}},
        {"context": {"language": SECRET * 3, "registration": SECRET}},
        {"context": {"extensions": {SECRET: 1}}},
        {"attachments": [{"sha2": SECRET, "contentType": SECRET, "length": SECRET}]},
        {SECRET: SECRET},
    ],
    ids=str,
)
def test_messages_hold_no_value_of_the_statement(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatement) as caught:
        check_statements(make_statement(**broken))
    assert caught.value.problems
    for problem in caught.value.problems:
        assert SECRET not in problem.message
        assert SECRET not in problem.rule
        assert len(problem.message) > 10
    first = caught.value.problems[0]
    assert SECRET not in str(caught.value).replace(first.pointer, "")
    assert caught.value.__cause__ is None
    assert caught.value.code == "invalid-statement"


def test_found_shows_what_was_there_and_is_short() -> None:
    found = {
        problem.pointer: problem.found
        for problem in find_problems(
            make_statement(
                verb=None,
                timestamp="x" * 10_000_000,
                version="0.9",
                result={"success": "true", "score": [], "extensions": {"no iri": {}}},
                context={},
                unknown={"a": 1},
            )
        )
    }
    assert found["/0/verb"] == "nothing"
    assert found["/0/version"] == '"0.9"'
    assert found["/0/result/success"] == '"true"'
    assert found["/0/result/score"] == "an array"
    assert found["/0/result/extensions/no iri"] == '"no iri"'
    assert found["/0/unknown"] == "an object"
    assert len(found["/0/timestamp"]) == 60
    assert found["/0/timestamp"].endswith("…")


@pytest.mark.parametrize("key", ["a/b", "a~b", "~1", "", "é", "[key]", "\x00Agent"])
def test_pointers_are_escaped_and_lead_to_the_place(key: str) -> None:
    [problem] = find_problems(make_statement(actor={"mbox": "mailto:a@b.fr", key: SECRET}))
    parts = [part.replace("~1", "/").replace("~0", "~") for part in problem.pointer.split("/")]
    assert parts == ["", "0", "actor", key]
    assert problem.found == f'"{SECRET}"'


@pytest.mark.parametrize("key", ["a/b", "", "[key]", "\x00one"])
def test_a_key_that_is_no_iri_is_pointed_at(key: str) -> None:
    [problem] = find_problems(make_statement(context={"extensions": {key: SECRET}}))
    assert problem.pointer == "/0/context/extensions/" + key.replace("/", "~1")
    assert problem.found == orjson.dumps(key).decode()


def test_what_json_has_no_word_for_is_refused_too() -> None:
    for value in (b"bytes", {1, 2}, object(), ("a",), Path()):
        [problem] = find_problems(make_statement(timestamp=value))
        assert problem.pointer == "/0/timestamp"


@pytest.mark.parametrize(
    ("raw", "line", "column", "offset"),
    [
        (b"", 1, 1, 0),
        (b'{"a": 1,}', 1, 8, 7),
        (b'{\n  "a": nul\n}', 2, 8, 9),
        ('{"été": "é" x}'.encode(), 1, 13, 15),
        (b"[NaN]", 1, 2, 1),
        (b"[1] [2]", 1, 5, 4),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(raw: bytes, line: int, column: int, offset: int) -> None:
    with pytest.raises(MalformedJson) as caught:
        parse_json(raw)
    error = caught.value
    assert (error.line, error.column, error.offset) == (line, column, offset)
    assert f"line {line}, column {column}" in str(error)
    assert error.code == "malformed-json"


@pytest.mark.parametrize("raw", [b'"\xff"', b"\xef\xbb\xbf{}", b'"\\ud800"', b"{'a': 1}", b"[" * 100_000, b"Infinity"])
def test_hostile_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_json(raw)


@given(st.binary(max_size=40))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    try:
        expected = orjson.loads(raw)
    except orjson.JSONDecodeError:
        with pytest.raises(MalformedJson) as caught:
            parse_json(raw)
        assert 0 <= caught.value.offset <= len(raw)
    else:
        assert parse_json(raw) == expected
