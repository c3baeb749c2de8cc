"""Conformance by source and the rules that fail, against a count in Python."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clickhouse.databases import name_tenant_database
from grafana.boards.macros import expand
from grafana.boards.ranges import read_range
from grafana.dashboards.catalogue import BUILDERS
from grafana.dashboards.language import LANGUAGES, name_expectations, speak
from tests.unit.grafana.conftest import EXPERIENCED, Engine, at, statement
from xapi_profiles.templates import Expectation

TENANT = "profiles"
BY_SOURCE, FAILED = 11, 12
SPAN = ("2026-09-18T00:00:00+00:00", "2026-09-18T12:00:00+00:00")
TRAINING = "https://w3id.org/jalon/xapi/profiles/training"
NAMED = {"lrs": "LRS", "zoom": "Zoom", "plugin": "plugin"}
RULES = {
    ("attended", "$.result.duration: expected a value"): ("attended · training/v1.0", "$.result.duration"),
    ("join", "$.context.extensions['https://w3id.org/x/half-day']: expected one of the values in any"): (
        "join · training/v1.0",
        "$.context.extensions['…/half-day']",
    ),
    ("", "$: expected what one template of the profile determines"): ("training/v1.0", "$"),
}

Row = dict[str, Any]
Show = Callable[[int], list[Row]]


@pytest.fixture(scope="module")
def prepared(_engine: Engine) -> Engine:
    _engine.create(TENANT)
    return _engine


@pytest.fixture
def show(prepared: Engine) -> Show:
    def run(number: int) -> list[Row]:
        panel = next(each for each in BUILDERS["live"]("fr")["panels"] if each["id"] == number)
        moments = read_range(*SPAN, now=datetime(2026, 10, 1, tzinfo=UTC), zone=UTC)
        answer = prepared.query(TENANT, expand(panel["targets"][0]["rawSql"], moments, 60))
        return [dict(zip((name for name, _ in answer.columns), row, strict=True)) for row in answer.rows]

    return run


def fill(engine: Engine, rows: list[Row], fewest: int) -> None:
    engine.set_fewest(TENANT, fewest)
    engine.session.query(f"TRUNCATE TABLE {name_tenant_database(TENANT)}.statements")
    if rows:
        engine.insert(TENANT, "statements", rows)


def make_row(number: int, told: tuple[str, str, tuple[str, str], int, int, int]) -> Row:
    source, state, (template, rule), session, learner, minute = told
    columns: Row = {"source": source, "conformance": state, "session": f"s{session}" if session else ""}
    if state in ("conformant", "nonconformant"):
        columns |= {
            "profile": f"{TRAINING}/v1.0",
            "template": template and f"{TRAINING}/templates/{template}",
            "failed_rule": rule if state == "nonconformant" else "",
        }
    actor = f"{learner:032}" if learner else ""
    return statement(number, EXPERIENCED, at("08:00") + timedelta(minutes=minute), actor=actor, **columns)


worlds = st.lists(
    st.tuples(
        st.sampled_from(sorted(NAMED)),
        st.sampled_from(["conformant", "nonconformant", "nonconformant", "unclaimed", ""]),
        st.sampled_from(sorted(RULES)),
        st.integers(0, 1),
        st.integers(0, 6),
        st.integers(0, 400),
    ),
    max_size=60,
)


@given(world=worlds, fewest=st.integers(1, 4))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_both_panels_tell_what_a_count_by_hand_does(prepared: Engine, show: Show, world: Any, fewest: int) -> None:
    fill(prepared, [make_row(number, told) for number, told in enumerate(world)], fewest)
    inside = [told for told in world if told[-1] <= 240]

    states = Counter((NAMED[source], state) for source, state, *_ in inside if state)
    expected = {
        origin: tuple(states[origin, state] for state in ("conformant", "nonconformant", "unclaimed"))
        for origin, _ in states
    }
    assert {row["origin"]: tuple(row.values())[1:] for row in show(BY_SOURCE)} == expected

    groups: dict[tuple[str, tuple[str, str]], dict[int, list[tuple[int, int]]]] = {}
    for source, state, rule, session, learner, minute in inside:
        if state == "nonconformant":
            groups.setdefault((source, rule), {}).setdefault(session, []).append((learner, minute))
    told = {}
    for (source, rule), sessions in groups.items():
        exact = rough = latest = 0
        for found in sessions.values():
            learners = {learner for learner, _ in found} - {0}
            if not learners:
                exact += len(found)
            elif len(learners) >= fewest:
                rough += len(found)
            else:
                continue
            latest = max(latest, *(minute for _, minute in found))
        if exact or rough:
            hour = at("08:00") + timedelta(hours=latest // 60)
            told[(NAMED[source], *RULES[rule], rule[1].rpartition(": ")[2])] = (
                exact + rough // fewest * fewest,
                round(hour.timestamp() * 1000),
            )
    shown = [tuple(row.values()) for row in show(FAILED)]
    assert {row[:4]: row[4:] for row in shown} == dict(sorted(told.items()))
    assert [row[4] for row in shown] == sorted((row[4] for row in shown), reverse=True)


def test_a_statement_counts_once_and_not_when_it_is_voided(prepared: Engine, show: Show) -> None:
    rule = next(iter(RULES))
    rows = [make_row(number, ("lrs", "nonconformant", rule, 0, number + 1, number)) for number in range(3)]
    copy = rows[0] | {"partition": 3, "offset": 900, "stored": "2026-09-18 09:00:00.000"}
    fill(prepared, rows, 1)
    prepared.insert(TENANT, "statements", [copy])
    prepared.insert(TENANT, "voidings", [{"target": rows[1]["id"], "id": rows[2]["id"]}])
    assert show(BY_SOURCE) == [{"origin": "LRS", "conformant": 0, "nonconformant": 2, "unclaimed": 0}]
    (row,) = show(FAILED)
    assert row["statements"] == 2
    prepared.session.query(f"TRUNCATE TABLE {name_tenant_database(TENANT)}.voidings")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_expectation_has_words_and_so_has_a_board_without_failures(language: Any) -> None:
    assert set(name_expectations(speak(language))) == {one.value for one in Expectation}
    panels = {panel["id"]: panel for panel in BUILDERS["live"](language)["panels"]}
    for number in (BY_SOURCE, FAILED):
        assert panels[number]["fieldConfig"]["defaults"]["noValue"]
