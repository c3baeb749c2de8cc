"""Sinks and sources that tests can look into and break."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from producers.errors import DeliveryError, RowRejected
from producers.naming import Naming
from producers.rows import Draft, Milestone, Place, Rejected, Row


@dataclass
class MemorySink:
    """Keeps what it is given; fails at the delivery with this number, if any."""

    fails_at: int = 0
    batches: list[list[dict[str, Any]]] = field(default_factory=list)

    @property
    def statements(self) -> list[dict[str, Any]]:
        return [statement for batch in self.batches for statement in batch]

    @property
    def ids(self) -> list[str]:
        return [statement["id"] for statement in self.statements]

    def deliver(self, statements: list[dict[str, Any]]) -> None:
        if self.fails_at == len(self.batches) + 1:
            raise DeliveryError("The sink is out of order.")
        self.batches.append(statements)


@dataclass
class ListSource:
    """Rows from a list: a text is a row, `!` in front a broken one, `-` one that says nothing."""

    items: Iterable[str | Milestone]
    name: str = "list"
    states: list[str | None] = field(default_factory=list)

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:
        self.states.append(state)
        for number, item in enumerate(self.items, start=1):
            yield item if isinstance(item, Milestone) else Row(Place("list", number), item, item)

    def map(self, row: Row, naming: Naming) -> list[Draft]:
        if row.fields.startswith("!"):
            raise RowRejected("It is broken.")
        return [] if row.fields == "-" else [Draft(row.fields, {"object": {"id": naming.session(row.fields)}})]
