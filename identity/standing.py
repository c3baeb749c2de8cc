"""Which tenants may be used now, as every running process knows it within seconds of a change.

An LRS and a worker ask at every request and batch. They are answered from what was read at most SECONDS ago; while the
database does not answer, from what it answered last. Of a tenant that is new to a process nobody can then say anything.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine

from identity.renewal import Renewed
from identity.tenants import Tenant, list_tenants

SECONDS = 2.0
"""How long a process may go on as before after a tenant was suspended, resumed or removed."""

_UNKNOWN_SECONDS = 5.0


class Standing:
    """All tenants, their tombstones too, read anew when what was read is too old. Safe to use from several threads."""

    def __init__(
        self, engine: Engine, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._tenants = Renewed(self._read, seconds, clock)
        self._unknown_until: dict[str, float] = {}
        self._lock = threading.Lock()

    @property
    def is_fresh(self) -> bool:
        """Whether `renew` has nothing to do."""
        return self._tenants.is_fresh

    def renew(self) -> None:
        """Read all tenants if what is known is too old: one query. Raises IdentityUnavailable if nothing is known."""
        self._tenants.get()

    def recall(self, tenant: str) -> Tenant | None:
        """Return the tenant as last read, without waiting; None also for one that was added since.

        Raises IdentityUnavailable if nothing was ever read.
        """
        return self._tenants.recall().get(tenant)

    def find(self, tenant: str) -> Tenant | None:
        """Return the tenant in whatever state it is, None when there is none; may take a query.

        One that is unknown is looked for anew, then held to be unknown for some seconds.
        Raises IdentityUnavailable if nothing was ever read, or an unknown one cannot be looked for.
        """
        found = self._tenants.get().get(tenant)
        if found is not None:
            return found
        with self._lock:
            now = self._clock()
            if self._unknown_until.get(tenant, now) > now:
                return None
            found = self._tenants.get_anew().get(tenant)
            self._unknown_until = {name: until for name, until in self._unknown_until.items() if until > now}
            if found is None:
                self._unknown_until[tenant] = now + _UNKNOWN_SECONDS
        return found

    def _read(self, _before: dict[str, Tenant] | None) -> dict[str, Tenant]:
        return {tenant.id: tenant for tenant in list_tenants(self._engine, gone=True)}
