"""What a tenant keeps, seals, hashes or drops of its statements, beside the agents, which are always replaced.

A policy is data: a JSON object that an institution writes, holds under version control and tries out over what is
stored (`jalon policy check`). docs/policy.md says how to write one.
"""

from __future__ import annotations

import functools
from typing import Any, Final, Literal, get_args

import orjson
import phonenumbers
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator
from pydantic_core import ErrorDetails

from identity.errors import InvalidPolicy, PolicyProblem
from xapi_profiles.errors import MalformedJson
from xapi_profiles.json_text import parse_json

Treatment = Literal["keep", "seal", "hash", "drop"]
Action = Literal["inspect", "keep", "seal", "hash", "drop"]
"""`inspect` keeps what holds nothing that looks like an address, a phone number or a name, and treats what does as
the policy says under `detected`."""

FieldName = Literal[
    "verb.id",
    "verb.display",
    "activity.id",
    "activity.definition.name",
    "activity.definition.description",
    "activity.definition.type",
    "activity.definition.moreInfo",
    "activity.definition.correctResponsesPattern",
    "activity.definition.components",
    "result.response",
    "context.revision",
    "context.platform",
    "context.language",
    "context.relevantTypes",
    "attachments.usageType",
    "attachments.display",
    "attachments.description",
    "attachments.contentType",
    "attachments.fileUrl",
]
"""The fields of a statement that hold text or an IRI. An activity is one wherever it stands, and a sub-statement has
the same fields; `components` are choices, scale, source, target and steps. What is missing here (ids, times, scores,
durations, hashes) has a form of its own that holds no text."""

DEFAULT_ACTIONS: Final[dict[FieldName, Action]] = {"result.response": "seal"}
"""Fields that are not inspected by default."""

_MOST_RULES: Final = 1_000
_MOST_REMEMBERED: Final = 50_000


class Patterns:
    """Rules by IRI, made for finding the longest that fits."""

    def __init__(self, rules: dict[str, Action]) -> None:
        self._exact = {pattern: action for pattern, action in rules.items() if not pattern.endswith("*")}
        beginnings = [(pattern[:-1], action) for pattern, action in rules.items() if pattern.endswith("*")]
        self._beginnings = sorted(beginnings, key=lambda rule: -len(rule[0]))
        self.are_any = bool(rules)
        self.find = functools.lru_cache(maxsize=10_000)(self._find)

    def _find(self, iri: str) -> Action | None:
        """Return the action of the rule that fits best, None where none does."""
        found = self._exact.get(iri)
        if found is not None:
            return found
        return next((action for beginning, action in self._beginnings if iri.startswith(beginning)), None)


class Sound:
    """Remembers which values of statements stay as they are, by a mark of each: some megabytes at most.

    A mark is a keyed hash of 64 bits, made anew in every process, so nobody can make a value that is taken for another.
    """

    def __init__(self) -> None:
        self._marks: set[int] = set()

    def holds(self, kind: str, value: str | bytes) -> bool:
        """Tell whether a value of that kind was added."""
        return hash((kind, value)) in self._marks

    def add(self, kind: str, value: str | bytes) -> None:
        """Remember a value, and forget all others when they are too many."""
        if len(self._marks) >= _MOST_REMEMBERED:
            self._marks.clear()
        self._marks.add(hash((kind, value)))


class Policy(BaseModel):
    """A tenant's policy; without arguments, the default one.

    `extensions` and `iris` have rules by IRI, exact or a beginning that ends in `*`; the longest that fits counts. A
    rule for IRIs comes before that of the field in which an IRI stands. `region` is the country whose phone numbers
    are recognised without their international prefix.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    detected: Treatment = "seal"
    region: str = "FR"
    fields: dict[FieldName, Action] = Field(default_factory=dict)
    extensions: dict[str, Action] = Field(default_factory=dict, max_length=_MOST_RULES)
    iris: dict[str, Action] = Field(default_factory=dict, max_length=_MOST_RULES)

    @field_validator("region")
    @classmethod
    def _check_region(cls, value: str) -> str:
        if value not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("expected a country in two capital letters (ISO 3166), such as FR")
        return value

    @field_validator("extensions", "iris")
    @classmethod
    def _check_patterns(cls, value: dict[str, Action]) -> dict[str, Action]:
        for pattern in value:
            if not pattern or "*" in pattern[:-1] or any(character.isspace() for character in pattern):
                raise ValueError(f"expected an IRI, or the beginning of one and a * at its end, not {pattern[:60]!r}")
        return value

    @classmethod
    def read(cls, content: bytes | str) -> Policy:
        """Return the policy in a JSON text. Raises InvalidPolicy, which names place, rule and what was found."""
        try:
            told = parse_json(content.encode() if isinstance(content, str) else content)
        except MalformedJson as error:
            raise InvalidPolicy([PolicyProblem("", "a JSON object", str(error))]) from None
        try:
            return _ADAPTER.validate_python(told)
        except ValidationError as error:
            raise InvalidPolicy([_to_problem(each, told) for each in error.errors()]) from None

    def dump(self) -> str:
        """Return the policy as JSON with every field in it, as `read` takes it."""
        told = {**self.model_dump(), "fields": self.actions}
        return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()

    @functools.cached_property
    def actions(self) -> dict[FieldName, Action]:
        """What is done with each field."""
        inspected: dict[FieldName, Action] = dict.fromkeys(get_args(FieldName), "inspect")
        return inspected | DEFAULT_ACTIONS | self.fields

    @functools.cached_property
    def sound(self) -> Sound:
        """What was found to stay as it is under this policy."""
        return Sound()

    @functools.cached_property
    def extension_rules(self) -> Patterns:
        """The rules of extensions, by key."""
        return Patterns(self.extensions)

    @functools.cached_property
    def iri_rules(self) -> Patterns:
        """The rules of IRIs."""
        return Patterns(self.iris)


_ADAPTER: Final = TypeAdapter(Policy)


def _to_problem(error: ErrorDetails, told: object) -> PolicyProblem:
    pointer = ""
    found: Any = told
    for part in error["loc"]:
        if part == "[key]":
            found = pointer.rpartition("/")[2]
            break
        pointer += f"/{str(part).replace('~', '~0').replace('/', '~1')}"
        found = found.get(part) if isinstance(found, dict) else None
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "expected")
    if error["type"] == "extra_forbidden":
        message = f"known here are {', '.join(Policy.model_fields)}"
    elif error["type"].startswith("model_"):
        message = "expected a JSON object"
    return PolicyProblem(pointer, message, orjson.dumps(found, default=str).decode()[:80])
