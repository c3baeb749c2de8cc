"""What all simulated systems know, and what they are: something that writes, day by day, what it would have left."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np

from producers.naming import Naming
from producers.simulation.year.attendance import SessionDay
from producers.simulation.year.calendar import Calendar
from producers.simulation.year.people import Institute
from producers.simulation.year.planning import Plan
from producers.simulation.year.tally import Tally


@dataclass(frozen=True, slots=True)
class World:
    """The institute, its plan and its counts, and where its systems write. `naming` is that of ready statements."""

    institute: Institute
    calendar: Calendar
    plan: Plan
    tally: Tally
    naming: Naming
    directory: Path
    seed: int

    def draw(self, what: str, day: int) -> np.random.Generator:
        """Return what draws for a purpose on a day: the same in every run, whatever else is drawn."""
        return np.random.default_rng([self.seed, zlib.crc32(what.encode()), day + 10_000])

    def month(self, day: int) -> str:
        """Return the month of a day, such as `2025-11`."""
        return f"{self.calendar.date_of(day):%Y-%m}"


class System(Protocol):
    """A simulated system. It writes what a day brings, and at the end what it keeps until then."""

    def write_day(self, day: int, held: Sequence[SessionDay]) -> None: ...  # noqa: D102 - see the class

    def close(self) -> None: ...  # noqa: D102


@dataclass(slots=True)
class OncePerMonth:
    """Says of a kind of fault whether it is its turn: once in each month."""

    _done: set[tuple[str, str]] = field(default_factory=set)

    def is_due(self, what: str, month: str) -> bool:
        """Return True at the first call of a month."""
        if (what, month) in self._done:
            return False
        self._done.add((what, month))
        return True


BOM: Final = {"utf-8-sig": b"\xef\xbb\xbf", "utf-16": b"\xff\xfe"}
_PLAIN: Final = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le"}


@dataclass(frozen=True, slots=True)
class Table:
    """Tables of one system, as it writes them: a file begins with the columns, and grows."""

    columns: tuple[str, ...]
    encoding: str = "utf-8"
    separator: str = ";"
    quoting: Literal[0, 1] = csv.QUOTE_MINIMAL

    def append(self, path: Path, rows: Iterable[Sequence[object]]) -> None:
        """Add rows to a file, which begins anew with the columns where it is not there."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, quoting=self.quoting, lineterminator="\r\n")
        fresh = not path.exists()
        if fresh:
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.columns:
                writer.writerow(self.columns)
        writer.writerows(rows)
        with path.open("ab") as file:
            if fresh:
                file.write(BOM.get(self.encoding, b""))
            file.write(text.getvalue().encode(_PLAIN.get(self.encoding, self.encoding)))


def append_lines(path: Path, lines: Iterable[bytes]) -> None:
    """Add lines to a file, which is not there before it has one."""
    lines = list(lines)
    if not lines:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.writelines(lines)
