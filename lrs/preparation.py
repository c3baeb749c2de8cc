"""From a request's bytes to statements ready for the log: pure, so it runs inline or in a thread alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from identity.fingerprint import fingerprint
from lrs.callers import Caller
from lrs.erasures import refuse_erased
from lrs.errors import BadRequest, Conflict, TooLarge
from lrs.negotiation import V2
from xapi_profiles.errors import InvalidStatement, MalformedJson, RepeatedKey
from xapi_profiles.json_text import parse_json
from xapi_profiles.validation import check_statements


@dataclass(frozen=True, slots=True)
class Candidate:
    """A valid, completed statement. `given` tells whether the client chose the id."""

    id: UUID
    statement: dict[str, Any]
    fingerprint: str
    given: bool


def prepare_batch(body: bytes, caller: Caller, version: str, *, batch_statements: int) -> list[Candidate]:
    """Return the statements of a POST. Raises BadRequest, PersonErased, TooLarge."""
    content = _parse(body)
    if isinstance(content, list) and len(content) > batch_statements:
        raise TooLarge(
            f"The batch holds {len(content)} statements, over the limit of {batch_statements}: send smaller batches.",
            details={"limit": batch_statements},
        )
    return _complete(_check(content, version), caller, version)


def prepare_single(body: bytes, statement_id: UUID, caller: Caller, version: str) -> list[Candidate]:
    """Return the statement of a PUT. Raises BadRequest, PersonErased."""
    content = _parse(body)
    if not isinstance(content, dict):
        raise BadRequest("PUT takes one statement, a JSON object: send several with POST.", code="one-statement")
    if "id" not in content:
        content = {"id": str(statement_id), **content}
    checked = _check(content, version)
    if UUID(checked[0]["id"]) != statement_id:
        raise BadRequest(
            "The statement's id differs from the parameter statementId: make them the same, or leave the id out.",
            code="id-mismatch",
        )
    return _complete(checked, caller, version)


def _parse(body: bytes) -> object:
    try:
        return parse_json(body)
    except MalformedJson as error:
        details: dict[str, Any] = {"line": error.line, "column": error.column, "offset": error.offset}
        if isinstance(error, RepeatedKey):
            details["problems"] = [
                {"pointer": error.pointer, "rule": error.rule, "message": str(error), "found": error.key[:60]}
            ]
        raise BadRequest(str(error), code=error.code, details=details) from None


def _check(content: object, version: str) -> list[dict[str, Any]]:
    try:
        return check_statements(content, version)
    except InvalidStatement as error:
        problems = [
            {"pointer": problem.pointer, "rule": problem.rule, "message": problem.message, "found": problem.found}
            for problem in error.problems
        ]
        raise BadRequest(
            str(error), code=error.code, details={"problems": problems, "more_problems": error.more}
        ) from None


def _complete(statements: Sequence[dict[str, Any]], caller: Caller, version: str) -> list[Candidate]:
    refuse_erased(statements, caller)
    key = caller.keys.fingerprint
    default_version = V2 if version == V2 else "1.0.0"
    candidates: list[Candidate] = []
    for statement in statements:
        given = "id" in statement
        statement_id = UUID(statement["id"]) if given else uuid4()
        completed = dict(statement)
        if not given:
            completed["id"] = str(statement_id)
        completed["authority"] = caller.authority
        completed.setdefault("version", default_version)
        completed.pop("stored", None)
        candidates.append(Candidate(statement_id, completed, fingerprint(completed, key), given))
    return candidates


def conflict(ids: Sequence[UUID]) -> Conflict:
    """Return the refusal of statements whose ids are known with other content."""
    has = "has an id" if len(ids) == 1 else "have ids"
    return Conflict(
        f"{len(ids)} of the statements {has} under which a different statement is known: the first one stands, "
        "and nothing of this request was stored. Give a new statement a new id.",
        details={"ids": [str(statement_id) for statement_id in ids]},
    )
