"""The import itself: batches along a route, a verdict for every statement, and a check of the sum against the store."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from uuid import UUID

from jalon.importing.files import Found
from jalon.importing.verdicts import RejectedFile, Route, Verdicts

BATCH = 50
PARALLEL = 4


class StoreView(Protocol):
    """What the import asks of the store it fills."""

    def count(self) -> int:
        """Return how many statements the tenant has stored."""
        ...

    def count_present(self, ids: Iterable[UUID]) -> int:
        """Return how many of these ids are stored."""
        ...

    def wait_until_stored(self) -> None:
        """Return once everything is queryable that Kafka held when this was called."""
        ...


@dataclass(slots=True)
class Report:
    """The import in figures. `stored` is what the tenant has stored afterwards, all in all."""

    read: int = 0
    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    stored: int = 0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the figures for the last line of output."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The report and, if the sums do not hold, the sentence that says which."""

    report: Report
    problem: str


def import_statements(
    found: Iterable[Found],
    route: Route,
    store: StoreView,
    rejected: RejectedFile,
    *,
    progress: Callable[[int], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> Outcome:
    """Send every statement, wait until all is stored, and hold the sums against the store.

    The outcome has no problem only if read = accepted + duplicate + rejected, the store grew by what was accepted and
    every accepted id is there. Statements that others send meanwhile may let it grow more.
    """
    started, before = clock(), store.count()
    report, total = Report(), Verdicts()

    def take(verdicts: Verdicts, sent: int) -> None:
        total.add(Verdicts(verdicts.accepted, verdicts.duplicate, [], verdicts.ids))
        for statement, reason in verdicts.rejected:
            rejected.write(statement, reason)
        progress(sent)

    def readable() -> Iterator[Found]:
        for one in found:
            report.read += 1
            if one.problem or not isinstance(one.statement, dict):
                take(Verdicts(rejected=[(one, one.problem or "A statement is a JSON object.")]), 1)
            else:
                yield one

    under_way: deque[tuple[Future[Verdicts], list[Found]]] = deque()
    with ThreadPoolExecutor(PARALLEL) as pool:
        for batch in gather_batches(readable()):
            ids = {find_id(one) for one in batch}
            # Two versions of one id must not race: the first in the file is to be the first in the store.
            while under_way and (
                len(under_way) > PARALLEL or any(not ids.isdisjoint(map(find_id, sent)) for _, sent in under_way)
            ):
                future, sent = under_way.popleft()
                take(future.result(), len(sent))
            under_way.append((pool.submit(route.send, batch), batch))
        for future, sent in under_way:
            take(future.result(), len(sent))
    store.wait_until_stored()
    take(route.settle(), 0)
    report.accepted, report.duplicate, report.rejected = total.accepted, total.duplicate, rejected.count
    report.stored = store.count()
    report.seconds = round(clock() - started, 3)
    return Outcome(report, _check(report, before, total.ids, store))


def gather_batches(found: Iterable[Found]) -> Iterator[list[Found]]:
    """Yield lists of at most BATCH statements, none of which holds an id twice."""
    batch: list[Found] = []
    ids: set[str] = set()
    for one in found:
        name = find_id(one)
        if len(batch) == BATCH or name in ids:
            yield batch
            batch, ids = [], set()
        batch.append(one)
        ids.add(name)
    if batch:
        yield batch


def find_id(found: Found) -> str:
    """Return a statement's id in lower case; one without an id is told apart by its place."""
    statement_id = found.statement.get("id")
    return statement_id.lower() if isinstance(statement_id, str) else found.place


def _check(report: Report, before: int, ids: list[UUID], store: StoreView) -> str:
    if report.read != report.accepted + report.duplicate + report.rejected:
        return (
            f"{report.read} statements were read, but {report.accepted} accepted, {report.duplicate} duplicate and "
            f"{report.rejected} rejected."
        )
    if report.stored - before < report.accepted:
        return f"{report.accepted} statements were accepted, but the store grew by {report.stored - before}."
    distinct = set(ids)
    if (present := store.count_present(distinct)) != len(distinct):
        return f"Of {len(distinct)} accepted statements {len(distinct) - present} are not in the store."
    return ""
