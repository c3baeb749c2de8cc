"""What a GET of statements asks for: its parameters, checked and turned into the store's terms.

A parameter is done, or refused with a sentence; none is accepted and ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

import orjson

from clickhouse.statements import StatementQuery
from identity.pseudonyms import identify, pseudonym
from identity.sealing import PSEUDONYM_HOME
from lrs.authentication import Caller
from lrs.errors import BadRequest, NotSupported
from lrs.negotiation import V1
from xapi_profiles.datatypes import check_iri, check_uuid, read_timestamp
from xapi_profiles.errors import InvalidStatement
from xapi_profiles.validation import check_statements

_FILTERS = frozenset({"agent", "verb", "activity", "registration", "since", "until", "limit", "ascending"})
_RELATED = frozenset({"related_activities", "related_agents"})
_SHAPE = frozenset({"format", "attachments"})
_BY_ID = frozenset({"statementId", "voidedStatementId"})
_KNOWN = _FILTERS | _RELATED | _SHAPE | _BY_ID


@dataclass(frozen=True, slots=True)
class ById:
    """One statement is wanted."""

    id: UUID


Parameters = Mapping[str, str]


def read_parameters(pairs: Iterable[tuple[str, str]], allowed: Iterable[str]) -> dict[str, str]:
    """Return query parameters by name. Raises BadRequest for an unknown name and for one given twice."""
    known = frozenset(allowed)
    parameters: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise BadRequest(
                f"The parameter {name[:60]!r} is not known here; known are {', '.join(sorted(known)) or 'none'}.",
                code="unknown-parameter",
            )
        if name in parameters:
            raise BadRequest(f"The parameter {name} is there more than once: send it once.", code="repeated-parameter")
        parameters[name] = value
    return parameters


def parse_get(pairs: Iterable[tuple[str, str]], caller: Caller, *, page_statements: int) -> ById | StatementQuery:
    """Return what a GET of statements asks for. Raises BadRequest, NotSupported."""
    parameters = read_parameters(pairs, _KNOWN)
    _check_shape(parameters)
    by_id = parameters.keys() & _BY_ID
    if by_id:
        return _parse_by_id(parameters, by_id)
    return _parse_query(parameters, caller, page_statements)


def parse_uuid(name: str, text: str) -> UUID:
    """Return a parameter that is a UUID. Raises BadRequest."""
    _check_text(name, text, check_uuid)
    return UUID(text)


def _parse_by_id(parameters: Parameters, by_id: set[str]) -> ById:
    name = min(by_id)
    if len(by_id) > 1 or parameters.keys() - _BY_ID - _SHAPE:
        raise BadRequest(f"Beside {name} only format and attachments may be sent.", code="parameter-combination")
    statement_id = parse_uuid(name, parameters[name])
    if name == "voidedStatementId":
        raise NotSupported("Voiding, and so voidedStatementId, is not supported yet.")
    return ById(statement_id)


def _parse_query(parameters: Parameters, caller: Caller, page_statements: int) -> StatementQuery:
    for name in _RELATED:
        if _parse_boolean(parameters, name):
            raise NotSupported(f"{name}=true is not supported yet: leave it out to filter on the statement's own.")
    for name in ("verb", "activity"):
        if name in parameters:
            _check_text(name, parameters[name], check_iri)
    registration = parameters.get("registration")
    return StatementQuery(
        actor=_parse_agent(parameters["agent"], caller) if "agent" in parameters else None,
        verb=parameters.get("verb"),
        activity=parameters.get("activity"),
        registration=None if registration is None else parse_uuid("registration", registration),
        since=_parse_instant(parameters, "since"),
        until=_parse_instant(parameters, "until"),
        ascending=_parse_boolean(parameters, "ascending"),
        limit=_parse_limit(parameters, page_statements),
    )


def _check_shape(parameters: Parameters) -> None:
    shape = parameters.get("format", "exact")
    if shape in ("ids", "canonical"):
        raise NotSupported(f"format={shape} is not supported yet: ask for format=exact.")
    if shape != "exact":
        raise _wrong("format", "one of exact, ids, canonical", shape)
    if _parse_boolean(parameters, "attachments"):
        raise NotSupported("attachments=true is not supported yet: statements are answered without attachment data.")


def _parse_boolean(parameters: Parameters, name: str) -> bool:
    # Clients in Python send True and False.
    value = parameters.get(name, "false").lower()
    if value not in ("true", "false"):
        raise _wrong(name, "true or false", value)
    return value == "true"


def _parse_limit(parameters: Parameters, page_statements: int) -> int:
    text = parameters.get("limit", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 (below 2**31)
        raise _wrong("limit", "a number from 0", text)
    return min(int(text), page_statements) or page_statements


def _parse_instant(parameters: Parameters, name: str) -> int | None:
    """Return a time in milliseconds since 1970, rounded down."""
    text = parameters.get(name)
    if text is None:
        return None
    try:
        instant = read_timestamp(text)
    except ValueError:
        # A plus sign that was not percent-encoded arrives as a space: the commonest mistake here.
        raise _wrong(
            name, "an ISO 8601 date and time, such as 2026-11-22T09:30:00.000Z (+ sent as %2B)", text
        ) from None
    return int(instant.timestamp() * 1000)


def _check_text(name: str, text: str, check: Callable[[str], str]) -> None:
    try:
        check(text)
    except ValueError as error:
        raise _wrong(name, str(error).removeprefix("expected "), text) from None


def _parse_agent(text: str, caller: Caller) -> str:
    """Return the pseudonym of the agent asked for."""
    try:
        agent = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _wrong("agent", "an agent or identified group in JSON", text) from None
    if not isinstance(agent, dict):
        raise _wrong("agent", "an agent or identified group, a JSON object", text)
    account = agent.get("account")
    if isinstance(account, dict) and account.get("homePage") == PSEUDONYM_HOME and isinstance(account.get("name"), str):
        # Who sees pseudonyms only can ask by what they see.
        return str(account["name"])
    try:
        check_statements(
            {"actor": agent, "verb": {"id": "https://w3id.org/x"}, "object": {"id": "https://w3id.org/x"}}, V1
        )
    except InvalidStatement as error:
        problem = error.problems[0]
        pointer = problem.pointer.removeprefix("/0/actor")
        raise BadRequest(
            f"The parameter agent is not valid at {pointer or '/'}: {problem.message}.",
            code="invalid-parameter",
            details={
                "problems": [
                    {
                        "parameter": "agent",
                        "pointer": pointer,
                        "rule": problem.rule,
                        "message": problem.message,
                        "found": problem.found,
                    }
                ]
            },
        ) from None
    identifier = identify(agent)
    if identifier is None:
        raise _wrong("agent", "an agent or group with mbox, mbox_sha1sum, openid or account", text)
    return pseudonym(caller.keys, identifier)


def _wrong(name: str, expected: str, found: str) -> BadRequest:
    return BadRequest(
        f"The parameter {name} is not valid: expected {expected}.",
        code="invalid-parameter",
        details={"problems": [{"parameter": name, "message": f"Expected {expected}.", "found": found[:80]}]},
    )
