"""`make bench-identity`: what pseudonymising and sealing cost a statement, with 100,000 learners in the vault.

Pseudonymising and sealing are timed alone, in this process, on the vault of a running instance; then such statements go
the whole way, and the operating system's accounting tells what each process needed for them.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import orjson
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.load import Sender, make_bodies, make_statement
from benchmarks.pipeline import Pipeline, read_processor_times
from clickhouse.connection import connect_async
from identity.credentials import add_credential
from identity.keys import TenantKeys
from identity.pseudonyms import identify, pseudonym
from identity.sealing import pseudonymise
from identity.vault import Vault
from jalon.commands.output import StepsShown
from jalon.runtime.instance import Instance
from jalon.settings import Settings
from tests.postgres import run_postgres
from tests.waiting import eventually

TENANT = "bench"
AUTHORITY = {"objectType": "Agent", "account": {"homePage": "https://lrs.example.org", "name": "bench"}}
BATCH = 500
FEW = 500


def fill(vault: Vault, learners: int) -> float:
    """Give every learner a key; returns the seconds that took."""
    keys = vault.tenant_keys(TENANT)
    names = [name_learner(keys, number) for number in range(learners)]
    began = time.perf_counter()
    for start in range(0, learners, 10_000):
        vault.learner_keys(TENANT, names[start : start + 10_000])
    return time.perf_counter() - began


def name_learner(keys: TenantKeys, number: int) -> str:
    identifier = identify({"mbox": f"mailto:learner.{number}@example.org"})
    assert identifier is not None
    return pseudonym(keys, identifier)


def time_sealing(vault: Vault, numbers: Iterable[int], learners: int) -> tuple[float, float]:
    """Pseudonymise and seal statements in batches; returns processor time and time, in microseconds a statement."""
    keys, count, cpu, wall = vault.tenant_keys(TENANT), 0, 0.0, 0.0
    for batch in _batches(numbers):
        statements = [orjson.loads(orjson.dumps(make_statement(n, learners) | {"authority": AUTHORITY})) for n in batch]
        began, began_cpu = time.perf_counter(), time.process_time()
        pseudonymise(statements, keys, lambda pseudonyms: vault.learner_keys(TENANT, pseudonyms))
        cpu, wall, count = cpu + time.process_time() - began_cpu, wall + time.perf_counter() - began, count + len(batch)
    return cpu / count * 1e6, wall / count * 1e6


def _batches(numbers: Iterable[int]) -> Iterator[Sequence[int]]:
    gathered = list(numbers)
    for start in range(0, len(gathered), BATCH):
        yield gathered[start : start + BATCH]


def restart_worker(instance: Instance) -> None:
    """Have the worker begin anew, with nothing in memory."""
    (worker,) = (process for process in instance.list_processes() if process.name == "worker-1")
    psutil.Process(worker.pid).kill()
    eventually(lambda: worker.pid not in {process.pid for process in instance.list_processes()}, seconds=60)
    asyncio.run(measure_pipeline(instance, 500, 10))  # it has begun once these are stored


async def measure_pipeline(instance: Instance, statements: int, learners: int) -> dict[str, float]:
    """Send statements in requests of 50; returns each process's processor time in microseconds a statement."""
    client = await connect_async(instance.installation.owner_address)
    sender = Sender(f"{instance.settings.lrs_local_url}/xAPI", "bench", "bench-secret", connections=16)
    try:
        bodies = make_bodies(statements, 50, learners)
        before = await asyncio.to_thread(read_processor_times, instance)
        await Pipeline(client, TENANT, sender).send(bodies, statements)
        after = await asyncio.to_thread(read_processor_times, instance)
    finally:
        await sender.close()
        await client.close()
    return {name: (after[name] - before.get(name, 0)) / statements * 1e6 for name in after}


def measure(instance: Instance, learners: int, statements: int) -> Table:
    installation = instance.installation
    installation.add_tenant(TENANT, TENANT, "Europe/Paris")
    add_credential(installation.engine, TENANT, "bench", key="bench", secret="bench-secret")
    table = Table(
        "figure", "value", title=f"Identity, {learners:,} learners in the vault, {installation.engine.dialect.name}"
    )
    vault = installation.vault
    seconds = fill(vault, learners)
    table.add_row("making their keys", f"{seconds:.1f} s")

    sealing: dict[str, float] = {}
    fresh = Vault(installation.engine, installation.master)
    time_sealing(fresh, range(FEW), FEW)
    few = range(statements)
    runs: dict[str, Callable[[], tuple[float, float]]] = {
        "warm": lambda: time_sealing(fresh, few, FEW),
        "cold": lambda: time_sealing(Vault(installation.engine, installation.master), few, learners),
        "new learners": lambda: time_sealing(vault, range(learners, learners + statements // 4), 2 * learners),
    }
    for kind, timed in runs.items():
        sealing[kind], wall = timed()
        table.add_row(f"pseudonymising and sealing, {kind}", f"{sealing[kind]:.0f} us processor, {wall:.0f} us in all")

    asyncio.run(measure_pipeline(instance, statements, FEW))  # warms connections and caches
    for kind, among in {"warm": FEW, "cold": learners}.items():
        if kind == "cold":
            restart_worker(instance)
        used = asyncio.run(measure_pipeline(instance, statements, among))
        whole = sum(used.values())
        table.add_row(
            f"processor time a statement, {kind}", ", ".join(f"{name} {each:.0f}" for name, each in used.items())
        )
        table.add_row(f"share of the worker, {kind}", f"{sealing[kind] / used['worker-1']:.0%}")
        table.add_row(f"share of the pipeline, {kind}", f"{sealing[kind] / whole:.0%}")
    return table


def run(settings: Settings, learners: int, statements: int) -> None:
    instance = Instance(settings)
    try:
        with StepsShown() as steps:
            instance.start(steps.report, with_parent=True)
        Console().print(measure(instance, learners, statements))
    finally:
        instance.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.identity", description=__doc__)
    parser.add_argument("--learners", type=int, default=100_000)
    parser.add_argument("--statements", type=int, default=20_000)
    parser.add_argument("--postgres", action="store_true", help="with the identity database on PostgreSQL")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jalon-bench-") as directory:
        if not options.postgres:
            run(Settings.for_directory(Path(directory)), options.learners, options.statements)
            return
        with run_postgres() as server:
            settings = Settings.for_directory(Path(directory), database_url=server.url())
            run(settings, options.learners, options.statements)


if __name__ == "__main__":
    main()
