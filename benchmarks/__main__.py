"""`make bench`: starts a throw-away instance, measures it, and prints a table."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.load import Sender
from benchmarks.pipeline import Pipeline, quantile
from clickhouse.connection import connect_async
from identity.credentials import add_credential
from jalon.commands.output import StepsShown
from jalon.runtime.instance import Instance
from jalon.settings import Settings

TENANT = "bench"


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
        fast = [await pipeline.measure_throughput(sized(40_000), 50) for _ in range(3)]
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
    for process in instance.read_status():
        add(f"memory of {process.name}", f"{process.memory_mib} MiB")
    return rows


def _add_milliseconds(add: Callable[[str, str], None], name: str, seconds: list[float]) -> None:
    add(f"{name}, p50 / p95", f"{quantile(seconds, 0.5) * 1000:.1f} / {quantile(seconds, 0.95) * 1000:.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual amount of statements")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jalon-bench-") as directory:
        instance = Instance(Settings.for_directory(Path(directory), workers=options.workers))
        try:
            with StepsShown() as steps:
                instance.start(steps.report, with_parent=True)
            instance.installation.add_tenant(TENANT, TENANT, "Europe/Paris")
            rows = asyncio.run(measure(instance, options.scale))
        finally:
            instance.stop()
    table = Table("figure", "value", title=f"Jalon, {options.workers} worker, {_describe_machine()}")
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def _describe_machine() -> str:
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {sys.version.split()[0]}"


if __name__ == "__main__":
    main()
