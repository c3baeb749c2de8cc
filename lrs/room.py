"""A bound on what many requests hold at once: memory, or disk. Each takes its share and gives it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lrs.errors import Overloaded


class Room:
    """Room for `size` bytes. A request that is the only one to hold any may exceed it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.held = 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """Give a share, empty at first, that is given back when the block ends."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.taken

    def take(self, share: Share, size: int) -> None:
        """Count `size` more bytes for the share. Raises Overloaded."""
        if self.held > share.taken and self.held + size > self._size:
            raise Overloaded("Too many requests are under way. Send the request again later.")
        self.held += size
        share.taken += size


class Share:
    """What one request holds of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.taken = 0

    def take(self, size: int) -> None:
        """Hold `size` more bytes. Raises Overloaded."""
        self._room.take(self, size)
