"""What was signed and cannot be mapped, kept as a producer keeps it: with its reason, for its owner's eyes only."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import orjson

from producers.rows import Rejected

_REMEMBERED: Final = 10_000


class RejectedRows:
    """Appends rejected rows to `FOLDER/TENANT/SOURCE-rejected.jsonl`. Safe to use from several threads.

    One that comes again is kept once, as far back as this process remembers.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, tenant: str, source: str, rows: Iterable[Rejected]) -> None:
        """Write rows down; returns once they are durable. Raises OSError."""
        with self._lock:
            fresh = {_digest(tenant, source, row): row for row in rows}
            lines = [_describe(row) for digest, row in fresh.items() if digest not in self._seen]
            if lines:
                _append(self._folder / tenant / f"{source}-rejected.jsonl", b"".join(lines))
            self._seen.update(dict.fromkeys(fresh))
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)


def _append(path: Path, lines: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # 0600 from the first byte: the rows may name learners.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())


def _describe(row: Rejected) -> bytes:
    line = {"file": row.place.file, "line": row.place.line, "reason": row.reason, "row": row.raw}
    return orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def _digest(tenant: str, source: str, row: Rejected) -> bytes:
    text = f"{tenant}\0{source}\0{row.reason}\0{row.raw}"
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
