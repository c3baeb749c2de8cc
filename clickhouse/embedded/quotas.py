"""Quotas: how much of the machine each login may take in an interval, counted while the server runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from clickhouse.embedded.errors import ServerError

RESOURCES = ("queries", "execution_time")


@dataclass(frozen=True, slots=True)
class Quota:
    """What each of some logins may take: `limits` are (resource, amount) for every interval of so many seconds."""

    name: str
    seconds: int
    limits: tuple[tuple[str, float], ...]
    logins: tuple[str, ...] = ()


@dataclass(slots=True)
class _Taken:
    interval: int = 0
    queries: float = 0
    execution_time: float = 0


class Usage:
    """What logins have taken. May be used from any thread; a server that starts anew has counted nothing."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._taken: dict[tuple[str, str], _Taken] = {}
        self._lock = threading.Lock()

    def begin(self, quotas: Iterable[Quota], login: str) -> None:
        """Count a query that begins. Raises ServerError (QUOTA_EXCEEDED) when the login has had its share."""
        mine = [quota for quota in quotas if login in quota.logins]
        with self._lock:
            for quota in mine:
                self._check(quota, login)
            for quota in mine:
                self._find(quota, login).queries += 1

    def end(self, quotas: Iterable[Quota], login: str, seconds: float) -> None:
        """Count how long a query has run."""
        with self._lock:
            for quota in quotas:
                if login in quota.logins:
                    self._find(quota, login).execution_time += seconds

    def _find(self, quota: Quota, login: str) -> _Taken:
        taken = self._taken.setdefault((quota.name, login), _Taken())
        interval = int(self._clock() // quota.seconds)
        if taken.interval != interval:
            taken.interval, taken.queries, taken.execution_time = interval, 0, 0
        return taken

    def _check(self, quota: Quota, login: str) -> None:
        taken = self._find(quota, login)
        for resource, most in quota.limits:
            had = taken.queries + 1 if resource == "queries" else taken.execution_time
            if had > most:
                end = datetime.fromtimestamp((taken.interval + 1) * quota.seconds, UTC)
                raise ServerError(
                    "QUOTA_EXCEEDED",
                    f"Quota for user `{login}` for {quota.seconds}s has been exceeded: {resource} = {had:g}/{most:g}. "
                    f"Interval will end at {end:%Y-%m-%d %H:%M:%S}. Name of quota template: `{quota.name}`",
                )
