"""What a mapping file may say (docs/sources/map.md is its language), as a checked model."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from producers.mapping.values import (
    ColumnName,
    DurationValue,
    EvidenceValue,
    Extensions,
    Formats,
    ModalityValue,
    MomentValue,
    NumberValue,
    Part,
    Text,
    TextValue,
    TruthValue,
    TypeValue,
    VerbValue,
    Words,
    Zone,
    to_list,
)
from producers.mapping.words import PROFILES, TYPES, find_iri
from xapi_profiles.datatypes import check_iri, check_language_tag
from xapi_profiles.record import SOURCE_PATTERN

Interaction = Literal[
    "true-false", "choice", "fill-in", "long-fill-in", "likert", "matching", "sequencing", "numeric", "other"
]

IDENTIFIED: Final = ("session", "module", "pathway", "room", "virtual_room", "id")
"""What an object may be, one of them: the first five are named by the tenant's naming, `id` by its IRI."""


class Condition(Part):
    """One test of one column. With `others`, a word that is neither in it nor in `is` is a mistake of the row."""

    column: ColumnName
    filled: bool | None = None
    is_: Words | None = None
    others: Words | None = None
    is_not: Words | None = None
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.model_fields_set - {"column", "others"}) != 1:
            raise ValueError("a condition has one test: filled, is, is-not, at-least, at-most, above or below")
        if self.others is not None and self.is_ is None:
            raise ValueError("others goes with is")
        return self


class ForEach(Part):
    """The columns that a statement is repeated for: those whose whole name matches a regular expression."""

    columns: str

    @field_validator("columns")
    @classmethod
    def _check(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from None
        return pattern


class Actor(Part):
    """Whom a row is about: by e-mail address, else by account, else nobody known. The first that a row fills counts."""

    email: TextValue | None = None
    account: TextValue | None = None
    home_page: TextValue | None = None
    anonymous: bool = False
    name: TextValue | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.email is None and self.account is None and not self.anonymous:
            raise ValueError("an actor has an email, an account, or anonymous = true")
        if self.home_page is not None and self.account is None:
            raise ValueError("home-page goes with account")
        return self

    @field_validator("home_page")
    @classmethod
    def _check_home_page(cls, value: Text | None) -> Text | None:
        if value is not None and value.text.constant is not None:
            find_iri(value.text.constant, {}, "IRI")
        return value


class Thing(Part):
    """An activity, by one of IDENTIFIED."""

    session: TextValue | None = None
    module: TextValue | None = None
    pathway: TextValue | None = None
    room: TextValue | None = None
    virtual_room: TextValue | None = None
    id: TextValue | None = None
    type: TypeValue | None = None
    name: TextValue | None = None
    interaction_type: Interaction | None = None

    @property
    def kind(self) -> str:
        """Which of IDENTIFIED it is."""
        return next(name for name in IDENTIFIED if getattr(self, name) is not None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name in IDENTIFIED if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("an activity has one of session, module, pathway, room, virtual-room and id")
        if given != ["id"] and self.type is not None:
            raise ValueError(f"type goes with id: that of a {given[0]} is known")
        if given == ["id"] and self.type is None:
            raise ValueError("an activity with an id has a type")
        constant = self.id.text.constant if self.id else None
        if constant is not None:
            check_iri(constant if ":" in constant else f"x:{constant}")
        interaction = self.type.text.constant == TYPES["interaction"] if self.type else False
        if interaction != (self.interaction_type is not None):
            raise ValueError("interaction-type goes with the type 'interaction', and always with it")
        return self


class Score(Part):
    """A result's score. Without `scaled`, raw, min and max give it."""

    scaled: NumberValue | None = None
    raw: NumberValue | None = None
    min: NumberValue | None = None
    max: NumberValue | None = None


class Result(Part):
    """What came of it."""

    score: Score | None = None
    success: TruthValue | None = None
    completion: TruthValue | None = None
    response: TextValue | None = None
    duration: DurationValue | None = None
    extensions: Extensions = Field(default_factory=dict)


class Context(Part):
    """In what it happened."""

    session: TextValue | None = None
    session_name: TextValue | None = None
    module: TextValue | None = None
    module_name: TextValue | None = None
    pathway: TextValue | None = None
    pathway_name: TextValue | None = None
    registration: bool = True
    modality: ModalityValue | None = None
    half_day: MomentValue | None = None
    evidence: EvidenceValue | None = None
    platform: TextValue | None = None
    parent: list[Thing] = Field(default_factory=list)
    grouping: list[Thing] = Field(default_factory=list)
    extensions: Extensions = Field(default_factory=dict)


class Statement(Part):
    """One statement of a row. What it leaves out, `[common]` may say. `key` adds columns to those of the row's key."""

    label: str = ""
    key: Annotated[list[ColumnName], BeforeValidator(to_list)] = Field(default_factory=list)
    for_each: ForEach | None = None
    when: list[Condition] = Field(default_factory=list)
    profile: str | None = None
    verb: VerbValue | None = None
    timestamp: MomentValue | None = None
    actor: Actor | None = None
    object: Thing | None = None
    result: Result | None = None
    context: Context | None = None

    @field_validator("profile")
    @classmethod
    def _check_profile(cls, profile: str | None) -> str | None:
        return None if profile is None else find_iri(profile, PROFILES, "profile")


class Input(Part):
    """How the file is read; what is left out is found by looking."""

    format: Literal["csv", "jsonl", "xlsx"] | None = None
    encoding: Literal["utf-8", "utf-8-sig", "utf-16", "cp1252"] | None = None
    separator: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    sheet: str = ""
    header: Annotated[int, Field(ge=1)] = 1
    empty: Words = Field(default_factory=list)
    never_read: Words = Field(default_factory=list)
    dates: Formats = Field(default_factory=list)
    time_zone: Zone | None = None


class MappingFile(Part):
    """A mapping file."""

    name: str
    title: str = ""
    language: str = "fr"
    key: Annotated[list[ColumnName], BeforeValidator(to_list), Field(min_length=1)]
    input: Input = Input()
    common: Statement = Statement()
    statement: Annotated[list[Statement], Field(min_length=1)]

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not re.fullmatch(SOURCE_PATTERN, name):
            raise ValueError("a name is lower-case letters, digits and -, and begins with a letter")
        return name

    @field_validator("language")
    @classmethod
    def _check_language(cls, language: str) -> str:
        return check_language_tag(language)
