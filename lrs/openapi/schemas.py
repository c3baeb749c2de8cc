"""The JSON of requests and answers as schemas; those of statements come from the types that statements are checked by.

They are kept to what OpenAPI 3.0 and 3.1 have in common, as readers of either are about (docs/decisions/0018). A schema
says less than the rules: what concerns several properties, and the form of most texts, is checked beyond it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from lrs.negotiation import SUPPORTED
from xapi_profiles import datatypes
from xapi_profiles.statement import Statement1, Statement2

Schema = dict[str, Any]

UUID: Final[Schema] = {"type": "string", "format": "uuid"}

# What a reader of the description needs of each check; only exact forms have a pattern or a format.
_FORMS: Final[dict[Callable[[str], str], Schema]] = {
    datatypes.check_iri: {"description": "An absolute IRI.", "example": "https://example.org/activities/fractions"},
    datatypes.check_uri: {"description": "An absolute URI.", "example": "https://example.org/people/ada"},
    datatypes.check_mbox: {"description": "mailto: and one e-mail address.", "example": "mailto:ada@example.org"},
    datatypes.check_sha1: {"description": "The SHA-1 of a mailto IRI.", "pattern": "^[0-9A-Fa-f]{40}$"},
    datatypes.check_sha2: {
        "description": "A SHA-224, 256, 384 or 512.",
        "pattern": "^([0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})$",
    },
    datatypes.check_uuid: {"format": "uuid"},
    datatypes.check_media_type: {"description": "A media type.", "example": "text/plain"},
    datatypes.check_language_tag: {"description": "A language tag (RFC 5646).", "example": "en"},
    datatypes.check_duration: {"description": "An ISO 8601 duration.", "example": "PT30M"},
    datatypes.check_timestamp: {"description": "An ISO 8601 timestamp.", "example": "2026-11-22T09:30:00.000Z"},
    datatypes.check_rfc3339_timestamp: {
        "description": "An RFC 3339 timestamp.",
        "example": "2026-11-22T09:30:00.000Z",
    },
}


def refer(name: str) -> Schema:
    """Return a reference to one of `describe_schemas`."""
    return {"$ref": f"#/components/schemas/{name}"}


def text_of(*values: str) -> Schema:
    """Return the schema of a text that is one of `values`."""
    return {"type": "string", "enum": list(values)}


def list_of(schema: Schema) -> Schema:
    """Return the schema of an array."""
    return {"type": "array", "items": schema}


def object_of(required: Iterable[str] = (), **properties: Schema) -> Schema:
    """Return the schema of an object with these properties and no other."""
    needed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": properties, **needed, "additionalProperties": False}


ANY_STATEMENT: Final = refer("Statement")
ANY_AGENT: Final[Schema] = {"anyOf": [refer("Agent"), refer("Group")]}


def describe_schemas() -> dict[str, Schema]:
    """Return the schemas of all that is sent and answered but refusals, by name."""
    return {
        "Statement": {
            "description": "A statement; which rules it is checked by is for X-Experience-API-Version to say.",
            "anyOf": [refer("Statement1"), refer("Statement2")],
        },
        "StatementResult": object_of(
            ("statements", "more"),
            statements=list_of(ANY_STATEMENT),
            more={"type": "string", "description": "Where the next page is, on this host; empty on the last."},
        ),
        "Person": object_of(
            ("objectType",),
            objectType=text_of("Person"),
            name=list_of({"type": "string"}),
            mbox=list_of({"type": "string"}),
            mbox_sha1sum=list_of({"type": "string"}),
            openid=list_of({"type": "string"}),
            account=list_of(refer("Account")),
        ),
        "About": object_of(
            ("version", "extensions"), version=list_of(text_of(*SUPPORTED)), extensions={"type": "object"}
        ),
        "Readiness": object_of(
            ("kafka", "clickhouse", "identity"),
            kafka={"type": "boolean", "description": "Whether Kafka answers."},
            clickhouse={"type": "boolean", "description": "Whether ClickHouse answers."},
            identity={"type": "boolean", "description": "Whether the identity database answers; no 503 comes of it."},
        ),
        **_describe_statements(),
    }


def _describe_statements() -> dict[str, Schema]:
    _, described = TypeAdapter.json_schemas(
        [("first", "validation", TypeAdapter(Statement1)), ("second", "validation", TypeAdapter(Statement2))],
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    schemas: dict[str, Schema] = described["$defs"]
    return schemas


class _Schemas(GenerateJsonSchema):
    """Pydantic's schemas, with the form of each text, and without what OpenAPI 3.0 does not know."""

    def function_after_schema(self, schema: core_schema.AfterValidatorFunctionSchema) -> Schema:
        return {**super().function_after_schema(schema), **_FORMS.get(schema["function"]["function"], {})}  # type: ignore[arg-type]  # it is hashed, not called

    def literal_schema(self, schema: core_schema.LiteralSchema) -> Schema:
        made = super().literal_schema(schema)
        if "const" in made:
            made["enum"] = [made.pop("const")]
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> Schema:
        made = super().dict_schema(schema)
        made.pop("propertyNames", None)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 (as pydantic has it)
        return False
