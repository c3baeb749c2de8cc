"""Files of rows to statements, as a mapping says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from producers.errors import RowRejected
from producers.mapping.binding import Setting
from producers.mapping.evaluation import BoundStatement
from producers.mapping.loading import LoadedMapping, list_templates
from producers.mapping.tables import Record, Table, read_table
from producers.mapping.texts import Cells, Match, Template, index_columns, list_columns, name_column
from producers.mapping.words import suggest
from producers.naming import Naming
from producers.rows import Draft, Milestone, Rejected, Row


class _Fields(NamedTuple):
    statements: Sequence[BoundStatement]
    cells: Cells
    key: tuple[int, ...]


class MappingSource:
    """Some files that one mapping reads. `zone` is that of their times, unless the mapping says its own."""

    def __init__(self, paths: Sequence[Path], loaded: LoadedMapping, zone: ZoneInfo) -> None:
        given = loaded.mapping.input.time_zone
        self._paths, self._loaded, self._zone = paths, loaded, ZoneInfo(given) if given else zone

    @property
    def name(self) -> str:
        """The mapping's name."""
        return self._loaded.mapping.name

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield the rows of every file.

        Raises UnreadableInput, and WrongMapping where a column that the mapping names is not in a file.
        """
        for path in self._paths:
            table = read_table(path, self._loaded.layout)
            statements, key = self._bind(table)
            for row in table.rows:
                yield Row(row.place, _Fields(statements, row.cells, key), row.raw) if isinstance(row, Record) else row

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the statements of a row whose conditions hold. Raises RowRejected."""
        statements, cells, key = row.fields
        drafts = [draft for one in statements if (draft := one.draft(cells, naming)) is not None]
        if drafts and not any(cells[place] for place in key):
            raise RowRejected("The key is missing: the row leaves all its columns empty.")
        if len({draft.key for draft in drafts}) < len(drafts):
            raise RowRejected("Two statements of the row have the same actor, verb, object and time: give one a label.")
        return drafts

    def _bind(self, table: Table) -> tuple[list[BoundStatement], tuple[int, ...]]:
        loaded, mapping = self._loaded, self._loaded.mapping
        places = index_columns(table.columns)
        self._check_columns(chain(list_templates(mapping.common, ("common",)), _list_key(mapping.key)), table, None)
        key = tuple(places[name_column(column)] for template in mapping.key for column in template.columns)
        setting = Setting(mapping.name, mapping.language, self._zone, tuple(mapping.input.dates), key)
        bound = []
        for index, (statement, own) in enumerate(zip(loaded.statements, mapping.statement, strict=True)):
            for match in self._find_matches(index, table):
                self._check_columns(list_templates(own, ("statement", index)), table, match)
                bound.append(BoundStatement(statement, places, setting, match))
        return bound, key

    def _find_matches(self, index: int, table: Table) -> list[Match | None]:
        repeated = self._loaded.statements[index].for_each
        if repeated is None:
            return [None]
        pattern = re.compile(repeated.columns)
        found = [(column, match) for column in table.columns if (match := pattern.fullmatch(column))]
        if not found:
            place = ("statement", index, "for-each", "columns")
            raise self._loaded.fail(place, f"no column of {table.path.name} matches this pattern.")
        return [Match(column, tuple(group or "" for group in match.groups())) for column, match in found]

    def _check_columns(
        self, templates: Iterable[tuple[tuple[str | int, ...], Template]], table: Table, match: Match | None
    ) -> None:
        places = index_columns(table.columns)
        for place, template in templates:
            try:
                columns = list(list_columns(template, match))
            except ValueError as error:
                raise self._loaded.fail(place, f"{error}.") from None
            for column in columns:
                found = places.get(name_column(column))
                if found is None:
                    raise self._loaded.fail(
                        place, f"{table.path.name} has no column {column!r}{suggest(column, table.columns)}."
                    )
                if found < 0:
                    raise self._loaded.fail(place, f"{table.path.name} has several columns {column!r}: rename one.")


def _list_key(key: Sequence[Template]) -> Iterator[tuple[tuple[str | int, ...], Template]]:
    for index, template in enumerate(key):
        yield ("key", index), template
