"""Tables as people export them: CSV, JSON Lines and Excel, as columns and rows of texts.

Encodings and separators are found by looking unless given. A row that cannot be read comes as Rejected, in its turn.
"""

from __future__ import annotations

import codecs
import csv
import io
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from zipfile import BadZipFile

import orjson

from producers.errors import UnreadableInput
from producers.naming import slug
from producers.rows import Place, Rejected

SEPARATORS: Final = (",", ";", "\t", "|")
FORMATS: Final = {
    ".csv": "csv", ".txt": "csv", ".tsv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
    ".xlsx": "xlsx", ".xlsm": "xlsx",
}  # fmt: skip
MOST_COLUMNS: Final = 2_000

_UNREADABLE: Final = "\ufffd"
_BYTES_LOOKED_AT: Final = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is laid out; '' where it is to be found by looking.

    `header` is the line of the columns' names. Cells that hold one of the texts of `empty` are empty. Columns whose
    name, as a slug, matches a pattern of `never_read` are dropped as they are read, also from rejected rows.
    """

    format: str = ""
    encoding: str = ""
    separator: str = ""
    sheet: str = ""
    header: int = 1
    empty: frozenset[str] = frozenset()
    never_read: tuple[str, ...] = ()

    def may_read(self, column: str) -> bool:
        """Whether a column may be read."""
        name = slug(column)
        return not any(fnmatchcase(name, pattern) for pattern in self.never_read)


class Record(NamedTuple):
    """A row: where it stands, its cells, one for each column of the table, and its text for the rejected rows."""

    place: Place
    cells: Sequence[str]
    raw: str


@dataclass(slots=True)
class Table:
    """The columns of a file, and its rows, to be read once."""

    path: Path
    columns: list[str]
    rows: Iterable[Record | Rejected] = field(repr=False)


def read_table(path: Path, layout: Layout) -> Table:
    """Open a table. Raises UnreadableInput when the file cannot be read, or is not in the format."""
    kind = layout.format or FORMATS.get(path.suffix.lower(), "")
    readers = {"csv": _read_csv, "jsonl": _read_json_lines, "xlsx": _read_workbook}
    if kind not in readers:
        raise UnreadableInput(
            f"{path} is neither {', '.join(FORMATS)}: export it as one of these, or say its format in the mapping."
        )
    try:
        return readers[kind](path, layout)
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror or 'it is no file of this kind'}.") from error


def decode(raw: bytes, encoding: str, path: Path) -> str:
    """Return a file's text in the encoding, or in the one that it is found to be in. Raises UnreadableInput.

    What a file cut within a character has of it becomes U+FFFD.
    """
    found = encoding or _find_encoding(raw)
    try:
        decoder = codecs.getincrementaldecoder(found)()
        text = decoder.decode(raw)
        cut = bool(decoder.getstate()[0])
    except UnicodeDecodeError:
        raise UnreadableInput(f"{path} is not encoded in {found}: name its encoding, or export it as UTF-8.") from None
    return text.removeprefix("\ufeff") + (_UNREADABLE if cut else "")


def _find_encoding(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    looked_at = raw[:_BYTES_LOOKED_AT]
    if b"\0" in looked_at:
        return "utf-16-be" if looked_at[0::2].count(0) > looked_at[1::2].count(0) else "utf-16-le"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw)
    except UnicodeDecodeError:
        # Windows' own: the few bytes that it does not use are no reason to refuse a file.
        return "cp1252" if not set(raw) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "latin-1"
    return "utf-8"


def _read_csv(path: Path, layout: Layout) -> Table:
    text = decode(path.read_bytes(), layout.encoding, path)
    lines = io.StringIO(text, newline="").readlines()
    if len(lines) < layout.header:
        raise UnreadableInput(f"{path} has no line {layout.header} with the names of its columns.")
    rest = "".join(lines[layout.header - 1 :])
    separator = layout.separator or max(SEPARATORS, key=lambda one: len(_first_row(rest, one)))
    reading = _Reading(path.name, _first_row(rest, separator), layout)
    return Table(path, reading.columns, _csv_rows(reading, rest, separator, layout.header))


def _first_row(text: str, separator: str) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=separator), [])
    except csv.Error:
        return []


class _Feed:
    """Lines for the CSV parser, which remembers those that the row under way took, and takes back some of them."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self._returned: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        return line

    def return_all_but_first(self) -> None:
        self._returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def _csv_rows(reading: _Reading, text: str, separator: str, header: int) -> Iterator[Record | Rejected]:
    feed = _Feed(text)
    rows = csv.reader(feed, delimiter=separator, strict=True)
    number = header
    while True:
        feed.taken.clear()
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error:
            # A quotation mark that opens and never closes may have taken many rows: only its own line is lost.
            feed.return_all_but_first()
            yield reading.reject(
                number, "The row is cut, or a quotation mark in it stands alone.", feed.taken[0].rstrip("\r\n")
            )
            number += 1
            continue
        start, number = number, number + len(feed.taken)
        if start != header and any(cell.strip() for cell in cells):
            yield reading.take(start, cells, "".join(feed.taken).rstrip("\r\n"), separator)


def _read_json_lines(path: Path, layout: Layout) -> Table:
    encoding = layout.encoding or "utf-8"

    def read_lines() -> Iterator[bytes]:
        if encoding.startswith("utf-8"):
            with path.open("rb") as file:
                yield from file
        else:
            yield from decode(path.read_bytes(), encoding, path).encode().splitlines()

    columns: dict[str, None] = {}
    for line in read_lines():
        columns.update(dict.fromkeys(_flatten(line) or ()))
        if len(columns) > MOST_COLUMNS:
            raise UnreadableInput(f"{path} has more than {MOST_COLUMNS} columns: its keys are not names of columns.")
    reading = _Reading(path.name, list(columns), layout)

    def read_rows() -> Iterator[Record | Rejected]:
        for number, line in enumerate(read_lines(), start=1):
            raw = line.decode("utf-8", "replace").strip().removeprefix("\ufeff")
            cells = _flatten(line)
            if cells is not None:
                yield reading.take(number, [cells.get(column, "") for column in columns], raw, "\t")
            elif raw:
                yield reading.reject(number, "The line is not a JSON object.", raw)

    return Table(path, reading.columns, read_rows())


def _flatten(line: bytes) -> dict[str, str] | None:
    """Return the values of a line's object by their path, such as `user.email` or `answers.0`."""
    try:
        value = orjson.loads(line.removeprefix(codecs.BOM_UTF8).strip())
    except orjson.JSONDecodeError:
        return None
    if not isinstance(value, dict):
        return None
    found: dict[str, str] = {}
    _collect(value.items(), "", found)
    return found


def _collect(items: Iterable[tuple[Any, Any]], prefix: str, found: dict[str, str]) -> None:
    for key, value in items:
        path = f"{prefix}{key}"
        if isinstance(value, str):
            found[path] = value.strip()
        elif isinstance(value, dict):
            _collect(value.items(), path + ".", found)
        elif isinstance(value, list):
            _collect(enumerate(value), path + ".", found)
        else:
            found[path] = to_text(value)


def _read_workbook(path: Path, layout: Layout) -> Table:
    from openpyxl import load_workbook  # noqa: PLC0415 (slow to import, and needed for Excel alone)
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # It warns of features of Excel that hold no cell.
            warnings.simplefilter("ignore")
            workbook = load_workbook(path, read_only=True, data_only=True)
    except (InvalidFileException, BadZipFile, KeyError, ValueError, TypeError) as error:
        raise UnreadableInput(f"{path} is no Excel workbook, or was cut: save it again as .xlsx.") from error
    names = workbook.sheetnames
    if layout.sheet and layout.sheet not in names:
        workbook.close()
        raise UnreadableInput(f"{path} has no sheet {layout.sheet!r}; it has {', '.join(map(repr, names))}.")
    sheet = workbook[layout.sheet or names[0]]
    sheet.reset_dimensions()  # some programs write wrong ones
    rows = sheet.iter_rows(values_only=True)
    header: Sequence[Any] = ()
    for _ in range(layout.header):
        header = next(rows, ())
    reading = _Reading(path.name, [to_text(cell) for cell in header], layout)

    def read_rows() -> Iterator[Record | Rejected]:
        with closing(workbook):
            for number, row in enumerate(rows, start=layout.header + 1):
                cells = [to_text(cell) for cell in row]
                if any(cells):
                    cells += [""] * (len(header) - len(cells))
                    yield reading.take(number, cells, "\t".join(cells), "\t")

    return Table(path, reading.columns, read_rows())


def to_text(value: object) -> str:
    """Return a cell's value as a text: dates as ISO 8601, whole numbers without a point."""
    text = value
    match value:
        case None:
            text = ""
        case bool():
            text = "true" if value else "false"
        case float():
            text = int(value) if value.is_integer() else value
        case datetime():
            # Excel counts in fractions of a day: its seconds are not quite whole.
            moment = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            text = moment.date().isoformat() if moment.time() == time() else moment.isoformat(" ")
        case timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            text = f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(text).strip()


class _Reading:
    """What every row of a table goes through: columns counted, those never read dropped, empty words emptied."""

    def __init__(self, file: str, header: Iterable[str], layout: Layout) -> None:
        names = [" ".join(name.split()) for name in header]
        while names and not names[-1]:
            names.pop()
        self._file, self._width, self._empty = file, len(names), layout.empty
        self._kept = [place for place, name in enumerate(names) if layout.may_read(name)]
        self._all = len(self._kept) == len(names)
        self.columns = [names[place] for place in self._kept]

    def take(self, line: int, cells: Sequence[str], raw: str, separator: str) -> Record | Rejected:
        place = Place(self._file, line)
        width = len(cells)
        if width < self._width or (width > self._width and any(cell.strip() for cell in cells[self._width :])):
            return self.reject(line, "The row has another number of columns than the header.", raw)
        if raw.endswith(_UNREADABLE):
            return self.reject(line, "The row is cut within a character.", raw)
        kept = [cells[place].strip() for place in self._kept]
        if not self._all:
            raw = separator.join(kept)
        if self._empty:
            kept = ["" if cell in self._empty else cell for cell in kept]
        return Record(place, kept, raw)

    def reject(self, line: int, reason: str, raw: str) -> Rejected:
        # Of a row whose columns cannot be told apart, nothing is kept that is never to be read.
        return Rejected(Place(self._file, line), reason, raw if self._all else "")
