"""The values of a mapping file: what it may say for a text, a number, a truth, a duration or a moment.

Every one is a template (texts.py) with what is done to it: translated by `words`, then read as what the field holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from producers.mapping.moments import check_format
from producers.mapping.texts import Column, Template, parse_template
from producers.mapping.words import EXTENSIONS, TYPES, VERBS, find_iri
from producers.naming import slug
from xapi_profiles.vocabulary import Evidence, Modality


class Part(BaseModel):
    """A table of a mapping file: its keys are written with -, and unknown ones are refused."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
    )


def _to_template(given: object) -> Template:
    if not isinstance(given, str):
        raise ValueError("expected a text, such as '{Column}'")  # noqa: TRY004 - pydantic takes ValueError
    return parse_template(given)


def _to_column(given: object) -> Template:
    if not isinstance(given, str) or not given.strip():
        raise ValueError("expected the name of a column")
    if "{" in given:
        raise ValueError("expected the name of a column alone, without braces")
    return Template((Column(given.strip()),))


def _to_table(given: object) -> object:
    """Return what is given for a value as the table that it stands for."""
    if isinstance(given, bool):
        return {"text": "true" if given else "false"}
    if isinstance(given, int | float):
        return {"text": str(given)}
    if isinstance(given, str):
        return {"text": given}
    if not isinstance(given, dict | BaseModel):
        raise ValueError("expected a text, such as '{Column}', or a table with text")  # noqa: TRY004
    return given


def to_list(given: object) -> object:
    """Return a single text as a list of it."""
    return [given] if isinstance(given, str) else given


def _check_formats(formats: list[str]) -> list[str]:
    for one in formats:
        check_format(one)
    return formats


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone, such as 'Europe/Paris'") from None
    return name


def _one_word(words: dict[str, str]) -> dict[str, str]:
    return {slug(word) or word.strip(): meaning for word, meaning in words.items()}


TextTemplate = Annotated[Template, BeforeValidator(_to_template)]
ColumnName = Annotated[Template, BeforeValidator(_to_column)]
Formats = Annotated[list[str], BeforeValidator(to_list), AfterValidator(_check_formats)]
Words = Annotated[list[str], BeforeValidator(to_list)]
Zone = Annotated[str, AfterValidator(_check_zone)]


class Text(Part):
    """A text; `words` says what the row's words stand for, `else` what all others do."""

    as_: Literal["text"] = "text"
    text: TextTemplate
    words: Annotated[dict[str, str], AfterValidator(_one_word)] = {}
    else_: str | None = None


class Number(Text):
    """A number, with a comma or a point, divided by `divide` where given."""

    as_: Literal["number"] = "number"  # type: ignore[assignment]
    divide: Annotated[float, Field(gt=0)] = 1


class Truth(Text):
    """Yes or no; `yes` and `no` replace the words known for them."""

    as_: Literal["boolean"] = "boolean"  # type: ignore[assignment]
    yes: Words = []
    no: Words = []


class Moment(Text):
    """A date, or a date and an hour, in some formats of strptime, else ISO 8601."""

    as_: Literal["date"] = "date"  # type: ignore[assignment]
    format: Formats = []
    time_zone: Zone | None = None


class Duration(Part):
    """A duration: a text (ISO 8601, 3:30, 3h30, or a number of `unit`), or what lies between `from` and `to`."""

    as_: Literal["duration"] = "duration"
    text: TextTemplate | None = None
    unit: Literal["hours", "minutes", "seconds"] | None = None
    from_: TextTemplate | None = None
    to: TextTemplate | None = None
    format: Formats = []

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.text is None) != (self.from_ is not None and self.to is not None):
            raise ValueError("a duration has either text, or both from and to")
        if self.format and self.text is not None:
            raise ValueError("format goes with from and to; a text has a unit")
        if self.unit and self.text is None:
            raise ValueError("unit goes with text, not with from and to")
        return self


def _kind(given: object) -> str:
    kind = given.get("as", "text") if isinstance(given, dict) else getattr(given, "as_", "text")
    return kind if isinstance(kind, str) else ""


TextValue = Annotated[Text, BeforeValidator(_to_table)]
NumberValue = Annotated[Number, BeforeValidator(_to_table)]
TruthValue = Annotated[Truth, BeforeValidator(_to_table)]
DurationValue = Annotated[Duration, BeforeValidator(_to_table)]
MomentValue = Annotated[Moment, BeforeValidator(_to_table)]
AnyValue = Annotated[
    Annotated[Text, Tag("text")]
    | Annotated[Number, Tag("number")]
    | Annotated[Truth, Tag("boolean")]
    | Annotated[Moment, Tag("date")]
    | Annotated[Duration, Tag("duration")],
    Discriminator(
        _kind,
        custom_error_type="unknown_kind",
        custom_error_message="expected one of text, number, boolean, date and duration",
    ),
    BeforeValidator(_to_table),
]


def _resolve(value: Text, names: Mapping[str, str], what: str) -> Text:
    """Return a text with the short names that it may give as IRIs."""
    constant = value.text.constant
    if constant is not None and not value.words:
        return value.model_copy(update={"text": Template((find_iri(constant, names, what),))})
    words = {word: find_iri(meaning, names, what) for word, meaning in value.words.items()}
    otherwise = None if value.else_ is None else find_iri(value.else_, names, what)
    return value.model_copy(update={"words": words, "else_": otherwise})


def _allow(value: Text, allowed: list[str]) -> Text:
    constant = value.text.constant
    given = [*value.words.values(), *filter(None, [value.else_])]
    if constant is not None and not value.words:
        given.append(constant)
    for one in given:
        if one not in allowed:
            raise ValueError(f"{one!r} is none of {', '.join(allowed)}")
    return value


def _check_key(key: str) -> str:
    find_iri(key, EXTENSIONS, "extension")
    return key


VerbValue = Annotated[TextValue, AfterValidator(lambda value: _resolve(value, VERBS, "verb"))]
TypeValue = Annotated[TextValue, AfterValidator(lambda value: _resolve(value, TYPES, "type of activity"))]
ModalityValue = Annotated[TextValue, AfterValidator(lambda value: _allow(value, [one.value for one in Modality]))]
EvidenceValue = Annotated[TextValue, AfterValidator(lambda value: _allow(value, [one.value for one in Evidence]))]
Extensions = dict[Annotated[str, AfterValidator(_check_key)], AnyValue]
