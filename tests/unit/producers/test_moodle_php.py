from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import RowRejected
from producers.moodle.php import DEPTH, parse_php

wholes = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | wholes | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(scalars, lambda inner: st.dictionaries(wholes | texts, inner, max_size=4), max_leaves=20)


def write_php(value: Any) -> str:
    match value:
        case None:
            return "N;"
        case bool():
            return f"b:{int(value)};"
        case int():
            return f"i:{value};"
        case float():
            return f"d:{value!r};"
        case str():
            return f's:{len(value.encode())}:"{value}";'
    return f"a:{len(value)}:{{{''.join(write_php(key) + write_php(one) for key, one in value.items())}}}"


@given(values)
def test_what_php_writes_is_read_back(value: Any) -> None:
    found = parse_php(write_php(value))
    assert found == value
    assert type(found) is type(value)


@given(values, st.data())
def test_what_is_cut_is_refused(value: Any, data: st.DataObject) -> None:
    text = write_php(value)
    with pytest.raises(RowRejected):
        parse_php(text[: data.draw(st.integers(0, len(text) - 1))])


@given(st.text())
def test_anything_else_is_refused_or_read_and_never_fails_otherwise(text: str) -> None:
    with contextlib.suppress(RowRejected):
        parse_php(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "i:5",
        "i:5;x",
        "i:5;i:6;",
        "i:+5;",
        "i:99999999999999999999;",
        "b:2;",
        "d:INF;",
        "d:1e999;",
        's:2:"é',
        's:1:"é";',
        's:99:"short";',
        's:999999999:"";',
        's:-1:"";',
        "a:1:{i:0;i:1;i:2;i:3;}",
        "a:2:{i:0;i:1;}",
        "a:999999999:{}",
        "a:1:{N;i:1;}",
        "a:1:{b:1;i:1;}",
        "a:1:{a:0:{}i:1;}",
        "a:2:{i:0;i:1;i:0;i:2;}",
        'O:8:"stdClass":0:{}',
        'a:1:{i:0;O:8:"stdClass":0:{}}',
        'C:1:"x":0:{}',
        'E:3:"A:B";',
        "a:2:{i:0;i:1;i:1;R:2;}",
    ],
)
def test_hostile_and_broken_texts_are_refused(text: str) -> None:
    with pytest.raises(RowRejected, match=r"^other is no readable PHP serialisation: it "):
        parse_php(text)


def test_depth_is_bounded() -> None:
    def nest(depth: int) -> str:
        return "a:1:{i:0;" * depth + "N;" + "}" * depth

    assert parse_php(nest(DEPTH)) is not None
    for depth in (DEPTH + 1, 100_000):
        with pytest.raises(RowRejected, match="too deep"):
            parse_php(nest(depth))


def test_a_length_that_lies_costs_nothing() -> None:
    started = time.process_time()
    for _ in range(1000):
        with pytest.raises(RowRejected):
            parse_php("a:900000000:{" + "i:0;" * 10)
    assert time.process_time() - started < 5
