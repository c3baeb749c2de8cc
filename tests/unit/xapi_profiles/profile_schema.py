"""The tables of the xAPI Profiles specification 1.0, part two, as a JSON Schema written from them.

It stands beside the models of xapi_profiles/profile.py so that a mistake in those does not hide one in a profile.
"""

from __future__ import annotations

from typing import Any

IRI = {"type": "string", "pattern": "^[a-z][a-z0-9+.-]*:[^ ]+$"}
IRIS = {"type": "array", "items": IRI, "minItems": 1}
WORDS = {
    "type": "object",
    "minProperties": 1,
    "patternProperties": {"^[a-z]{2,3}(-[A-Za-z0-9]{1,8})*$": {"type": "string", "minLength": 1}},
    "additionalProperties": False,
}
FLAG = {"type": "boolean"}
TEXT = {"type": "string", "minLength": 1}
VALUES = {"type": "array", "minItems": 1}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$"}


def make_object(required: dict[str, Any], optional: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def named(*kinds: str) -> dict[str, Any]:
    return {"id": IRI, "type": {"enum": list(kinds)}, "inScheme": IRI, "prefLabel": WORDS, "definition": WORDS}


def only_one_of(*names: str) -> dict[str, Any]:
    return {"oneOf": [{"required": [name]} for name in names]}


RELATIONS = dict.fromkeys(
    ("broader", "broadMatch", "narrower", "narrowMatch", "related", "relatedMatch", "exactMatch"), IRIS
)
SCHEMAS = {"context": IRI, "schema": IRI, "inlineSchema": TEXT}
AT_MOST_ONE_SCHEMA = {"not": {"required": ["schema", "inlineSchema"]}}
TERM = make_object(named("Verb", "ActivityType", "AttachmentUsageType"), {"deprecated": FLAG, **RELATIONS})
OUTSIDE = make_object(
    named("ContextExtension", "ResultExtension"),
    {"deprecated": FLAG, "recommendedVerbs": IRIS, **SCHEMAS},
    **AT_MOST_ONE_SCHEMA,
)
INSIDE = make_object(
    named("ActivityExtension"),
    {"deprecated": FLAG, "recommendedActivityTypes": IRIS, **SCHEMAS},
    **AT_MOST_ONE_SCHEMA,
)
RULE = make_object(
    {"location": TEXT},
    {
        "selector": TEXT,
        "presence": {"enum": ["included", "excluded", "recommended"]},
        "any": VALUES,
        "all": VALUES,
        "none": VALUES,
        "scopeNote": WORDS,
    },
    anyOf=[{"required": [name]} for name in ("presence", "any", "all", "none")],
)
TEMPLATE = make_object(
    named("StatementTemplate"),
    {
        "deprecated": FLAG,
        "verb": IRI,
        "objectActivityType": IRI,
        "contextGroupingActivityType": IRIS,
        "contextParentActivityType": IRIS,
        "contextOtherActivityType": IRIS,
        "contextCategoryActivityType": IRIS,
        "attachmentUsageType": IRIS,
        "objectStatementRefTemplate": IRIS,
        "contextStatementRefTemplate": IRIS,
        "rules": {"type": "array", "items": RULE, "minItems": 1},
    },
    **{"not": {"required": ["objectStatementRefTemplate", "objectActivityType"]}},
)
PATTERN = make_object(
    {"id": IRI, "type": {"const": "Pattern"}},
    {
        "primary": FLAG,
        "inScheme": IRI,
        "prefLabel": WORDS,
        "definition": WORDS,
        "deprecated": FLAG,
        "alternates": {"type": "array", "items": IRI, "minItems": 2},
        "optional": IRI,
        "oneOrMore": IRI,
        "sequence": IRIS,
        "zeroOrMore": IRI,
    },
    **only_one_of("alternates", "optional", "oneOrMore", "sequence", "zeroOrMore"),
    **{
        "if": {"properties": {"primary": {"const": True}}, "required": ["primary"]},
        "then": {"required": ["prefLabel", "definition"]},
    },
)
PROFILE: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    **make_object(
        {
            "@context": {"const": "https://w3id.org/xapi/profiles/context"},
            "id": IRI,
            "type": {"const": "Profile"},
            "conformsTo": {"const": "https://w3id.org/xapi/profiles#1.0"},
            "prefLabel": WORDS,
            "definition": WORDS,
            "versions": {
                "type": "array",
                "minItems": 1,
                "items": make_object({"id": IRI, "generatedAtTime": TIME}, {"wasRevisionOf": IRIS}),
            },
            "author": make_object({"type": {"enum": ["Organization", "Person"]}, "name": TEXT}, {"url": IRI}),
        },
        {
            "seeAlso": IRI,
            "concepts": {"type": "array", "minItems": 1, "items": {"oneOf": [TERM, OUTSIDE, INSIDE]}},
            "templates": {"type": "array", "minItems": 1, "items": TEMPLATE},
            "patterns": {"type": "array", "minItems": 1, "items": PATTERN},
        },
    ),
}
