"""What a worker does about persons: it copies links before rows, and puts aside whose processing is paused."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from clickhouse.errors import StoreUnavailable
from identity.attestation import attest
from identity.audit import AuditTrail
from identity.keys import MasterKey
from identity.linking import rotate_key
from identity.orders import Order
from identity.persons import name_versions
from identity.restrictions import release, restrict
from identity.standing import Standing
from identity.tenants import add_tenant
from identity.vault import Vault
from stream_processors.dead_letters import open_payload
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from stream_processors.rows import TenantRow
from tests.statements import make_statement
from tests.unit.stream_processors.conftest import Pauses
from tests.unit.stream_processors.doubles import MemoryStore
from xapi_profiles.record import build_headers

TENANT = "persons"
ADA, BOB = ({"mbox": f"mailto:{name}@example.org"} for name in ("ada", "bob"))
ORDER = Order(TENANT, "operator:tests", "a test")


class Watchful(MemoryStore):
    """Notes what is known of links whenever statements come."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: list[str] = []

    async def insert(self, tenant: str, rows: Any, token: str) -> None:
        if rows:
            self.orders.append(type(rows[0]).__name__)
        await super().insert(tenant, rows, token)


@pytest.fixture
def store() -> Watchful:
    return Watchful()


@pytest.fixture
def vault(engine: Engine, master: MasterKey, request: pytest.FixtureRequest) -> Vault:
    del request
    add_tenant(engine, master, TENANT, "Persons")
    return Vault(engine, master)


@pytest.fixture
def trail(engine: Engine, master: MasterKey) -> AuditTrail:
    return AuditTrail(engine, master)


@pytest.fixture
def processor(store: Watchful, vault: Vault, master: MasterKey, engine: Engine, pauses: Pauses) -> Processor:
    return Processor(store, vault, master, Standing(engine).find, pause=pauses)


def make_record(offset: int, *statements: dict[str, Any], partition: int = 0) -> IncomingRecord:
    headers = tuple(build_headers(TENANT, "tests"))
    return IncomingRecord("topic", partition, offset, 1_700_000_000_000 + offset, headers, orjson.dumps(statements))


def rows(store: MemoryStore) -> list[TenantRow]:
    return list(store.statements[TENANT].values())


async def test_links_are_copied_before_the_rows_that_need_them(
    store: Watchful, processor: Processor, engine: Engine, master: MasterKey, trail: AuditTrail, pauses: Pauses
) -> None:
    who = {"mbox": "mailto:rotated@example.org"}
    await processor.process([make_record(0, make_statement(actor=who))])
    rotate_key(Vault(engine, master), trail, ORDER)
    fresh = Processor(store, Vault(engine, master), master, Standing(engine).find, pause=pauses)
    store.orders.clear()
    store.fail_next("persons", StoreUnavailable("away"))
    await fresh.process([make_record(1, make_statement(actor=who))])
    assert store.orders.index("PersonRow") < store.orders.index("Row")
    newest, *older = name_versions(Vault(engine, master).tenant_keys(TENANT), who)
    assert [row.actor for row in store.statements[TENANT].values()] == [older[0], newest]
    assert store.persons[TENANT][older[0]].person == newest
    assert list(pauses) == [0.1]


async def test_a_worker_that_has_not_noticed_a_rotation_makes_nobody_twice(
    store: Watchful, processor: Processor, engine: Engine, master: MasterKey, trail: AuditTrail, pauses: Pauses
) -> None:
    who = {"mbox": "mailto:new@example.org"}
    prepared = await processor.prepare([make_record(0, make_statement(actor=who))])
    rotate_key(Vault(engine, master), trail, ORDER)
    await processor.store(prepared)
    newest = name_versions(Vault(engine, master).tenant_keys(TENANT), who)[0]
    assert [row.actor for row in store.statements[TENANT].values()] == [newest]
    assert len(pauses) == 1


async def test_whose_processing_is_paused_is_put_aside_and_counted(
    store: Watchful, processor: Processor, vault: Vault, trail: AuditTrail
) -> None:
    restrict(vault, trail, ORDER, ADA)
    try:
        group = {"objectType": "Group", "member": [BOB, ADA]}
        kept = make_statement(actor=BOB, context={"instructor": ADA})
        aside = [make_statement(actor=ADA), make_statement(actor=BOB, object={"objectType": "Agent", **ADA})]
        await processor.process([make_record(0, *aside, kept, make_statement(actor=group))])
    finally:
        release(vault, trail, ORDER, ADA)
    (row,) = store.ledger[TENANT].values()
    assert (row.accepted, row.stored, row.dead) == (4, 1, 3)
    letters = list(store.dead_letters[TENANT].values())
    assert {(letter.code, letter.version, letter.defines, letter.position) for letter in letters} == {
        ("restricted", "1.0.3", True, position) for position in (0, 1, 3)
    }
    assert "ada@" not in "".join(map(str, letters))
    keys = vault.tenant_keys(TENANT)
    alone = next(letter for letter in letters if letter.position == 0)
    payload = open_payload(keys.dead_letter, alone.payload, topic="topic", partition=0, offset=0)
    assert orjson.loads(payload)["actor"] == ADA


async def test_a_release_is_believed_at_once(
    store: Watchful, processor: Processor, vault: Vault, trail: AuditTrail
) -> None:
    restrict(vault, trail, ORDER, ADA)
    await processor.process([make_record(0, make_statement(actor=ADA))])
    release(vault, trail, ORDER, ADA)
    await processor.process([make_record(1, make_statement(actor=ADA))])
    assert len(rows(store)) == 1


async def test_a_statement_that_comes_again_has_the_fingerprint_that_it_came_with(
    store: Watchful, processor: Processor, vault: Vault, trail: AuditTrail
) -> None:
    statement = make_statement(actor=ADA, id="6f4f2f0e-0d1b-4f5c-8a4e-0d8f6a1b2c3d")
    statement.pop("timestamp", None)
    restrict(vault, trail, ORDER, ADA)
    await processor.process([make_record(0, statement)])
    release(vault, trail, ORDER, ADA)
    (letter,) = store.dead_letters[TENANT].values()
    keys = vault.tenant_keys(TENANT)
    payload = open_payload(keys.dead_letter, letter.payload, topic="topic", partition=0, offset=0)
    headers = build_headers(TENANT, "tests")
    attestation = attest(keys, f"{TENANT} tests 1.0.3 True", payload, [letter.fingerprint])
    again = IncomingRecord("topic", 0, 1, 1_800_000_000_000, (*headers, ("attestation", attestation)), payload)
    await processor.process([again])
    await processor.process([make_record(2, statement)])
    assert [row.duplicate for row in store.ledger[TENANT].values()] == [0, 0, 1]
    (row,) = store.statements[TENANT].values()
    assert row.timestamp == 1_700_000_000_000
    assert row.stored == 1_800_000_000_000
