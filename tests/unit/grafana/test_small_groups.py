"""No board tells of fewer than k learners, nor lets them be had by subtraction: tried by somebody who subtracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clickhouse.databases import name_tenant_database
from grafana.boards.macros import expand
from grafana.boards.ranges import choose_interval, read_range
from grafana.dashboards.catalogue import BUILDERS
from grafana.dashboards.disclosure import publish
from tests.unit.grafana.attacker import Figures, find_pinned, find_secrets, learn
from tests.unit.grafana.conftest import Engine
from tests.unit.grafana.sessions import Group, write_rows

TENANT, SOURCE = "small-groups", "small-groups-source"
DATABASE = name_tenant_database(TENANT)
VIEWS = ("slots", "registrations", "presences", "attendance")
ATTENDANCE, PATHWAYS = (
    [(name, panel["id"]) for panel in BUILDERS[name]("en")["panels"]] for name in ("attendance", "pathways")
)
VERBS, FAILED_RULES = ("live", 7), ("live", 12)
OF_A_MOMENT, OF_A_DAY = [("attendance", 1), ("attendance", 6)], [("attendance", 7), ("attendance", 8), ("pathways", 2)]
DAY = ("2026-09-18T00:00:00+00:00", "2026-09-18T23:59:59+00:00")
TWO_DAYS = ("2026-09-18T00:00:00+00:00", "2026-09-19T23:59:59+00:00")
MOMENT = ("2026-09-18T00:00:00+00:00", "2026-09-18T09:15:00+00:00")


class Boards:
    """Shows all panels of a tenant that can be given other statements.

    Most of a query's time goes into the views that it reads, which many panels share: they are read once for each
    world, from a database of their own, and lie in the tenant's as tables.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        for tenant in (TENANT, SOURCE):
            engine.create(tenant)
        for view in VIEWS:
            engine.session.query(f"DROP VIEW {DATABASE}.{view}")
            engine.session.query(
                f"CREATE TABLE {DATABASE}.{view} ENGINE = MergeTree ORDER BY tuple() "
                f"AS SELECT * FROM {name_tenant_database(SOURCE)}.{view}"
            )

    def fill(self, groups: list[Group], fewest: int, readers: int = 0) -> None:
        """Make this the tenant's whole world."""
        self._engine.set_fewest(TENANT, fewest)
        rows = write_rows(groups, readers)
        for tenant in (TENANT, SOURCE):
            self._engine.session.query(f"TRUNCATE TABLE {name_tenant_database(tenant)}.statements")
            if rows:
                self._engine.insert(tenant, "statements", rows)
        for view in VIEWS:
            self._engine.session.query(f"TRUNCATE TABLE {DATABASE}.{view}")
            self._engine.session.query(
                f"INSERT INTO {DATABASE}.{view} SELECT * FROM {name_tenant_database(SOURCE)}.{view}"
            )

    def show(self, *panels: tuple[str, int], span: tuple[str, str], published: bool = False) -> Figures:
        """Return what these panels tell of a range."""
        moments = read_range(*span, now=datetime(2026, 10, 1, tzinfo=UTC), zone=UTC)
        figures: Figures = {}
        for board, number in panels:
            (panel,) = (each for each in BUILDERS[board]("en")["panels"] if each["id"] == number)
            sql = panel["targets"][0]["rawSql"]
            sql = publish(sql) if published else sql
            answer = self._engine.query(
                TENANT, expand(sql, moments, choose_interval(moments, panel.get("interval", "1s")))
            )
            names = [column for column, _ in answer.columns]
            figures[board, number] = [dict(zip(names, row, strict=True)) for row in answer.rows]
        return figures

    def set_published(self, fewest: int) -> None:
        """Have another threshold count for what is published."""
        self._engine.set_fewest(TENANT, 5, fewest)


@pytest.fixture(scope="module")
def boards(_engine: Engine) -> Iterator[Boards]:
    yield Boards(_engine)
    _engine.queries.clear()


LARGE = [
    Group(module=1, pathway=1, registered=16, in_room=12, remote=2),
    Group(module=1, pathway=1, registered=3, in_room=3, remote=0),
    Group(module=2, pathway=1, registered=20, in_room=10, remote=10),
    Group(module=3, pathway=2, registered=4, in_room=0, remote=4),
]


def test_large_groups_are_told_truly_and_small_ones_not_at_all(boards: Boards) -> None:
    boards.fill(LARGE, 5, readers=4)
    now, day = boards.show(*ATTENDANCE, span=MOMENT), boards.show(*PATHWAYS, span=DAY)
    assert [tuple(row.values())[0:1] + tuple(row.values())[3:] for row in now["attendance", 6]] == [
        ("Session 0", 16, 10, -1, -1, 10 / 16),
        ("Session 1", None, None, None, None, None),
        ("Session 2", 20, 20, 10, 10, 1.0),
        ("Session 3", None, None, None, None, None),
    ]
    # Ten and ten of the third session, and the first's fourteen, of whom two are remote; those of groups too small are
    # in no total.
    assert now["attendance", 1] == [{"in_person": 10, "remote": 10, "together": 10}]
    assert now["attendance", 3] == [{"registered": 36}]
    assert [(row["title"], row["rate"]) for row in now["attendance", 7]] == [
        ("Session 2", 1.0),
        ("Session 0", 10 / 16),
        ("Session 1", None),
        ("Session 3", None),
    ]
    # Ten stayed three hours: that is taken for twelve, the middle of 10 to 14. So are the fourteen of whom two were
    # remote, which is too few to tell their hours apart.
    assert now["attendance", 4] == [{"in_person": 36, "remote": 36, "together": 36}]
    assert [(row["module_title"], row["learners"]) for row in now["attendance", 8]] == [
        ("Module 1", 10),
        ("Module 2", 20),
        ("Module 3", None),
    ]
    assert day["pathways", 1] == [{"pathways": 2, "sessions": 4, "registered": 36, "learners": 30, "hours": 102}]
    assert [tuple(row.values()) for row in day["pathways", 2]] == [
        ("Pathway 1", 3, 36, 30, 102),
        ("Pathway 2", 1, None, None, None),
    ]
    assert [tuple(row.values()) for row in day["pathways", 5]] == [
        ("Module 2", 20),
        ("Module 1", 16),
        ("Module 3", None),
    ]
    assert {(row["learners"], row["statements"]) for row in day["pathways", 7]} == {(None, None)}
    assert day["pathways", 8] == []


def test_nobody_is_told_as_nobody_and_not_as_too_few(boards: Boards) -> None:
    boards.fill([Group(module=1, pathway=1, registered=8, in_room=0, remote=0)], 5)
    figures = boards.show(*ATTENDANCE, span=MOMENT)
    assert figures["attendance", 1] == [{"in_person": 0, "remote": 0, "together": 0}]
    assert [(row["registered"], row["in_person"], row["rate"]) for row in figures["attendance", 6]] == [(8, 0, 0)]
    assert {(row["in_person"], row["remote"]) for row in figures["attendance", 5]} == {(0, 0)}


def test_rules_are_told_that_enough_learners_broke_in_a_session(boards: Boards) -> None:
    boards.fill([Group(1, 1, 7, 7, 0), Group(1, 1, 4, 4, 0), Group(2, 1, 6, 0, 6)], 5)
    (row,) = boards.show(FAILED_RULES, span=DAY)[FAILED_RULES]
    # 7 and 6 came and left again, told as 5 and 5 doing so; the other session's four are in no figure.
    assert (row["form"], row["place"], row["statements"]) == ("join · training/v1.0", "$.result", 20)
    assert row["latest"] == datetime(2026, 9, 18, 11, tzinfo=UTC).timestamp() * 1000


def test_presence_over_time_hides_the_instants_with_too_few(boards: Boards) -> None:
    boards.fill([Group(module=1, pathway=1, registered=9, in_room=7, remote=0, left=4)], 5)
    hours = ("2026-09-18T07:00:00+00:00", "2026-09-18T10:00:00+00:00")
    rows = boards.show(("attendance", 5), span=hours)["attendance", 5]
    told = {datetime.fromtimestamp(row["time"] / 1000, UTC).strftime("%H:%M"): row["in_person"] for row in rows}
    assert (told["07:30"], told["08:30"], told["09:30"]) == (0, 5, None)


def test_what_is_published_is_cut_at_its_own_threshold(boards: Boards) -> None:
    modules = ("pathways", 5)
    boards.fill(LARGE, 5)
    boards.set_published(17)
    assert [row["registered"] for row in boards.show(modules, span=DAY)[modules]] == [20, 16, None]
    assert [row["registered"] for row in boards.show(modules, span=DAY, published=True)[modules]] == [20, None, None]
    with pytest.raises(ValueError, match="cuts no small groups"):
        publish("SELECT count() FROM statements")


groups = st.builds(
    Group,
    module=st.integers(1, 3),
    pathway=st.integers(1, 2),
    registered=st.integers(0, 14),
    in_room=st.integers(0, 12),
    remote=st.integers(0, 6),
    left=st.sampled_from((0, 0, 0, 1, 5)),
    walk_ins=st.sampled_from((0, 0, 0, 1, 6)),
).map(
    lambda group: replace(
        group,
        in_room=min(group.in_room, group.registered),
        remote=min(group.remote, group.registered - min(group.in_room, group.registered)),
        left=min(group.left, group.in_room, group.registered),
    )
)
RARELY = settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@RARELY
@given(large=st.lists(groups, max_size=3), small=st.integers(1, 3), fewest=st.integers(3, 6), data=st.data())
def test_a_group_that_is_too_small_leaves_no_trace_in_any_figure(boards, large, small, fewest, data):
    """Whatever its size, every figure of every range reads the same: there is nothing to subtract."""
    sizes = st.integers(1, fewest - 1)

    def draw() -> list[Group]:
        return [
            Group(1 + number, 1, data.draw(sizes), 0, 0, walk_ins=data.draw(sizes), day=number % 2)
            for number in range(small)
        ]

    told = []
    for groups_ in (draw(), draw()):
        boards.fill([*large, *groups_], fewest, readers=data.draw(sizes))
        told.append(
            [boards.show(VERBS, FAILED_RULES, *ATTENDANCE, *PATHWAYS, span=span) for span in (MOMENT, TWO_DAYS)]
        )
    assert told[0] == told[1]


@RARELY
@given(parts=st.lists(groups, min_size=1, max_size=4), fewest=st.integers(3, 6))
def test_no_difference_of_registrations_is_a_small_group(boards, parts, fewest):
    """Registrations are told exactly: in any panel and range, a total minus its parts is nothing, or k or more."""
    parts = [replace(group, day=number % 2) for number, group in enumerate(parts)]
    boards.fill(parts, fewest)
    totals = []
    for span in (DAY, TWO_DAYS):
        figures = boards.show(("attendance", 3), *(("pathways", number) for number in (2, 3, 5)), span=span)
        (total,) = (row["registered"] or 0 for row in figures["attendance", 3])
        assert total == sum(row["registered"] or 0 for row in figures["pathways", 2])
        assert total == sum(row["registered"] or 0 for row in figures["pathways", 3])
        assert total == sum(row["registered"] or 0 for row in figures["pathways", 5])
        totals.append(total)
    assert totals[0] == sum(group.registered for group in parts if group.day == 0 and group.registered >= fewest)
    assert totals[1] - totals[0] == 0 or totals[1] - totals[0] >= fewest


def read_steps(group: Group, k: int) -> tuple[int, ...]:
    """Return all that the boards may tell of a session."""
    exact = group.registered if group.registered >= k else min(group.registered, 1)
    told = (group.here, group.present, group.came, group.attended)
    by_modality = (group.room_now, group.remote)
    if any(0 < part < k for part in by_modality):
        by_modality = ()
    return (exact, *(min(part, 1) + part // k * k for part in (*told, *by_modality)))


@settings(RARELY, max_examples=8)
@example(parts=[Group(1, 1, 16, 14, 0), Group(1, 1, 11, 11, 0)], fewest=5, data=None)
@given(parts=st.lists(groups, min_size=1, max_size=4), fewest=st.integers(3, 5), data=st.data())
def test_all_figures_together_say_no_more_than_the_steps_of_each_group(boards, parts, fewest, data):
    """Worlds whose groups are in the same steps read the same, on every panel: no sum nor range tells them apart."""
    parts = [replace(group, day=number % 2, left=0) for number, group in enumerate(parts)]
    if data is None:
        others = [Group(1, 1, 16, 10, 0), Group(1, 1, 11, 10, 0, day=1)]
    else:
        others = [data.draw(st.sampled_from(list_lookalikes(group, fewest))) for group in parts]
    told = []
    for world in (parts, others):
        boards.fill(world, fewest)
        told.append(
            [boards.show(VERBS, FAILED_RULES, *ATTENDANCE, *PATHWAYS, span=span) for span in (MOMENT, DAY, TWO_DAYS)]
        )
    assert told[0] == told[1]


def list_lookalikes(group: Group, k: int) -> list[Group]:
    """Return the sessions that are in the same steps as this one."""
    sizes = range(15)
    return [
        other
        for in_room in sizes
        for remote in sizes
        if read_steps(other := replace(group, in_room=in_room, remote=remote), k) == read_steps(group, k)
        and other.came <= max(group.registered, group.came)
    ]


@settings(RARELY, max_examples=12)
@example(parts=[Group(1, 1, 16, 14, 0), Group(1, 1, 11, 11, 0)], fewest=5)
@example(parts=[Group(1, 1, 7, 5, 0)] * 3, fewest=3)
@example(parts=[Group(1, 1, 6, 5, 1)], fewest=5)
@example(parts=[Group(1, 1, 2, 1, 1)], fewest=3)
@example(parts=[Group(1, 1, 16, 14, 0)], fewest=5)
@given(parts=st.lists(groups, min_size=1, max_size=4), fewest=st.integers(3, 5))
def test_no_small_group_can_be_worked_out_from_all_the_figures(boards, parts, fewest):
    """Neither one that is hidden, nor those who did not come: each could have at least two sizes."""
    boards.fill(parts, fewest)
    now, day = boards.show(*OF_A_MOMENT, span=MOMENT), boards.show(*OF_A_DAY, span=DAY)
    assert find_pinned(learn(now, day, parts, fewest), parts, fewest) == []


def test_the_attacker_finds_small_groups_where_nothing_is_cut(boards: Boards) -> None:
    parts = [Group(1, 1, 12, 11, 0), Group(1, 1, 9, 5, 3)]
    boards.fill(parts, 1)
    now, day = boards.show(*OF_A_MOMENT, span=MOMENT), boards.show(*OF_A_DAY, span=DAY)
    assert find_pinned(learn(now, day, parts, 1), parts, 5) == [terms for terms, _ in find_secrets(parts, 5)]
