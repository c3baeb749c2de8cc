"""What is done regularly for each tenant: once a day, by one process at a time, taken up again where one was killed.

The database remembers for which local day a duty was begun last. Whoever does it holds a lease meanwhile, which is
extended while the process lives and soon runs out when it does not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Engine, Row, and_, or_, select, update

from identity.database import insert_new, reading, writing
from identity.errors import IdentityUnavailable
from identity.tables import DUTIES

LEASE: Final = timedelta(seconds=90)
EXTENDED_EVERY: Final = 15.0
TRIED_AGAIN_AFTER: Final = timedelta(hours=1)
"""How long after a failure a duty is tried again on the same day."""


@dataclass(frozen=True, slots=True)
class Duty:
    """How a duty stands. `outcome` is "" where it went well or is not ended, else the code of what failed."""

    name: str
    tenant: str
    day: str
    held_until: datetime | None
    began_at: datetime | None
    ended_at: datetime | None
    outcome: str


class Duties:
    """Takes and gives back duties in the name of one process, `holder`. Everything raises IdentityUnavailable."""

    def __init__(self, engine: Engine, holder: str) -> None:
        self._engine = engine
        self._holder = holder

    @contextmanager
    def holding(self, name: str, tenant: str, day: str | None = None) -> Iterator[bool]:
        """Hold a duty while the block runs, and tell whether it is ours to do: where it is not, do nothing.

        With a `day` (YYYY-MM-DD), only if it was not done for that day or a later one, or failed an hour ago; without,
        whenever nobody holds it. What the block raises is its outcome, and is raised.
        """
        if not self._take(name, tenant, day):
            yield False
            return
        ended = threading.Event()
        keeping = threading.Thread(target=self._keep, args=(name, tenant, ended), name="lease", daemon=True)
        keeping.start()
        outcome = "interrupted"
        try:
            yield True
            outcome = ""
        except Exception as error:
            outcome = str(getattr(error, "code", type(error).__name__))
            raise
        finally:
            ended.set()
            keeping.join()
            self._change(name, tenant, held_until=None, ended_at=datetime.now(UTC), outcome=outcome)

    def beat(self, name: str) -> None:
        """Note that the process which does the duties lives."""
        self._ensure(name, "")
        self._change(name, "", mine=False, holder=self._holder, ended_at=datetime.now(UTC))

    def _take(self, name: str, tenant: str, day: str | None) -> bool:
        self._ensure(name, tenant)
        now = datetime.now(UTC)
        columns = DUTIES.c
        free: ColumnElement[bool] = or_(columns.held_until.is_(None), columns.held_until < now)
        if day is not None:
            unfinished = and_(columns.day == day, columns.ended_at.is_(None))
            failed = and_(columns.day == day, columns.outcome != "", columns.ended_at < now - TRIED_AGAIN_AFTER)
            free = and_(free, or_(columns.day < day, unfinished, failed))
        values: dict[str, Any] = {} if day is None else {"day": day}
        with writing(self._engine) as connection:
            taken = connection.execute(
                update(DUTIES)
                .where(columns.name == name, columns.tenant == tenant, free)
                .values(holder=self._holder, held_until=now + LEASE, began_at=now, ended_at=None, outcome="", **values)
            )
        return taken.rowcount == 1

    def _keep(self, name: str, tenant: str, ended: threading.Event) -> None:
        while not ended.wait(EXTENDED_EVERY):
            try:
                self._change(name, tenant, held_until=datetime.now(UTC) + LEASE)
            except IdentityUnavailable:
                continue  # the lease lasts for several attempts

    def _ensure(self, name: str, tenant: str) -> None:
        row = {"name": name, "tenant": tenant, "day": "", "holder": "", "outcome": ""}
        with reading(self._engine) as connection:
            if connection.execute(_one(name, tenant)).one_or_none() is not None:
                return
        with writing(self._engine) as connection:
            insert_new(connection, DUTIES, [row])

    def _change(self, name: str, tenant: str, *, mine: bool = True, **values: object) -> None:
        columns = DUTIES.c
        change = update(DUTIES).where(columns.name == name, columns.tenant == tenant)
        with writing(self._engine) as connection:
            connection.execute((change.where(columns.holder == self._holder) if mine else change).values(**values))


def read_duties(engine: Engine, name: str) -> list[Duty]:
    """Return how a duty stands, for each tenant of which it is known. Raises IdentityUnavailable."""
    query = select(DUTIES).where(DUTIES.c.name == name).order_by(DUTIES.c.tenant)
    with reading(engine) as connection:
        return [_to_duty(row) for row in connection.execute(query)]


def _one(name: str, tenant: str) -> Any:  # noqa: ANN401 (SQLAlchemy's own type says nothing more)
    return select(DUTIES.c.name).where(DUTIES.c.name == name, DUTIES.c.tenant == tenant)


def _to_duty(row: Row[Any]) -> Duty:
    return Duty(row.name, row.tenant, row.day, row.held_until, row.began_at, row.ended_at, row.outcome)
