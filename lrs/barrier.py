"""Read your writes through a log: a read first waits until the store holds all that was accepted before it.

docs/decisions/0008-stored-is-append-time-and-barrier.md says why, and why the instant returned is honest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from lrs.errors import NotConsistentYet
from lrs.gathering import Gathering
from lrs.log import AcceptedLog
from lrs.progress import Progress, ProgressWatch

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Barrier:
    """Waits for the store to catch up with the log, and knows up to which instant it is known to have done so."""

    def __init__(
        self,
        log: AcceptedLog,
        watch: ProgressWatch,
        *,
        read_seconds: float,
        settling_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._log = log
        self._watch = watch
        self._read_seconds = read_seconds
        self._settling_seconds = settling_seconds
        self._clock = clock
        self._ends: Gathering[None, tuple[Progress, datetime]] = Gathering(self._ask_ends)
        self._through = _NEVER

    @property
    def consistent_through(self) -> datetime:
        """The latest instant for which it is known that every statement stored by then can be read."""
        return self._through

    async def wait(self) -> datetime:
        """Return once every record durable before this call can be read: the instant this holds for.

        Raises NotConsistentYet after `read_seconds`, LogUnavailable when Kafka does not answer.
        """
        try:
            async with asyncio.timeout(self._read_seconds):
                ends, instant = await self._ends.ask(None)
                await self._watch.reach(ends)
        except TimeoutError:
            raise NotConsistentYet(
                f"Statements accepted before this read were not all stored within {self._read_seconds:g} s. "
                "Send the request again later.",
            ) from None
        self._through = max(self._through, instant)
        return instant

    async def settle(self, moment: datetime) -> datetime:
        """Return once everything stored up to `moment` can be read: the instant this holds for. Raises as `wait`."""
        try:
            async with asyncio.timeout(self._read_seconds):
                instant = await self.wait()
                while instant < moment:
                    await asyncio.sleep(min((moment - instant).total_seconds(), self._settling_seconds))
                    instant = await self.wait()
                return instant
        except TimeoutError:
            raise NotConsistentYet(
                f"What was stored by the end of this page was not all there within {self._read_seconds:g} s. "
                "Send the request again later.",
            ) from None

    async def _ask_ends(self, _asked: list[None]) -> tuple[Progress, datetime]:
        # Kafka stamps a record a little before it counts it in the end offsets. For what this process sends the
        # bound is exact (nothing unacknowledged is older than `pending_since`); for others it is the settling time.
        asked = self._clock() - self._settling_seconds
        oldest = self._log.pending_since()
        ends = await self._log.end_offsets()
        through = asked if oldest is None else min(asked, oldest)
        # The broker's stamps are cut to milliseconds, so one more is taken off.
        return ends, datetime.fromtimestamp(through, UTC) - timedelta(milliseconds=1)
