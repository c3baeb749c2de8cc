"""Reading as the store grows, from 100 thousand to 10 million statements: `python -m benchmarks.reading`.

The first statements go the whole way through LRS, Kafka and worker; ClickHouse then copies them under new ids and later
places into the same table, with everything that an insert there fills, until the store has the size asked for. Copies
differ from what was sent in nothing but id, place and time, so every list that a query reads grows with the store.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

import httpx
import orjson
from clickhouse_connect.driver.client import Client
from rich.console import Console
from rich.table import Table

from benchmarks.instance import TENANT, open_instance
from benchmarks.load import Sender, make_bodies
from benchmarks.pipeline import Pipeline, quantile
from clickhouse.connection import AsyncClient, connect, connect_async
from clickhouse.databases import name_tenant_database
from clickhouse.statement_query import StatementQuery, query_statements
from clickhouse.statements import Row, get_statement
from identity.credentials import add_credential
from identity.hiding import hide_iri
from identity.keys import TenantKeys
from identity.sealing import PSEUDONYM_HOME
from jalon.commands.output import StepsShown
from jalon.runtime.instance import Instance

BASE = 50_000
COPIES_AT_ONCE = 4  # 200,000 rows an insert, as few parts as large batches make

_COPY = """
INSERT INTO {database}.statements ({columns})
SELECT {values}
FROM (SELECT *, generateUUIDv4(copy) AS new_id, copy FROM {database}.statements
      ARRAY JOIN range({first:d}, {last:d}) AS copy
      WHERE offset < {copied:d})
"""
# Places of copies lie beyond any offset that the log reached, and one day after the other.
_OFFSET = 100_000_000


def read_scale(text: str) -> int:
    """Return a number of statements, which grow by copies of so many. Raises ArgumentTypeError for another."""
    if not text.isdecimal() or int(text) == 0 or int(text) % BASE:
        raise argparse.ArgumentTypeError(f"{text} is no multiple of {BASE:,}, in which statements grow")
    return int(text)


class Growth:
    """Multiplies a tenant's statements; every copy is stored `hours` after the one before it."""

    def __init__(self, client: Client, database: str, hours: int = 1) -> None:
        self._client, self._database, self._hours = client, database, hours
        self._copies = 1

    def grow(self, statements: int, report: Callable[[str, str], None]) -> None:
        while self._copies * BASE < statements:
            last = min(self._copies + COPIES_AT_ONCE, statements // BASE)
            changed = {
                "id": "new_id",
                "stored": f"stored + INTERVAL copy * {self._hours} HOUR",
                "offset": f"offset + toInt64(copy) * {_OFFSET}",
                "statement": "replaceOne(statement, toString(id), toString(new_id))",
            }
            self._client.command(
                _COPY.format(
                    database=self._database,
                    columns=", ".join(Row._fields),
                    values=", ".join(changed.get(name, name) for name in Row._fields),
                    first=self._copies,
                    last=last,
                    copied=_OFFSET,
                )
            )
            self._copies = last
            report("copying", f"{last * BASE:,} of {statements:,} statements")
        report("merging", "until ClickHouse has nothing to do")
        while self._client.query("SELECT count() FROM system.merges").result_rows[0][0]:
            time.sleep(0.5)
        report("merging", "")


async def measure(instance: Instance, scales: Sequence[int], samples: int, steps: StepsShown) -> Table:
    installation, settings = instance.installation, instance.settings
    credential, secret = add_credential(installation.engine, TENANT, "bench", scopes=["all"], key="bench")
    database, keys = name_tenant_database(TENANT), installation.vault.tenant_keys(TENANT)
    owner, client = connect(installation.owner_address), await connect_async(installation.owner_address)
    sender = Sender(f"{settings.lrs_local_url}/xAPI", credential.key, secret, connections=32)
    table = Table("query", "through", *(f"{scale:,}" for scale in scales), "last / first", title="p50 / p95, ms")
    rows: dict[tuple[str, str], list[list[float]]] = {}
    try:
        steps.report("sending", f"{BASE:,} statements")
        await Pipeline(client, TENANT, sender).send(make_bodies(BASE, 50), BASE)
        steps.report("sending", "")
        growth = Growth(owner, database)
        async with httpx.AsyncClient(
            base_url=f"{settings.lrs_local_url}/xAPI/",
            auth=(credential.key, secret),
            headers={"X-Experience-API-Version": "1.0.3"},
            timeout=60,
        ) as http:
            for scale in scales:
                await asyncio.to_thread(growth.grow, scale, steps.report)
                for name, (ask_store, ask_lrs) in make_questions(owner, client, http, database, keys).items():
                    steps.report("measuring", f"{name} at {scale:,}")
                    for through, ask in (("store", ask_store), ("LRS", ask_lrs)):
                        rows.setdefault((name, through), []).append(await time_each(ask, samples))
    finally:
        await sender.close()
        await client.close()
        owner.close()
    for (name, through), measured in rows.items():
        medians = [quantile(seconds, 0.5) for seconds in measured]
        cells = [f"{quantile(one, 0.5) * 1000:.1f} / {quantile(one, 0.95) * 1000:.1f}" for one in measured]
        table.add_row(name, through, *cells, f"{medians[-1] / medians[0]:.2f}")
    return table


Ask = Callable[[], Awaitable[Any]]


def make_questions(
    owner: Client, client: AsyncClient, http: httpx.AsyncClient, database: str, keys: TenantKeys
) -> dict[str, tuple[Ask, Ask]]:
    """Return what is asked, of the store alone and through the LRS; each asks for another value every time."""
    draw = random.Random(7)
    sample = owner.query(
        f"SELECT id, actor, activity, registration FROM {database}.statements ORDER BY rand() LIMIT 500"
    ).result_rows

    async def get(parameters: dict[str, str]) -> None:
        answer = await http.get("statements", params=parameters)
        answer.raise_for_status()

    def by_id() -> tuple[Ask, Ask]:
        def pick() -> UUID:
            found: UUID = draw.choice(sample)[0]
            return found

        return lambda: get_statement(client, database, pick()), lambda: get({"statementId": str(pick())})

    def page(name: str, column: int | None, told: Callable[[Any], str] = str) -> tuple[Ask, Ask]:
        def pick() -> object:
            return None if column is None else draw.choice(sample)[column]

        def ask_store() -> Awaitable[Any]:
            value = pick()
            filters: dict[str, Any] = (
                {} if value is None else {name: hide_iri(str(value), keys) if name == "activity" else value}
            )
            return query_statements(client, database, StatementQuery(**filters, limit=25))

        def ask_lrs() -> Awaitable[Any]:
            value = pick()
            return get({"limit": "25"} | ({} if value is None else {name: told(value)}))

        return ask_store, ask_lrs

    return {
        "by id": by_id(),
        "newest 25": page("", None),
        "agent": page("agent", 1, tell_agent),
        "activity": page("activity", 2),
        "registration": page("registration", 3),
    }


def tell_agent(pseudonym: str) -> str:
    return orjson.dumps({"account": {"homePage": PSEUDONYM_HOME, "name": pseudonym}}).decode()


async def time_each(ask: Ask, samples: int) -> list[float]:
    for _ in range(10):
        await ask()
    took = []
    for _ in range(samples):
        started = time.perf_counter()
        await ask()
        took.append(time.perf_counter() - started)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reading", description=__doc__)
    parser.add_argument("scales", nargs="*", type=read_scale, default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--samples", type=int, default=200)
    options = parser.parse_args()
    with open_instance() as (instance, steps):
        table = asyncio.run(measure(instance, options.scales, options.samples, steps))
        sizes = measure_sizes(instance)
    Console().print(table)
    Console().print(sizes)


def measure_sizes(instance: Instance) -> Table:
    """Return what the largest tables take on disk."""
    table = Table("table", "rows", "MiB", "bytes a statement")
    client = connect(instance.installation.owner_address)
    found = client.query(
        "SELECT table, sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = {database:String} "
        "GROUP BY table ORDER BY 3 DESC LIMIT 4",
        parameters={"database": name_tenant_database(TENANT)},
    ).result_rows
    client.close()
    statements = next(rows for name, rows, _ in found if name == "statements")
    for name, rows, size in found:
        table.add_row(name, f"{rows:,}", f"{size / 2**20:,.0f}", f"{size / statements:,.0f}")
    return table


if __name__ == "__main__":
    main()
