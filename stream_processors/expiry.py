"""What is read of the log again after its period has passed is not stored again (docs/retention.md).

The log of accepted records is read from an earlier place after a crash, or when an operator has it replayed. What
retention has deleted meanwhile must stay deleted; what became of it is counted as it was: stored.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy import Engine

from identity.renewal import RenewedByTenant
from identity.retention import DAY_MILLISECONDS, DEAD_LETTERS, LEDGER, Periods, find_cutoff, read_periods
from stream_processors.reading import Batch, TenantBatch

_SECONDS = 5.0


class PeriodsOfTenants:
    """The periods of tenants, read anew every few seconds."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._known = RenewedByTenant(self._read, _SECONDS, clock)

    def find(self, tenant: str) -> Periods:
        """Return the tenant's periods; while the database does not answer, those that it gave last.

        Raises IdentityUnavailable where it gave none yet.
        """
        return self._known.get(tenant)

    def _read(self, tenant: str, _before: Periods | None) -> Periods:
        return read_periods(self._engine, tenant)


def leave_out_expired(batch: Batch, find_periods: Callable[[str], Periods], now: int) -> None:
    """Take out of a batch what has passed its period at `now` (milliseconds since 1970 UTC), counting it as stored.

    No period is shorter than a day, so that of younger records nobody is asked. Raises what `find_periods` does.
    """
    for part in batch.tenants.values():
        if any(record.timestamp < now - DAY_MILLISECONDS for record in part.tallies):
            _leave_out(part, find_periods(part.tenant.id), now)


def _leave_out(part: TenantBatch, periods: Periods, now: int) -> None:
    kept = []
    for candidate in part.candidates:
        tally, columns = part.tallies[candidate.record], candidate.enrichment
        days = periods.days_of_statement(tally.source, columns.verb, columns.activity_type)
        if days is not None and candidate.record.timestamp < find_cutoff(now, days):
            tally.stored += 1
        else:
            kept.append(candidate)
    part.candidates = kept
    part.dead_letters_since = _since(periods.days_of(DEAD_LETTERS), now)
    part.ledger_since = _since(periods.days_of(LEDGER), now)


def _since(days: int | None, now: int) -> int:
    return 0 if days is None else find_cutoff(now, days)
