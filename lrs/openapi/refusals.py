"""What the LRS answers instead of success: made of lrs.errors, so that a new error is described once it is there."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, Final

from lrs import errors
from lrs.errors import BadRequest, DocumentExists, LrsError
from lrs.negotiation import CONSISTENT_HEADER, VERSION_HEADER
from lrs.openapi.schemas import UUID, Schema, list_of, object_of, text_of

BAD_REQUESTS: Final = {
    BadRequest.code: "Anything else.",
    "alternate-syntax": "No proper form, more than `method` in the address, or xAPI 2.0.0.",
    "attachment-hash": "A part's content has another hash than it says.",
    "attachment-header": "A part lacks one of the headers of an attachment.",
    "attachment-missing": "An attachment has neither a part nor a fileUrl.",
    "attachment-unexpected": "A part belongs to no attachment of the statements.",
    "charset": "The body is in another encoding than UTF-8.",
    "content-length": "Content-Length is no number.",
    "content-type": "The body is of a type that is not taken here.",
    "id-mismatch": "The statement's id differs from statementId.",
    "invalid-cursor": "The `more` link was altered, or made for another credential.",
    "invalid-parameter": "A parameter is not of its form.",
    "invalid-statement": "A statement breaks rules: `problems` names each place, rule, and what was found.",
    "malformed-header": "If-Match or If-None-Match is not of its form.",
    "malformed-json": "The body is not JSON: `line`, `column`, `offset`.",
    "multipart": "The body is no proper multipart/mixed.",
    "not-an-object": "Only JSON objects are merged.",
    "one-statement": "PUT takes one statement.",
    "parameter-combination": "Parameters that exclude each other.",
    "parameter-missing": "A parameter that is needed is not there.",
    "precondition-missing": "A profile is put with If-Match or If-None-Match.",
    "query-encoding": "The query string is not percent-encoded UTF-8.",
    "repeated-key": "An object of the body has a key twice.",
    "repeated-parameter": "A parameter is there more than once.",
    "signature": "A signature does not hold.",
    "unknown-parameter": "A parameter that is not known here.",
    "version-missing": f"There is no {VERSION_HEADER}.",
    "version-unknown": f"{VERSION_HEADER} names a version that is not spoken here.",
}
"""The codes that a 400 has, and what each means."""

_TEXT: Final[Schema] = {"type": "string"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_LIMIT: Final[Schema] = {**_COUNT, "description": "In bytes, statements or parts."}
_PROBLEM: Final = object_of(
    ("message", "found"),
    pointer={**_TEXT, "description": "JSON pointer into the body, from the index of the statement on."},
    part={**_COUNT, "description": "Part of a multipart body, from 1."},
    parameter=_TEXT,
    rule={**_TEXT, "description": "The requirement of the specification."},
    message=_TEXT,
    found={**_TEXT, "description": "What was there."},
)

# What each refusal tells beside code and message.
_DETAILS: Final[dict[type[LrsError], dict[str, Schema]]] = {
    BadRequest: {
        "problems": list_of(_PROBLEM),
        "more_problems": {"type": "boolean", "description": "Whether there are more than are listed."},
        "line": _COUNT,
        "column": _COUNT,
        "offset": _COUNT,
    },
    errors.Forbidden: {
        "scope": {**_TEXT, "description": "The scope that is lacking."},
        "problems": list_of(_PROBLEM),
    },
    errors.Conflict: {"ids": list_of(UUID)},
    errors.TooLarge: {"limit": _LIMIT},
    errors.QueryTooLong: {"limit": _LIMIT},
    errors.InternalError: {"request_id": {**_TEXT, "description": "Under which the log has it."}},
}

_RETRY_AFTER: Final = {"Retry-After": {"required": True, "description": "In seconds.", "schema": _COUNT}}
_HEADERS: Final[dict[type[LrsError], dict[str, Any]]] = {
    errors.Unauthenticated: {
        "WWW-Authenticate": {"required": True, "description": "The schemes that are understood.", "schema": _TEXT}
    },
    errors.RateLimited: _RETRY_AFTER,
    errors.Unavailable: _RETRY_AFTER,
}


def list_refusals() -> list[type[LrsError]]:
    """Return the errors that have a description of their own: all but those which only tell a parent's more closely."""
    return [error for error in _list_errors() if LrsError in error.__bases__]


def describe_refusals() -> dict[str, dict[str, Any]]:
    """Return the answers that refuse, by the name of the error."""
    return {error.__name__: _describe(error) for error in list_refusals()}


def refuse_with(kinds: Iterable[type[LrsError]]) -> dict[str, dict[str, str]]:
    """Return the answers of an operation that may refuse so, by status."""
    ordered = sorted(kinds, key=lambda error: error.status)
    return {str(error.status): {"$ref": f"#/components/responses/{error.__name__}"} for error in ordered}


def _describe(error: type[LrsError]) -> dict[str, Any]:
    if error is DocumentExists:  # the one whose form the specification prescribes
        return {"description": f"{_sentence(error)} In plain text.", "content": {"text/plain": {"schema": _TEXT}}}
    codes = {kind.code: _sentence(kind) for kind in _list_errors() if issubclass(kind, error)}
    if error is BadRequest:
        codes = BAD_REQUESTS
    explained = [f"- `{code}`: {meaning}" for code, meaning in codes.items()] if len(codes) > 1 else []
    schema = object_of(("code", "message"), code=text_of(*codes), message=_TEXT, **_DETAILS.get(error, {}))
    return {
        "description": "\n".join([_sentence(error), *([""] if explained else []), *explained]),
        "headers": {
            **{name: {"$ref": f"#/components/headers/{name}"} for name in (VERSION_HEADER, CONSISTENT_HEADER)},
            **_HEADERS.get(error, {}),
        },
        "content": {"application/json": {"schema": schema}},
    }


def _list_errors() -> list[type[LrsError]]:
    return [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, LrsError)]


def _sentence(error: type[LrsError]) -> str:
    return (inspect.getdoc(error) or "").partition("\n")[0]
