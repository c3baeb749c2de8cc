from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickhouse.statement_query import StatementQuery
from clickhouse.statements import Place
from identity.credentials import Credential
from identity.keys import TenantKeys
from lrs.callers import Caller
from lrs.cursors import read_cursor, write_cursor
from lrs.errors import BadRequest
from lrs.queries import Shape

numbers = st.integers(0, 2**53)
places = st.builds(Place, numbers, st.integers(0, 10_000), numbers, st.integers(0, 5_000))
queries = st.builds(
    StatementQuery,
    agent=st.none() | st.lists(st.text("0123456789abcdef", min_size=32, max_size=32), min_size=1).map(tuple),
    related_agents=st.booleans(),
    verb=st.none() | st.text(),
    activity=st.none() | st.text(),
    related_activities=st.booleans(),
    registration=st.none() | st.uuids(),
    since=st.none() | numbers,
    until=st.none() | numbers,
    ascending=st.booleans(),
    limit=st.integers(1, 1000),
)


shapes = st.builds(Shape, st.sampled_from(["exact", "ids", "canonical"]), st.booleans())


def make_caller(key: str = "k", tenant: str = "lyon", fingerprint_key: bytes = b"f" * 32) -> Caller:
    credential = Credential(key, tenant, "test", frozenset({"all"}), sees_identities=False)
    return Caller(credential, TenantKeys(tenant, 1, b"p" * 32, fingerprint_key, b"d" * 32, b"c" * 32), {}, ("0" * 32,))


@given(query=queries, shape=shapes, place=places)
def test_a_cursor_continues_the_very_query_after_the_place(query: StatementQuery, shape: Shape, place: Place) -> None:
    text = write_cursor(query, shape, place, make_caller())
    assert read_cursor(text, make_caller()) == (replace(query, after=place), shape)


@given(query=queries, place=places, data=st.data())
def test_an_altered_cursor_is_refused(query: StatementQuery, place: Place, data) -> None:
    text = write_cursor(query, Shape(), place, make_caller())
    # The last character of a signature in base64 has bits that mean nothing.
    at = data.draw(st.integers(0, len(text) - 2))
    other = data.draw(st.sampled_from([c for c in "ABCxyz019-_" if c != text[at]]))
    with pytest.raises(BadRequest):
        read_cursor(text[:at] + other + text[at + 1 :], make_caller())


@pytest.mark.parametrize(
    "stranger", [make_caller(key="l"), make_caller(tenant="metz"), make_caller(fingerprint_key=b"q" * 32)]
)
def test_a_cursor_is_of_no_use_to_another_credential_or_tenant(stranger: Caller) -> None:
    text = write_cursor(StatementQuery(), Shape(), Place(1, 2, 3, 4), make_caller())
    with pytest.raises(BadRequest):
        read_cursor(text, stranger)


@given(st.text())
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        read_cursor(text, make_caller())
