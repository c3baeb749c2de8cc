"""`make bench`: starts a throw-away instance, measures it, and prints a table, with what checking statements costs."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from benchmarks import conformance, templates
from benchmarks.instance import TENANT, open_instance
from benchmarks.load import Sender
from benchmarks.pipeline import Pipeline, quantile, read_processor_times
from clickhouse.connection import connect_async
from identity.credentials import add_credential
from jalon.runtime.instance import Instance


async def measure(instance: Instance, scale: float) -> list[tuple[str, str]]:
    settings = instance.settings
    _, secret = add_credential(instance.installation.engine, TENANT, "bench", key="bench")
    client = await connect_async(instance.installation.owner_address)
    sender = Sender(f"{settings.lrs_local_url}/xAPI", "bench", secret, connections=64)
    pipeline = Pipeline(client, TENANT, sender)
    rows: list[tuple[str, str]] = []

    def add(name: str, value: str) -> None:
        rows.append((name, value))

    def sized(number: int) -> int:
        return max(1, round(number * scale))

    try:
        await pipeline.measure_throughput(sized(2_000), 50)  # warms connections, caches and the vault
        before = await asyncio.to_thread(read_processor_times, instance)
        fast = [await pipeline.measure_throughput(sized(40_000), 50) for _ in range(3)]
        after = await asyncio.to_thread(read_processor_times, instance)
        add("statements/s end to end, requests of 50", f"{quantile(fast, 0.5):,.0f}")
        slow = [await pipeline.measure_throughput(sized(6_000), 1) for _ in range(3)]
        add("statements/s end to end, requests of 1", f"{quantile(slow, 0.5):,.0f}")
        _add_milliseconds(add, "accepting a request of 1, idle", await pipeline.measure_acceptance(sized(500), 1))
        _add_milliseconds(add, "accepting a request of 50, idle", await pipeline.measure_acceptance(sized(100), 50))
        _add_milliseconds(add, "freshness, idle", await pipeline.measure_freshness(sized(60), 4, sample_every=1))
        _add_milliseconds(
            add, "freshness at 200 statements/s", await pipeline.measure_freshness(sized(6_000), 200, sample_every=20)
        )
    finally:
        await sender.close()
        await client.close()
    for name, seconds in after.items():
        cost = (seconds - before[name]) / (3 * sized(40_000)) * 1e6
        add(f"processor time of {name}, requests of 50", f"{cost:.0f} µs per statement")
    for process in instance.read_status():
        add(f"memory of {process.name}", f"{process.memory_mib} MiB")
    return rows


def measure_checks() -> list[tuple[str, str]]:
    """Return what holding statements against profiles costs, with nothing else running."""
    rows = [(f"holding against templates: {name}", f"{cost:.1f} µs") for name, cost in templates.measure().items()]
    batch = conformance.measure()
    return [
        *rows,
        ("worker on a batch, a statement unchecked / checked", " / ".join(f"{cost:.1f} µs" for cost in batch.values())),
    ]


def _add_milliseconds(add: Callable[[str, str], None], name: str, seconds: list[float]) -> None:
    add(f"{name}, p50 / p95", f"{quantile(seconds, 0.5) * 1000:.1f} / {quantile(seconds, 0.95) * 1000:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual amount of statements")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with open_instance(options.workers) as (instance, _):
        rows = asyncio.run(measure(instance, options.scale))
    rows += measure_checks()
    table = Table("figure", "value", title=f"Jalon, {options.workers} worker, {_describe_machine()}")
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def _describe_machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    main()
