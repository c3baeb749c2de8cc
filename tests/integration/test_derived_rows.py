"""What ClickHouse derives from statements, when a worker ends between the two and when two workers race."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import orjson
import pytest

from clickhouse.connection import connect_async
from clickhouse.databases import name_tenant_database
from clickhouse.statements import Existing
from identity.standing import Standing
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from stream_processors.rows import TABLES, SharedRow, TenantRow
from stream_processors.store import ClickHouseStore
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from xapi_profiles.record import build_headers

pytestmark = pytest.mark.integration

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
DERIVED = ("postings", "voidings", "open_references")
AGENT = {"mbox": "mailto:ada@example.org"}


class Killed(BaseException):
    """What ends a worker at once: nothing of it is caught."""


class Store(ClickHouseStore):
    """ClickHouse under a topic that no worker reads; `dies` as soon as the statements are in, some tables `missed`."""

    dies = False
    missed: Sequence[str] = ()
    meeting: asyncio.Barrier | None = None
    """Where those who have looked wait for each other before they write."""

    async def find_ids(self, tenant: str, ids: Iterable[uuid.UUID]) -> Mapping[uuid.UUID, Existing]:
        found = await super().find_ids(tenant, ids)
        if self.meeting is not None:
            await self.meeting.wait()
        return found

    async def insert(self, tenant: str, rows: Sequence[TenantRow], token: str) -> None:
        table = TABLES[type(rows[0])] if rows else ""
        if not (self.dies and table in self.missed):
            await super().insert(tenant, rows, token)
        if self.dies and table == "statements":
            raise Killed

    async def insert_shared(self, rows: Sequence[SharedRow], token: str) -> None:
        """Keep no progress: that of the LRS's topic is not this test's."""


@pytest.fixture
async def stores(stack: Stack) -> AsyncIterator[list[Store]]:
    """Two connections, as two workers have."""
    stores = [Store(await connect_async(stack.installation.owner_address)) for _ in range(2)]
    yield stores
    for store in stores:
        await store.close()


def make_processor(stack: Stack, store: Store) -> Processor:
    installation = stack.installation
    engine = installation.engine
    return Processor(store, installation.vault, installation.master, Standing(engine).find)


def make_record(tenant: TenantAccess, statements: list[Any], *, partition: int = 0, offset: int = 0) -> IncomingRecord:
    now = int(time.time() * 1000) - 1000 + 10 * offset + partition
    headers = tuple(build_headers(tenant.id, "tests"))
    return IncomingRecord(f"topic-of-{tenant.id}", partition, offset, now, headers, orjson.dumps(statements))


def new(**changes: Any) -> dict[str, Any]:
    return make_statement(**{"id": str(uuid.uuid4()), "actor": AGENT, **changes})


def list_ids(tenant: TenantAccess, **parameters: Any) -> set[str]:
    answer = tenant.http.get("statements", params=parameters)
    assert answer.status_code == 200, answer.text
    ids = [statement["id"] for statement in answer.json()["statements"]]
    assert len(ids) == len(set(ids))
    return set(ids)


@pytest.mark.parametrize(
    ("missed", "again"),
    [
        (DERIVED, "in a larger batch"),
        *((some, "in the same batch") for some in (DERIVED, *((table,) for table in DERIVED))),
    ],
    ids=["all, in a larger batch", "all", *DERIVED],
)
async def test_a_worker_killed_between_statements_and_what_is_derived_from_them_completes_it_when_it_is_back(
    stack: Stack, tenant: TenantAccess, stores: list[Store], missed: Sequence[str], again: str
) -> None:
    registration = str(uuid.uuid4())
    target = new(
        verb={"id": "https://example.org/verbs/v"},
        object={"id": "https://example.org/a"},
        context={"registration": registration, "contextActivities": {"parent": [{"id": "https://example.org/p"}]}},
    )
    voided = new()
    voiding = new(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": voided["id"]})
    reference = new(object={"objectType": "StatementRef", "id": target["id"]})
    late = str(uuid.uuid4())
    early = new(object={"objectType": "StatementRef", "id": late})
    record = make_record(tenant, [target, voided, voiding, reference, early])
    following = make_record(tenant, [new(id=late, verb={"id": "https://example.org/verbs/late"})], offset=1)

    database = name_tenant_database(tenant.id)
    store, _ = stores
    with stack.connect_owner() as owner:
        if "postings" in missed:
            owner.command(f"DETACH TABLE {database}.fill_postings")
        store.dies, store.missed = True, missed
        with pytest.raises(Killed):
            await make_processor(stack, store).process([record])
        if "postings" in missed:
            owner.command(f"ATTACH TABLE {database}.fill_postings")
        assert owner.query(f"SELECT count() FROM {database}.statements").result_rows == [(5,)]
        store.dies = False
        restarted = make_processor(stack, store)
        if again == "in the same batch":
            await restarted.process([record])
            # Known by its token: neither the rows nor what is derived of them is there twice, not even until a merge.
            for table in ("statements", "postings", "voidings", "open_references"):
                twice = owner.query(f"SELECT count() - uniqExact(tuple(*)) FROM {database}.{table}").result_rows
                assert twice == [(0,)], table
            await restarted.process([following])
        else:
            await restarted.process([record, following])

    standing = {one["id"] for one in (target, voiding, reference, early)} | {late}
    through = {target["id"], reference["id"]}
    assert list_ids(tenant) == standing
    assert list_ids(tenant, agent=orjson.dumps(AGENT).decode()) == standing
    assert list_ids(tenant, verb=VOIDED) == {voiding["id"]}
    for parameters in (
        {"verb": "https://example.org/verbs/v"},
        {"activity": "https://example.org/a"},
        {"registration": registration},
        {"activity": "https://example.org/p", "related_activities": "true"},
        {"activity": "https://example.org/a", "verb": "https://example.org/verbs/v", "limit": 1},
    ):
        assert list_ids(tenant, **{"limit": 10, **parameters} if "limit" not in parameters else parameters) <= through
        assert list_ids(tenant, **parameters | {"limit": 10}) == through
    assert list_ids(tenant, verb="https://example.org/verbs/late") == {late, early["id"]}
    assert tenant.http.get("statements", params={"statementId": voided["id"]}).status_code == 404
    assert tenant.http.get("statements", params={"voidedStatementId": voided["id"]}).status_code == 200
    counted = tenant.reader.query("SELECT count(), uniqExact(id) FROM current_statements").result_rows
    assert counted == [(5, 5)]
    ledger = tenant.reader.query("SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL")
    assert ledger.result_rows == [(6, 6, 0, 0)]


async def test_of_two_workers_at_one_instant_the_earlier_append_stands_for_every_reader(
    stack: Stack, tenant: TenantAccess, stores: list[Store]
) -> None:
    """Neither finds the other's copy when it looks; the storage settles it, for look-ups, filters and boards."""
    processors = [make_processor(stack, store) for store in stores]
    stores[0].meeting = stores[1].meeting = asyncio.Barrier(2)
    earlier, later = "https://example.org/verbs/earlier", "https://example.org/verbs/later"
    ids = [str(uuid.uuid4()) for _ in range(10)]
    for offset, statement_id in enumerate(ids):
        records = [
            make_record(tenant, [new(id=statement_id, verb={"id": verb})], partition=partition, offset=offset)
            for partition, verb in enumerate((earlier, later))
        ]
        prepared = [await one.prepare([record]) for one, record in zip(processors, records, strict=True)]
        # Which of them comes first to ClickHouse makes no difference.
        order = (0, 1) if offset % 2 else (1, 0)
        await asyncio.gather(*(processors[number].store(prepared[number]) for number in order))
    for statement_id in ids:
        read = tenant.http.get("statements", params={"statementId": statement_id}).json()
        assert read["verb"]["id"] == earlier
    assert list_ids(tenant) == list_ids(tenant, verb=earlier) == set(ids)
    assert list_ids(tenant, verb=later) == set()
    assert tenant.reader.query("SELECT count(), uniqExact(id), any(verb) FROM current_statements").result_rows == [
        (10, 10, earlier)
    ]
    ledger = tenant.reader.query(
        "SELECT sum(accepted) - sum(stored) - sum(duplicate) - sum(dead), sum(accepted) FROM ledger FINAL"
    )
    assert ledger.result_rows == [(0, 20)]
