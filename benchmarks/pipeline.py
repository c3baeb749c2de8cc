"""End to end: from a request to the LRS until ClickHouse answers with the statement."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import UUID

import orjson
import psutil

from benchmarks.load import Sender, make_bodies
from clickhouse.connection import AsyncClient
from clickhouse.databases import name_tenant_database
from clickhouse.statements import find_ids
from jalon.runtime.instance import Instance


class Pipeline:
    """One tenant of a running instance, written to through the LRS and looked at in ClickHouse."""

    def __init__(self, client: AsyncClient, tenant: str, sender: Sender) -> None:
        self._client, self._sender = client, sender
        self._database = name_tenant_database(tenant)

    async def count(self) -> int:
        # Without FINAL: ClickHouse answers from its parts' headers, so that looking costs next to nothing.
        result = await self._client.query(f"SELECT count() FROM {self._database}.statements")
        return int(result.result_rows[0][0])

    async def measure_throughput(self, statements: int, per_request: int) -> float:
        """Return statements a second, from the first request until the last statement is queryable."""
        bodies = make_bodies(statements, per_request)
        started = time.perf_counter()
        await self.send(bodies, statements)
        return statements / (time.perf_counter() - started)

    async def send(self, bodies: Sequence[bytes], statements: int) -> None:
        """Post bodies with so many new statements and return once the last one is queryable."""
        target = await self.count() + statements
        await self._sender.post_all(bodies)
        while await self.count() < target:
            await asyncio.sleep(0.05)

    async def measure_acceptance(self, requests: int, per_request: int) -> list[float]:
        """Return the seconds of each of so many requests, one after the other."""
        return [await self._sender.post(body) for body in make_bodies(requests * per_request, per_request)]

    async def measure_freshness(self, statements: int, per_second: float, *, sample_every: int) -> list[float]:
        """Post at a steady rate, and return for a sample the seconds from posting to being queryable."""
        bodies = make_bodies(statements, 1)
        waiting: dict[UUID, float] = {}
        took: list[float] = []
        sending: list[asyncio.Task[float]] = []
        watching = asyncio.create_task(self._watch(waiting, took, len(range(0, statements, sample_every))))
        started = time.perf_counter()
        for number, body in enumerate(bodies):
            await asyncio.sleep(max(0.0, started + number / per_second - time.perf_counter()))
            if number % sample_every == 0:
                waiting[UUID(orjson.loads(body)[0]["id"])] = time.perf_counter()
            sending.append(asyncio.create_task(self._sender.post(body)))
        await asyncio.gather(*sending)
        await watching
        return took

    async def _watch(self, waiting: dict[UUID, float], took: list[float], count: int) -> None:
        """Ask for all that is waited for in one query at a time, so that looking is not what is measured."""
        while len(took) < count:
            if waiting:
                found = await find_ids(self._client, self._database, list(waiting))
                now = time.perf_counter()
                took.extend(now - waiting.pop(statement_id) for statement_id in found)
            await asyncio.sleep(0.005)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def read_processor_times(instance: Instance) -> dict[str, float]:
    """Return the seconds of processor time that each process has taken."""
    processes = [process for process in instance.list_processes() if process.pid]
    times = {process.name: psutil.Process(process.pid).cpu_times() for process in processes}
    return {name: each.user + each.system for name, each in times.items()}
