"""What a GET of statements asks for: its parameters, checked and turned into the store's terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args
from uuid import UUID

from clickhouse.statement_query import StatementQuery
from identity.hiding import hide_iri
from lrs.callers import Caller
from lrs.errors import BadRequest
from lrs.parameters import parse_agent, parse_instant, parse_iri, parse_uuid, read_parameters, wrong_parameter

_FILTERS = frozenset(
    {
        "agent",
        "related_agents",
        "verb",
        "activity",
        "related_activities",
        "registration",
        "since",
        "until",
        "limit",
        "ascending",
    }
)
_SHAPE = frozenset({"format", "attachments"})
_BY_ID = frozenset({"statementId", "voidedStatementId"})
_KNOWN = _FILTERS | _SHAPE | _BY_ID


Format = Literal["exact", "ids", "canonical"]


@dataclass(frozen=True, slots=True)
class ById:
    """One statement is wanted: one that stands, or one that is `voided`."""

    id: UUID
    voided: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """How statements are to be answered."""

    format: Format = "exact"
    attachments: bool = False


Parameters = Mapping[str, str]


def parse_get(
    pairs: Iterable[tuple[str, str]], caller: Caller, *, page_statements: int
) -> tuple[ById | StatementQuery, Shape]:
    """Return what a GET of statements asks for. Raises BadRequest."""
    parameters = read_parameters(pairs, _KNOWN)
    shape = _parse_shape(parameters)
    by_id = parameters.keys() & _BY_ID
    if by_id:
        return _parse_by_id(parameters, by_id), shape
    return _parse_query(parameters, caller, page_statements), shape


def _parse_by_id(parameters: Parameters, by_id: set[str]) -> ById:
    name = min(by_id)
    if len(by_id) > 1 or parameters.keys() - _BY_ID - _SHAPE:
        raise BadRequest(f"Beside {name} only format and attachments may be sent.", code="parameter-combination")
    return ById(parse_uuid(name, parameters[name]), voided=name == "voidedStatementId")


def _parse_query(parameters: Parameters, caller: Caller, page_statements: int) -> StatementQuery:
    registration = parameters.get("registration")
    return StatementQuery(
        agent=parse_agent(parameters["agent"], caller).versions if "agent" in parameters else None,
        related_agents=_parse_boolean(parameters, "related_agents"),
        verb=_parse_hidden(parameters, "verb", caller),
        activity=_parse_hidden(parameters, "activity", caller),
        related_activities=_parse_boolean(parameters, "related_activities"),
        registration=None if registration is None else parse_uuid("registration", registration),
        since=_parse_milliseconds(parameters, "since"),
        until=_parse_milliseconds(parameters, "until"),
        ascending=_parse_boolean(parameters, "ascending"),
        limit=_parse_limit(parameters, page_statements),
    )


def _parse_hidden(parameters: Parameters, name: str, caller: Caller) -> str | None:
    """Return the IRI that stands for the one asked for; who asks by the one that stands for it gets the same."""
    return hide_iri(parse_iri(name, parameters[name]), caller.keys) if name in parameters else None


def _parse_shape(parameters: Parameters) -> Shape:
    chosen = parameters.get("format", "exact")
    if chosen not in get_args(Format):
        raise wrong_parameter("format", "one of exact, ids, canonical", chosen)
    return Shape(cast("Format", chosen), _parse_boolean(parameters, "attachments"))


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
