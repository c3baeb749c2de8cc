"""Text files that other systems wrote: whichever of the usual encodings and separators they have."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from producers.errors import UnreadableInput


class Lines(NamedTuple):
    """The lines of a file: their texts, and their cells without white space around them."""

    raws: list[str]
    cells: list[list[str]]


def read_lines(path: Path) -> Lines:
    """Read a file in UTF-8, UTF-16 or CP1252, separated by commas, semicolons or tabs. Raises UnreadableInput."""
    return split_lines(decode(read_bytes(path)))


def read_bytes(path: Path) -> bytes:
    """Return what a file holds. Raises UnreadableInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}.") from error


def decode(raw: bytes) -> str:
    """Return the text of a file, whichever of the usual encodings it has."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", "replace")
    if raw[1:2] == b"\0":
        return raw.decode("utf-16-le", "replace")  # without its mark, as some tools save it
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", "replace")


def split_lines(text: str) -> Lines:
    """Return the lines of a text, separated by whichever of comma, semicolon and tab it has most of."""
    delimiter = max(",;\t", key=text.count)
    raws = text.splitlines()
    rows = (next(csv.reader([raw], delimiter=delimiter), []) for raw in raws)
    return Lines(raws, [[cell.strip() for cell in row] for row in rows])
