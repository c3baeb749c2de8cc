"""Retention of half of a large store, and what of it others notice: `python -m benchmarks.retention`.

The store is filled as in benchmarks.reading, a day for each copy. What is measured is how long the dry run and the run
take, and how soon new statements are queryable before the run and during it.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.table import Table

from benchmarks.instance import TENANT, open_instance
from benchmarks.load import Sender, make_bodies
from benchmarks.pipeline import Pipeline, quantile
from benchmarks.reading import BASE, Growth, read_scale
from clickhouse.connection import connect, connect_async
from clickhouse.databases import name_tenant_database
from identity.credentials import add_credential
from identity.duties import Duties
from identity.retention import Rule, set_period
from jalon.commands.output import StepsShown
from jalon.retention import DUTY, Retention
from jalon.runtime.instance import Instance


async def measure(instance: Instance, statements: int, steps: StepsShown) -> Table:
    installation, settings = instance.installation, instance.settings
    credential, secret = add_credential(installation.engine, TENANT, "bench", scopes=["all"], key="bench")
    owner, client = connect(installation.owner_address), await connect_async(installation.owner_address)
    sender = Sender(f"{settings.lrs_local_url}/xAPI", credential.key, secret, connections=32)
    pipeline = Pipeline(client, TENANT, sender)
    table = Table("figure", "value", title=f"retention of half of {statements:,} statements")
    try:
        steps.report("sending", f"{BASE:,} statements")
        await pipeline.send(make_bodies(BASE, 50), BASE)
        steps.report("sending", "")
        await asyncio.to_thread(Growth(owner, name_tenant_database(TENANT), -24).grow, statements, steps.report)
        with Duties(installation.engine, "benchmark").holding(DUTY, TENANT, "9999-12-31"):
            set_period(installation.engine, TENANT, Rule("statements", max(1, statements // BASE // 2)))
        table.add_row(
            "freshness before, p50 / p95 / most", tell(await pipeline.measure_freshness(200, 20, sample_every=1))
        )
        started = time.perf_counter()
        await asyncio.to_thread(lambda: Retention(installation, owner, TENANT).plan())
        table.add_row("dry run", f"{time.perf_counter() - started:.1f} s")
        running = asyncio.create_task(asyncio.to_thread(run, instance, owner))
        during: list[float] = []
        while not running.done():
            during += await pipeline.measure_freshness(20, 20, sample_every=1)
        seconds, deleted = await running
        table.add_row(f"run, {deleted:,} statements deleted", f"{seconds:.1f} s")
        table.add_row("freshness during it, p50 / p95 / most", tell(during))
    finally:
        await sender.close()
        await client.close()
        owner.close()
    return table


def run(instance: Instance, owner: Client) -> tuple[float, int]:
    started = time.perf_counter()
    outcome = Retention(instance.installation, owner, TENANT).run("operator:benchmark", "measuring")
    return time.perf_counter() - started, outcome.counts["statements/statements"]


def tell(seconds: list[float]) -> str:
    return (
        " / ".join(f"{value * 1000:.0f}" for value in (*(quantile(seconds, q) for q in (0.5, 0.95)), max(seconds)))
        + " ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retention", description=__doc__)
    parser.add_argument("statements", nargs="?", type=read_scale, default=1_000_000)
    options = parser.parse_args()
    with open_instance() as (instance, steps):
        table = asyncio.run(measure(instance, options.statements, steps))
    Console().print(table)


if __name__ == "__main__":
    main()
