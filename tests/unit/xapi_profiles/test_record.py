"""A record is written and read in one form, and what has another is refused with a code."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.statements import make_statement
from xapi_profiles.errors import MalformedRecord, ProfileError
from xapi_profiles.record import RecordOrigin, build_headers, build_key, encode_statements, parse_headers
from xapi_profiles.vocabulary import Extension, Modality, Verb

UUID = "aa97b177-9383-4934-8543-0f91a7a02836"


@given(
    st.from_regex(r"[a-z][a-z0-9-]{1,30}", fullmatch=True),
    st.from_regex(r"[a-z][a-z0-9-]{0,62}", fullmatch=True),
    st.sampled_from(["1.0.3", "2.0.0"]),
)
def test_headers_are_read_as_they_were_built(tenant: str, source: str, version: str) -> None:
    headers = build_headers(tenant, source, version)
    origin = RecordOrigin(tenant, source, version)
    assert parse_headers(headers) == origin
    assert parse_headers(dict(headers)) == origin
    assert parse_headers([*headers, ("traceparent", b"\xff"), ("other", None)]) == origin


def test_the_version_may_be_left_out() -> None:
    assert parse_headers([("tenant", b"demo"), ("source", b"gaia")]).version == "1.0.3"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        (None, "missing-tenant"),
        ([], "missing-tenant"),
        ([("source", b"gaia")], "missing-tenant"),
        ([("tenant", b""), ("source", b"gaia")], "missing-tenant"),
        ([("tenant", None), ("source", b"gaia")], "missing-tenant"),
        ([("tenant", b"demo")], "missing-source"),
        ([("tenant", b"Demo"), ("source", b"gaia")], "malformed-tenant"),
        ([("tenant", b"demo\n"), ("source", b"gaia")], "malformed-tenant"),
        ([("tenant", b"d"), ("source", b"gaia")], "malformed-tenant"),
        ([("tenant", b"d" * 32), ("source", b"gaia")], "malformed-tenant"),
        ([("tenant", b"dem\xc3\xa9"), ("source", b"gaia")], "malformed-tenant"),
        ([("tenant", b"a; DROP"), ("source", b"gaia")], "malformed-tenant"),
        ([("tenant", b"demo"), ("source", b"GAIA")], "malformed-source"),
        ([("tenant", b"demo"), ("source", b"g" * 64)], "malformed-source"),
        ([("tenant", b"demo"), ("source", b"gaia"), ("version", b"1.1")], "unknown-version"),
        ([("tenant", b"demo"), ("tenant", b"other"), ("source", b"gaia")], "repeated-header"),
    ],
)
def test_malformed_headers_are_refused_with_a_code(headers: Any, code: str) -> None:
    with pytest.raises(MalformedRecord) as caught:
        parse_headers(headers)
    assert caught.value.code == code
    assert isinstance(caught.value, ProfileError)


def test_a_producer_cannot_build_headers_that_would_be_refused() -> None:
    for tenant, source, version in (("X", "gaia", "1.0.3"), ("demo", "", "1.0.3"), ("demo", "gaia", "9")):
        with pytest.raises(MalformedRecord):
            build_headers(tenant, source, version)


def test_what_is_sent_again_has_the_same_key() -> None:
    assert build_key("demo", [make_statement(id=UUID)]) == f"demo:{UUID}".encode()
    assert build_key("demo", [make_statement(id=UUID.upper())]) == f"demo:{UUID}".encode()
    assert build_key("demo", [make_statement(id=UUID), make_statement()]) == f"demo:{UUID}".encode()


@pytest.mark.parametrize("batch", [[], [make_statement()], [make_statement(id=7)]])
def test_what_has_no_id_gets_a_random_key(batch: list[dict[str, Any]]) -> None:
    first, second = build_key("demo", batch), build_key("demo", batch)
    assert first != second
    assert uuid.UUID(first.decode().removeprefix("demo:"))


def test_a_record_holds_an_array_with_the_statements_as_given() -> None:
    statement = make_statement(
        verb={"id": Verb.JOIN}, context={"extensions": {Extension.MODALITY: Modality.REMOTE, Extension.ROOM: "Été"}}
    )
    assert orjson.loads(encode_statements([statement])) == [statement]
    assert orjson.loads(encode_statements((statement, statement))) == [statement, statement]
    assert list(orjson.loads(encode_statements([{"b": 1, "a": 2}]))[0]) == ["b", "a"]


@pytest.mark.parametrize(
    ("batch", "code"),
    [([], "empty-record"), ([{"a": {1, 2}}], "unencodable-statement"), ([{1: 2}], "unencodable-statement")],
)
def test_what_json_cannot_carry_is_refused(batch: list[Any], code: str) -> None:
    with pytest.raises(MalformedRecord) as caught:
        encode_statements(batch)
    assert caught.value.code == code


def test_dates_are_written_out() -> None:
    assert encode_statements([{"on": date(2026, 11, 22)}]) == b'[{"on":"2026-11-22"}]'
