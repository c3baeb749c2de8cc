"""xAPI Profiles as data: what a profile document has to look like, and the profiles that come with Jalon.

The models follow the xAPI Profiles specification 1.0, part two. Matching statements against templates and
patterns is another matter, and another module's.
"""

from __future__ import annotations

import re
from importlib import resources
from itertools import islice
from typing import Annotated, Any, Final, Literal

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from xapi_profiles.errors import InvalidProfile
from xapi_profiles.profile_problems import describe_fault, find_empty_values, find_faults, make_problem
from xapi_profiles.statement import ActivityDefinition, Iri, LanguageMap, MediaType, Timestamp2

CONTEXT: Final = "https://w3id.org/xapi/profiles/context"
MAX_FAULTS: Final = 1000
CONFORMS_TO: Final = "https://w3id.org/xapi/profiles#1.0"

# Children, indexes, `*`, unions of these, and whole paths joined by `|`; no filters, no scripts.
_MEMBER = r"(?:'[^']*'|\"[^\"]*\"|\d+|\*)"
_STEP = rf"(?:\.\.?(?:[\w\-@]+|\*)|\[\s*{_MEMBER}(?:\s*,\s*{_MEMBER})*\s*\])"
_PATH = rf"(?:\$|[\w\-@]+){_STEP}*"
_JSON_PATH = re.compile(rf"\s*{_PATH}(?:\s*\|\s*{_PATH})*\s*")


def _check_path(text: str) -> str:
    if not _JSON_PATH.fullmatch(text):
        raise ValueError("expected a JSONPath of children, indexes, * and unions, without filters or scripts")
    return text


def _check_context(context: str | list[Any]) -> str | list[Any]:
    if CONTEXT not in (context if isinstance(context, list) else [context]):
        raise ValueError(f"expected {CONTEXT}, or an array with it")
    return context


def _check_inline_schema(text: str) -> str:
    try:
        schema = orjson.loads(text)
    except orjson.JSONDecodeError:
        schema = None
    if type(schema) is not dict:
        raise ValueError("expected a JSON Schema, as a string of JSON")
    return text


JsonPath = Annotated[str, AfterValidator(_check_path)]
Values = Annotated[list[Any], Field(min_length=1)]
Iris = Annotated[list[Iri], Field(min_length=1)]


def _leave_context_out(definition: object) -> object:
    """Return an activity's definition without what a profile adds to it (7.4)."""
    if isinstance(definition, dict):
        return {name: value for name, value in definition.items() if name != "@context"}
    return definition


class _Part(BaseModel):
    """A part of a profile: what the specification does not name is a JSON-LD keyword or an IRI."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True, alias_generator=to_camel)

    @model_validator(mode="after")
    def _check_other_keys(self) -> _Part:
        unknown = [key for key in self.model_extra or () if not key.startswith("@") and ":" not in key]
        if unknown:
            raise ValueError(f"expected no other properties than the specification's, or IRIs: {', '.join(unknown)}")
        return self


class Version(_Part):
    """A version of a profile (6.1)."""

    id: Iri
    was_revision_of: Iris | None = None
    generated_at_time: Timestamp2


class Author(_Part):
    """Who wrote a profile (6.2)."""

    type: Literal["Organization", "Person"]
    name: str
    url: Iri | None = None


class _Described(_Part):
    id: Iri
    in_scheme: Iri
    pref_label: LanguageMap
    definition: LanguageMap
    deprecated: bool = False


class Term(_Described):
    """A verb, an activity type or an attachment usage type (7.1)."""

    type: Literal["Verb", "ActivityType", "AttachmentUsageType"]
    broader: Iris | None = None
    broad_match: Iris | None = None
    narrower: Iris | None = None
    narrow_match: Iris | None = None
    related: Iris | None = None
    related_match: Iris | None = None
    exact_match: Iris | None = None

    @model_validator(mode="after")
    def _check_related(self) -> Term:
        if self.related and not self.deprecated:
            raise ValueError("expected related on deprecated concepts only")
        return self


class ExtensionConcept(_Described):
    """The key of an extension and the form of its value (7.2)."""

    type: Literal["ContextExtension", "ResultExtension", "ActivityExtension"]
    recommended_activity_types: Iris | None = None
    recommended_verbs: Iris | None = None
    context: Iri | None = None
    # `schema` is a method of pydantic's.
    schema_iri: Iri | None = Field(default=None, alias="schema")
    inline_schema: Annotated[str, AfterValidator(_check_inline_schema)] | None = None

    @model_validator(mode="after")
    def _check_choices(self) -> ExtensionConcept:
        if self.schema_iri and self.inline_schema:
            raise ValueError("expected schema or inlineSchema, not both")
        if self.recommended_verbs and self.type == "ActivityExtension":
            raise ValueError("expected recommendedActivityTypes, not recommendedVerbs, on an ActivityExtension")
        if self.recommended_activity_types and self.type != "ActivityExtension":
            raise ValueError("expected recommendedVerbs, not recommendedActivityTypes, on this extension")
        return self


class DocumentResource(_Described):
    """The form of a document of a state or profile resource (7.3)."""

    type: Literal["StateResource", "AgentProfileResource", "ActivityProfileResource"]
    content_type: MediaType
    context: Iri | None = None
    schema_iri: Iri | None = Field(default=None, alias="schema")
    inline_schema: Annotated[str, AfterValidator(_check_inline_schema)] | None = None

    @model_validator(mode="after")
    def _check_choices(self) -> DocumentResource:
        if self.schema_iri and self.inline_schema:
            raise ValueError("expected schema or inlineSchema, not both")
        return self


class CanonicalActivity(_Part):
    """An activity with its canonical definition (7.4)."""

    id: Iri
    type: Literal["Activity"]
    in_scheme: Iri
    deprecated: bool = False
    activity_definition: Annotated[ActivityDefinition, BeforeValidator(_leave_context_out)]


class Rule(_Part):
    """What has to be, or must not be, at a place of a statement (8.1)."""

    location: JsonPath
    selector: JsonPath | None = None
    presence: Literal["included", "excluded", "recommended"] | None = None
    any: Values | None = None
    all: Values | None = None
    none: Values | None = None
    scope_note: LanguageMap | None = None

    @model_validator(mode="after")
    def _check_restricts(self) -> Rule:
        if self.presence is None and self.any is None and self.all is None and self.none is None:
            raise ValueError("expected one of presence, any, all and none at least")
        return self


class Template(_Described):
    """One form of statement (8.0)."""

    type: Literal["StatementTemplate"]
    verb: Iri | None = None
    object_activity_type: Iri | None = None
    context_grouping_activity_type: Iris | None = None
    context_parent_activity_type: Iris | None = None
    context_other_activity_type: Iris | None = None
    context_category_activity_type: Iris | None = None
    attachment_usage_type: Iris | None = None
    object_statement_ref_template: Iris | None = None
    context_statement_ref_template: Iris | None = None
    rules: Annotated[list[Rule], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _check_object(self) -> Template:
        if self.object_statement_ref_template and self.object_activity_type:
            raise ValueError("expected objectStatementRefTemplate or objectActivityType, not both")
        return self


class Pattern(_Part):
    """An order of statements within a registration (9.0)."""

    id: Iri
    type: Literal["Pattern"]
    primary: bool = False
    in_scheme: Iri | None = None
    pref_label: LanguageMap | None = None
    definition: LanguageMap | None = None
    deprecated: bool = False
    alternates: Annotated[list[Iri], Field(min_length=2)] | None = None
    optional: Iri | None = None
    one_or_more: Iri | None = None
    sequence: Iris | None = None
    zero_or_more: Iri | None = None

    @property
    def members(self) -> tuple[str, ...]:
        """The ids of the patterns and templates that this one is made of."""
        single = (self.optional, self.one_or_more, self.zero_or_more)
        return (*(self.alternates or ()), *(self.sequence or ()), *(iri for iri in single if iri))

    @model_validator(mode="after")
    def _check_kind(self) -> Pattern:
        kinds = (self.alternates, self.optional, self.one_or_more, self.sequence, self.zero_or_more)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("expected exactly one of alternates, optional, oneOrMore, sequence and zeroOrMore")
        if self.sequence is not None and len(self.sequence) == 1 and not self.primary:
            raise ValueError("expected two members of sequence at least, or a primary pattern")
        if self.primary and not (self.pref_label and self.definition):
            raise ValueError("expected prefLabel and definition on a primary pattern")
        return self


def _tag_concept(concept: object) -> str:
    kind = str(concept.get("type", "")) if isinstance(concept, dict) else ""
    if kind.endswith("Extension"):
        return "extension"
    return "activity" if kind == "Activity" else "document" if kind.endswith("Resource") else "term"


Concept = Annotated[
    Annotated[Term, Tag("term")]
    | Annotated[ExtensionConcept, Tag("extension")]
    | Annotated[DocumentResource, Tag("document")]
    | Annotated[CanonicalActivity, Tag("activity")],
    Discriminator(_tag_concept),
]


class Profile(_Part):
    """A profile with its concepts, templates and patterns (6.0)."""

    context: Annotated[str | list[Any], AfterValidator(_check_context)] = Field(alias="@context")
    id: Iri
    type: Literal["Profile"]
    conforms_to: Literal["https://w3id.org/xapi/profiles#1.0"]
    pref_label: LanguageMap
    definition: LanguageMap
    see_also: Iri | None = None
    versions: Annotated[list[Version], Field(min_length=1)]
    author: Author
    concepts: list[Concept] = []
    templates: list[Template] = []
    patterns: list[Pattern] = []


def check_profile(document: object) -> Profile:
    """Return a parsed JSON document as a profile. Raises InvalidProfile with the problems found.

    What is wrong with the profile as a whole is looked for once its parts are sound.
    """
    problems = {problem.pointer: problem for problem in islice(find_empty_values(document), MAX_FAULTS)}
    try:
        profile = Profile.model_validate(document)
    except ValidationError as error:
        # Naming a fault costs a hundred times what finding it did: a flood of them is not worth it.
        if error.error_count() > MAX_FAULTS:
            message = f"more than {MAX_FAULTS} faults, too many to name; is this an xAPI profile?"
            raise InvalidProfile((make_problem(document, (), message),)) from None
        for fault in error.errors(include_url=False):
            problem = describe_fault(document, fault)
            problems.setdefault(problem.pointer, problem)
        raise InvalidProfile(tuple(problems.values())) from None
    found = (*problems.values(), *find_faults(document, profile))
    if found:
        raise InvalidProfile(found)
    return profile


def load_profile(name: str = "training") -> Profile:
    """Return a profile that comes with Jalon, by its file's name. Raises FileNotFoundError if there is none."""
    file = resources.files("xapi_profiles").joinpath("profiles", f"{name}.jsonld")
    return check_profile(orjson.loads(file.read_bytes()))


def load_profiles() -> tuple[Profile, ...]:
    """Return all profiles that come with Jalon, in the order of their files' names.

    Reading and checking them takes tens of milliseconds: keep what is returned.
    """
    files = resources.files("xapi_profiles").joinpath("profiles").iterdir()
    names = sorted(file.name.removesuffix(".jsonld") for file in files if file.name.endswith(".jsonld"))
    return tuple(map(load_profile, names))
