"""What each producer sends a second: `python -m benchmarks.producers [--trainees N] [--days N]`.

A simulated institute's files are read, mapped and sent to a real Kafka, each source alone, with an empty checkpoint.
Prints for each source how many statements it sent, how many a second by the clock, and how many a second of this
process's processor time (Kafka's is not in it).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

from jalon.runtime.instance import Instance
from jalon.settings import Settings
from producers.checkpoint import Checkpoint
from producers.naming import Naming
from producers.production import produce
from producers.simulation.year import Size, write_year
from producers.sinks import KafkaSink
from tests.contract.producers.month import list_sources

TENANT = "bench"


def measure(instance: Instance, directory: Path, naming: Naming) -> None:
    settings = instance.settings
    sent: Counter[str] = Counter()
    seconds: Counter[str] = Counter()
    processor: Counter[str] = Counter()
    for source in list_sources(directory, naming):
        began, used = time.monotonic(), time.process_time()
        with (
            Checkpoint(directory / "checkpoints", TENANT, source.name) as checkpoint,
            KafkaSink(settings.kafka_servers, TENANT, source.name, topic=settings.topic) as sink,
        ):
            report = produce(source, naming, sink, checkpoint, directory / "rejected.jsonl")
        sent[source.name] += report.sent
        seconds[source.name] += time.monotonic() - began
        processor[source.name] += time.process_time() - used
    print(f"{'source':24} {'statements':>10} {'a second':>10} {'a processor second':>20}")
    for name, count in sent.most_common():
        print(f"{name:24} {count:10,} {count / seconds[name]:10,.0f} {count / processor[name]:20,.0f}")


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
        instance = Instance(Settings.for_directory(directory / "instance"))
        instance.start(with_parent=True)
        try:
            measure(instance, directory / "institute", naming)
        finally:
            instance.stop()


if __name__ == "__main__":
    main()
