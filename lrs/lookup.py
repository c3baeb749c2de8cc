"""Which ids the store knows, asked for many requests at once and never for long.

A write does not depend on ClickHouse: when the store does not answer, the statement is accepted all the same, and a
conflict is then found by the stream processor, which keeps the loser as a dead letter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from uuid import UUID

from clickhouse.statements import Existing
from lrs.errors import StatementsUnavailable
from lrs.gathering import Gathering
from lrs.store import StatementStore

_REST_SECONDS = 1.0


class IdLookup:
    """Fingerprints by id, per tenant, one query under way at a time."""

    def __init__(
        self, store: StatementStore, *, lookup_seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._seconds = lookup_seconds
        self._clock = clock
        self._tenants: dict[str, Gathering[UUID, dict[UUID, Existing]]] = {}
        self._rest_until = 0.0

    async def find(self, tenant: str, ids: Sequence[UUID]) -> dict[UUID, Existing] | None:
        """Return what is known of the ids, or None when the store does not answer in time."""
        if self._clock() < self._rest_until:
            return None
        gathering = self._tenants.get(tenant)
        if gathering is None:
            gathering = Gathering(lambda asked: self._store.find_ids(tenant, dict.fromkeys(asked)))
            self._tenants[tenant] = gathering
        try:
            async with asyncio.timeout(self._seconds):
                return await gathering.ask(*ids)
        except (TimeoutError, StatementsUnavailable):
            # The next writes do not wait for a store that has just failed to answer.
            self._rest_until = self._clock() + _REST_SECONDS
            return None
