"""parse_json and dump_json: numbers survive, a repeated key is refused with its place, nothing bends or breaks."""

from __future__ import annotations

import copy
import json
import pickle
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statements import assert_accepted, assert_refused, make_statement
from xapi_profiles.errors import MalformedJson, RepeatedKey
from xapi_profiles.json_text import (
    MAX_DEPTH,
    MAX_NUMBER_LENGTH,
    ExactNumber,
    dump_canonical_json,
    dump_json,
    parse_json,
)


def read_exactly(text: str | bytes) -> Any:
    """Read JSON with every number as the Decimal it is."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


KEPT_TO_THE_LETTER = (
    "1.0", "0", "-1", "18446744073709551615", "18446744073709551616", "-9223372036854775808", "-9223372036854775809",
    "123456789012345678901234567890", "0.1", "0.1234567890123456789012345", "3.14159265358979323846", "1e400", "-1e400",
    "1e-400", "5e-324", "0.30000000000000004", "9007199254740993", "9007199254740993.5", "1e999999999999999999999",
)  # fmt: skip


@pytest.mark.parametrize("text", KEPT_TO_THE_LETTER)
@pytest.mark.parametrize("around", ["{}", '{{"a":[{}]}}', '{{"\\u00e9" : [ 1, {} ]}}'])
def test_a_number_comes_back_as_it_was_written(text: str, around: str) -> None:
    written = dump_json(parse_json(around.format(text).encode()))
    assert text in written.decode()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1E5", "100000.0"),
        ("1.50", "1.5"),
        ("-0", "0"),
        ("0e7", "0.0"),
        ("12345678901234567890.0", "12345678901234567890"),
    ],
)
def test_another_form_of_a_number_that_fits_is_the_same_number(text: str, written: str) -> None:
    assert dump_json(parse_json(text.encode())).decode() == written


numbers = st.builds(
    lambda sign, whole, fraction, exponent: sign + str(whole) + fraction + exponent,
    st.sampled_from(["", "-"]),
    st.integers(0, 10**40) | st.integers(0, 20),
    st.just("") | st.integers(0, 10**30).map(lambda digits: f".{digits}"),
    st.just("")
    | st.builds(lambda e, power: f"{e}{power}", st.sampled_from(["e", "E", "e+", "E-"]), st.integers(0, 500)),
)
keys = st.text(st.characters(codec="utf-8"), max_size=6)


def texts(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Arrays and objects of JSON texts, their strings escaped or not, their white space as it happens."""
    space = st.sampled_from(["", " ", "\n", "\t "])
    arrays = st.builds(lambda items, gap: "[" + f",{gap}".join(items) + gap + "]", st.lists(inner, max_size=4), space)
    objects = st.builds(
        lambda items, gap, escaped: (
            "{"
            + f"{gap},".join(
                f"{json.dumps(key, ensure_ascii=escaped)}{gap}:{gap}{value}" for key, value in items.items()
            )
            + "}"
        ),
        st.dictionaries(keys, inner, max_size=4),
        space,
        st.booleans(),
    )
    return arrays | objects


documents = st.recursive(
    numbers
    | st.sampled_from(["null", "true", "false"])
    | st.builds(json.dumps, keys)
    | keys.map(lambda text: json.dumps(text, ensure_ascii=False)),
    texts,
    max_leaves=12,
)


@given(documents)
def test_any_document_comes_back_with_equal_values(text: str) -> None:
    written = dump_json(parse_json(text.encode()))
    assert read_exactly(written) == read_exactly(text)
    assert dump_json(parse_json(written)) == written


@given(documents, documents, documents, keys, st.booleans())
def test_a_key_that_comes_twice_is_never_overlooked(one: str, two: str, beside: str, key: str, escaped: bool) -> None:
    first = json.dumps(key, ensure_ascii=escaped)
    text = f'[{beside}, {{"x": {{{first}: {one}, "between": {beside}, {json.dumps(key)}:{two}}}}}]'
    with pytest.raises(RepeatedKey) as caught:
        parse_json(text.encode())
    assert caught.value.key == key


@pytest.mark.parametrize(
    "text",
    [
        r'["C:\\users\\new", 1.5]',
        r'["\\u00e9", "\u00e9 \ud83d\ude00 \/ \" \\\" \n", 2]',
        r'{"http:\/\/a.fr\/":"\\",  "b":"\\u",  "c":-1e-7}',
    ],
)
def test_escapes_are_seen_through_without_a_second_reading(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xapi_profiles.json_text._parse_exactly", None)
    assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize("text", [r'["\\u",1.0000000000000000001]', r'["\\","\u00e9",1e400]', r'["\u00e9\\",1E-400]'])
def test_a_number_beside_escapes_is_not_overlooked(text: str) -> None:
    assert read_exactly(dump_json(parse_json(text.encode()))) == read_exactly(text)


def test_a_repeated_key_is_named_with_its_place_to_the_sender_alone() -> None:
    with pytest.raises(RepeatedKey) as caught:
        parse_json('{"é": [0, {"a~/": {"b": 1},\n  "\\u0061~/" : "\\u003a"}]}'.encode())
    error = caught.value
    assert (error.key, error.pointer, error.rule, error.code) == ("a~/", "/é/1/a~0~1", "XAPI-00014", "repeated-key")
    assert (error.line, error.column, error.offset) == (2, 3, 31)
    assert "a~" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":1}',
        '{"a":"\\u003a","a":1}',
        '{"a" : 1e400, "a":2}',
        '{"a":{"b":1},"c":[],"a":{"b":1}}',
        '[{"a":1,"\\u0061":2}]',
    ],
)
def test_repeated_keys_are_refused_however_they_are_written(text: str) -> None:
    with pytest.raises(RepeatedKey):
        parse_json(text.encode())


@pytest.mark.parametrize(
    "text", ['{"a":{"a":{"a":1}}}', '[{"a":1},{"a":1}]', '{"a":":","b":":\\":"}', '{"a":"\\u003a\\u003A"}']
)
def test_a_key_of_another_object_is_no_repetition(text: str) -> None:
    assert parse_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"", (1, 1, 0)),
        (b"NaN", (1, 1, 0)),
        (b"[1e400,\n Infinity]", (2, 2, 9)),
        (b"[1e400, -Infinity]", (1, 10, 9)),
        (b"[01e400]", (1, 2, 1)),
        (b"[1e400x]", (1, 7, 6)),
        (b'["\\ud800"]', (1, 3, 2)),
        (b'[1e400,"\\ud800"]', (1, 9, 8)),
        (b'["\xff",1e400]', (1, 1, 0)),
        (b"\xef\xbb\xbf{}", (1, 1, 0)),
        (b"\xef\xbb\xbf[1e400]", (1, 1, 0)),
        (b'["a\nb",1e400]', (1, 4, 3)),
        (b"[1e400] []", (1, 9, 8)),
        (b"[" * 100_000, (1, 1026, 1025)),
        (b'{"a":' * MAX_DEPTH + b"[[]]" + b"}" * MAX_DEPTH, (1, 5 * MAX_DEPTH + 1, 5 * MAX_DEPTH)),
        (b"[1e400," + b"[" * 254 + b"]" * 255, (1, 261, 260)),
        (b'["1",' + b"1" * (MAX_NUMBER_LENGTH + 1) + b"]", (1, 6, 5)),
        (b"[0." + b"1" * MAX_NUMBER_LENGTH + b"]", (1, 2, 1)),
    ],
)  # fmt: skip
def test_what_is_no_json_or_beyond_the_limits_is_refused_with_its_place(
    raw: bytes, place: tuple[int, int, int]
) -> None:
    with pytest.raises(MalformedJson) as caught:
        parse_json(raw)
    assert (caught.value.line, caught.value.column, caught.value.offset) == place


def test_what_is_within_the_limits_is_read() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert dump_json(parse_json(b"[" + b"7" * MAX_NUMBER_LENGTH + b"]")) == b"[" + b"7" * MAX_NUMBER_LENGTH + b"]"
    long_text = ":1" * MAX_NUMBER_LENGTH + "1" * 2 * MAX_NUMBER_LENGTH
    assert parse_json(json.dumps([long_text, 10**20]).encode())[0] == long_text


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,0123456789eE.-+\\u nul\n', max_size=40).map(str.encode))
def test_exactly_what_orjson_takes_for_json_is_taken(raw: bytes) -> None:
    try:
        expected = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if "infinity" not in str(error):
            with pytest.raises(MalformedJson):
                parse_json(raw)
        return
    try:
        assert parse_json(raw) == expected
    except RepeatedKey:
        with pytest.raises(ValueError, match="twice"):
            json.loads(raw, object_pairs_hook=refuse_repeated)


def refuse_repeated(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("twice")


@given(numbers, numbers)
def test_equal_numbers_and_no_others_have_one_canonical_text(one: str, two: str) -> None:
    left, right = (dump_canonical_json(ExactNumber(text)) for text in (one, two))
    assert (left == right) == (Decimal(one) == Decimal(two))


@given(numbers, st.integers(0, 30))
def test_the_form_of_a_number_does_not_change_its_canonical_text(text: str, shift: int) -> None:
    mantissa, _, exponent = text.lower().partition("e")
    mantissa += "0" if "." in mantissa else ".0"
    shifted = f"{mantissa}{'0' * shift}E{int(exponent or 0)}"
    assert dump_canonical_json(ExactNumber(shifted)) == dump_canonical_json(ExactNumber(text))


def test_a_number_is_copied_with_its_text() -> None:
    number = parse_json(b"0.12345678901234567890")
    assert isinstance(number, ExactNumber)
    assert float(number) == 0.12345678901234567890
    for other in (copy.deepcopy(number), pickle.loads(pickle.dumps(number))):
        assert dump_json(other) == b"0.12345678901234567890"


def test_what_json_cannot_carry_is_not_written() -> None:
    with pytest.raises(TypeError):
        dump_json({"a": {1, 2}})


def score(text: str) -> dict[str, Any]:
    result: dict[str, Any] = parse_json(f'{{"score":{text}}}'.encode())
    return make_statement(result=result)


def test_scores_are_compared_exactly() -> None:
    assert_accepted(
        score('{"scaled":0.99999999999999999999,"raw":1.00000000000000000001,"min":1,"max":1.00000000000000000002}')
    )
    assert_refused(score('{"scaled":1.00000000000000000001}'), "/0/result/score/scaled", "XAPI-00083")
    assert_refused(score('{"scaled":-1.00000000000000000001}'), "/0/result/score/scaled", "XAPI-00083")
    assert_refused(score('{"scaled":1e400}'), "/0/result/score/scaled", "XAPI-00083")
    assert_refused(score('{"raw":1e400}'), "/0/result/score/raw", "XAPI-00082")
    assert_refused(score('{"raw":0.99999999999999999999,"min":1}'), "/0/result/score/raw", "XAPI-00082")
    assert_refused(score('{"min":1.00000000000000000001,"max":1}'), "/0/result/score/min", "XAPI-00081")
    assert_refused(score('{"min":1.0000000000000000000,"max":1}'), "/0/result/score/min", "XAPI-00081")
