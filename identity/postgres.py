"""Connections to PostgreSQL that give up: a server that neither answers nor goes away must hold no process for ever."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

ANSWER_SECONDS = 30.0
"""How long a statement may take, waiting for locks included; as long as SQLite waits for its lock."""

DEFAULTS: dict[str, Any] = {
    "connect_timeout": 5,
    # Of a machine that is gone, or a network that swallows everything, the kernel tells after so many seconds.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""What a connection is made with where its address does not say otherwise."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection whose every wait ends after `answer_seconds`; it is closed then, and the error is psycopg's."""

    answer_seconds = ANSWER_SECONDS

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ANN401 (the driver's signature)
        """Wait for the server. Raises psycopg.OperationalError when it takes too long."""
        try:
            return super().wait(gen, interval, timeout=self.answer_seconds if timeout is None else timeout)
        except psycopg.OperationalError:
            # Still waiting for the server: what the connection is good for cannot be known any more.
            if timeout is None and self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.close()
                raise psycopg.OperationalError(f"no answer within {self.answer_seconds:.0f} s") from None
            raise


def connect(*arguments: Any, **parameters: Any) -> BoundedConnection:  # noqa: ANN401 (the driver's signature)
    """Return a new connection. Raises psycopg.OperationalError."""
    return BoundedConnection.connect(*arguments, **DEFAULTS | parameters)
