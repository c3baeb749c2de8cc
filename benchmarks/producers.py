"""What each producer sends a second: `python -m benchmarks.producers [--trainees N] [--days N]`.

A simulated institute's files are read, mapped and sent to a real Kafka, each source alone, with an empty checkpoint.
Prints for each source its runs (some read a file each), how many statements it sent in how many seconds by the clock,
how many a second, and how many a second of this process's processor time (Kafka's is not in it). All of a run is
counted; `fixed` is what as many runs of a single statement take: opening, the first record and closing.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from jalon.settings import Settings
from producers.checkpoint import Checkpoint
from producers.naming import Naming
from producers.production import produce
from producers.rows import Draft, Place, Row, Source
from producers.simulation.year import Size, write_year
from producers.sinks import KafkaSink
from tests.contract.producers.month import list_sources
from tests.stack import run_instance

TENANT = "bench"
ATTEMPTS = 9


class OneStatement:
    """A source that tells a single statement."""

    def __init__(self, name: str) -> None:
        self.name = name

    def read(self, _state: str | None) -> Iterator[Row]:
        yield Row(Place("-", 1), None)

    def map(self, _row: Row, naming: Naming) -> list[Draft]:
        return [Draft("one", {"object": {"id": naming.session("one")}})]


def run(source: Source, settings: Settings, directory: Path, naming: Naming) -> tuple[int, float, float]:
    """Return the statements that a source sent, the seconds, and the seconds of processor time."""
    began, used = time.monotonic(), time.process_time()
    with (
        Checkpoint(directory / "checkpoints", TENANT, source.name) as checkpoint,
        KafkaSink(settings.kafka_servers, TENANT, source.name, topic=settings.topic) as sink,
    ):
        report = produce(source, naming, sink, checkpoint, directory / "rejected.jsonl")
    return report.sent, time.monotonic() - began, time.process_time() - used


def measure(settings: Settings, directory: Path, naming: Naming) -> None:
    fixed = median(run(OneStatement(f"one-{number}"), settings, directory, naming)[1] for number in range(ATTEMPTS))
    sent: Counter[str] = Counter()
    runs: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    processor: dict[str, float] = {}
    for source in list_sources(directory, naming):
        name = source.name
        statements, lasted, used = run(source, settings, directory, naming)
        sent[name] += statements
        runs[name] += 1
        seconds[name] = seconds.get(name, 0) + lasted
        processor[name] = processor.get(name, 0) + used
    print(
        f"{'source':20} {'runs':>4} {'statements':>10} {'seconds':>7} {'fixed':>5} {'a second':>8} {'a CPU second':>12}"
    )
    for name, count in sent.most_common():
        print(
            f"{name:20} {runs[name]:4} {count:10,} {seconds[name]:7.2f} {runs[name] * fixed:5.2f} "
            f"{count / seconds[name]:8,.0f} {count / processor[name]:12,.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainees", type=int, default=4_000)
    parser.add_argument("--days", type=int, default=60)
    options = parser.parse_args()
    naming = Naming(TENANT)
    with tempfile.TemporaryDirectory(prefix="jalon-bench-") as folder:
        directory = Path(folder)
        began = time.monotonic()
        write_year(Size(trainees=options.trainees, days=options.days), directory / "institute", naming)
        print(f"{options.trainees:,} trainees, {options.days} days written in {time.monotonic() - began:.0f} s")
        with run_instance(Settings.for_directory(directory / "instance")) as instance:
            measure(instance.settings, directory / "institute", naming)


if __name__ == "__main__":
    main()
