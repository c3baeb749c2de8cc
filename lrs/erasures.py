"""Who was erased, as this process knows it: at most a second old, and asked for off the event loop.

Accepting does not depend on it. While the identity database does not answer, what was known last counts, and the
stream processor decides (stream_processors/erased_persons.py).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from identity.erasures import NOBODY, Erased
from identity.errors import IdentityUnavailable
from identity.sealing import find_persons
from lrs.callers import Caller
from lrs.errors import PersonErased

_FRESH_SECONDS = 1.0


class ErasedSource(Protocol):
    """Tells who was erased; identity.vault.Vault is the real one."""

    def erased(self, tenant: str) -> Erased:
        """Return who was erased of a tenant; may take long. Raises IdentityUnavailable."""


class ErasureWatch:
    """Who was erased of each tenant. For one event loop."""

    def __init__(
        self,
        source: ErasedSource,
        *,
        clock: Callable[[], float] = time.monotonic,
        patience_seconds: float = 1.0,
    ) -> None:
        self._source = source
        self._clock = clock
        self._patience = patience_seconds
        self._known: dict[str, tuple[float, Erased]] = {}
        self._asking: dict[str, asyncio.Task[Erased]] = {}

    async def find(self, tenant: str) -> Erased:
        """Return who was erased of the tenant a second ago at the earliest, or was when last the database answered."""
        until, known = self._known.get(tenant, (0.0, NOBODY))
        if self._clock() < until:
            return known
        asking = self._asking.get(tenant)
        if asking is None:
            asking = self._asking[tenant] = asyncio.create_task(self._ask(tenant, known))
            asking.add_done_callback(lambda _: self._asking.pop(tenant))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                return await asyncio.shield(asking)
        return known

    async def _ask(self, tenant: str, known: Erased) -> Erased:
        began = self._clock()
        with suppress(IdentityUnavailable):
            known = await asyncio.to_thread(self._source.erased, tenant)
        self._known[tenant] = began + _FRESH_SECONDS, known
        return known


def refuse_erased(statements: Sequence[dict[str, Any]], caller: Caller) -> None:
    """Raise PersonErased for valid statements that name somebody who was erased, where later ones are refused."""
    if not caller.erased:
        return
    for index, statement in enumerate(statements):
        for pointer, names in find_persons(statement, caller.keys):
            if caller.erased.refuses(caller.keys, names):
                raise PersonErased(pointer=f"/{index}{pointer}")
