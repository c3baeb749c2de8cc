"""What can go wrong in the embedded server, in ClickHouse's own vocabulary.

A client of ClickHouse recognises an error by its number, its name and the HTTP status that comes with them; this
module is the only place that knows how the three belong together.

    EmbeddedError
    ├── CannotStart        the server did not start; the text is one sentence for the person who started it
    └── ServerError        an answer to a client: number, name, message, HTTP status
"""

from __future__ import annotations

import re

NUMBERS = {
    "BAD_ARGUMENTS": 36,
    "NOT_IMPLEMENTED": 48,
    "SYNTAX_ERROR": 62,
    "UNKNOWN_DATABASE": 81,
    "UNKNOWN_COMPRESSION_METHOD": 89,
    "EMPTY_QUERY": 116,
    "UNKNOWN_USER": 192,
    "TIMEOUT_EXCEEDED": 159,
    "READONLY": 164,
    "TOO_DEEP_AST": 167,
    "TOO_MANY_SIMULTANEOUS_QUERIES": 202,
    "NETWORK_ERROR": 210,
    "NOT_ENOUGH_SPACE": 243,
    "QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING": 216,
    "CANNOT_DECOMPRESS": 271,
    "QUERY_IS_TOO_LARGE": 256,
    "SESSION_NOT_FOUND": 372,
    "QUERY_WAS_CANCELLED": 394,
    "QUOTA_EXCEEDED": 201,
    "ACCESS_ENTITY_NOT_FOUND": 492,
    "ACCESS_ENTITY_ALREADY_EXISTS": 493,
    "ACCESS_DENIED": 497,
    "REQUIRED_PASSWORD": 194,
    "AUTHENTICATION_FAILED": 516,
    "UNKNOWN_EXCEPTION": 1002,
}
NAMES = {number: name for name, number in NUMBERS.items()}

_STATUS = {
    401: {194},
    403: {192, 193, 497, 516},
    404: {46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 144, 111},
    408: {159},
    413: {256},
    501: {48},
    503: {202, 210},
    400: {
        6, 9, 10, 15, 16, 20, 26, 27, 33, 34, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 80, 89, 116, 117, 130, 167,
        168, 170, 216, 271, 295, 349, 372, 376, 377, 427, 441, 456, 457, 467, 675, 676,
    },
}  # fmt: skip

_PREFIX = re.compile(r"Code: (\d+)\. DB::Exception: ")
_VERSION = re.compile(r" ?\(version [0-9][^()]*(?:\([^()]*\))?\)")
_NAME = re.compile(r"[.:]?\s*\(([A-Z][A-Z0-9_]{2,})\)\s*\.?\s*$")
# An insert's data reach the engine as a file, which its client knows nothing of.
_FILE = re.compile(r"\n?: \(in file/uri /dev/fd/\d+\)|: While executing File: data for INSERT was parsed from file")
_SCOPE = re.compile(r": In scope SELECT (?:formatQuery|parseQuery)\w+\(.*$", re.DOTALL)


class EmbeddedError(Exception):
    """Root of everything this package raises."""

    code = "embedded-clickhouse"


class CannotStart(EmbeddedError):
    """The server cannot start. `str()` is one sentence that says why and what to do."""

    code = "cannot-start"


class ServerError(EmbeddedError):
    """An answer to a client that is not a success."""

    def __init__(self, name: str, message: str, *, number: int | None = None) -> None:
        self.number = NUMBERS[name] if number is None else number
        self.name = name
        self.message = message
        self.code = name.lower().replace("_", "-")
        super().__init__(message)

    @property
    def status(self) -> int:
        """The HTTP status that ClickHouse sends with this error."""
        for status, numbers in _STATUS.items():
            if self.number in numbers:
                return status
        return 500

    def render(self, version: str) -> str:
        """Return the body of the answer, in ClickHouse's form, for a server of this version."""
        dot = "" if self.message.endswith((".", "\n")) else "."
        return f"Code: {self.number}. DB::Exception: {self.message}{dot} ({self.name}) (version {version})\n"


def parse_engine_error(text: str) -> ServerError:
    """Return the error that the engine described in `text`, with the wrapping of chDB taken off."""
    found = _PREFIX.search(text)
    if found is None:
        return ServerError("UNKNOWN_EXCEPTION", text.strip() or "the engine gave no reason")
    number = int(found.group(1))
    message = _VERSION.sub("", text[found.end() :])
    while nested := _PREFIX.match(message):
        message = message[nested.end() :]
    message = _FILE.sub("", message)
    name = NAMES.get(number, "UNKNOWN_EXCEPTION")
    while tail := _NAME.search(message):
        name = tail.group(1)
        message = message[: tail.start()]
    return ServerError(name, _SCOPE.sub("", message).rstrip(), number=number)
