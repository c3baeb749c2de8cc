"""Erasing a person as the store grows: `python -m benchmarks.erasure 1000000 10000000`.

The store is grown as `benchmarks.reading` grows it. At each size a few persons are erased, one after the other, as
`jalon subject erase` does it: the keys first, then everything else until there is a receipt.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.instance import TENANT, open_instance
from benchmarks.load import Sender, make_bodies
from benchmarks.pipeline import Pipeline, quantile
from benchmarks.reading import BASE, Growth, read_scale
from clickhouse.connection import connect, connect_async
from clickhouse.databases import name_tenant_database
from identity import receipts
from identity.credentials import add_credential
from identity.sealing import PSEUDONYM_HOME
from jalon.commands.output import StepsShown
from jalon.erasing import Erasing
from jalon.runtime.instance import Instance


async def send(instance: Instance) -> None:
    """Send the statements that are then copied."""
    credential, secret = add_credential(instance.installation.engine, TENANT, "bench", scopes=["all"], key="bench")
    sender = Sender(f"{instance.settings.lrs_local_url}/xAPI", credential.key, secret, connections=32)
    client = await connect_async(instance.installation.owner_address)
    try:
        await Pipeline(client, TENANT, sender).send(make_bodies(BASE, 50), BASE)
    finally:
        await sender.close()
        await client.close()


def measure(instance: Instance, scales: Sequence[int], samples: int, steps: StepsShown) -> Table:
    """Return how long an erasure took at each size of the store."""
    table = Table("statements", "of the person", "keys, ms", "all, ms: p50", "slowest", title="erasing one person")
    owner = connect(instance.installation.owner_address)
    database = name_tenant_database(TENANT)
    growth = Growth(owner, database)
    gone: set[str] = set()
    for scale in scales:
        growth.grow(scale, steps.report)
        actors = owner.query(f"SELECT actor, count() FROM {database}.statements GROUP BY actor ORDER BY 2 DESC, 1")
        left = [name for name, _ in actors.result_rows if name and name not in gone]
        keys, everything, counts = [], [], []
        for pseudonym in left[:: max(1, len(left) // samples)][:samples]:
            steps.report("erasing", f"at {scale:,}")
            gone.add(pseudonym)
            erasing = Erasing(instance.installation)
            agent = {"account": {"homePage": PSEUDONYM_HOME, "name": pseudonym}}
            began = time.perf_counter()
            (number,) = erasing.order(TENANT, [agent], later="refuse", who="operator:bench", why="measured")
            keys.append(time.perf_counter() - began)
            receipt = erasing.finish(number, [agent])
            everything.append(time.perf_counter() - began)
            reached = receipts.read(instance.installation.master, receipt)["reached"]
            counts.append(reached["statements_made_nobodys"])
        table.add_row(
            f"{scale:,}",
            f"{min(counts):,} to {max(counts):,}",
            f"{quantile(keys, 0.5) * 1000:.0f}",
            f"{quantile(everything, 0.5) * 1000:.0f}",
            f"{max(everything) * 1000:.0f}",
        )
    owner.close()
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.erasure", description=__doc__)
    parser.add_argument("scales", nargs="*", type=read_scale, default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--samples", type=int, default=10)
    options = parser.parse_args()
    with open_instance() as (instance, steps):
        steps.report("sending", f"{BASE:,} statements")
        asyncio.run(send(instance))
        steps.report("sending", "")
        table = measure(instance, options.scales, options.samples, steps)
    Console().print(table)


if __name__ == "__main__":
    main()
