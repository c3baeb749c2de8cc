"""What a GET of statements asks for: its parameters, checked and turned into the store's terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from clickhouse.statements import StatementQuery
from lrs.authentication import Caller
from lrs.errors import BadRequest, NotSupported
from lrs.parameters import parse_agent, parse_instant, parse_iri, parse_uuid, read_parameters, wrong_parameter

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


def parse_get(pairs: Iterable[tuple[str, str]], caller: Caller, *, page_statements: int) -> ById | StatementQuery:
    """Return what a GET of statements asks for. Raises BadRequest, NotSupported."""
    parameters = read_parameters(pairs, _KNOWN)
    _check_shape(parameters)
    by_id = parameters.keys() & _BY_ID
    if by_id:
        return _parse_by_id(parameters, by_id)
    return _parse_query(parameters, caller, page_statements)


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
            parse_iri(name, parameters[name])
    registration = parameters.get("registration")
    return StatementQuery(
        actor=parse_agent(parameters["agent"], caller) if "agent" in parameters else None,
        verb=parameters.get("verb"),
        activity=parameters.get("activity"),
        registration=None if registration is None else parse_uuid("registration", registration),
        since=_parse_milliseconds(parameters, "since"),
        until=_parse_milliseconds(parameters, "until"),
        ascending=_parse_boolean(parameters, "ascending"),
        limit=_parse_limit(parameters, page_statements),
    )


def _check_shape(parameters: Parameters) -> None:
    shape = parameters.get("format", "exact")
    if shape in ("ids", "canonical"):
        raise NotSupported(f"format={shape} is not supported yet: ask for format=exact.")
    if shape != "exact":
        raise wrong_parameter("format", "one of exact, ids, canonical", shape)
    if _parse_boolean(parameters, "attachments"):
        raise NotSupported("attachments=true is not supported yet: statements are answered without attachment data.")


def _parse_boolean(parameters: Parameters, name: str) -> bool:
    # Clients in Python send True and False.
    value = parameters.get(name, "false").lower()
    if value not in ("true", "false"):
        raise wrong_parameter(name, "true or false", value)
    return value == "true"


def _parse_limit(parameters: Parameters, page_statements: int) -> int:
    text = parameters.get("limit", "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004 (below 2**31)
        raise wrong_parameter("limit", "a number from 0", text)
    return min(int(text), page_statements) or page_statements


def _parse_milliseconds(parameters: Parameters, name: str) -> int | None:
    """Return a time in milliseconds since 1970, rounded down."""
    text = parameters.get(name)
    return None if text is None else int(parse_instant(name, text).timestamp() * 1000)
