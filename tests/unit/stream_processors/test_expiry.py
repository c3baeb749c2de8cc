"""What is read again after its period has passed stays deleted, and the ledger balances."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from identity.errors import IdentityUnavailable
from identity.keys import MasterKey
from identity.retention import DAY_MILLISECONDS, Periods, Rule, set_period, unset_period
from identity.standing import Standing
from identity.vault import Vault
from stream_processors.expiry import PeriodsOfTenants
from stream_processors.processing import Processor
from tests.unit.stream_processors.conftest import TENANT, Pauses
from tests.unit.stream_processors.doubles import MemoryStore
from tests.unit.stream_processors.test_processing import _NOW, make_record, make_statement, tally

ATTENDED = {"id": "http://adlnet.gov/expapi/verbs/attended"}
PERIODS = Periods((Rule("attendance", 100, verbs=(ATTENDED["id"],)), Rule("statements", 10), Rule("dead-letters", 5)))

Make = Callable[[int], Processor]


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def make(store: MemoryStore, vault: Vault, master: MasterKey, engine: Engine, pauses: Pauses, asked: list[str]) -> Make:
    """Make a worker that works so many days after the records were accepted."""

    def find(tenant: str) -> Periods:
        asked.append(tenant)
        return PERIODS if tenant == TENANT else Periods()

    def make(days: int) -> Processor:
        now = (_NOW + days * DAY_MILLISECONDS) / 1000 + 3600
        return Processor(store, vault, master, Standing(engine).find, find_periods=find, now=lambda: now, pause=pauses)

    return make


async def test_what_has_passed_its_period_is_not_stored_again_and_counts_as_it_did(
    make: Make, store: MemoryStore
) -> None:
    traces, attended = make_statement(), make_statement(verb=ATTENDED)
    record = make_record([traces, attended, {"id": "broken"}])
    await make(0).process([record])
    before = tally(store, record)
    assert set(store.statements[TENANT]) == {uuid.UUID(traces["id"]), uuid.UUID(attended["id"])}
    assert len(store.dead_letters[TENANT]) == 1
    store.statements.clear()  # retention has come by
    store.dead_letters.clear()
    store.progress.clear()
    store.tokens.clear()
    await make(11).process([record])
    assert set(store.statements[TENANT]) == {uuid.UUID(attended["id"])}
    assert store.dead_letters[TENANT] == {}
    assert tally(store, record) == before == (3, 2, 0, 1)


async def test_nothing_expires_before_its_last_day_is_over(make: Make, store: MemoryStore) -> None:
    statement = make_statement()
    await make(9).process([make_record([statement])])
    assert uuid.UUID(statement["id"]) in store.statements[TENANT]


async def test_what_is_new_costs_no_question(make: Make, asked: list[str]) -> None:
    await make(0).process([make_record([make_statement()])])
    assert asked == []


async def test_the_same_statement_accepted_again_later_is_stored(make: Make, store: MemoryStore) -> None:
    statement = make_statement()
    first = make_record([statement])
    again = make_record([statement])
    object.__setattr__(again, "timestamp", first.timestamp + 8 * DAY_MILLISECONDS)
    await make(12).process([first, again])
    assert store.statements[TENANT][uuid.UUID(statement["id"])].stored == again.timestamp
    assert tally(store, first) == (1, 1, 0, 0)
    assert tally(store, again) == (1, 1, 0, 0)


async def test_a_worker_waits_while_the_periods_are_out_of_reach(
    store: MemoryStore, vault: Vault, master: MasterKey, engine: Engine, pauses: Pauses
) -> None:
    failures = [IdentityUnavailable("not now")]

    def find(_tenant: str) -> Periods:
        if failures:
            raise failures.pop()
        return PERIODS

    processor = Processor(
        store,
        vault,
        master,
        Standing(engine).find,
        find_periods=find,
        now=lambda: (_NOW + 20 * DAY_MILLISECONDS) / 1000,
        pause=pauses,
    )
    record = make_record([make_statement()])
    await processor.process([record])
    assert len(pauses) == 1
    assert store.statements[TENANT] == {}


def test_a_period_that_is_changed_counts_within_seconds(engine: Engine, master: MasterKey) -> None:
    del master
    now = 100.0
    periods = PeriodsOfTenants(engine, clock=lambda: now)
    assert periods.find("other") == Periods()
    set_period(engine, "other", Rule("statements", 30))
    assert periods.find("other") == Periods()
    now += 6
    assert periods.find("other").days_of("statements") == 30
    unset_period(engine, "other", "statements")
