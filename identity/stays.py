"""Who is in which room now, as its tablet has heard: what tells a learner's second sign-in from the first.

Kept for a day at most, under keyed digests: no row says of whom. A stay is noted before its statement is written, and
marked as told after: so a statement that could not be written is written the next time, as the same one.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Row, delete, select, update

from identity.database import insert_new, writing
from identity.keys import MasterKey
from identity.tables import STAYS

KEPT = timedelta(days=1)
GRACE = timedelta(minutes=1)
"""For how long after an arrival a second sign-in is taken for the same: a finger that pressed twice."""

Kind = Literal["arrival", "inside", "leave", "nothing"]


@dataclass(frozen=True, slots=True)
class Step:
    """What a sign-in means, and when it was: an arrival or a leave, `inside` (to be asked), or nothing at all.

    `told` is whether its statement has been written already.
    """

    kind: Kind
    at: datetime
    told: bool = False


class Stays:
    """Notes who comes and goes. Safe to use from several threads and processes; everything here may block.

    A `place` is what tells one stay from another: the session, the room and the learner.
    """

    def __init__(self, engine: Engine, master: MasterKey) -> None:
        self._engine = engine
        self._key = master.derive("stays")

    def enter(self, tenant: str, place: tuple[str, ...], *, now: datetime, today: datetime) -> Step:
        """Note a sign-in and return what it means: an arrival, unless the learner has come since `today` began.

        Raises IdentityUnavailable.
        """
        digest = self._digest(tenant, place)
        with writing(self._engine) as connection:
            connection.execute(delete(STAYS).where(STAYS.c.arrived_at < now - KEPT))
            fresh = {"tenant": tenant, "digest": digest, "arrived_at": now, "left_at": None, "told": False}
            insert_new(connection, STAYS, [fresh])
            row = _lock(connection, tenant, digest)
            if row is None:
                raise AssertionError("what was inserted is there")  # for the type checker
            if row.left_at is not None and not row.told:
                return Step("leave", row.left_at)
            if row.arrived_at < today or row.left_at is not None:
                _set(connection, tenant, digest, arrived_at=now, left_at=None, told=False)
                return Step("arrival", now)
            if not row.told or now - row.arrived_at < GRACE:
                return Step("arrival", row.arrived_at, told=row.told)
            return Step("inside", row.arrived_at, told=True)

    def leave(self, tenant: str, place: tuple[str, ...], *, now: datetime) -> Step:
        """Note that a learner leaves; nothing where they are not, or have left. Raises IdentityUnavailable."""
        digest = self._digest(tenant, place)
        with writing(self._engine) as connection:
            row = _lock(connection, tenant, digest)
            if row is None or (row.left_at is not None and row.told):
                return Step("nothing", now, told=True)
            if row.left_at is not None:
                return Step("leave", row.left_at)
            _set(connection, tenant, digest, left_at=now, told=False)
        return Step("leave", now)

    def tell(self, tenant: str, place: tuple[str, ...], step: Step) -> None:
        """Note that the statement of a step is written. Raises IdentityUnavailable."""
        digest = self._digest(tenant, place)
        column = STAYS.c.arrived_at if step.kind == "arrival" else STAYS.c.left_at
        with writing(self._engine) as connection:
            change = update(STAYS).where(STAYS.c.tenant == tenant, STAYS.c.digest == digest, column == step.at)
            connection.execute(change.values(told=True))

    def _digest(self, tenant: str, place: tuple[str, ...]) -> str:
        text = "\0".join((tenant, *place))
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256").hex()


def _lock(connection: Connection, tenant: str, digest: str) -> Row[Any] | None:
    query = select(STAYS).where(STAYS.c.tenant == tenant, STAYS.c.digest == digest)
    return connection.execute(query.with_for_update()).one_or_none()


def _set(connection: Connection, tenant: str, digest: str, **values: Any) -> None:  # noqa: ANN401 (columns' values)
    connection.execute(update(STAYS).where(STAYS.c.tenant == tenant, STAYS.c.digest == digest).values(**values))
