"""What a source hands to the frame: rows and where they came from, and statements before they have an id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from producers.naming import Naming


class Place(NamedTuple):
    """Where a row stands: a file's name (or `-` for standard input) and a line, counted from 1."""

    file: str
    line: int


class Row(NamedTuple):
    """One row of the input, as the source's `map` takes it. `raw` is its text, for the rejected-rows file."""

    place: Place
    fields: Any
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot be mapped. `reason` holds no value of the row; `raw` does."""

    place: Place
    reason: str
    raw: str


@dataclass(frozen=True, slots=True)
class Milestone:
    """A point up to which everything is to be delivered and checkpointed before the next row is read.

    `state`, where given, is saved in the same step and handed to `Source.read` by the next run.
    """

    state: str | None = None


class Draft(NamedTuple):
    """A statement without its id, and the source key that the id is made of: stable, unique within the source."""

    key: str
    statement: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Agent:
    """A learner as a source names them: `ifi` is the inverse functional identifier as an xAPI agent holds it."""

    ifi: dict[str, Any]
    name: str = field(default="", compare=False)


class Source(Protocol):
    """A source system. Everything else (ids, delivery, checkpoints, rejected rows) is the frame's.

    `name` goes into the records' headers and into statement ids. `read` yields rows in an order that depends on
    the input alone, raises UnreadableInput or SuspiciousInput, and gets the state saved by the last Milestone.
    `map` returns the statements of a row, none where the row is not for us, and raises RowRejected.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]: ...  # noqa: D102

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]: ...  # noqa: D102
