"""The rules of If-Match and If-None-Match, against a small model and in every form that a header can take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.documents.preconditions import (
    Preconditions,
    Tags,
    check_change,
    check_get,
    check_put,
    read_preconditions,
)
from lrs.errors import BadRequest, DocumentExists, LrsError, PreconditionFailed

A, B = "a" * 40, "b" * 40

current_tags = st.sampled_from([None, A, B])
headers = st.none() | st.just("*") | st.lists(st.sampled_from([A, B, ""]), min_size=1, max_size=3)
versions = st.sampled_from(["1.0.3", "2.0.0"])


def write(header: list[str] | str | None) -> list[str]:
    if header is None:
        return []
    return [header] if header == "*" else [", ".join(f'"{tag}"' for tag in header)]


def covers(header: list[str] | str, current: str | None) -> bool:
    return current is not None and (header == "*" or current in header)


def outcome(check) -> type[LrsError] | None:
    try:
        check()
    except LrsError as error:
        return type(error)
    return None


@given(current_tags, headers, headers, st.booleans(), versions)
def test_a_change_happens_exactly_when_the_rules_say_so(current, if_match, if_none_match, state, version) -> None:
    preconditions = read_preconditions(write(if_match), write(if_none_match))
    fails = (if_match is not None and not covers(if_match, current)) or (
        if_none_match is not None and covers(if_none_match, current)
    )
    expected: type[LrsError] | None = PreconditionFailed if fails else None
    assert outcome(lambda: check_change(preconditions, current)) is expected
    if if_match is None and if_none_match is None:
        free = version == "1.0.3" and state
        needed = DocumentExists if current is not None else BadRequest if version == "1.0.3" else None
        expected = None if free else needed
    assert outcome(lambda: check_put(preconditions, current, state=state, version=version)) is expected


@given(current_tags, headers, headers)
def test_a_document_is_answered_unless_it_is_another_one_or_known_already(current, if_match, if_none_match) -> None:
    preconditions = read_preconditions(write(if_match), write(if_none_match))
    if if_match is not None and not covers(if_match, current):
        assert outcome(lambda: check_get(preconditions, current)) is PreconditionFailed
    else:
        assert check_get(preconditions, current) is (if_none_match is not None and covers(if_none_match, current))


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        ([f'"{A}"'], {A}),
        ([f'W/"{A}"'], {A}),
        ([f' "{A}" , W/"{B}",'], {A, B}),
        ([f'"{A}"', f'"{B}"'], {A, B}),
        ([',, "x,y" ,"",'], {"x,y", ""}),
        (['"é!#~"'], {"é!#~"}),
    ],
)
def test_tags_are_read_in_every_form(values, tags) -> None:
    assert read_preconditions(values, []).if_match == Tags(every=False, tags=frozenset(tags))


@pytest.mark.parametrize("value", ["", A, '"', f'"{A}', f'"{A}" "{B}"', "*, *", f'*, "{A}"', f'w/"{A}"', '"a b"', ","])
def test_what_is_no_list_of_tags_is_refused(value) -> None:
    for values in (([value], []), ([], [value])):
        with pytest.raises(BadRequest) as caught:
            read_preconditions(*values)
        assert caught.value.code == "malformed-header"


def test_no_header_asks_nothing() -> None:
    assert read_preconditions([], []) == Preconditions(None, None)
