"""Where GRR's entries are read: its tables over SQLAlchemy, or one export of them joined (CSV, JSON, JSON Lines)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import orjson

from producers.errors import UnreadableInput
from producers.grr.entries import REQUIRED
from producers.rows import Place
from producers.texts import decode, read_bytes

_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "entry": ("id", "start_time", "end_time", "name", "statut_entry", "moderate", "supprimer", "timestamp"),
    "room": ("room_name", "capacity"),
    "area": ("area_name", "enable_periods"),
}
_PREFIX = re.compile(r"[A-Za-z0-9_]{0,30}")


class Line(NamedTuple):
    """One entry: its columns, or None where the row was cut or is none."""

    place: Place
    raw: str
    columns: Mapping[str, Any] | None


def read_tables(url: str, prefix: str = "grr") -> Iterator[Line]:
    """Yield the entries of a GRR database, those columns that its version has. Raises UnreadableInput."""
    import sqlalchemy as sa  # noqa: PLC0415 - for this way in alone

    from producers.databases import open_database  # noqa: PLC0415 - the same

    if not _PREFIX.fullmatch(prefix):
        raise UnreadableInput("The prefix of the tables may hold letters, digits and _ only.")
    with open_database(url, "GRR") as connection:
        inspector = sa.inspect(connection)
        tables = {}
        for part, wanted in _COLUMNS.items():
            present = {column["name"] for column in inspector.get_columns(f"{prefix}_{part}")}
            keys = {"entry": ("room_id",), "room": ("id", "area_id"), "area": ("id",)}[part]
            names = dict.fromkeys((*keys, *wanted))
            tables[part] = sa.table(f"{prefix}_{part}", *(sa.column(name) for name in names if name in present))
        entry, room, area = tables["entry"], tables["room"], tables["area"]
        columns = [table.c[name] for part, table in tables.items() for name in _COLUMNS[part] if name in table.c]
        joined = entry.outerjoin(room, entry.c.room_id == room.c.id).outerjoin(area, room.c.area_id == area.c.id)
        query = sa.select(*columns).select_from(joined).order_by(entry.c.id)
        for number, row in enumerate(connection.execute(query).mappings(), start=1):
            yield Line(Place(entry.name, number), orjson.dumps(dict(row), default=str).decode(), dict(row))


def read_export(path: Path) -> Iterator[Line]:
    """Yield the entries of an export with the columns REQUIRED, and those of the others that it has.

    Raises UnreadableInput.
    """
    text = decode(read_bytes(path))
    read = {"[": _read_array, "{": _read_lines}.get(text.lstrip()[:1], _read_csv)
    yield from read(text, path)


def _read_csv(text: str, path: Path) -> Iterator[Line]:
    texts = io.StringIO(text, newline="").readlines()
    reader = csv.reader(texts, delimiter=max(",;\t", key=texts[0].count) if texts else ",")
    header = [cell.strip().lower() for cell in next(reader, [])]
    if not set(REQUIRED) <= set(header):
        raise UnreadableInput(f"{path} is no export of GRR: its first line has to name {', '.join(REQUIRED)}.")
    start = reader.line_num
    try:
        for cells in reader:
            place, raw = Place(path.name, start + 1), "".join(texts[start : reader.line_num]).rstrip()
            start = reader.line_num
            if any(cells):
                yield Line(place, raw, dict(zip(header, cells, strict=True)) if len(cells) == len(header) else None)
    except csv.Error as error:
        raise UnreadableInput(f"{path} is no CSV from line {start + 1} on: {error}.") from error


def _read_lines(text: str, path: Path) -> Iterator[Line]:
    for number, raw in enumerate(text.splitlines(), start=1):
        if raw.strip():
            try:
                yield _to_line(path, number, orjson.loads(raw))
            except orjson.JSONDecodeError:
                yield Line(Place(path.name, number), raw, None)


def _read_array(text: str, path: Path) -> Iterator[Line]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnreadableInput(f"{path} is no whole JSON document: it may be cut short. Export it again.") from error
    # phpMyAdmin puts the rows of a query or a table into `data`, beside lines about itself.
    data = [item["data"] for item in document if isinstance(item, dict) and isinstance(item.get("data"), list)]
    for number, item in enumerate([row for rows in data for row in rows] if data else document, start=1):
        yield _to_line(path, number, item)


def _to_line(path: Path, number: int, item: object) -> Line:
    columns = item if isinstance(item, dict) and set(REQUIRED) <= item.keys() else None
    return Line(Place(path.name, number), orjson.dumps(item).decode(), columns)
