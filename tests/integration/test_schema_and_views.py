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
ATTENDED = "http://adlnet.gov/expapi/verbs/attended"
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
        empty = dict.fromkeys(("planned_start", "planned_seconds", "duration_ms", "completion"))
        for table in ("statements", "voidings"):
            self._client.command(f"TRUNCATE TABLE {self._database}.{table}")
        self._client.insert(
            "statements",
            [[row.get(name, empty.get(name, "")) for name in names] for row in self._rows],
            column_names=names,
            database=self._database,
        )

    def add_slots(self, **columns: Any) -> None:
        for half, (first, last) in SLOTS.items():
            self.add(
                SCHEDULE,
                -1000,
                half_day=f"2026-11-20 {half}",
                planned_start=DAY + timedelta(minutes=first),
                planned_seconds=(last - first) * 60,
                **columns,
            )

    def tell(self, minutes: float | None, half: str = "am", *, minute: float = 5, **columns: Any) -> uuid.UUID:
        """Add a statement of what was attended of a half-day; returns its id."""
        told = {"half_day": f"2026-11-20 {half}", "modality": "in-person"} | columns
        self.add(ATTENDED, minute, duration_ms=None if minutes is None else round(minutes * 60_000), **told)
        statement_id: uuid.UUID = self._rows[-1]["id"]
        return statement_id


events = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from([("in-person", ""), ("remote", "c1"), ("remote", "c2"), ("", "")]),
        st.booleans(),
        st.integers(-60, 520),
    ),
    max_size=14,
    unique_by=lambda event: event[3],
)


claims = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["am", "pm", "eve"]),
        st.sampled_from(["in-person", "remote", "", "hybrid"]),
        st.sampled_from([None, 0, 10, 150, 200, 1000]),
        st.sampled_from([None, True, False]),
    ),
    max_size=6,
)


Stay = tuple[str, tuple[str, str], bool, int]
Claim = tuple[str, str, str, int | None, bool | None]
"""What a statement says: whose time, of which half-day, by which modality, how many minutes, and whether completed."""


def attend(facts: list[Stay], told: list[Claim]) -> dict[tuple[str, str, str], int]:
    """The oracle: minutes attended per actor, half-day and modality, of stays and then of what is told."""
    counted = stay(facts)
    longest: dict[tuple[str, str, str], int] = {}
    for actor, half, modality, minutes, completion in told:
        if completion is not False and minutes != 0:
            key = actor, half, "" if modality == "hybrid" else modality
            longest[key] = max(longest.get(key, 0), min(minutes or 0, 13 * 60))
    stayed, unclear = {key[:2] for key in counted}, {key[:2] for key in counted if not key[2]}
    dated = {key[:2] for key, minutes in longest.items() if key[2] and minutes}
    for key, minutes in longest.items():
        if key not in counted and key[:2] not in (unclear if key[2] else stayed | dated):
            counted[key] = minutes
    return counted


def stay(facts: list[Stay]) -> dict[tuple[str, str, str], int]:
    """Minutes of stays, counted minute by minute."""
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


@given(facts=events, told=claims)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_attended_time_is_the_union_of_stays_clipped_to_the_slots_and_where_there_are_none_what_is_told(
    stack: Stack, module_tenant: str, facts: list[Stay], told: list[Claim]
) -> None:
    with stack.connect_owner() as owner:
        written = Facts(owner, module_tenant)
        written.add_slots()
        for actor, (modality, connection), arrives, minute in facts:
            verb = (JOIN if modality == "remote" else CHECKIN) if arrives else LEAVE
            written.add(verb, minute, actor=actor, modality=modality, connection=connection)
        for actor, half, modality, minutes, completion in told:
            written.tell(minutes, half, actor=actor, modality=modality, completion=completion)
        written.write()
        rows = owner.query(f"SELECT actor, half_day, modality, seconds FROM {module_tenant}.attendance").result_rows
    view = [((actor, half.split()[1], modality), seconds / 60) for actor, half, modality, seconds in rows]
    assert len(view) == len(dict(view))
    assert dict(view) == attend(facts, told)


@pytest.fixture(scope="module")
def module_tenant(stack: Stack) -> Any:
    with stack.add_tenant() as access:
        yield name_tenant_database(access.id)


def test_each_attended_time_counts_once_whoever_tells_of_it(stack: Stack, module_tenant: str) -> None:
    with stack.connect_owner() as owner:
        facts = Facts(owner, module_tenant)
        facts.add_slots()
        room = {"modality": "in-person"}
        facts.add(CHECKIN, 0, actor="stays only", **room)
        facts.add(LEAVE, 100, actor="stays only", **room)
        facts.tell(90, actor="told only")
        # A sheet is both; what the slot clips is not had back from what is told.
        facts.add(CHECKIN, -30, actor="both", **room)
        facts.tell(210, actor="both")
        facts.add(CHECKIN, 0, actor="each half-day by another", **room)
        facts.tell(170, "pm", actor="each half-day by another")
        facts.tell(60, actor="two sources", source="one")
        facts.tell(90, actor="two sources", source="two")
        facts.tell(60, actor="two ways")
        facts.tell(90, actor="two ways", modality="remote")
        facts.tell(90, actor="a way and none")
        facts.tell(120, actor="a way and none", modality="")
        facts.tell(120, actor="no way", modality="hybrid")
        facts.tell(180, actor="absent", completion=False)
        facts.tell(None, actor="for an unknown time")
        facts.tell(90, actor="still to come", minute=60 * 24 * 365 * 100)
        facts.tell(60 * 24, actor="longer than any half-day")
        # A stay outside of the slots is no time; what is told of them is.
        facts.add(CHECKIN, 500, actor="too late", **room)
        facts.tell(30, "pm", actor="too late")
        facts.write()
        rows = owner.query(
            f"SELECT actor, half_day, modality, seconds / 60 FROM {module_tenant}.attendance ORDER BY ALL"
        ).result_rows
    assert rows == [
        ("a way and none", "2026-11-20 am", "in-person", 90),
        ("both", "2026-11-20 am", "in-person", 180),
        ("each half-day by another", "2026-11-20 am", "in-person", 180),
        ("each half-day by another", "2026-11-20 pm", "in-person", 170),
        ("for an unknown time", "2026-11-20 am", "in-person", 0),
        ("longer than any half-day", "2026-11-20 am", "in-person", 780),
        ("no way", "2026-11-20 am", "", 120),
        ("stays only", "2026-11-20 am", "in-person", 100),
        ("told only", "2026-11-20 am", "in-person", 90),
        ("too late", "2026-11-20 pm", "in-person", 30),
        ("two sources", "2026-11-20 am", "in-person", 90),
        ("two ways", "2026-11-20 am", "in-person", 60),
        ("two ways", "2026-11-20 am", "remote", 90),
    ]


def test_what_is_voided_is_attended_no_more_and_the_next_longest_counts(stack: Stack, module_tenant: str) -> None:
    with stack.connect_owner() as owner:
        facts = Facts(owner, module_tenant)
        facts.add_slots()
        withdrawn = [facts.tell(180, actor="corrected"), facts.tell(180, actor="absent after all")]
        facts.tell(60, actor="corrected")
        facts.write()
        owner.insert("voidings", [(one, uuid.uuid4()) for one in withdrawn], database=module_tenant)
        rows = owner.query(f"SELECT actor, seconds / 60 FROM {module_tenant}.attendance").result_rows
        owner.command(f"TRUNCATE TABLE {module_tenant}.voidings")
    assert rows == [("corrected", 60)]


def test_attended_time_has_the_names_of_its_session_or_where_none_is_scheduled_its_own(
    stack: Stack, module_tenant: str
) -> None:
    columns = ("session_name", "module", "module_name", "pathway", "pathway_name")
    planned = dict(zip(columns, ("planned", "M", "Module", "P", "Pathway"), strict=True))
    own = {name: f"own {name}" for name in columns}
    with stack.connect_owner() as owner:
        facts = Facts(owner, module_tenant)
        facts.add_slots(**planned)
        facts.add(CHECKIN, 0, actor="a", modality="in-person")
        facts.tell(60, actor="b")
        facts.tell(60, half="eve", actor="c", **own)
        facts.tell(60, actor="d", session="never scheduled", **own)
        facts.write()
        rows = owner.query(
            f"SELECT actor, session, {', '.join(columns)}, half_day, seconds / 60 "
            f"FROM {module_tenant}.attendance ORDER BY actor"
        ).result_rows
    assert rows == [
        ("a", "S", *planned.values(), "2026-11-20 am", 180),
        ("b", "S", *planned.values(), "2026-11-20 am", 60),
        ("c", "S", *planned.values(), "2026-11-20 eve", 60),
        ("d", "never scheduled", *own.values(), "2026-11-20 am", 60),
    ]


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
