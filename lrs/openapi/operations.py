"""What can be done with each resource: the paths of the description."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from lrs.documents.places import RESOURCES, Resource
from lrs.errors import (
    BadRequest,
    Conflict,
    DocumentExists,
    Forbidden,
    HeadTooLarge,
    InternalError,
    LrsError,
    MethodNotAllowed,
    NotFound,
    PreconditionFailed,
    QueryTooLong,
    RateLimited,
    RequestTimeout,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UnsupportedEncoding,
)
from lrs.frame import ROOT
from lrs.negotiation import DUPLICATES_HEADER
from lrs.openapi import parameters
from lrs.openapi.examples import DOCUMENT, MULTIPART, SINGLE, STATEMENTS
from lrs.openapi.parameters import headers_of
from lrs.openapi.refusals import describe_refusals, refuse_with
from lrs.openapi.schemas import ANY_STATEMENT, UUID, Schema, list_of, refer

Described = dict[str, Any]
Kinds = tuple[type[LrsError], ...]

_ANY: Final[Kinds] = (RequestTimeout, QueryTooLong, HeadTooLarge, InternalError)
_XAPI: Final[Kinds] = (*_ANY, BadRequest)
_SIGNED_IN: Final[Kinds] = (*_XAPI, Unauthenticated, Forbidden, RateLimited, Unavailable)
_WITH_BODY: Final[Kinds] = (*_SIGNED_IN, TooLarge, UnsupportedEncoding)

_ALTERNATE: Final = "\n\nIn 1.0.x the alternate request syntax is sent here, too: see above."
_ONE_OF: Final = "Of the ids without `{id}`, oldest first; with it, of the document as it was sent."


def describe_paths() -> dict[str, Described]:
    """Return the operations of every resource, by path and method."""
    return {
        f"{ROOT}/statements": _describe_statements(),
        f"{ROOT}/statements/more": {
            "get": _operation(
                "getMoreStatements",
                "Statements",
                "Get the page that a more link names",
                "As the page before it was asked for. The link belongs to the credential that got it.",
                ("version", "cursor", "acceptLanguage"),
                {"200": _answer_statements(refer("StatementResult"))},
                _SIGNED_IN,
            )
        },
        f"{ROOT}/activities": {
            "get": _operation(
                "getActivity",
                "Activities and agents",
                "Get an activity with all that statements say of it",
                "One that no statement knows has its id alone.",
                ("version", "activityId"),
                {"200": _answer_json("The activity.", refer("Activity"))},
                _SIGNED_IN,
            )
        },
        f"{ROOT}/agents": {
            "get": _operation(
                "getPerson",
                "Activities and agents",
                "Get the person behind an agent",
                "All names and identifiers that are known; the pseudonym for who sees no people.",
                ("version", "agent"),
                {"200": _answer_json("The person.", refer("Person"))},
                _SIGNED_IN,
            )
        },
        **{f"{ROOT}/{resource.path}": _describe_documents(resource) for resource in RESOURCES},
        f"{ROOT}/about": {
            "get": _open_operation(
                "getAbout",
                "Get the versions of xAPI that are spoken here",
                {"200": _answer_json("The versions.", refer("About"))},
                _XAPI,
            )
        },
        "/health": {
            "get": _open_operation(
                "getHealth",
                "Ask whether the process runs",
                {"200": _answer_plainly("It runs.", {"type": "object"})},
                _ANY,
            )
        },
        "/ready": {
            "get": _open_operation(
                "getReadiness",
                "Ask whether Kafka and ClickHouse answer",
                {
                    "200": _answer_plainly("Both answer.", refer("Readiness")),
                    "503": _answer_plainly("One of them does not.", refer("Readiness")),
                },
                _ANY,
            )
        },
        "/openapi.json": {
            "get": _open_operation(
                "getDescription",
                "Get this description",
                {"200": _answer_plainly("The description.", {"type": "object"})},
                _ANY,
            )
        },
    }


def add_heads(paths: Mapping[str, Described]) -> dict[str, Described]:
    """Return the paths with a HEAD beside each GET: the same, without what it would answer."""
    return {
        path: {**item, "head": _without_content(item["get"])} if "get" in item else item for path, item in paths.items()
    }


def _describe_statements() -> Described:
    contents = {
        "multipart/mixed": {"schema": {"type": "string"}, "example": MULTIPART},
    }
    duplicates = headers_of(DUPLICATES_HEADER)
    return {
        "get": _operation(
            "getStatements",
            "Statements",
            "Get one statement, or those that match",
            "With `statementId` or `voidedStatementId` one statement, beside which only `format` and `attachments` may "
            "be sent; else the first page of those that match every other parameter, all of them without any. The "
            "answer waits until it covers all that was accepted before.",
            (
                "version",
                "statementId",
                "voidedStatementId",
                "agentFilter",
                "verb",
                "activity",
                "registrationFilter",
                "relatedActivities",
                "relatedAgents",
                "sinceFilter",
                "untilFilter",
                "limit",
                "format",
                "attachments",
                "ascending",
                "acceptLanguage",
            ),
            {"200": _answer_statements({"anyOf": [refer("StatementResult"), ANY_STATEMENT]})},
            (*_SIGNED_IN, NotFound),
        ),
        "put": _operation(
            "putStatement",
            "Statements",
            "Store one statement under an id",
            "The same again stores nothing; another one under a known id is refused. Attachments are sent along as "
            "multipart/mixed, as for POST.",
            ("version", "putStatementId"),
            {"204": {"description": "It is stored for good.", "headers": duplicates}},
            (*_WITH_BODY, Conflict),
            body={"application/json": {"schema": ANY_STATEMENT, "examples": SINGLE}, **contents},
        ),
        "post": _operation(
            "postStatements",
            "Statements",
            "Store one statement, or many",
            "All of them or none. Attachments are sent along as multipart/mixed: first the JSON, then a part for each "
            "content, with `Content-Transfer-Encoding: binary` and its SHA-2 as `X-Experience-API-Hash`." + _ALTERNATE,
            ("version",),
            {
                "200": {
                    **_answer_json("Stored for good: the ids, in the order sent.", list_of(UUID)),
                    "headers": duplicates,
                }
            },
            (*_WITH_BODY, Conflict, MethodNotAllowed),
            body={
                "application/json": {
                    "schema": {"anyOf": [ANY_STATEMENT, list_of(ANY_STATEMENT)]},
                    "examples": STATEMENTS,
                },
                **contents,
            },
        ),
    }


def _describe_documents(resource: Resource) -> Described:
    tag = {"state": "State", "activity-profile": "Activity profiles", "agent-profile": "Agent profiles"}[resource.name]
    what = resource.name.title().replace("-", "")
    context = [
        name for name in ("activityId", "agent", "registration") if name in resource.required | resource.optional
    ]
    one = f"put{resource.id_parameter[0].upper()}{resource.id_parameter[1:]}"
    conditions = ("ifMatch", "ifNoneMatch")
    written = {"204": {"description": "It is done.", "headers": headers_of("ETag", "Last-Modified")}}
    found = {
        "description": _ONE_OF.format(id=resource.id_parameter),
        "headers": headers_of(optional=("ETag", "Last-Modified")),
        "content": {"application/json": {"schema": {}}, "*/*": {"schema": {}}},
    }
    merge = (
        "A document that is there and the one that is sent are both JSON objects, sent as application/json; the "
        "members of the second replace those of the first. What is new is stored as PUT does."
    )
    deletes_all = resource.is_state
    return {
        "get": _operation(
            f"get{what}",
            tag,
            "Get a document, or the ids of all",
            "Contents are answered as they were sent, with their Content-Type.",
            ("version", *context, resource.id_parameter, "since", *conditions),
            {
                "200": found,
                "304": {"description": "The one that If-None-Match names.", "headers": headers_of("ETag")},
            },
            (*_SIGNED_IN, NotFound, PreconditionFailed),
        ),
        "put": _operation(
            f"put{what}",
            tag,
            "Store a document",
            "Without If-Match or If-None-Match: in 1.0.3 free for states, refused for profiles; in 2.0.0 refused where "
            "there is a document.",
            ("version", *context, one, *conditions),
            written,
            (*_WITH_BODY, DocumentExists, PreconditionFailed),
            body=DOCUMENT,
        ),
        "post": _operation(
            f"post{what}",
            tag,
            "Merge into a document",
            merge + _ALTERNATE,
            ("version", *context, one, *conditions),
            written,
            (*_WITH_BODY, PreconditionFailed),
            body=DOCUMENT,
        ),
        "delete": _operation(
            f"delete{what}",
            tag,
            "Delete a document, or all" if deletes_all else "Delete a document",
            f"Without `{resource.id_parameter}` every document of the context." if deletes_all else "",
            ("version", *context, resource.id_parameter if deletes_all else one, *conditions),
            {"204": {"description": "It is gone, or was not there.", "headers": headers_of()}},
            (*_SIGNED_IN, PreconditionFailed),
        ),
    }


def _operation(
    name: str,
    tag: str,
    summary: str,
    description: str,
    parameter_names: Iterable[str],
    answers: Mapping[str, Described],
    refusals: Iterable[type[LrsError]],
    *,
    body: Described | None = None,
) -> Described:
    said = {"description": description} if description else {}
    sent = {"requestBody": {"required": True, "content": body}} if body else {}
    return {
        "operationId": name,
        "tags": [tag],
        "summary": summary,
        **said,
        "parameters": parameters.refer(*parameter_names),
        **sent,
        "responses": {**answers, **refuse_with(refusals)},
    }


def _open_operation(
    name: str, summary: str, answers: Mapping[str, Described], refusals: Iterable[type[LrsError]]
) -> Described:
    """Return an operation that needs no credential."""
    return {**_operation(name, "About", summary, "", (), answers, refusals), "security": []}


def _answer_json(description: str, schema: Schema) -> Described:
    return {**_answer_plainly(description, schema), "headers": headers_of()}


def _answer_plainly(description: str, schema: Schema) -> Described:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _answer_statements(schema: Schema) -> Described:
    return {
        "description": "What was asked for; multipart/mixed with `attachments=true`.",
        "headers": headers_of(optional=("Last-Modified",)),
        "content": {"application/json": {"schema": schema}, "multipart/mixed": {"schema": {"type": "string"}}},
    }


def _without_content(operation: Described) -> Described:
    refusals = describe_refusals()
    answers: Described = {}
    for status, answer in operation["responses"].items():
        if "$ref" in answer:
            meaning: str = refusals[answer["$ref"].rpartition("/")[2]]["description"]
            answers[status] = {"description": meaning.partition("\n")[0]}
        else:
            answers[status] = {part: value for part, value in answer.items() if part != "content"}
    name = operation["operationId"].replace("get", "head", 1)
    return {**operation, "operationId": name, "responses": answers}
