"""What became of statements on their way in, and the file of those that were rejected."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self
from uuid import UUID

from jalon.importing.files import Found
from xapi_profiles.json_text import dump_json


@dataclass(slots=True)
class Verdicts:
    """Counts of a batch: every statement is accepted (new), duplicate (known, stored nothing) or rejected."""

    accepted: int = 0
    duplicate: int = 0
    rejected: list[tuple[Found, str]] = field(default_factory=list)
    ids: list[UUID] = field(default_factory=list)

    def add(self, other: Verdicts) -> None:
        """Take in the verdicts of another batch."""
        self.accepted += other.accepted
        self.duplicate += other.duplicate
        self.rejected += other.rejected
        self.ids += other.ids


class Route(Protocol):
    """A way in. Batches may be sent from several threads at once."""

    def send(self, batch: list[Found]) -> Verdicts:
        """Send a batch and say what is known of it; raises JalonError when the way itself fails."""
        ...

    def settle(self) -> Verdicts:
        """Once everything sent is stored, say what became known only then."""
        ...


class RejectedFile:
    """JSON Lines of what was rejected, made with the first of them; only its owner may read it: it holds names."""

    def __init__(self, path: Path) -> None:
        """Open nothing yet."""
        self.path = path
        self.count = 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, found: Found, reason: str) -> None:
        """Add one statement with its place and reason."""
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        line: dict[str, Any] = {"place": found.place, "reason": reason}
        line |= {"text": found.raw} if found.problem else {"statement": found.statement}
        self._file.write(dump_json(line) + b"\n")
        self.count += 1
