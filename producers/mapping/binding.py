"""Values of a mapping bound to the columns of a file: functions from a row's cells to what a field holds.

Everything that does not depend on a row (formats, words, places of columns) is settled when a value is bound; a row
then costs some function calls. They return None or '' where the row leaves the value's columns empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic_core import PydanticCustomError

from producers.errors import RowRejected
from producers.mapping.model import Condition
from producers.mapping.moments import (
    NO,
    YES,
    parse_clock,
    parse_duration,
    parse_moment,
    parse_number,
    parse_truth,
    simplify,
)
from producers.mapping.texts import Cells, Match, Reader, Template, bind
from producers.mapping.values import Duration, Moment, Number, Text, Truth
from producers.mapping.words import EXTENSIONS, find_iri
from producers.naming import slug
from producers.statements import format_duration
from xapi_profiles.datatypes import check_iri

Evaluate = Callable[[Cells], Any]

_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Setting:
    """What a statement is bound to: the source's name and language, its dates' zone and formats, the row's key."""

    source: str
    language: str
    zone: ZoneInfo
    formats: tuple[str, ...]
    key: tuple[int, ...]


class Binding:
    """Binds what a statement holds to the places of columns."""

    def __init__(self, places: Mapping[str, int], setting: Setting, match: Match | None) -> None:
        self.setting = setting
        self._places, self._match = places, match

    def read(self, template: Template, *, iri: bool = False) -> Reader:
        """Return what reads a text."""
        return bind(template, self._places, self._match, iri=iri)

    def text(self, value: Text, field: str, *, iri: bool = False) -> Reader:
        """Return what reads a text and translates it by its words."""
        read = self.read(value.text, iri=iri)
        if not value.words:
            return read
        words, otherwise = value.words, value.else_

        def translate(cells: Cells) -> str:
            word = read(cells)
            if not word:
                return ""
            meaning = words.get(_word(word), otherwise)
            if meaning is None:
                raise RowRejected(f"{field}: the word is none of those that the mapping gives a meaning.")
            return meaning

        return translate

    def optional(self, value: Text | None, field: str) -> Reader | None:
        """Return what reads a text that the mapping may leave out."""
        return None if value is None else self.text(value, field)

    def iri_of(self, value: Text, names: Mapping[str, str], field: str) -> Reader:
        """Return what reads an IRI, or the short name of one."""
        read = self.text(value, field)
        if not value.text.columns or value.words:
            return read

        def find(cells: Cells) -> str:
            word = read(cells)
            return check_row_iri(names.get(word, word), field) if word else ""

        return find

    def number(self, value: Number, field: str) -> Evaluate:
        """Return what reads a number."""
        read, divide = self.text(value, field), value.divide

        def evaluate(cells: Cells) -> int | float | None:
            text = read(cells)
            if not text:
                return None
            try:
                number = parse_number(text)
            except ValueError:
                raise RowRejected(f"{field} is not a number.") from None
            return simplify(number / divide if divide != 1 else number)

        return evaluate

    def truth(self, value: Truth, field: str) -> Evaluate:
        """Return what reads yes or no."""
        read = self.text(value, field)
        yes = frozenset(map(slug, value.yes)) if value.yes else YES
        no = frozenset(map(slug, value.no)) if value.no else NO

        def evaluate(cells: Cells) -> bool | None:
            text = read(cells)
            if not text:
                return None
            try:
                return parse_truth(text, yes, no)
            except ValueError:
                raise RowRejected(f"{field} is neither yes nor no.") from None

        return evaluate

    def moment(self, value: Moment, field: str) -> Evaluate:
        """Return what reads an instant."""
        read, formats = self.text(value, field), tuple(value.format) or self.setting.formats
        zone = ZoneInfo(value.time_zone) if value.time_zone else self.setting.zone
        expected = " or ".join(formats) or "ISO 8601"

        def evaluate(cells: Cells) -> datetime | None:
            text = read(cells)
            if not text:
                return None
            try:
                return parse_moment(text, formats, zone)
            except ValueError:
                raise RowRejected(f"{field} is not a date in the form of {expected}.") from None

        return evaluate

    def duration(self, value: Duration, field: str) -> Evaluate:
        """Return what reads a duration, as ISO 8601."""
        if value.from_ is not None and value.to is not None:
            return self._span(value.from_, value.to, tuple(value.format), field)
        read, unit = self.read(value.text or Template(())), value.unit

        def evaluate(cells: Cells) -> str | None:
            text = read(cells)
            if not text:
                return None
            try:
                return format_duration(parse_duration(text, unit))
            except (ValueError, OverflowError):
                raise RowRejected(f"{field} is not a duration.") from None

        return evaluate

    def _span(self, start: Template, end: Template, formats: tuple[str, ...], field: str) -> Evaluate:
        read_start, read_end = self.read(start), self.read(end)

        def evaluate(cells: Cells) -> str | None:
            starts, ends = read_start(cells), read_end(cells)
            if not starts or not ends:
                return None
            try:
                duration = parse_clock(ends, formats) - parse_clock(starts, formats)
            except (ValueError, TypeError):
                raise RowRejected(f"{field}: its start or its end is not a time.") from None
            if duration.total_seconds() < 0:
                raise RowRejected(f"{field}: its end is before its start.")
            return format_duration(duration)

        return evaluate

    def any_value(self, value: Text | Duration, field: str) -> Evaluate:
        """Return what reads a value of an extension, in its kind."""
        match value:
            case Number():
                return self.number(value, field)
            case Truth():
                return self.truth(value, field)
            case Moment():
                moment = self.moment(value, field)
                return lambda cells: at.isoformat() if (at := moment(cells)) is not None else None
            case Duration():
                return self.duration(value, field)
            case _:
                return self.text(value, field)

    def condition(self, condition: Condition) -> Callable[[Cells], bool]:
        """Return what tells whether a condition holds."""
        read = self.read(condition.column)
        if condition.filled is not None:
            filled = condition.filled
            return lambda cells: bool(read(cells)) == filled
        if condition.others is not None:
            return self._known(condition)
        for words, expected in ((condition.is_, True), (condition.is_not, False)):
            if words is not None:
                known = frozenset(_word(one) for one in words)
                return lambda cells: (_word(read(cells)) in known) == expected
        bounds = (condition.at_least, condition.at_most, condition.above, condition.below)

        def compare(cells: Cells) -> bool:
            text = read(cells)
            if not text:
                return False
            try:
                number = parse_number(text)
            except ValueError:
                raise RowRejected(f"The column {condition.column.columns[0]} is not a number.") from None
            least, most, above, below = bounds
            return (
                (least is None or number >= least)
                and (most is None or number <= most)
                and (above is None or number > above)
                and (below is None or number < below)
            )

        return compare

    def _known(self, condition: Condition) -> Callable[[Cells], bool]:
        read, column = self.read(condition.column), condition.column.columns[0]
        holds = frozenset(map(_word, condition.is_ or ()))
        others = frozenset(map(_word, condition.others or ()))

        def check(cells: Cells) -> bool:
            word = _word(read(cells))
            if word and word not in holds and word not in others:
                raise RowRejected(f"The column {column} holds a word that the mapping does not know.")
            return word in holds

        return check

    def extensions(self, extensions: Mapping[str, Text | Duration], field: str) -> Evaluate | None:
        """Return what builds extensions, without those that the row leaves empty."""
        if not extensions:
            return None
        bound = [
            (find_iri(key, EXTENSIONS, "extension"), self.any_value(value, f"{field}.{key}"))
            for key, value in extensions.items()
        ]

        def build(cells: Cells) -> dict[str, Any]:
            filled = ((key, evaluate(cells)) for key, evaluate in bound)
            return {key: value for key, value in filled if value not in (None, "")}

        return build


def check_row_iri(text: str, field: str) -> str:
    """Return an IRI that a row gave. Raises RowRejected."""
    try:
        return check_iri(text)
    except PydanticCustomError:
        raise RowRejected(f"{field} is no IRI.") from None


@lru_cache(_REMEMBERED)
def _word(text: str) -> str:
    return slug(text) or text
