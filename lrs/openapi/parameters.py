"""The parameters and headers of the LRS, each described once.

What is needed has an example, with which a page fills its form; what is not has none, or the page would fill that in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

from lrs.limits import Limits
from lrs.negotiation import CONSISTENT_HEADER, DUPLICATES_HEADER, V1, V2, VERSION_FORM, VERSION_HEADER
from lrs.openapi.schemas import ANY_AGENT, UUID, Schema
from lrs.queries import Format

Parameter = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_BOOLEAN: Final[Schema] = {"type": "boolean"}
_INSTANT: Final = "An ISO 8601 date and time, such as 2026-11-22T09:30:00.000Z (+ sent as %2B)."
_TAGS: Final = 'One ETag in quotes or more, or *, such as "da39a3ee5e6b4b0d3255bfef95601890afd80709".'

_DUPLICATES: Final = {
    "description": "How many of the statements were known already, and so stored nothing.",
    "schema": {"type": "integer", "minimum": 0},
}


def refer(*names: str) -> list[dict[str, str]]:
    """Return references to some of `describe_parameters`."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def describe_parameters(limits: Limits) -> dict[str, Parameter]:
    """Return every parameter, by the name that an operation refers to it with."""
    page = f"At most so many statements; 0 is as many as a page holds, {limits.page_statements}, which more is, too."
    identifier = "Instead of a query: the statement with this id"
    return {
        "version": _header(
            VERSION_HEADER,
            {"type": "string", "pattern": VERSION_FORM},
            "The version of xAPI that the request speaks.",
            required=True,
            examples={V2: {"value": V2}, V1: {"value": V1}},
        ),
        "acceptLanguage": _header(
            "Accept-Language", _TEXT, "With format=canonical: in which language texts are wanted (RFC 9110)."
        ),
        "ifMatch": _header("If-Match", _TEXT, f"Only if the document is this one. {_TAGS}"),
        "ifNoneMatch": _header("If-None-Match", _TEXT, f"Only if the document is not this one; * is any. {_TAGS}"),
        "statementId": _query("statementId", UUID, f"{identifier}."),
        "voidedStatementId": _query("voidedStatementId", UUID, f"{identifier}, which has been voided."),
        "putStatementId": _query(
            "statementId",
            UUID,
            "The id of the statement.",
            required=True,
            example="fd41c918-b88b-4b20-a0a5-a4c32391aaa0",
        ),
        "agentFilter": _agent("Whose statements; the actor or object, or with related_agents any place."),
        "relatedAgents": _query("related_agents", _BOOLEAN, "Look for the agent in every place of a statement."),
        "verb": _query("verb", _TEXT, "The id of a verb, an IRI."),
        "activity": _query("activity", _TEXT, "The id of an activity, an IRI, that is the object."),
        "relatedActivities": _query("related_activities", _BOOLEAN, "Look for the activity in every place."),
        "registrationFilter": _query("registration", UUID, "The registration of the context."),
        "sinceFilter": _query("since", _TEXT, f"Stored after this instant. {_INSTANT}"),
        "untilFilter": _query("until", _TEXT, f"Stored at this instant or before. {_INSTANT}"),
        "limit": _query("limit", {"type": "integer", "minimum": 0, "maximum": 999_999_999}, page),
        "ascending": _query("ascending", _BOOLEAN, "Oldest first; newest first without it."),
        "format": _query(
            "format",
            {"type": "string", "enum": list(get_args(Format))},
            "exact: as stored; ids: what identifies; canonical: activities as all statements define them, and texts "
            "in one language.",
        ),
        "attachments": _query("attachments", _BOOLEAN, "Answer multipart/mixed, with the attachments' contents."),
        "cursor": _query("cursor", _TEXT, "As the more link has it.", required=True, example="of a more link"),
        "activityId": _query(
            "activityId",
            _TEXT,
            "The id of the activity, an IRI.",
            required=True,
            example="https://example.org/activities/fractions",
        ),
        "agent": _agent("The agent or identified group.", required=True, example={"mbox": "mailto:ada@example.org"}),
        "registration": _query("registration", UUID, "The registration that the documents belong to."),
        "stateId": _query("stateId", _TEXT, "The document; without it all of them."),
        "putStateId": _query("stateId", _TEXT, "The document.", required=True, example="bookmark"),
        "profileId": _query("profileId", _TEXT, "The document; without it all of them."),
        "putProfileId": _query("profileId", _TEXT, "The document.", required=True, example="preferences"),
        "since": _query("since", _TEXT, f"With no document named: those stored after this instant. {_INSTANT}"),
    }


def describe_headers() -> dict[str, dict[str, Any]]:
    """Return the headers that several kinds of answers may have, by name."""
    return {
        VERSION_HEADER: {
            "description": "The version of xAPI in which the answer is.",
            "schema": {"type": "string", "enum": [V1, V2]},
        },
        CONSISTENT_HEADER: {
            "description": "Every statement that was stored up to this instant is covered by the answer.",
            "schema": {"type": "string", "format": "date-time"},
        },
        "ETag": {"description": "The SHA-1 of the document, in quotes.", "schema": {"type": "string"}},
        "Last-Modified": {"description": "When it was stored.", "schema": {"type": "string"}},
    }


def headers_of(*names: str, optional: Iterable[str] = ()) -> dict[str, Mapping[str, Any]]:
    """Return the headers that an answer of the xAPI resources has beside its version and how fresh it is."""
    described = {**describe_headers(), DUPLICATES_HEADER: _DUPLICATES}
    needed = {name: {**described[name], "required": True} for name in (VERSION_HEADER, CONSISTENT_HEADER, *names)}
    return {**needed, **{name: {"$ref": f"#/components/headers/{name}"} for name in optional}}


def _query(name: str, schema: Schema, description: str, *, required: bool = False, **more: Any) -> Parameter:  # noqa: ANN401 (examples are any JSON)
    return {"name": name, "in": "query", "required": required, "description": description, "schema": schema, **more}


def _header(name: str, schema: Schema, description: str, *, required: bool = False, **more: Any) -> Parameter:  # noqa: ANN401
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema, **more}


def _agent(description: str, *, required: bool = False, **more: Any) -> Parameter:  # noqa: ANN401
    return {
        "name": "agent",
        "in": "query",
        "required": required,
        "description": f"{description} In JSON. Who sees pseudonyms only names one as an account.",
        "content": {"application/json": {"schema": ANY_AGENT, **more}},
    }
