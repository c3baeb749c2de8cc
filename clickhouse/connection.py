"""How every part of Jalon reaches ClickHouse: over HTTP, through clickhouse-connect.

The embedded server and a real cluster differ in an address, in nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, DataError

from clickhouse.errors import RowsRefused, StoreUnavailable

__all__ = ["AsyncClient", "ClickHouseAddress", "Client", "connect", "connect_async", "translate_errors"]

# ClickHouse's codes for rows that do not fit their columns; anything else may pass when tried again.
_DATA_CODES = frozenset({6, 26, 27, 32, 33, 38, 41, 53, 69, 70, 72, 117, 131, 321, 349, 376, 407, 691})


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn clickhouse-connect's exceptions into RowsRefused or StoreUnavailable; their text stays in the cause."""
    try:
        yield
    except DatabaseError as error:
        if isinstance(error, DataError) or error.code in _DATA_CODES:
            raise RowsRefused(f"ClickHouse refuses rows (code {error.code}).") from error
        told = f"code {error.code}" if error.code else "no answer"
        raise StoreUnavailable(f"ClickHouse cannot work now ({told}); see `jalon status`.") from error


@dataclass(frozen=True, slots=True)
class ClickHouseAddress:
    """Where a ClickHouse is and as whom to use it."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    database: str = "default"
    secure: bool = False

    def as_user(self, username: str, password: str, database: str) -> ClickHouseAddress:
        """Return the same server as seen by another user, with that user's database as default."""
        return replace(self, username=username, password=password, database=database)

    def _arguments(self) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "username": self.username,
            "password": self.password,
            "database": self.database,
            "secure": self.secure,
            # A session serialises the queries of a client; nothing here needs state between queries.
            "autogenerate_session_id": False,
            "compress": "lz4",
            "query_limit": 0,
            "connect_timeout": 5,
        }


def connect(address: ClickHouseAddress) -> Client:
    """Connect for sequential use (administration, tests); raises StoreUnavailable."""
    try:
        return clickhouse_connect.get_client(**address._arguments())  # noqa: SLF001 (same module)
    except DatabaseError as error:
        raise StoreUnavailable(_explain(address)) from error


async def connect_async(address: ClickHouseAddress, *, connections: int = 16) -> AsyncClient:
    """Connect for concurrent use within one event loop; raises StoreUnavailable."""
    try:
        return await clickhouse_connect.get_async_client(
            **address._arguments(),  # noqa: SLF001 (same module)
            connector_limit=connections,
            connector_limit_per_host=connections,
        )
    except DatabaseError as error:
        raise StoreUnavailable(_explain(address)) from error


def _explain(address: ClickHouseAddress) -> str:
    return f"ClickHouse does not answer at {address.host}:{address.port}. Is it running? See `jalon status`."
