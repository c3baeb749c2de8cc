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

    `read` is given what it returned before, None at first. While the database does not answer, what it answered last
    holds; IdentityUnavailable, or what else `read` raises, comes from where it never did.
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

    @property
    def is_fresh(self) -> bool:
        """Whether `get` takes no query."""
        return self._known is not None and self._clock() < self._until

    def get(self) -> T:
        """Return what is known; may take a query."""
        with self._lock:
            if not self.is_fresh:
                try:
                    self._renew()
                except IdentityUnavailable:
                    if self._known is None:
                        raise
                    self._until = self._clock() + self._seconds
            return self.recall()

    def get_anew(self) -> T:
        """Return what the database says now. Raises IdentityUnavailable when it does not answer, whatever is known."""
        with self._lock:
            self._renew()
            return self.recall()

    def recall(self) -> T:
        """Return what was read last, however long ago, without waiting."""
        if self._known is None:
            raise IdentityUnavailable("The identity database has not answered yet: check that it runs.")
        return self._known

    def _renew(self) -> None:
        until = self._clock() + self._seconds
        self._known = self._read(self._known)
        self._until = until


class RenewedByTenant(Generic[T]):
    """A Renewed for each tenant that is asked for; `read` is given the tenant, too."""

    def __init__(
        self, read: Callable[[str, T | None], T], seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._seconds = seconds
        self._clock = clock
        self._tenants: dict[str, Renewed[T]] = {}

    def get(self, tenant: str) -> T:
        """Return what is known of a tenant; may take a query."""
        known = self._tenants.get(tenant)
        if known is not None:
            return known.get()
        known = Renewed(lambda before: self._read(tenant, before), self._seconds, self._clock)
        found = known.get()
        self._tenants[tenant] = known  # only now: a tenant that there is not is not kept
        return found
