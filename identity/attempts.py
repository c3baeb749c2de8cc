"""A brake on guessing passwords: after some failures a name, or an address, has to wait, each time longer.

Counted in the database, so that all processes share it, by keyed digests, so that it holds no name that somebody typed
and no address. An attempt counts as a failure from its beginning: many at once get no further than one after the other.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, delete, select, update

from identity.database import insert_new, writing
from identity.errors import LockedOut
from identity.keys import MasterKey
from identity.tables import SIGN_IN_FAILURES

_PURPOSE = "sign-in attempts"
_FORGOTTEN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Brake:
    """How failures make one wait: `most` in a row are free; one is forgotten every `forgotten_each` seconds.

    The first pause takes `first` seconds, and each further failure doubles it, up to `longest`.
    """

    most: int
    forgotten_each: float
    first: float = 60
    longest: float = 900

    def count(self, level: float, elapsed: float) -> float:
        """Return the level after one more failure, `elapsed` seconds after the last."""
        return max(0.0, level - elapsed / self.forgotten_each) + 1

    def pause(self, level: float) -> float:
        """Return how many seconds to wait at this level."""
        # A little is forgotten between two failures: the last of `most` in a row is not quite there.
        if level <= self.most - 1:
            return 0.0
        return min(self.first * 2 ** max(0.0, level - self.most), self.longest)


BY_NAME = Brake(most=5, forgotten_each=900)
# Many people may share an institute's address.
BY_ADDRESS = Brake(most=30, forgotten_each=120)


class Attempts:
    """Counts the attempts to sign in. Safe to use from several threads and processes."""

    def __init__(
        self,
        engine: Engine,
        master: MasterKey,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine = engine
        self._key = master.derive(_PURPOSE)
        self._now = now

    def begin(self, name: str, address: str) -> None:
        """Count an attempt as failed, before the password is looked at. Raises LockedOut, IdentityUnavailable.

        A refused attempt is not counted; whether there is an account of that name makes no difference.
        """
        now = self._now()
        brakes = sorted([(self._digest_name(name), BY_NAME), (self._digest_address(address), BY_ADDRESS)])
        with writing(self._engine) as connection:
            connection.execute(delete(SIGN_IN_FAILURES).where(SIGN_IN_FAILURES.c.counted_at < now - _FORGOTTEN))
            new = [{"digest": digest, "level": 0.0, "counted_at": now, "paused_until": now} for digest, _ in brakes]
            insert_new(connection, SIGN_IN_FAILURES, new)
            rows = [_lock_row(connection, digest) for digest, _ in brakes]
            wait = max((row.paused_until - now).total_seconds() for row in rows)
            if wait <= 0:
                for row, (_, brake) in zip(rows, brakes, strict=True):
                    level = brake.count(row.level, (now - row.counted_at).total_seconds())
                    _set(connection, row.digest, level, now, now + timedelta(seconds=brake.pause(level)))
        if wait > 0:
            raise LockedOut(wait)

    def succeed(self, name: str, address: str) -> None:
        """Take back an attempt that `begin` counted, and forget the failures of the name. Raises IdentityUnavailable.

        Those of the address stay: who has one password must not be free to guess others.
        """
        now = self._now()
        by_name, by_address = self._digest_name(name), self._digest_address(address)
        with writing(self._engine) as connection:
            rows = {digest: _lock_row(connection, digest) for digest in sorted((by_name, by_address))}
            _set(connection, by_name, 0.0, now, now)
            row = rows[by_address]
            level = max(0.0, row.level - 1)
            _set(connection, by_address, level, row.counted_at, row.paused_until if BY_ADDRESS.pause(level) else now)

    def forget(self, connection: Connection, name: str) -> bool:
        """Let a name try again at once, in a transaction of `writing`; returns whether it had failures."""
        now = self._now()
        failed = update(SIGN_IN_FAILURES).where(
            SIGN_IN_FAILURES.c.digest == self._digest_name(name), SIGN_IN_FAILURES.c.level > 0
        )
        return connection.execute(failed.values(level=0.0, counted_at=now, paused_until=now)).rowcount > 0

    def _digest_name(self, name: str) -> str:
        return self._digest("name", name)

    def _digest_address(self, address: str) -> str:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return self._digest("address", address)
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
            # Whoever has an IPv6 address has 2^64 of them.
            return self._digest("address", str(ipaddress.ip_network((parsed, 64), strict=False)))
        return self._digest("address", str(getattr(parsed, "ipv4_mapped", None) or parsed))

    def _digest(self, kind: str, value: str) -> str:
        return hmac.digest(self._key, f"{kind}\0{value}".encode("utf-8", "surrogatepass"), "sha256").hex()


@dataclass(frozen=True, slots=True)
class _Failures:
    digest: str
    level: float
    counted_at: datetime
    paused_until: datetime


def _lock_row(connection: Connection, digest: str) -> _Failures:
    query = select(SIGN_IN_FAILURES).where(SIGN_IN_FAILURES.c.digest == digest).with_for_update()
    row = connection.execute(query).one()
    return _Failures(row.digest, row.level, row.counted_at, row.paused_until)


def _set(connection: Connection, digest: str, level: float, counted_at: datetime, paused_until: datetime) -> None:
    change = update(SIGN_IN_FAILURES).where(SIGN_IN_FAILURES.c.digest == digest)
    connection.execute(change.values(level=level, counted_at=counted_at, paused_until=paused_until))
