"""A mapping file read and checked whole, before any row is: mistakes are told with the line where they stand."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from producers.errors import WrongMapping
from producers.mapping.lines import Lines
from producers.mapping.lines import Path as Place
from producers.mapping.model import Context, MappingFile, Result, Statement
from producers.mapping.tables import Layout
from producers.mapping.texts import Template
from producers.mapping.values import Part
from producers.mapping.words import suggest

SHIPPED: Final = Path(__file__).parent / "shipped"
_MOST_MISTAKES: Final = 10
_AT: Final = re.compile(r"\(at (?:line (\d+), column \d+|end of document)\)")
_EXPECTED: Final = {
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "float_type": "expected a number",
    "int_type": "expected a whole number",
    "list_type": "expected a list",
    "dict_type": "expected a table",
    "model_type": "expected a table",
    "model_attributes_type": "expected a table",
    "too_short": "expected one at least",
    "string_too_short": "expected one character",
    "string_too_long": "expected one character",
    "greater_than": "expected a number above {gt:g}",
    "greater_than_equal": "expected a number not below {ge}",
    "literal_error": "expected {expected}",
}


@dataclass(frozen=True, slots=True)
class LoadedMapping:
    """A checked mapping, whose statements have what is common to them, and where its keys stand in the file."""

    path: Path
    mapping: MappingFile
    statements: tuple[Statement, ...]
    lines: Lines

    @property
    def layout(self) -> Layout:
        """How its input is laid out."""
        given = self.mapping.input
        return Layout(
            given.format or "",
            given.encoding or "",
            given.separator or "",
            given.sheet,
            given.header,
            frozenset(given.empty),
            tuple(pattern.lower() for pattern in given.never_read),
        )

    def fail(self, place: Place, sentence: str) -> WrongMapping:
        """Return the error for a mistake at a place of the file."""
        return WrongMapping(f"{self.path}, line {self.lines.find(place)}: {sentence}")


def list_shipped() -> list[str]:
    """Return the names of the mappings that come with Jalon."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def find_mapping(name: str) -> Path:
    """Return the mapping file that is meant: a file, or one shipped under that name. Raises WrongMapping."""
    path = Path(name)
    if path.suffix == ".toml" or path.exists():
        return path
    shipped = list_shipped()
    if name in shipped:
        return SHIPPED / f"{name}.toml"
    raise WrongMapping(f"{name} is neither a mapping file (.toml) nor one of those that we ship: {', '.join(shipped)}.")


def load_mapping(path: Path) -> LoadedMapping:
    """Read and check a mapping file. Raises WrongMapping, which names the lines of its mistakes."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise WrongMapping(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise WrongMapping(f"{path} is not UTF-8: save it as UTF-8.") from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongMapping(_tell_syntax(path, str(error))) from None
    # tomllib takes \r\n for \n.
    lines = Lines(text.replace("\r\n", "\n"))
    try:
        mapping = MappingFile.model_validate(document)
    except ValidationError as error:
        raise WrongMapping(_tell(path, lines, document, error.errors(include_url=False))) from None
    statements = tuple(_complete(mapping.common, one) for one in mapping.statement)
    loaded = LoadedMapping(path, mapping, statements, lines)
    _check_whole(loaded)
    return loaded


def list_templates(model: BaseModel, place: Place = ()) -> Iterator[tuple[Place, Template]]:
    """Yield every template of a part of a mapping, with its place in the file."""
    for name, field in type(model).model_fields.items():
        yield from _walk(getattr(model, name), (*place, field.alias or name))


def _walk(value: object, place: Place) -> Iterator[tuple[Place, Template]]:
    if isinstance(value, Template):
        yield place, value
    elif isinstance(value, BaseModel):
        yield from list_templates(value, place)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*place, index))


def _complete(common: Statement, own: Statement) -> Statement:
    """Return a statement with what it leaves to `[common]`; conditions of both have to hold."""
    given = {name: getattr(own, name) for name in own.model_fields_set}
    merged = {**{name: getattr(common, name) for name in common.model_fields_set}, **given}
    merged["when"] = [*common.when, *own.when]
    for name, kind in (("result", Result), ("context", Context)):
        shared, mine = getattr(common, name), getattr(own, name)
        if shared is not None and mine is not None:
            fields: dict[str, Any] = {one: getattr(shared, one) for one in shared.model_fields_set}
            fields |= {one: getattr(mine, one) for one in mine.model_fields_set}
            fields["extensions"] = {**shared.extensions, **mine.extensions}
            merged[name] = kind.model_construct(**fields)
    return Statement.model_construct(**merged)


def _check_whole(loaded: LoadedMapping) -> None:
    """Refuse what no single table of the file shows. Raises WrongMapping."""
    mapping, layout = loaded.mapping, loaded.layout
    for index, statement in enumerate(loaded.statements):
        for name in ("verb", "timestamp", "actor", "object"):
            if getattr(statement, name) is None:
                raise loaded.fail(("statement", index), f"{name} is missing, here and in [common].")
    if mapping.common.for_each is not None or mapping.common.label or mapping.common.key:
        raise loaded.fail(("common",), "for-each, label and key belong to a [[statement]].")
    for place, template in list_templates(mapping):
        repeated = place[0] == "statement" and mapping.statement[int(place[1])].for_each is not None
        if template.repeats and not repeated:
            raise loaded.fail(place, "@-names are for a [[statement]] with for-each.")
        for column in template.columns:
            if not layout.may_read(column):
                raise loaded.fail(place, f"the column {column!r} is never to be read (input.never-read).")


def _tell(path: Path, lines: Lines, document: Mapping[str, Any], errors: list[ErrorDetails]) -> str:
    mistakes = sorted((lines.find(_clean(one["loc"], document)), _describe(one)) for one in errors)
    told = [f"{path}, line {line}: {sentence}" for line, sentence in mistakes[:_MOST_MISTAKES]]
    rest = len(mistakes) - len(told)
    return "\n".join([*told, f"{rest} more mistakes follow."] if rest else told)


def _clean(place: Place, document: Mapping[str, Any]) -> Place:
    """Return the part of pydantic's location that is in the document: it also names branches of unions."""
    found: Any = document
    path: Place = ()
    for step in place:
        inside = step in found if isinstance(found, Mapping) else isinstance(found, list) and isinstance(step, int)
        if inside:
            found = found[step]
            path += (step,)
    return path


def _describe(error: ErrorDetails) -> str:
    kind, place = error["type"], error["loc"]
    name = next((step for step in reversed(place) if isinstance(step, str)), "")
    if kind == "extra_forbidden":
        keys = set(_list_keys())
        if name in keys:
            return f"{name!r} is no key of this table: it belongs to another one, so it stands under another [header]."
        return f"{name!r} is no key of a mapping{suggest(name, keys)}."
    if kind == "missing":
        return f"{name!r} is missing."
    if kind == "value_error":
        return f"{name}: {error['ctx']['error']}."
    expected = _EXPECTED.get(kind)
    return f"{name}: {expected.format(**error.get('ctx', {})) if expected else error['msg']}."


def _list_keys(kind: type[Part] = Part) -> Iterator[str]:
    """Yield every key that a mapping file knows somewhere."""
    for part in kind.__subclasses__():
        yield from (field.alias or name for name, field in part.model_fields.items())
        yield from _list_keys(part)


def _tell_syntax(path: Path, message: str) -> str:
    """Return tomllib's message with its line first, as ours have it."""
    match = _AT.search(message)
    where = f", line {match[1]}" if match and match[1] else ""
    return f"{path}{where}: this is not TOML: {_AT.sub('', message).strip()}."
