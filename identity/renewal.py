"""What every process knows of the database within seconds, without a query at each request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from identity.errors import IdentityUnavailable

T = TypeVar("T")


class Renewed(Generic[T]):
    """What `read` returns, read anew when it is `seconds` old. Safe to use from several threads.

    `read` is given what it returned before, None at first.
    """

    def __init__(
        self, read: Callable[[T | None], T], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._known: T | None = None
        self._until = 0.0
        self._lock = threading.Lock()

    def get(self) -> T:
        """Return what is known; may take a query.

        While the database does not answer, that is what it answered last. Raises IdentityUnavailable, VaultUnavailable
        where it never did.
        """
        with self._lock:
            if self._known is None or self._clock() >= self._until:
                try:
                    self._known = self._read(self._known)
                except IdentityUnavailable:
                    if self._known is None:
                        raise
                self._until = self._clock() + self._seconds
            return self._known
