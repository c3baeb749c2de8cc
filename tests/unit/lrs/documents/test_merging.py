"""Merging two documents: the law of it, what is kept to the letter, and what cannot be merged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.documents.merging import is_json, merge, read_members
from lrs.errors import BadRequest

texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts, values, max_size=5)


@given(objects, objects, st.sampled_from([None, 2]), st.booleans())
def test_members_are_set_one_level_deep(existing, posted, indent, ascii_only) -> None:
    sent = [json.dumps(one, indent=indent, ensure_ascii=ascii_only).encode() for one in (existing, posted)]
    merged = merge(*sent)
    assert json.loads(merged) == {**existing, **posted}
    assert list(json.loads(merged)) == list({**existing, **posted})


@given(objects)
def test_merging_nothing_changes_nothing(document) -> None:
    content = json.dumps(document).encode()
    assert json.loads(merge(content, b"{}")) == json.loads(merge(b" {\t}\r\n", content)) == document


def test_values_are_kept_as_they_were_written() -> None:
    there = b'{ "n" : 1.50 , "big" : 12345678901234567890123, "exp":1E2,"deep":{"b": 1,"a":[1 ,2]}}'
    merged = merge(there, b'{"exp":-0.0e-7}')
    assert merged == b'{"n":1.50,"big":12345678901234567890123,"exp":-0.0e-7,"deep":{"b": 1,"a":[1 ,2]}}'


def test_names_are_the_same_however_they_are_written() -> None:
    assert json.loads(merge('{"é":1,"a\\"b":1}'.encode(), b'{"\\u00e9":2,"\\u0061\\"b":2}')) == {"é": 2, 'a"b': 2}


@pytest.mark.parametrize(
    "document", [b"", b"abc", b"{", b'{"a":1}{', b'{"a":NaN}', b'{"a":"\xff"}', b'{"a":"\\ud800"}']
)
def test_what_is_not_json_is_refused_with_its_place(document) -> None:
    with pytest.raises(BadRequest) as caught:
        read_members(document)
    assert caught.value.code == "malformed-json"
    assert {"line", "column", "offset"} <= caught.value.details.keys()


@pytest.mark.parametrize("document", [b"[]", b"1", b'"a"', b"null"])
def test_what_is_no_object_is_refused(document) -> None:
    for merging in (lambda: merge(document, b"{}"), lambda: merge(b"{}", document)):
        with pytest.raises(BadRequest) as caught:
            merging()
        assert caught.value.code == "not-an-object"


@pytest.mark.parametrize("depth", [1_020, 100_000])
def test_what_is_nested_too_deeply_is_refused_and_no_fault(depth) -> None:
    with pytest.raises(BadRequest) as caught:
        merge(b"{}", b'{"a":' + b"[" * depth + b"]" * depth + b"}")
    assert caught.value.code == "malformed-json"


def test_what_is_nested_deeply_is_merged() -> None:
    deep = b'{"a":' + b"[" * 200 + b"]" * 200 + b"}"
    assert merge(deep, b'{"b":1}') == deep[:-1] + b',"b":1}'


@pytest.mark.parametrize(
    ("content_type", "mergeable"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ("application/json;charset=us-ascii", True),
        ("application/json; charset=utf-16", False),
        ("application/ld+json", False),
        ("text/plain", False),
        ("json", False),
        ("", False),
    ],
)
def test_only_json_in_utf_8_can_be_merged(content_type, mergeable) -> None:
    assert is_json(content_type) is mergeable
