from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.statements import (
    Insert,
    Token,
    find_format,
    first_words,
    quote_name,
    quote_string,
    read_from,
    scan,
    split_insert,
    strip_end,
    unquote,
    write_to,
)


@pytest.mark.parametrize(
    ("text", "head", "data_format", "data"),
    [
        (b"INSERT INTO t (a) FORMAT Native\n\x00\x01;'", b"INSERT INTO t (a)", "Native", b"\x00\x01;'"),
        (b"INSERT INTO t FORMAT Values\n(1)", b"INSERT INTO t", "Values", b"\n(1)"),
        (b"insert into t format CSV 1,2", b"insert into t", "CSV", b"1,2"),
        (b"INSERT INTO t FORMAT TSV \r\n1\n", b"INSERT INTO t", "TSV", b"1\n"),
        (b"INSERT INTO t FORMAT JSONEachRow\n\n{}", b"INSERT INTO t", "JSONEachRow", b"\n{}"),
        (
            b"/* FORMAT x */ INSERT INTO `FORMAT` (a) VALUES (1)",
            b"/* FORMAT x */ INSERT INTO `FORMAT` (a)",
            "Values",
            b" (1)",
        ),
        (b"INSERT INTO t SETTINGS a = 'FORMAT X' FORMAT CSV\n1", b"INSERT INTO t SETTINGS a = 'FORMAT X'", "CSV", b"1"),
        (b"INSERT INTO FUNCTION null('x Int8') FORMAT CSV\n1", b"INSERT INTO FUNCTION null('x Int8')", "CSV", b"1"),
    ],
)
def test_an_insert_is_split_where_its_data_begin(text: bytes, head: bytes, data_format: str, data: bytes) -> None:
    found = split_insert(text)
    assert found == Insert(head, data_format, len(text) - len(data))


@pytest.mark.parametrize(
    "text", [b"SELECT 1 FORMAT CSV", b"INSERT INTO t SELECT 1 FORMAT CSV", b"", b"INSERT INTO t WITH 1 AS x SELECT x"]
)
def test_what_brings_no_data_is_not_split(text: bytes) -> None:
    assert split_insert(text) is None


def test_an_insert_with_another_statement_before_its_data_is_not_split() -> None:
    assert split_insert(b"INSERT INTO t (a); DROP TABLE t FORMAT CSV\n1\n") is None
    assert split_insert(b"INSERT INTO t FORMAT CSV\n1;2\n") is not None


def test_data_for_a_select_are_refused_rather_than_lost() -> None:
    with pytest.raises(ServerError, match=r"input\(\)"):
        split_insert(b"INSERT INTO t SELECT a + 1 FROM input('a UInt8') FORMAT TSV\n1\n")


def test_reading_a_file_of_the_server_into_a_table_is_refused() -> None:
    with pytest.raises(ServerError, match="FROM INFILE"):
        split_insert(b"INSERT INTO t FROM INFILE '/etc/passwd' FORMAT LineAsString")


@given(data=st.binary(max_size=200))
def test_any_bytes_may_follow_an_insert(data: bytes) -> None:
    text = b"INSERT INTO t (a) FORMAT Native\n" + data
    found = split_insert(text)
    assert found is not None
    assert text[found.data_start :] == data


@given(text=st.binary(max_size=200))
def test_the_tokens_of_any_text_lie_in_order_within_it(text: bytes) -> None:
    position = 0
    for token in scan(text):
        assert token.start >= position
        assert text[token.start : token.end] == token.raw
        position = token.end
    assert position <= len(text)


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_quoted_string_is_one_token_and_reads_back(text: str) -> None:
    literal = quote_string(text).encode()
    tokens = list(scan(b"x = " + literal + b" ;"))
    assert [token.raw for token in tokens][2:] == [literal, b";"]
    assert unquote(tokens[2]) == text


@given(text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60))
def test_a_quoted_name_is_one_token_and_reads_back(text: str) -> None:
    name = quote_name(text).encode()
    assert [token.raw for token in scan(name)] == [name]
    assert unquote(Token("quoted", 0, len(name), name)) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format CSV ;", "CSV"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        (b"SELECT 1 -- FORMAT JSON", None),
        (b"SELECT 'x FORMAT JSON'", None),
        (b"SELECT * FROM (SELECT 1 FORMAT JSON)", None),
    ],
)
def test_only_the_closing_format_counts(text: bytes, expected: str | None) -> None:
    found = find_format(text)
    assert (found[1] if found else None) == expected


def test_output_goes_to_the_pipe_before_the_format() -> None:
    text, name = write_to(b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1;", "/dev/fd/7", "TSV")
    assert name == "CSV"
    assert text == b"SELECT 1  INTO OUTFILE '/dev/fd/7' APPEND COMPRESSION 'none' FORMAT CSV SETTINGS max_threads = 1"


@pytest.mark.parametrize(
    ("head", "before", "after"),
    [
        (b"INSERT INTO t (a)", b"INSERT INTO t (a)", b""),
        (b"INSERT INTO t -- all of it", b"INSERT INTO t -- all of it", b""),
        (b"INSERT INTO t SETTINGS async_insert = 0", b"INSERT INTO t ", b"SETTINGS async_insert = 0"),
        (b"INSERT INTO settings SETTINGS x=1", b"INSERT INTO settings ", b"SETTINGS x=1"),
        (b"INSERT INTO settings", b"INSERT INTO settings", b""),
    ],
)
def test_the_data_of_an_insert_come_from_a_file_named_before_its_settings(
    head: bytes, before: bytes, after: bytes
) -> None:
    clause = b"\nFROM INFILE '/dev/fd/9' COMPRESSION 'none' "
    assert read_from(Insert(head, "CSV", 0), "/dev/fd/9") == before + clause + after + b"\nFORMAT CSV"


def test_a_comment_at_the_end_does_not_swallow_the_output_clause() -> None:
    text, name = write_to(b"SELECT 1 -- last words", "/dev/fd/7", "TSV")
    assert name == "TSV"
    assert b"--" not in text


def test_words_and_end_of_a_statement() -> None:
    assert first_words(b"/* a */ ((select 1))") == ["SELECT", "", ")"]
    assert strip_end(b"SELECT 1 ; ; -- x") == b"SELECT 1"
    assert strip_end(b" -- nothing") == b""
