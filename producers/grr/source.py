"""GRR's bookings to statements: what is booked now is compared with what was booked the last time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from producers.bookings import Booking, Reading, draft, tell
from producers.errors import RowRejected
from producers.grr.entries import Conventions, find_key, parse_entry
from producers.grr.reading import Line
from producers.naming import Naming
from producers.rows import Draft, Milestone, Rejected, Row


class GrrSource:
    """All entries of a GRR, as `read_lines` yields them, seen at the moment `at`.

    Nothing vanishes that could not be read: neither the booking of a broken row, nor any when a row is cut.
    """

    name = "grr"

    def __init__(
        self,
        read_lines: Callable[[], Iterable[Line]],
        conventions: Conventions,
        *,
        at: datetime,
        largest_loss: float = 0.5,
    ) -> None:
        self._read_lines, self._conventions = read_lines, conventions
        self._at, self._largest_loss = at, largest_loss
        self._broken: set[str | None] = set()

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:
        """Yield every entry with what it changes, then what is gone. Raises UnreadableInput or SuspiciousInput."""
        return tell(state, self._read(), may_vanish=self._may_vanish, at=self._at, largest_loss=self._largest_loss)

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return a statement per change that a row brings."""
        return [draft(naming, self.name, change) for change in row.fields]

    def _read(self) -> Iterator[Reading | Rejected]:
        for place, raw, columns in self._read_lines():
            if columns is None:
                self._broken.add(None)
                yield Rejected(place, "The row is cut, or is no entry: it lacks columns.", raw)
                continue
            try:
                key, booking = parse_entry(columns, self._conventions)
            except RowRejected as rejection:
                self._broken.add(find_key(columns))
                yield Rejected(place, str(rejection), raw)
                continue
            yield Reading(place, raw, {key: booking}) if booking else Reading(place, raw, {}, (key,))

    def _may_vanish(self, key: str, _booking: Booking) -> bool:
        return None not in self._broken and key not in self._broken
