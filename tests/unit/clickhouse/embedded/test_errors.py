from __future__ import annotations

import pytest

from clickhouse.embedded.errors import ServerError, parse_engine_error


@pytest.mark.parametrize(
    ("text", "number", "name", "message", "status"),
    [
        (
            "Code: 60. DB::Exception: Unknown table 'x'. (UNKNOWN_TABLE)",
            60,
            "UNKNOWN_TABLE",
            "Unknown table 'x'",
            404,
        ),
        (
            (
                "Code: 115. DB::Exception: Code: 115. DB::Exception: Unknown setting 'n'. "
                "(UNKNOWN_SETTING) (version 26.9.2.1). (UNKNOWN_SETTING)"
            ),
            115,
            "UNKNOWN_SETTING",
            "Unknown setting 'n'",
            404,
        ),
        (
            "Failed: Code: 62. DB::Exception: Bad: While executing X. (SYNTAX_ERROR) (version 26.9.2.1)",
            62,
            "SYNTAX_ERROR",
            "Bad: While executing X",
            400,
        ),
        (
            (
                "Code: 27. DB::Exception: Code: 27. DB::Exception: Cannot parse: (at row 2)\n"
                ": (in file/uri /dev/fd/44): While executing CSVRowInputFormat: "
                "While executing File: data for INSERT was parsed from file. "
                "(CANNOT_PARSE_INPUT_ASSERTION_FAILED)"
            ),
            27,
            "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
            "Cannot parse: (at row 2): While executing CSVRowInputFormat",
            400,
        ),
        (
            "Code: 241. DB::Exception: Memory limit (for query) exceeded. (MEMORY_LIMIT_EXCEEDED)",
            241,
            "MEMORY_LIMIT_EXCEEDED",
            "Memory limit (for query) exceeded",
            500,
        ),
        ("segfault", 1002, "UNKNOWN_EXCEPTION", "segfault", 500),
    ],
)
def test_an_error_of_the_engine_is_unwrapped(text: str, number: int, name: str, message: str, status: int) -> None:
    error = parse_engine_error(text)
    assert (error.number, error.name, error.message, error.status) == (number, name, message, status)


def test_an_error_is_rendered_as_clickhouse_does() -> None:
    error = ServerError("ACCESS_DENIED", "No")
    assert error.render("26.9.2.1") == "Code: 497. DB::Exception: No. (ACCESS_DENIED) (version 26.9.2.1)\n"
    assert error.status == 403
