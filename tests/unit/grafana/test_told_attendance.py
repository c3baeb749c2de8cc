"""What marks tell as attended, on the boards: of a scheduled half-day or of none, of a large group or a small one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from clickhouse.databases import name_tenant_database
from grafana.boards.macros import expand
from grafana.boards.ranges import choose_interval, read_range
from grafana.dashboards.catalogue import BUILDERS
from tests.unit.grafana.conftest import HOME, REGISTERED, SCHEDULE, Engine, at, statement

TENANT = "told-attendance"
ATTENDED = "http://adlnet.gov/expapi/verbs/attended"
DAY = ("2026-09-18T00:00:00+00:00", "2026-09-18T23:59:59+00:00")
NEXT_DAY = ("2026-09-19T00:00:00+00:00", "2026-09-19T23:59:59+00:00")
TWO_DAYS = (DAY[0], NEXT_DAY[1])
HOURS, RATES, HALF_DAYS = ("attendance", 4), ("attendance", 7), ("attendance", 8)
TOTALS, BY_PATHWAY = ("pathways", 1), ("pathways", 4)
PANELS = [(name, panel["id"]) for name in ("attendance", "pathways") for panel in BUILDERS[name]("en")["panels"]]


class Boards:
    """All panels of a tenant whose statements a test chooses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        engine.create(TENANT)

    def fill(self, rows: list[dict[str, Any]], fewest: int) -> None:
        self._engine.set_fewest(TENANT, fewest)
        self._engine.session.query(f"TRUNCATE TABLE {name_tenant_database(TENANT)}.statements")
        self._engine.insert(TENANT, "statements", rows)

    def show(self, panel: tuple[str, int], span: tuple[str, str] = DAY) -> list[dict[str, Any]]:
        board, number = panel
        (found,) = (each for each in BUILDERS[board]("en")["panels"] if each["id"] == number)
        moments = read_range(*span, now=datetime(2026, 10, 1, tzinfo=UTC), zone=UTC)
        interval = choose_interval(moments, found.get("interval", "1s"))
        answer = self._engine.query(TENANT, expand(found["targets"][0]["rawSql"], moments, interval))
        names = [column for column, _ in answer.columns]
        return [dict(zip(names, row, strict=True)) for row in answer.rows]


@pytest.fixture(scope="module")
def boards(_engine: Engine) -> Iterator[Boards]:
    yield Boards(_engine)
    _engine.queries.clear()


def plan(session: str) -> dict[str, Any]:
    planned = {"planned_start": at("08:00").strftime("%Y-%m-%d %H:%M:%S"), "planned_seconds": 10800}
    return statement(0, SCHEDULE, at("06:00", -1), **training(session), **planned, half_day="2026-09-18 am")


def enrol(session: str, learners: int) -> list[dict[str, Any]]:
    return [
        statement(1 + one, REGISTERED, at("06:30", -1), **training(session), actor=f"{one:032}")
        for one in range(learners)
    ]


def mark(session: str, learners: int, hours: float = 3, days: int = 0, number: int = 100) -> list[dict[str, Any]]:
    """Return one statement for each of some learners of a morning."""
    columns = training(session) | {"half_day": f"2026-09-{18 + days} am", "modality": "in-person"}
    return [
        statement(
            number + one,
            ATTENDED,
            at("08:10", days),
            **columns,
            actor=f"{one:032}",
            duration_ms=round(hours * 3_600_000),
        )
        for one in range(learners)
    ]


def training(session: str) -> dict[str, Any]:
    return {
        "session": f"{HOME}/sessions/{session}",
        "session_name": session,
        "module": f"{HOME}/modules/m",
        "module_name": "Module",
        "pathway": f"{HOME}/pathways/p",
        "pathway_name": "Pathway",
    }


def test_marks_of_a_scheduled_half_day_count_as_stays_do(boards: Boards) -> None:
    boards.fill([plan("s"), *enrol("s", 4), *mark("s", 3)], fewest=1)
    assert boards.show(HOURS) == [{"in_person": 9, "remote": 0, "together": 0}]
    assert boards.show(RATES) == [{"title": "s", "rate": 0.75}]
    assert [(row["module_title"], row["learners"]) for row in boards.show(HALF_DAYS)] == [("Module", 3)]
    assert boards.show(TOTALS) == [{"pathways": 1, "sessions": 1, "registered": 4, "learners": 3, "hours": 9}]


def test_marks_of_a_session_that_was_never_scheduled_belong_to_the_day_that_they_tell_of(boards: Boards) -> None:
    boards.fill([*mark("s", 3), *mark("s", 2, hours=2, days=1, number=200)], fewest=1)
    assert boards.show(HOURS, DAY) == [{"in_person": 9, "remote": 0, "together": 0}]
    assert boards.show(HOURS, NEXT_DAY) == [{"in_person": 4, "remote": 0, "together": 0}]
    assert boards.show(HOURS, TWO_DAYS) == [{"in_person": 13, "remote": 0, "together": 0}]
    assert boards.show(BY_PATHWAY, TWO_DAYS) == [{"title": "Pathway", "in_person": 13, "remote": 0, "together": 0}]
    assert [row["learners"] for row in boards.show(HALF_DAYS, TWO_DAYS)] == [3, 2]
    assert boards.show(HOURS, ("2026-09-10T00:00:00+00:00", "2026-09-11T00:00:00+00:00")) == [
        {"in_person": 0, "remote": 0, "together": 0}
    ]


def test_hours_without_a_timetable_are_estimated_by_the_longest_that_is_told_of_the_group(boards: Boards) -> None:
    boards.fill(mark("s", 7), fewest=5)
    # Five to nine stayed three hours.
    assert boards.show(HOURS) == [{"in_person": 7 * 3, "remote": 0, "together": 0}]
    # The longest may be one person's 2 h 50: it counts as the quarters of an hour that it began.
    boards.fill(mark("s", 7, 17 / 6), fewest=5)
    assert boards.show(HOURS) == [{"in_person": 7 * 3, "remote": 0, "together": 0}]


def test_of_a_group_of_marks_that_is_too_small_nothing_shows_whatever_its_size_and_length(boards: Boards) -> None:
    around = [plan("s"), *enrol("s", 8), *mark("s", 8)]
    worlds = []
    for learners, hours in ((1, 2), (2, 12), (4, 0.5)):
        boards.fill([*around, *mark("small", learners, hours, number=300)], fewest=5)
        worlds.append([boards.show(panel, span) for panel in PANELS for span in (DAY, TWO_DAYS, NEXT_DAY)])
    assert worlds[0] == worlds[1] == worlds[2]
    assert worlds[0][PANELS.index(HOURS) * 3] == [{"in_person": 21, "remote": 0, "together": 0}]
