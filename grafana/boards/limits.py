"""A brake on guessing: after a few wrong passwords a name, or an address, has to wait."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable


class FailureLimit:
    """Counts failures per key over the last `seconds`; memory is bounded by `most_keys`."""

    def __init__(
        self, most: int, seconds: float, *, most_keys: int = 10_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._most_keys = most_keys
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_for(self, key: str) -> float:
        """Return how many seconds `key` must wait before it may try again: 0 when it may now."""
        failures = self._failures.get(key)
        if failures is None:
            return 0.0
        now = self._clock()
        while failures and failures[0] <= now - self._seconds:
            failures.popleft()
        if not failures:
            del self._failures[key]
            return 0.0
        return failures[0] + self._seconds - now if len(failures) >= self._most else 0.0

    def record(self, key: str) -> None:
        """Count one failure of `key`."""
        failures = self._failures.setdefault(key, deque(maxlen=self._most))
        failures.append(self._clock())
        self._failures.move_to_end(key)
        while len(self._failures) > self._most_keys:
            self._failures.popitem(last=False)

    def forget(self, key: str) -> None:
        """Forget the failures of `key`: it has shown that it knows."""
        self._failures.pop(key, None)
