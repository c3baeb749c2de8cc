"""What a worker must know of persons: whose processing is paused, and what ClickHouse has not been told yet of links.

The vault holds the truth. A worker copies it to a tenant's database before it writes rows that depend on it, so that
no board counts one person as two after the tenant's key was rotated; and looks now and then, so that what others have
changed takes effect while it runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from clickhouse.persons import PersonRow, to_person_rows
from identity.person_changes import list_restricted, read_person_changes, read_person_revision
from identity.vault import Vault

LOOKING_SECONDS = 1.0
"""How long what is known of a tenant's persons is relied on."""


class PersonStore(Protocol):
    """Where copies go. Every method raises StoreUnavailable when it may pass later."""

    async def read_copied_revision(self, tenant: str) -> int:
        """Return the revision up to which the tenant's database knows how pseudonyms stand."""
        ...

    async def insert(self, tenant: str, rows: Sequence[PersonRow], token: str) -> None:
        """Insert rows into the tenant's table; the same token again inserts nothing."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    revision: int
    restricted: frozenset[str]
    at: float


class Persons:
    """Whose processing is paused, per tenant. Raises VaultUnavailable and StoreUnavailable when it cannot be told."""

    def __init__(self, store: PersonStore, vault: Vault, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._tenants: dict[str, _Known] = {}

    async def find_restricted(self, tenant: str, pseudonyms: Iterable[str], *, now: bool) -> frozenset[str]:
        """Return whose of these processing is paused; copies what has changed, so that rows may be written next.

        What was looked up within LOOKING_SECONDS is relied on, unless asked for as it is `now`, or unless it would
        put something aside that may have been released meanwhile.
        """
        known = self._tenants.get(tenant)
        fresh = known is not None and not now and self._clock() - known.at < LOOKING_SECONDS
        if known is None or not fresh:
            known = await self._look(tenant, known)
        found = known.restricted.intersection(pseudonyms)
        if found and fresh:
            known = await self._look(tenant, known)
            found = known.restricted.intersection(pseudonyms)
        return found

    async def _look(self, tenant: str, known: _Known | None) -> _Known:
        at = self._clock()
        copied = await self._store.read_copied_revision(tenant) if known is None else known.revision
        revision = await asyncio.to_thread(read_person_revision, self._vault, tenant)
        if known is None or revision != copied:
            changes = await asyncio.to_thread(read_person_changes, self._vault, tenant, copied)
            await self._store.insert(tenant, to_person_rows(changes), f"persons/{copied}-{changes.revision}")
            # Read last: what changes meanwhile has another revision, and is looked up the next time.
            restricted = await asyncio.to_thread(list_restricted, self._vault, tenant)
            known = _Known(changes.revision, restricted, at)
        self._tenants[tenant] = known = replace(known, at=at)
        return known
