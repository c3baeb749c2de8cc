"""How often one credential may ask: so many requests a second on the average, and a burst of them at once.

An own dozen lines (the generic cell rate algorithm), because the memory storage of `limits` starts a thread after every
10 ms in which there was a request: 0.3 ms a request, measured, against 1 µs here (docs/decisions/0015).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from lrs.errors import RateLimited

_FORGET_FROM = 10_000  # as many as the credentials that are remembered


class Rates:
    """Counts requests by credential, in this process. A rate of 0 lets everything pass."""

    def __init__(self, per_second: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._ahead = self._interval * (max(burst, 1) - 1)
        self._clock = clock
        # When the requests so far would all have been made, had they come one by one at the rate.
        self._due: dict[str, float] = {}

    def admit(self, key: str) -> None:
        """Count one request of this credential. Raises RateLimited, which counts nothing."""
        if not self._interval:
            return
        now = self._clock()
        due = max(self._due.get(key, now), now)
        wait = due - now - self._ahead
        # Sums of intervals are off by less than a microsecond.
        if wait > 1e-6:  # noqa: PLR2004
            raise RateLimited(
                f"This credential sends more than {1 / self._interval:g} requests a second: send it again later, "
                "and several statements in one request.",
                retry_after=math.ceil(wait),
            )
        if key not in self._due and len(self._due) >= _FORGET_FROM:
            self._due = {other: until for other, until in self._due.items() if until > now}
        self._due[key] = due + self._interval
