"""The tenant's tables as the code writes them, and its views against a plain computation in Python."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clickhouse.databases import name_tenant_database
from clickhouse.migration import apply_tenant, read_status
from clickhouse.statements import Row
from stream_processors.rows import DeadLetterRow, LedgerRow
from tests.stack import Stack, TenantAccess

pytestmark = pytest.mark.integration

JOIN, CHECKIN, LEAVE = (f"http://activitystrea.ms/{name}" for name in ("join", "checkin", "leave"))
SCHEDULE, CANCEL = "http://activitystrea.ms/schedule", "http://activitystrea.ms/cancel"
REGISTERED = "http://adlnet.gov/expapi/verbs/registered"
UNREGISTERED = "http://id.tincanapi.com/verb/unregistered"
PLACE = "http://activitystrea.ms/place"
DAY = datetime(2026, 11, 20, 8, tzinfo=UTC)
SLOTS = {"am": (0, 180), "pm": (270, 450)}


@pytest.mark.parametrize(
    ("table", "row"), [("statements", Row), ("ledger", LedgerRow), ("dead_letters", DeadLetterRow)]
)
def test_rows_have_the_columns_of_their_table_in_order(
    stack: Stack, tenant: TenantAccess, table: str, row: Any
) -> None:
    with stack.connect_owner() as owner:
        columns = owner.query(f"DESCRIBE TABLE {name_tenant_database(tenant.id)}.{table}").named_results()
        assert tuple(one["name"] for one in columns if one["default_type"] != "MATERIALIZED") == row._fields


def test_migrations_are_applied_once_and_say_so(stack: Stack, tenant: TenantAccess) -> None:
    with stack.connect_owner() as owner:
        assert apply_tenant(owner, tenant.id) == []
        states = read_status(owner, "tenant", name_tenant_database(tenant.id))
        assert {state.state for state in states} == {"applied"}
        assert {one.state for one in read_status(owner, "tenant", "tenant_never_made")} == {"pending"}


class Facts:
    """Writes rows straight into a tenant's table, as the stream would."""

    def __init__(self, client: Client, database: str) -> None:
        self._client, self._database = client, database
        self._offset = 0
        self._rows: list[dict[str, Any]] = []

    def add(self, verb: str, minute: float, **columns: Any) -> None:
        self._offset += 1
        self._rows.append(
            {
                "id": uuid.uuid4(),
                "stored": DAY + timedelta(seconds=self._offset),
                "timestamp": DAY + timedelta(minutes=minute),
                "verb": verb,
                "session": "S",
                "actor": "a",
                "offset": self._offset,
                **columns,
            }
        )

    def write(self) -> None:
        names = sorted({name for row in self._rows for name in row})
        empty: dict[str, Any] = {"planned_start": None, "planned_seconds": None}
        self._client.command(f"TRUNCATE TABLE {self._database}.statements")
        self._client.insert(
            "statements",
            [[row.get(name, empty.get(name, "")) for name in names] for row in self._rows],
            column_names=names,
            database=self._database,
        )

    def add_slots(self) -> None:
        for half, (first, last) in SLOTS.items():
            self.add(
                SCHEDULE,
                -1000,
                half_day=f"2026-11-20 {half}",
                planned_start=DAY + timedelta(minutes=first),
                planned_seconds=(last - first) * 60,
            )


events = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from([("in-person", ""), ("remote", "c1"), ("remote", "c2")]),
        st.booleans(),
        st.integers(-60, 520),
    ),
    max_size=14,
    unique_by=lambda event: event[3],
)


def attend(facts: list[tuple[str, tuple[str, str], bool, int]]) -> dict[tuple[str, str, str], int]:
    """The oracle: minutes attended per actor, half-day and modality, counted minute by minute."""
    timelines: dict[tuple[str, str, str], list[tuple[int, bool]]] = defaultdict(list)
    for actor, (modality, connection), arrives, minute in facts:
        timelines[actor, modality, connection].append((minute, arrives))
    present: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    for (actor, modality, _), timeline in timelines.items():
        timeline.sort()
        for index, (minute, arrives) in enumerate(timeline):
            if not arrives:
                continue
            slot_end = next((last for first, last in SLOTS.values() if minute < last), None)
            following = timeline[index + 1] if index + 1 < len(timeline) else None
            if following and not following[1]:
                ends = following[0]
            else:
                ends = min(bound for bound in (following and following[0], slot_end, 10_000) if bound is not None)
            for half, (first, last) in SLOTS.items():
                present[actor, half, modality] |= set(range(max(minute, first), min(ends, last)))
    return {key: len(minutes) for key, minutes in present.items() if minutes}


@given(facts=events)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_attended_time_is_the_union_of_stays_clipped_to_the_slots(
    stack: Stack, module_tenant: str, facts: list[tuple[str, tuple[str, str], bool, int]]
) -> None:
    with stack.connect_owner() as owner:
        written = Facts(owner, module_tenant)
        written.add_slots()
        for actor, (modality, connection), arrives, minute in facts:
            verb = (JOIN if modality == "remote" else CHECKIN) if arrives else LEAVE
            written.add(verb, minute, actor=actor, modality=modality, connection=connection)
        written.write()
        rows = owner.query(f"SELECT actor, half_day, modality, seconds FROM {module_tenant}.attendance").result_rows
    assert {(actor, half[-2:], modality): seconds / 60 for actor, half, modality, seconds in rows} == attend(facts)


@pytest.fixture(scope="module")
def module_tenant(stack: Stack) -> Any:
    with stack.add_tenant() as access:
        yield name_tenant_database(access.id)


def test_the_last_word_on_a_slot_and_on_a_registration_counts(stack: Stack, module_tenant: str) -> None:
    with stack.connect_owner() as owner:
        facts = Facts(owner, module_tenant)
        start = {"planned_start": DAY, "planned_seconds": 3600}
        facts.add(SCHEDULE, 0, session="kept", session_name="old", **start)
        facts.add(SCHEDULE, 1, session="kept", session_name="new", **start)
        facts.add(SCHEDULE, 0, session="gone", **start)
        facts.add(CANCEL, 1, session="gone", **start)
        facts.add(CANCEL, 0, session="back", **start)
        facts.add(SCHEDULE, 1, session="back", **start)
        # A room booked for the session, and given back: nothing of its plan.
        facts.add(SCHEDULE, 1, session="kept", session_name="booked", activity_type=PLACE, **start)
        facts.add(CANCEL, 2, session="kept", activity_type=PLACE, **start)
        facts.add(REGISTERED, 0, actor="stays")
        facts.add(REGISTERED, 0, actor="left")
        facts.add(UNREGISTERED, 1, actor="left")
        facts.add(UNREGISTERED, 1, actor="returned")
        facts.add(REGISTERED, 2, actor="returned")
        # Told late, dated early: what counts is when it happened.
        facts.add(UNREGISTERED, -1, actor="stays")
        facts.write()
        slots = owner.query(f"SELECT session, session_name FROM {module_tenant}.slots ORDER BY 1").result_rows
        registrations = owner.query(f"SELECT actor FROM {module_tenant}.registrations ORDER BY 1").result_rows
    assert slots == [("back", ""), ("kept", "new")]
    assert registrations == [("returned",), ("stays",)]


def test_of_two_copies_of_an_id_the_earliest_appended_is_read(stack: Stack, module_tenant: str) -> None:
    with stack.connect_owner() as owner:
        facts = Facts(owner, module_tenant)
        one = uuid.uuid4()
        facts.add("https://example.org/late", 0, id=one, stored=DAY + timedelta(seconds=2), partition=1)
        facts.add("https://example.org/early", 0, id=one, stored=DAY + timedelta(seconds=1), partition=2)
        facts.add("https://example.org/late", 0, id=one, stored=DAY + timedelta(seconds=1), partition=3)
        for row in facts._rows:
            row["planned_seconds"] = None
        facts.write()
        query = f"SELECT verb FROM {module_tenant}.statements FINAL"
        assert owner.query(query).result_rows == [("https://example.org/early",)]
        owner.command(f"OPTIMIZE TABLE {module_tenant}.statements FINAL")
        assert owner.query(query.removesuffix(" FINAL")).result_rows == [("https://example.org/early",)]
