"""Every panel's query against the real engine, compared with figures worked out by hand (see conftest.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from grafana.boards.macros import expand
from grafana.boards.ranges import TimeRange, choose_interval, read_range
from grafana.dashboards.catalogue import BUILDERS

DAY = ("2026-09-18T00:00:00+00:00", "2026-09-18T23:59:59+00:00")
WEEK = ("2026-09-16T00:00:00+00:00", "2026-09-23T00:00:00+00:00")
MORNING = ("2026-09-18T00:00:00+00:00", "2026-09-18T09:15:00+00:00")
AFTERNOON = ("2026-09-18T12:00:00+00:00", "2026-09-18T14:00:00+00:00")
BEFORE = ("2026-06-01T00:00:00+00:00", "2026-06-02T00:00:00+00:00")


def span_of(span: tuple[str, str]) -> TimeRange:
    return read_range(*span, now=datetime(2026, 10, 1, tzinfo=UTC), zone=UTC)


def panel_of(board: str, number: int) -> dict[str, Any]:
    return next(panel for panel in BUILDERS[board]("en")["panels"] if panel["id"] == number)


@pytest.fixture
def show(engine):
    def run(board: str, number: int, span: tuple[str, str] = DAY) -> list[dict[str, Any]]:
        panel = panel_of(board, number)
        moments = span_of(span)
        sql = expand(panel["targets"][0]["rawSql"], moments, choose_interval(moments, panel.get("interval", "1s")))
        answer = engine.query("alpha", sql)
        return [dict(zip((name for name, _ in answer.columns), row, strict=True)) for row in answer.rows]

    return run


def clock(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%H:%M")


def every_panel() -> list[tuple[str, int]]:
    return [(board, panel["id"]) for board, build in BUILDERS.items() for panel in build("fr")["panels"]]


@pytest.mark.parametrize(("board", "number"), every_panel())
@pytest.mark.parametrize("span", [DAY, WEEK, BEFORE])
def test_every_query_runs_and_gives_the_columns_that_its_panel_names(engine, board, number, span):
    panel = panel_of(board, number)
    sql = expand(panel["targets"][0]["rawSql"], span_of(span), 600)
    names = [name for name, _ in engine.query("alpha", sql).columns]
    named = {one["matcher"]["options"] for one in panel["fieldConfig"]["overrides"]}
    label = panel["fieldConfig"]["defaults"].get("displayName", "").removeprefix("${__field.labels.").removesuffix("}")
    assert named - set(names) == set()
    assert set(names) - named <= ({label} if label else set()) | (
        {"learners", "statements"} if panel["type"] == "heatmap" else set()
    )


@pytest.mark.parametrize(("board", "number"), every_panel())
def test_no_panel_shows_a_pseudonym_or_a_part_of_one(show, board, number):
    told = repr(show(board, number, WEEK))
    assert not [learner for learner in "abcde" if learner * 6 in told]


def test_totals_count_each_statement_once_and_only_learners_as_learners(show):
    # 11 stays' ends and starts, 3 self-paced; the timetable was stored the day before. a, b, d and e were active.
    assert show("live", 1) == [{"statements": 14, "learners": 4, "sources": 2}]


def test_freshness_is_the_age_of_the_last_statement_at_the_end_of_the_range(show):
    (figure,) = show("live", 2, ("2026-09-18T00:00:00+00:00", "2026-09-18T10:10:30+00:00"))
    assert figure["age"] == 330.0


def test_freshness_of_an_empty_store_is_unknown(show):
    assert show("live", 2, BEFORE) == [{"age": None}]


def test_ledger_shows_the_gap_of_each_source_and_counts_a_record_once(show):
    assert show("live", 3) == [{"dead": 1}]
    assert show("live", 4) == [{"gap": 1}]
    assert [(row["origin"], row["total_accepted"], row["gap"]) for row in show("live", 10)] == [
        ("GAIA", 10, 0),
        ("LRS", 5, 1),
    ]


def test_statements_a_minute_add_up_to_the_statements(show):
    rows = show("live", 5)
    interval = choose_interval(span_of(DAY), "1m")
    assert sum(row["statements"] for row in rows) * interval / 60 == pytest.approx(14)
    assert {row["origin"] for row in rows} == {"LRS", "BigBlueButton"}


def test_sources_and_verbs_are_counted(show):
    assert [tuple(row.values()) for row in show("live", 6)] == [("LRS", 8), ("BigBlueButton", 6)]
    assert [tuple(row.values()) for row in show("live", 7)] == [
        ("arrive", 6),
        ("leave", 5),
        ("experienced", 3),
    ]


def test_rhythm_adds_up_by_source(show):
    rows = show("live", 8)
    assert sum(row["statements"] for row in rows if row["origin"] == "LRS") == 8


def test_each_source_is_told_with_its_latest_statement_and_no_learner(show):
    rows = show("live", 9, ("2026-09-18T00:00:00+00:00", "2026-09-18T18:00:00+00:00"))
    assert [(row["origin"], clock(row["latest"]), row["age"], row["statements"]) for row in rows] == [
        ("LRS", "17:20", 2400, 8),
        ("BigBlueButton", "15:00", 10800, 6),
    ]


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (MORNING, {"in_person": 2, "remote": 1, "together": 0}),
        (AFTERNOON, {"in_person": 1, "remote": 1, "together": 0}),
        (DAY, {"in_person": 0, "remote": 0, "together": 0}),
        (BEFORE, {"in_person": 0, "remote": 0, "together": 0}),
    ],
)
def test_present_now_is_who_is_there_at_the_end_of_the_range(show, span, expected):
    assert show("attendance", 1, span) == [expected]


def test_sessions_running_now_leave_out_cancelled_ones(show):
    assert show("attendance", 2, MORNING) == [{"sessions": 1}]
    assert show("attendance", 2, AFTERNOON) == [{"sessions": 2}]


def test_registrations_are_net_of_withdrawals_and_of_the_sessions_in_range(show):
    assert show("attendance", 3, DAY) == [{"registered": 5}]
    assert show("attendance", 3, WEEK) == [{"registered": 6}]
    assert show("attendance", 3, BEFORE) == [{"registered": 0}]


def test_attended_hours_are_the_union_of_stays_clipped_to_the_slots(show):
    # a: 2 h and 3 h without a leave; e: 0.5 h. b: two connections overlap, 2 h; then 1.5 h.
    assert show("attendance", 4) == [{"in_person": 5.5, "remote": 3.5, "together": 0}]
    assert show("attendance", 9) == [{"in_person": 5.5, "remote": 3.5, "together": 0}]


def test_presence_over_time_has_every_instant_and_nobody_twice(show):
    rows = {clock(row["time"]): (row["in_person"], row["remote"]) for row in show("attendance", 5)}
    assert len(rows) == 96
    assert {
        key: rows[key]
        for key in ("07:45", "08:00", "08:45", "09:15", "09:30", "10:00", "12:45", "13:45", "15:00", "16:00")
    } == {
        "07:45": (0, 0),
        "08:00": (0, 1),
        "08:45": (1, 1),
        "09:15": (2, 1),
        "09:30": (1, 1),
        "10:00": (1, 0),
        "12:45": (0, 0),
        "13:45": (1, 1),
        "15:00": (1, 0),
        "16:00": (0, 0),
    }


def test_running_sessions_show_room_presence_and_the_share_of_the_registered(show):
    rows = show("attendance", 6, AFTERNOON)
    assert [(row["title"], row["room"], row["registered"], row["in_person"], row["remote"]) for row in rows] == [
        ("Achats publics - 1", "", 2, 0, 1),
        ("Conduire le changement - 1", "Amphi A", 3, 1, 0),
    ]
    assert [row["rate"] for row in rows] == pytest.approx([1 / 2, 1 / 3])


def test_walk_ins_do_not_raise_the_rate(show):
    (row,) = show("attendance", 6, MORNING)
    assert (row["in_person"], row["remote"]) == (2, 1)
    assert row["rate"] == pytest.approx(2 / 3)


def test_attendance_rate_counts_the_registered_who_came(show):
    assert [(row["title"], pytest.approx(row["rate"])) for row in show("attendance", 7, WEEK)] == [
        ("Conduire le changement - 1", 2 / 3),
        ("Achats publics - 1", 1 / 2),
        ("Achats publics - 2", 0),
    ]


def test_half_days_by_module_count_learners(show):
    rows = [(clock(row["time"]), row["module_title"], row["learners"]) for row in show("attendance", 8)]
    assert rows == [
        ("08:00", "Conduire le changement", 3),
        ("13:00", "Achats publics", 1),
        ("13:00", "Conduire le changement", 1),
    ]


def test_pathways_bring_together_plans_registrations_and_attendance(show):
    assert show("pathways", 1, WEEK) == [{"pathways": 2, "sessions": 3, "registered": 6, "learners": 3, "hours": 9.0}]
    assert [tuple(row.values()) for row in show("pathways", 2, WEEK)] == [
        ("Encadrer", 2, 5, 4, 9.0),
        ("Acheter", 1, 1, 0, 0.0),
    ]
    assert [tuple(row.values()) for row in show("pathways", 3, WEEK)] == [("Encadrer", 5), ("Acheter", 1)]
    assert [tuple(row.values()) for row in show("pathways", 4, WEEK)] == [("Encadrer", 5.5, 3.5, 0)]


def test_modules_chosen_are_counted_over_their_sessions(show):
    assert [tuple(row.values()) for row in show("pathways", 5, WEEK)] == [
        ("Achats publics", 3),
        ("Conduire le changement", 3),
    ]


def test_flow_follows_each_learner_from_module_to_module(show):
    assert show("pathways", 6) == [{"origin": "Conduire le changement", "next": "Achats publics", "learners": 1}]


def test_self_paced_activity_is_what_belongs_to_no_session(show):
    assert [(clock(row["time"]), row["learners"], row["statements"]) for row in show("pathways", 7)] == [
        ("17:00", 2, 3)
    ]
    assert [tuple(row.values()) for row in show("pathways", 8)] == [("le film", 2, 3)]
