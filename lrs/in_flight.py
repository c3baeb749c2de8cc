"""Statements that this process has taken and that the store does not show yet.

Between acceptance and visibility the store cannot say that an id is known; this can. Entries leave when the stream's
progress has passed them, so the memory follows the stream's lag and is bounded besides.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from lrs.log import Appended
from lrs.preparation import Candidate

Known = tuple[str, UUID]


@dataclass(slots=True, eq=False)
class Reservation:
    """One request's claim on its ids until its record is durable, or known not to be sent."""

    keys: list[Known]
    settled: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


@dataclass(slots=True)
class _Entry:
    fingerprint: str
    reservation: Reservation | None
    """None once the record is durable."""


class InFlight:
    """Which ids are reserved or accepted, with their fingerprints. Belongs to one event loop."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: dict[Known, _Entry] = {}
        self._accepted: dict[int, deque[tuple[int, list[Known]]]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def undecided(self, tenant: str, candidates: Sequence[Candidate]) -> list[asyncio.Future[None]]:
        """Return what to wait for before anything can be said of these ids: other requests not settled yet."""
        entries = self._entries
        waits: dict[asyncio.Future[None], None] = {}
        for candidate in candidates:
            entry = entries.get((tenant, candidate.id))
            if entry is not None and entry.reservation is not None:
                waits[entry.reservation.settled] = None
        return list(waits)

    def fingerprint_of(self, tenant: str, statement_id: UUID) -> str | None:
        """Return the fingerprint of an accepted statement, None when this process knows none under that id."""
        entry = self._entries.get((tenant, statement_id))
        return None if entry is None else entry.fingerprint

    def reserve(self, tenant: str, candidates: Sequence[Candidate]) -> Reservation:
        """Claim ids that are neither reserved nor accepted."""
        reservation = Reservation([(tenant, candidate.id) for candidate in candidates])
        for key, candidate in zip(reservation.keys, candidates, strict=True):
            self._entries[key] = _Entry(candidate.fingerprint, reservation)
        return reservation

    def release(self, reservation: Reservation, ids: Sequence[Known] | None = None) -> None:
        """Give up the claim: on `ids` alone, or on all, which settles it."""
        for key in reservation.keys if ids is None else ids:
            self._entries.pop(key, None)
        if ids is None:
            _settle(reservation)
        else:
            dropped = set(ids)
            reservation.keys = [key for key in reservation.keys if key not in dropped]

    def accept(self, reservation: Reservation, place: Appended) -> None:
        """Keep the claim's statements as accepted until the stream has passed `place`."""
        if place.offset < 0:
            self.release(reservation)
            return
        for key in reservation.keys:
            self._entries[key].reservation = None
        self._accepted.setdefault(place.partition, deque()).append((place.offset, reservation.keys))
        _settle(reservation)
        while len(self._entries) > self._capacity and self._drop_oldest():
            pass

    def forget_stored(self, progress: Mapping[int, int]) -> bool:
        """Drop what the stream has stored; return whether anything is left to wait for."""
        for partition, records in list(self._accepted.items()):
            next_offset = progress.get(partition, 0)
            while records and records[0][0] < next_offset:
                self._drop(records.popleft()[1])
            if not records:
                del self._accepted[partition]
        return bool(self._accepted)

    def _drop_oldest(self) -> bool:
        longest = max(self._accepted.values(), key=len, default=None)
        if not longest:
            return False
        self._drop(longest.popleft()[1])
        return True

    def _drop(self, keys: Sequence[Known]) -> None:
        for key in keys:
            self._entries.pop(key, None)


def _settle(reservation: Reservation) -> None:
    if not reservation.settled.done():
        reservation.settled.set_result(None)
