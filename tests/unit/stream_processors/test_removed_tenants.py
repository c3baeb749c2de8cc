"""Records of a removed tenant that are still in the log: dropped, and nothing of them is kept anywhere."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator, Sequence

import pytest
from sqlalchemy import Engine

from clickhouse.errors import StoreUnavailable
from identity.audit import AuditTrail
from identity.keys import MasterKey
from identity.removal import begin_removal, count_rows, finish_removal
from identity.standing import Standing
from identity.tenants import add_tenant, suspend_tenant
from identity.vault import Vault
from stream_processors.processing import Processor
from stream_processors.rows import TenantRow
from tests.unit.stream_processors.conftest import TENANT, Pauses
from tests.unit.stream_processors.doubles import MemoryStore
from tests.unit.stream_processors.test_processing import make_record, make_statement

BY = {"who": "operator:anne", "why": "a test"}


@pytest.fixture
def leaving(engine: Engine, master: MasterKey) -> str:
    tenant = f"t-{uuid.uuid4().hex[:12]}"
    add_tenant(engine, master, tenant, "Leaving")
    return tenant


@pytest.fixture
def processor(
    store: MemoryStore, vault: Vault, master: MasterKey, engine: Engine, pauses: Pauses
) -> Iterator[Processor]:
    return Processor(store, vault, master, Standing(engine, seconds=0).find, pause=pauses)


def remove(engine: Engine, master: MasterKey, tenant: str) -> None:
    trail = AuditTrail(engine, master)
    begin_removal(engine, trail, tenant, {}, **BY)
    finish_removal(engine, trail, tenant, {}, **BY)


async def test_records_of_a_removed_tenant_are_dropped_and_others_stored(
    processor: Processor,
    store: MemoryStore,
    engine: Engine,
    master: MasterKey,
    leaving: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await processor.process([make_record([make_statement()], tenant=leaving)])
    remove(engine, master, leaving)
    written = len(store.inserted)
    records = [make_record([make_statement()], tenant=leaving), make_record([make_statement()])]
    with caplog.at_level(logging.WARNING):
        await processor.process(records)
    assert (len(store.inserted), store.stray, store.dead_letters[leaving]) == (written + 1, {}, {})
    assert store.progress[0] == records[1].offset + 1
    assert count_rows(engine, leaving) == {}
    (told,) = [record for record in caplog.records if record.message == "records-of-removed-tenant-dropped"]
    assert (told.tenant, told.records) == (leaving, 1)
    assert "camille" not in caplog.text.lower()


class StoreWithout(MemoryStore):
    """A store in which one tenant's database is gone."""

    def __init__(self, gone: str) -> None:
        super().__init__()
        self.gone = gone

    async def insert(self, tenant: str, rows: Sequence[TenantRow], token: str) -> None:
        if tenant == self.gone:
            raise StoreUnavailable("ClickHouse cannot work now (code 81).")
        await super().insert(tenant, rows, token)


async def test_a_batch_that_is_being_stored_does_not_wait_for_a_database_that_is_gone(
    vault: Vault, master: MasterKey, engine: Engine, leaving: str
) -> None:
    store = StoreWithout(leaving)

    async def remove_meanwhile(_seconds: float) -> None:
        remove(engine, master, leaving)

    processor = Processor(store, vault, master, Standing(engine, seconds=0).find, pause=remove_meanwhile)
    record = make_record([make_statement()], tenant=leaving)
    other = make_record([make_statement()])
    await processor.process([record, other])
    assert store.statements[leaving] == {}
    assert store.progress[0] == other.offset + 1
    assert (other.partition, other.offset) in store.ledger[TENANT]


async def test_what_was_accepted_of_a_suspended_tenant_is_stored(
    processor: Processor, store: MemoryStore, engine: Engine, master: MasterKey, leaving: str
) -> None:
    suspend_tenant(engine, AuditTrail(engine, master), leaving, **BY)
    await processor.process([make_record([make_statement()], tenant=leaving)])
    assert len(store.statements[leaving]) == 1
