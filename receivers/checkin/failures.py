"""How often a tablet may be given wrong codes: so many at once, then one every so often, whoever types them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

MOST: Final = 10
EACH_SECONDS: Final = 10.0


class Failures:
    """Counts wrong codes by tablet, in this process."""

    def __init__(
        self,
        most: int = MOST,
        each_seconds: float = EACH_SECONDS,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ahead = (most - 1) * each_seconds
        self._each = each_seconds
        self._clock = clock
        # When all the failures so far would be forgiven.
        self._until: dict[str, float] = {}

    def begin(self, tablet: str) -> bool:
        """Count a code as wrong before it is looked at; return whether it may be: many at once get no further."""
        now = self._clock()
        self._until = {other: until for other, until in self._until.items() if until > now}
        until = self._until.get(tablet, now)
        if until - now > self._ahead:
            return False
        self._until[tablet] = until + self._each
        return True

    def forgive(self, tablet: str) -> None:
        """Take back a count: the code was right."""
        if tablet in self._until:
            self._until[tablet] -= self._each
