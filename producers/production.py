"""One run of a source: rows to statements to a sink, with everything that all sources have in common.

The order of the steps is the promise: statements are delivered (acknowledged by Kafka or the LRS), then the
checkpoint is written, then the next batch is read. A kill in between sends some statements again under the ids
they had, which changes nothing behind a store where the first version of an id wins.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from producers.checkpoint import Checkpoint, digest
from producers.errors import CheckpointError, RowRejected
from producers.naming import Naming
from producers.rows import Draft, Milestone, Rejected, Row, Source

BATCH: Final = 2_000
"""Statements delivered and checkpointed together."""


class Sink(Protocol):
    """Where statements go. When `deliver` returns, all are durable there; it raises DeliveryError if any is not."""

    def deliver(self, statements: list[dict[str, Any]]) -> None: ...  # noqa: D102 - see the class


@dataclass(slots=True)
class Report:
    """What a run did. Rows: read = mapped + ignored + rejected; statements of the mapped rows: sent + skipped.

    `ignored` rows say nothing that becomes a statement; `skipped` statements were delivered by an earlier run, or
    stand in the input twice. `reasons` counts the rejected rows by reason.
    """

    read: int = 0
    ignored: int = 0
    rejected: int = 0
    sent: int = 0
    skipped: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


Progress = Callable[[Report], None]


def produce(
    source: Source,
    naming: Naming,
    sink: Sink,
    checkpoint: Checkpoint,
    rejected_file: Path,
    *,
    progress: Progress = lambda _report: None,
    batch: int = BATCH,
) -> Report:
    """Map all that a source reads and deliver what was not delivered before; returns what was done.

    Rejected rows are appended to `rejected_file` (JSON Lines of file, line, reason, row; readable by its owner
    only), each once however often its input is read; a kill just before their checkpoint may repeat those of one batch.
    `progress` is called after every batch.
    Raises ProducerError; what was delivered until then is checkpointed. On KeyboardInterrupt what was read is
    delivered before the interrupt goes on.
    """
    run = _Run(source, naming, sink, checkpoint, rejected_file, progress)
    try:
        for item in source.read(checkpoint.state):
            run.take(item)
            if isinstance(item, Milestone):
                run.commit(item.state)
            elif run.waiting >= batch:
                run.commit()
    except KeyboardInterrupt:
        run.commit()
        raise
    run.commit()
    return run.report


def map_rows(
    source: Source, rows: Iterable[Row | Rejected | Milestone], naming: Naming
) -> Iterable[dict[str, Any] | Rejected]:
    """Yield the statements of rows, ids set, and the rejected rows in between: a source without its delivery."""
    for item in rows:
        if isinstance(item, Rejected):
            yield item
        elif isinstance(item, Row):
            outcome = _map(source, item, naming)
            if isinstance(outcome, Rejected):
                yield outcome
            else:
                yield from outcome


class _Run:
    """The batch under way. It stays whole until its delivery is confirmed."""

    def __init__(
        self,
        source: Source,
        naming: Naming,
        sink: Sink,
        checkpoint: Checkpoint,
        rejected_file: Path,
        progress: Progress,
    ) -> None:
        self.report = Report()
        self._source, self._naming, self._sink = source, naming, sink
        self._checkpoint, self._rejected_file, self._progress = checkpoint, rejected_file, progress
        self._statements: dict[str, dict[str, Any]] = {}
        self._rejected: list[Rejected] = []

    @property
    def waiting(self) -> int:
        """How many statements and rejected rows wait for the next commit."""
        return len(self._statements) + len(self._rejected)

    def take(self, item: Row | Rejected | Milestone) -> None:
        """Map a row into the batch; a milestone has nothing to map."""
        if isinstance(item, Milestone):
            return
        self.report.read += 1
        outcome = _map(self._source, item, self._naming) if isinstance(item, Row) else item
        if isinstance(outcome, Rejected):
            self.report.rejected += 1
            self.report.reasons[outcome.reason] += 1
            self._rejected.append(outcome)
        elif not outcome:
            self.report.ignored += 1
        else:
            for statement in outcome:
                self.report.skipped += statement["id"] in self._statements
                self._statements.setdefault(statement["id"], statement)

    def commit(self, state: str | None = None) -> None:
        """Deliver the batch, set aside its rejected rows, and write the checkpoint: in this order."""
        if not self._statements and not self._rejected and state is None:
            self._progress(self.report)
            return
        known = self._checkpoint.find_delivered(self._statements)
        fresh = [statement for key, statement in self._statements.items() if key not in known]
        if fresh:
            self._sink.deliver(fresh)
        seen = self._checkpoint.find_rejected(self._rejected)
        _set_aside(self._rejected_file, [row for row in self._rejected if digest(row) not in seen])
        self._checkpoint.record((statement["id"] for statement in fresh), self._rejected, state)
        self.report.sent += len(fresh)
        self.report.skipped += len(known)
        self._statements.clear()
        self._rejected.clear()
        self._progress(self.report)


def _map(source: Source, row: Row, naming: Naming) -> list[dict[str, Any]] | Rejected:
    try:
        return [_with_id(source.name, draft, naming) for draft in source.map(row, naming)]
    except RowRejected as rejection:
        return Rejected(row.place, str(rejection), row.raw)


def _with_id(source: str, draft: Draft, naming: Naming) -> dict[str, Any]:
    return {"id": naming.statement_id(source, draft.key), **draft.statement}


def _set_aside(path: Path, rows: list[Rejected]) -> None:
    if not rows:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # 0600 from the first byte: the rows may name learners.
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            for row in rows:
                line = {
                    "file": row.place.file,
                    "line": row.place.line,
                    "reason": row.reason,
                    "row": row.raw.encode("utf-8", "replace").decode(),
                }
                file.write(orjson.dumps(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CheckpointError(
            f"The rejected rows cannot be written to {path}: {error.strerror}; free or choose another file."
        ) from error
