"""Texts of a mapping: constants with the row's cells in braces, such as `{Nom} {Prénom}`.

Beside columns, braces may hold what a repeated statement matched: `{@column}` its column's name, `{@cell}` its cell,
`{@1}` the first group of its pattern. `{{` and `}}` are braces.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

Cells = Sequence[str]
Reader = Callable[[Cells], str]
"""What a row's cells give for a text; '' where the cells that it asks for are empty."""

CELL: Final = "@cell"
COLUMN: Final = "@column"
_MATCHED = re.compile(r"@(?:cell|column|\d+)")
_GROUP = re.compile(r"@(\d+)")
_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name where a text asks for its cell, or an @-name."""

    name: str


@dataclass(frozen=True, slots=True)
class Template:
    """A text in parts: constants and columns."""

    parts: tuple[str | Column, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names in braces."""
        return tuple(part.name for part in self.parts if isinstance(part, Column))

    @property
    def constant(self) -> str | None:
        """The text, if it asks for no column."""
        return None if self.columns else "".join(map(str, self.parts))

    @property
    def repeats(self) -> bool:
        """Whether it asks for what only a repeated statement has."""
        return any(_MATCHED.search(name) for name in self.columns)


@dataclass(frozen=True, slots=True)
class Match:
    """The column that a repeated statement stands for, and the groups of its pattern."""

    column: str
    groups: tuple[str, ...] = ()


def parse_template(text: str) -> Template:
    """Return a text in its parts. Raises ValueError with what is wrong."""
    parts: list[str | Column] = []
    constant, end = "", 0
    for token in _TOKEN.finditer(text):
        constant += text[end : token.start()]
        end = token.end()
        if token[0] in ("{{", "}}"):
            constant += token[0][0]
        elif token[1] is None:
            raise ValueError("a brace stands alone: write {Column}, or {{ and }} for braces")
        elif not token[1].strip():
            raise ValueError("braces hold the name of a column, and these hold none")
        else:
            parts += [constant, Column(token[1].strip())]
            constant = ""
    parts.append(constant + text[end:])
    return Template(tuple(part for part in parts if part != ""))


def name_column(name: str) -> str:
    """Return a column's name as it is compared: without case, and without the spaces that exports add."""
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


def index_columns(columns: Sequence[str]) -> dict[str, int]:
    """Return where each column is, by its compared name; -1 for a name that several have."""
    places: dict[str, int] = {}
    for place, column in enumerate(columns):
        name = name_column(column)
        places[name] = -1 if name in places else place
    places.pop("", None)
    return places


def resolve(name: str, match: Match | None) -> Column | str:
    """Return the column that a name in braces stands for, or, as a str, the constant that a match makes of it."""
    if match is None:
        return Column(name)
    if name == CELL:
        return Column(match.column)
    if name == COLUMN:
        return match.column
    if _GROUP.fullmatch(name):
        return _group(match, name[1:])
    return Column(_GROUP.sub(lambda group: _group(match, group[1]), name))


def list_columns(template: Template, match: Match | None) -> Iterator[str]:
    """Yield the names of the columns that a text asks for."""
    for name in template.columns:
        resolved = resolve(name, match)
        if isinstance(resolved, Column):
            yield resolved.name


def bind(template: Template, places: Mapping[str, int], match: Match | None = None, *, iri: bool = False) -> Reader:
    """Return the reader of a text from rows whose columns are at these places.

    A text with columns is '' when all their cells are empty; as an IRI (`iri`) when any is. What stands in braces
    is percent-encoded in an IRI, unless one cell is all of it. KeyError for an unknown column.
    """
    parts: list[str | int] = []
    for part in template.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        resolved = resolve(part.name, match)
        if isinstance(resolved, Column):
            parts.append(places[name_column(resolved.name)])
        else:
            parts.append(quote(resolved, safe="") if iri else resolved)
    asked = [part for part in parts if isinstance(part, int)]
    if not asked:
        constant = "".join(map(str, parts))
        return lambda _cells: constant
    if len(parts) == 1:
        place = asked[0]
        return lambda cells: cells[place]

    def read(cells: Cells) -> str:
        values = [cells[place] for place in asked]
        if not (all(values) if iri else any(values)):
            return ""
        if iri:
            return "".join(part if isinstance(part, str) else quote(cells[part], safe="") for part in parts)
        return " ".join("".join(part if isinstance(part, str) else cells[part] for part in parts).split())

    return read


def _group(match: Match, number: str) -> str:
    position = int(number) - 1
    if not 0 <= position < len(match.groups):
        raise ValueError(f"the pattern of for-each has no group {number}")
    return match.groups[position]
