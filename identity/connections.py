"""What the first event of a connection tells and a later one of it needs: kept for a day, named by keyed digests.

A webhook tells of a leave without the moment of its join, and the process that heard of that may have been killed
since. What is noted holds nothing that names a person, and is sealed all the same.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select

from identity.database import insert_new, reading, writing
from identity.keys import MasterKey
from identity.tables import CONNECTIONS

KEPT = timedelta(days=1)
"""For how long something noted can be recalled; it is deleted when something else is noted after that."""

_PURPOSE = "connection"


class Connections:
    """Notes and recalls. Safe to use from several threads and processes; everything here may block."""

    def __init__(
        self, engine: Engine, master: MasterKey, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._engine = engine
        self._master = master
        self._key = master.derive("connections")
        self._now = now

    def note(self, tenant: str, name: str, facts: Mapping[str, str]) -> None:
        """Keep what a connection's first event told; what was kept of it before stays. Raises IdentityUnavailable.

        `name` tells the connection from any other of the tenant. Returns once it is durable.
        """
        digest, now = self._digest(tenant, name), self._now()
        sealed = self._master.wrap(json.dumps(dict(facts)).encode(), tenant=tenant, purpose=_PURPOSE, id=digest)
        row = {"tenant": tenant, "digest": digest, "facts": sealed, "noted_at": now}
        with writing(self._engine) as connection:
            connection.execute(delete(CONNECTIONS).where(CONNECTIONS.c.noted_at < now - KEPT))
            insert_new(connection, CONNECTIONS, [row])

    def recall(self, tenant: str, name: str) -> dict[str, str] | None:
        """Return what is kept of a connection, None where nothing is. Raises IdentityUnavailable, VaultUnavailable."""
        digest = self._digest(tenant, name)
        query = select(CONNECTIONS.c.facts).where(
            CONNECTIONS.c.tenant == tenant,
            CONNECTIONS.c.digest == digest,
            CONNECTIONS.c.noted_at >= self._now() - KEPT,
        )
        with reading(self._engine) as connection:
            sealed = connection.scalar(query)
        if sealed is None:
            return None
        facts: dict[str, str] = json.loads(self._master.unwrap(sealed, tenant=tenant, purpose=_PURPOSE, id=digest))
        return facts

    def _digest(self, tenant: str, name: str) -> str:
        return hmac.digest(self._key, f"{tenant}\0{name}".encode("utf-8", "surrogatepass"), "sha256").hex()
