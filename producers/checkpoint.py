"""What a source has delivered for a tenant, so that a run goes on where the last one stopped, even after a kill.

It holds the ids of delivered statements, which makes it indifferent to how the input moved: a log that grew, a
report exported twice, a file cut and completed later. One SQLite file per tenant and source; every step is one
transaction, written after the delivery is confirmed and before the next row is read.
"""

from __future__ import annotations

import hashlib
import sqlite3
import uuid
from collections.abc import Collection, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from producers.errors import CheckpointError
from producers.rows import Rejected

_SCHEMA = """
CREATE TABLE IF NOT EXISTS delivered (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rejected (digest BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS state (one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT NOT NULL);
"""
# SQLite's lowest default for the number of parameters of a query is 999.
_PARAMETERS = 900


class Checkpoint:
    """The checkpoint of one tenant and source, in `directory`/<tenant>/<source>.sqlite, owned by one run at a time.

    Raises CheckpointError when the file cannot be opened or written, or another run holds it.
    """

    def __init__(self, directory: Path, tenant: str, source: str) -> None:
        self.path = directory / tenant / f"{source}.sqlite"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # It may hold a source's state, which names learners: nobody else reads it.
            self.path.touch(mode=0o600)
            self._database = sqlite3.connect(self.path, timeout=0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise CheckpointError(f"The checkpoint {self.path} cannot be opened: {error}.") from error
        try:
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript("BEGIN EXCLUSIVE;" + _SCHEMA + "COMMIT;")
        except sqlite3.Error as error:
            self._database.close()
            raise CheckpointError(
                f"The checkpoint {self.path} is in use or damaged ({error}): "
                f"wait until the other run of {source!r} for {tenant!r} has ended."
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file, so that another run may take it."""
        self._database.close()

    @property
    def state(self) -> str | None:
        """What the source saved last, None before it has."""
        row = self._database.execute("SELECT value FROM state").fetchone()
        return None if row is None else str(row[0])

    def forget(self) -> None:
        """Start from nothing: the next run delivers everything again (under the same ids)."""
        self._database.executescript("BEGIN; DELETE FROM delivered; DELETE FROM rejected; DELETE FROM state; COMMIT;")

    def find_delivered(self, ids: Collection[str]) -> set[str]:
        """Return those of the statement ids that were delivered before."""
        return {str(uuid.UUID(bytes=key)) for key in self._find("delivered", "id", map(_to_key, ids))}

    def find_rejected(self, rejected: Iterable[Rejected]) -> set[bytes]:
        """Return the digests of those rejected rows that were set aside before."""
        return self._find("rejected", "digest", map(digest, rejected))

    def record(
        self, delivered: Iterable[str] = (), rejected: Iterable[Rejected] = (), state: str | None = None
    ) -> None:
        """Remember, in one durable step, what was delivered and set aside, and the source's new state if given."""
        try:
            self._database.execute("BEGIN")
            self._database.executemany(
                "INSERT OR IGNORE INTO delivered VALUES (?)", ((_to_key(identifier),) for identifier in delivered)
            )
            self._database.executemany(
                "INSERT OR IGNORE INTO rejected VALUES (?)", ((digest(row),) for row in rejected)
            )
            if state is not None:
                self._database.execute("INSERT OR REPLACE INTO state VALUES (1, ?)", (state,))
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            raise CheckpointError(f"The checkpoint {self.path} cannot be written: {error}.") from error

    def _find(self, table: str, column: str, keys: Iterable[bytes]) -> set[bytes]:
        wanted = list(keys)
        found: set[bytes] = set()
        for start in range(0, len(wanted), _PARAMETERS):
            part = wanted[start : start + _PARAMETERS]
            marks = ",".join("?" * len(part))
            query = f"SELECT {column} FROM {table} WHERE {column} IN ({marks})"  # noqa: S608 - names from above, values bound
            found.update(row[0] for row in self._database.execute(query, part))
        return found


def digest(rejected: Rejected) -> bytes:
    """Return what makes two rejected rows the same: file, reason and text. The line may move as a file grows."""
    text = f"{Path(rejected.place.file).name}\x1f{rejected.reason}\x1f{rejected.raw}"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def _to_key(identifier: str) -> bytes:
    return bytes.fromhex(identifier.replace("-", ""))
