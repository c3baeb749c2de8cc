from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.checkpoint import Checkpoint
from producers.errors import CheckpointError, DeliveryError
from producers.naming import Naming
from producers.production import Report, produce
from producers.rows import Milestone
from tests.unit.producers.doubles import ListSource, MemorySink


def run(
    items: list[str | Milestone], checkpoint: Checkpoint, tmp_path: Path, sink: MemorySink | None = None, **options
):
    sink = sink or MemorySink()
    source = ListSource(items)
    report = produce(source, Naming("institut"), sink, checkpoint, tmp_path / "rejected.jsonl", **options)
    return report, sink, source


def counts(report: Report) -> tuple[int, int, int, int, int]:
    return report.read, report.ignored, report.rejected, report.sent, report.skipped


def test_every_row_is_accounted_for(checkpoint: Checkpoint, tmp_path: Path) -> None:
    report, sink, _ = run(["a", "-", "!x", "b", "a"], checkpoint, tmp_path)
    assert counts(report) == (5, 1, 1, 2, 1)
    assert len(sink.statements) == 2
    assert report.reasons == {"It is broken.": 1}


def test_the_same_input_again_sends_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    first, _sink, _ = run(["a", "!x", "b"], checkpoint, tmp_path)
    again, silent, _ = run(["a", "!x", "b"], checkpoint, tmp_path)
    assert counts(first) == (3, 0, 1, 2, 0)
    assert counts(again) == (3, 0, 1, 0, 2)
    assert silent.statements == []
    assert len((tmp_path / "rejected.jsonl").read_bytes().splitlines()) == 1


def test_ids_depend_on_tenant_source_and_key_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    _, sink, _ = run(["a", "b"], checkpoint, tmp_path)
    naming = Naming("institut")
    assert sink.ids == [naming.statement_id("list", "a"), naming.statement_id("list", "b")]
    assert len({*sink.ids, Naming("autre").statement_id("list", "a"), naming.statement_id("other", "a")}) == 4


def test_a_cut_input_then_the_whole_one_sends_the_rest(checkpoint: Checkpoint, tmp_path: Path) -> None:
    _, first, _ = run(["a", "b", "!cut"], checkpoint, tmp_path)
    report, second, _ = run(["a", "b", "c", "d"], checkpoint, tmp_path)
    assert counts(report) == (4, 0, 0, 2, 2)
    assert len({*first.ids, *second.ids}) == 4


def test_rejected_rows_are_kept_with_place_and_reason_for_their_owner_only(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    run(["a", "!Hélène"], checkpoint, tmp_path)
    path = tmp_path / "rejected.jsonl"
    assert json.loads(path.read_text()) == {"file": "list", "line": 2, "reason": "It is broken.", "row": "!Hélène"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(checkpoint.path.stat().st_mode) == 0o600


def test_a_failed_delivery_is_not_checkpointed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    items = [f"row {number}" for number in range(10)]
    sink = MemorySink(fails_at=2)
    with pytest.raises(DeliveryError):
        run(items, checkpoint, tmp_path, sink, batch=4)
    report, rest, _ = run(items, checkpoint, tmp_path, batch=4)
    assert (report.sent, report.skipped) == (6, 4)
    assert sorted([*sink.ids, *rest.ids]) == sorted(Naming("institut").statement_id("list", item) for item in items)


def test_rows_of_a_failed_delivery_are_not_set_aside_twice(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError):
        run(["!x", "a"], checkpoint, tmp_path, MemorySink(fails_at=1))
    run(["!x", "a"], checkpoint, tmp_path)
    assert len((tmp_path / "rejected.jsonl").read_bytes().splitlines()) == 1


def test_a_milestone_delivers_before_the_next_row_is_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    sink = MemorySink()
    delivered: list[int] = []

    def items() -> Iterator[str | Milestone]:
        yield "a"
        yield Milestone()
        delivered.append(len(sink.statements))
        yield "b"

    source = ListSource(items())
    produce(source, Naming("institut"), sink, checkpoint, tmp_path / "rejected.jsonl")
    assert delivered == [1]


def test_state_is_saved_with_its_milestone_only(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(DeliveryError):
        run(["a", Milestone("1"), "b", Milestone("2")], checkpoint, tmp_path, MemorySink(fails_at=2))
    _, _, source = run([], checkpoint, tmp_path)
    assert source.states == ["1"]


def test_an_interrupt_delivers_what_was_read(checkpoint: Checkpoint, tmp_path: Path) -> None:
    def items() -> Iterator[str]:
        yield "a"
        raise KeyboardInterrupt

    sink = MemorySink()
    with pytest.raises(KeyboardInterrupt):
        produce(ListSource(items()), Naming("institut"), sink, checkpoint, tmp_path / "rejected.jsonl")
    assert len(sink.statements) == 1


def test_progress_tells_the_counts_of_each_batch(checkpoint: Checkpoint, tmp_path: Path) -> None:
    seen: list[int] = []
    run(["a", "b", "c"], checkpoint, tmp_path, batch=1, progress=lambda report: seen.append(report.sent))
    assert seen == [1, 2, 3, 3]


def test_forgetting_sends_all_again_under_the_same_ids(checkpoint: Checkpoint, tmp_path: Path) -> None:
    _, first, _ = run(["a", Milestone("state")], checkpoint, tmp_path)
    checkpoint.forget()
    _, second, source = run(["a"], checkpoint, tmp_path)
    assert second.ids == first.ids
    assert source.states == [None]


def test_two_runs_of_a_source_do_not_meet(checkpoint: Checkpoint, tmp_path: Path) -> None:
    checkpoint.record(["00000000-0000-0000-0000-000000000001"])
    with pytest.raises(CheckpointError, match="other run"):
        Checkpoint(tmp_path / "checkpoints", "institut", "list")
    with Checkpoint(tmp_path / "checkpoints", "autre", "list") as other:
        assert other.find_delivered(["00000000-0000-0000-0000-000000000001"]) == set()


_KILLED = """
import os, signal, sys
from pathlib import Path
from producers.checkpoint import Checkpoint
from producers.naming import Naming
from producers.production import produce
from tests.unit.producers.doubles import ListSource

class DyingSink:
    def __init__(self):
        self.count = 0
    def deliver(self, statements):
        with (Path(sys.argv[1]) / "delivered").open("a") as file:
            file.writelines(statement["id"] + "\\n" for statement in statements)
            file.flush()
        self.count += 1
        if self.count == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

items = [f"row {number}" for number in range(100)]
with Checkpoint(Path(sys.argv[1]), "institut", "list") as checkpoint:
    produce(ListSource(items), Naming("institut"), DyingSink(), checkpoint, Path(sys.argv[1]) / "rejected", batch=10)
"""


def test_a_killed_run_goes_on_and_sends_again_one_batch_at_most(tmp_path: Path) -> None:
    def start(dies_at: int) -> int:
        command = [sys.executable, "-c", _KILLED, str(tmp_path), str(dies_at)]
        return subprocess.run(command, timeout=60, check=False, cwd=Path(__file__).parents[3]).returncode

    assert start(dies_at=4) == -signal.SIGKILL
    assert start(dies_at=3) == -signal.SIGKILL
    assert start(dies_at=1_000) == 0

    delivered = (tmp_path / "delivered").read_text().split()
    expected = {Naming("institut").statement_id("list", f"row {number}") for number in range(100)}
    assert set(delivered) == expected
    # Killed between delivery and checkpoint, twice: these two batches came again, nothing else did.
    assert len(delivered) == 120
