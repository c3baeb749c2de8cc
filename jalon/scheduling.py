"""The scheduler: the one process that does regularly, for each tenant at night, what nobody should have to think of.

For now that is retention, of tenants and of what belongs to none. The scheduler survives restarts, since the database
knows what was done for which day, and there may be several, since each holds a lease on what it does.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import FrameType
from zoneinfo import ZoneInfo

from clickhouse.connection import Client, connect
from clickhouse.errors import ClickHouseError, StoreUnavailable
from clickhouse.retention import count_strays, delete_strays
from identity.audit import Event
from identity.duties import Duties, Duty, read_duties
from identity.errors import IdentityError
from identity.retention import find_cutoff
from identity.tenants import Tenant, list_tenants
from jalon.installation import Installation
from jalon.retention import DUTY, Retention
from lrs.errors import LrsError

logger = logging.getLogger(__name__)

SCHEDULER = "scheduler"
BEAT_SECONDS = 5.0
SILENT_AFTER = timedelta(seconds=60)
"""For how long the scheduler may give no sign before it counts as not at work."""

STRAYS = "strays"
"""The duty of deleting records of no known tenant."""

_WHO = "process:scheduler"
_UTC = "UTC"
_EXPECTED = (ClickHouseError, IdentityError, LrsError)


def name_holder() -> str:
    """Return a name that no other process has."""
    return f"{socket.gethostname()[:40]}/{os.getpid()}/{secrets.token_hex(4)}"


def find_due_day(timezone: str, hour: int, now: datetime) -> str:
    """Return the last local day on which `hour` has begun: the day whose duties are due by now."""
    local = now.astimezone(ZoneInfo(timezone))
    day = local.date() if local.hour >= hour else local.date() - timedelta(days=1)
    return day.isoformat()


class Scheduler:
    """Does what is due: from `scheduler_hour` on, in each tenant's time zone, in UTC for the whole installation."""

    def __init__(
        self, installation: Installation, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._installation = installation
        self._hour = installation.settings.scheduler_hour
        self._stray_days = installation.settings.stray_days
        self._clock = clock
        self._duties = Duties(installation.engine, name_holder())
        self._waiting = False

    def run(self, ended: threading.Event) -> None:
        """Do what is due until `ended` is set. What is out of reach is waited for, and said once."""
        while True:
            try:
                self._duties.beat(SCHEDULER)
                self._do_what_is_due(ended)
                self._waiting = False
            except (IdentityError, StoreUnavailable) as error:
                if not self._waiting:
                    logger.warning("scheduler-waits", extra={"code": error.code, "reason": str(error)})
                self._waiting = True
            if ended.wait(BEAT_SECONDS):
                return

    def _do_what_is_due(self, ended: threading.Event) -> None:
        duties = {duty.tenant: duty for duty in read_duties(self._installation.engine, DUTY)}
        tenants = list_tenants(self._installation.engine)
        due = [tenant for tenant in tenants if self._may_be_due(tenant.timezone, duties.get(tenant.id))]
        strays = self._stray_days > 0 and self._may_be_due(_UTC, _find(self._installation, STRAYS))
        if not due and not strays:
            return
        # Before a duty is taken: what cannot begin has not failed.
        with closing(connect(self._installation.owner_address)) as client:
            if strays:
                self.delete_strays(client)
            for tenant in due:
                if ended.is_set():
                    return
                self.apply_retention(client, tenant)
                self._duties.beat(SCHEDULER)

    def _may_be_due(self, timezone: str, duty: Duty | None) -> bool:
        """Whether there may be something to do; only taking it tells for sure."""
        day = find_due_day(timezone, self._hour, self._clock())
        return duty is None or duty.day < day or duty.ended_at is None or bool(duty.outcome)

    def apply_retention(self, client: Client, tenant: Tenant) -> None:
        """Apply the tenant's retention, if it is due and nobody else does. A failure is logged, and tried again."""
        day = find_due_day(tenant.timezone, self._hour, self._clock())
        try:
            with self._duties.holding(DUTY, tenant.id, day) as ours:
                if not ours:
                    return
                outcome = Retention(self._installation, client, tenant.id).run(_WHO, "scheduled")
        except _EXPECTED as error:
            logger.warning("retention-failed", extra={"tenant": tenant.id, "code": error.code, "reason": str(error)})
            return
        if outcome.counts:
            logger.info("retention-applied", extra={"tenant": tenant.id, "deleted": outcome.counts})

    def delete_strays(self, client: Client) -> None:
        """Delete the records of no known tenant that are too old, if it is due and nobody else does."""
        now = self._clock()
        try:
            with self._duties.holding(STRAYS, "", find_due_day(_UTC, self._hour, now)) as ours:
                if not ours:
                    return
                cutoff = find_cutoff(int(now.timestamp() * 1000), self._stray_days)
                if count := count_strays(client, cutoff):
                    event = Event("", _WHO, "retention-applied", "", "scheduled", {"deleted": {STRAYS: count}})
                    self._installation.audit.append(event)
                    delete_strays(client, cutoff)
        except _EXPECTED as error:
            logger.warning("retention-failed", extra={"code": error.code, "reason": str(error)})


def serve(installation: Installation) -> None:
    """Do what is due until SIGTERM or SIGINT."""
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    Scheduler(installation).run(ended)


def check_scheduler(installation: Installation) -> str:
    """Return what keeps the scheduler from its work, "" when it is at work."""
    now = datetime.now(UTC)
    try:
        beat = next((duty.ended_at for duty in read_duties(installation.engine, SCHEDULER)), None)
        at_work = any(duty.held_until is not None and duty.held_until > now for duty in _read(installation))
    except IdentityError as error:
        return f"the identity database does not answer ({error.code})"
    if at_work or (beat is not None and now - beat < SILENT_AFTER):
        return ""
    return "it gives no sign" if beat is None else f"it has given no sign since {beat.isoformat(timespec='seconds')}"


def find_failure(installation: Installation) -> str:
    """Return what of the scheduler's duties failed when it was done last, "" when nothing did."""
    try:
        failed = next((duty for duty in _read(installation) if duty.outcome), None)
    except IdentityError:
        return ""
    if failed is None:
        return ""
    return f"{failed.name} of {failed.tenant or 'the installation'} failed ({failed.outcome}); it is tried again"


def _read(installation: Installation) -> list[Duty]:
    return [*read_duties(installation.engine, DUTY), *read_duties(installation.engine, STRAYS)]


def _find(installation: Installation, name: str) -> Duty | None:
    return next(iter(read_duties(installation.engine, name)), None)
