"""From HTTP and from Kafka, through the real parts, to figures on a board: equal to the simulation's truth."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from clickhouse.disclosure import Thresholds, set_thresholds
from jalon.demo import Played, Target, play_day
from jalon.importing.store_view import TenantStore
from producers.simulation import find_truth, present_at, simulate_day
from tests.stack import Stack, TenantAccess
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.browser]

DAY = date(2026, 11, 18)
ZONE = ZoneInfo("Europe/Paris")
PRESENT, RUNNING, REGISTERED, HOURS = "1", "2", "3", "4"


@pytest.fixture(scope="module")
def institute(stack: Stack) -> Iterator[TenantAccess]:
    """Its figures are told however few learners are behind them, so that they can be compared with the truth."""
    with stack.add_tenant("Institut simulé") as access:
        with stack.connect_owner() as owner:
            set_thresholds(owner, access.id, Thresholds(inside=1))
        yield access


@pytest.fixture(scope="module")
def played(stack: Stack, institute: TenantAccess, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A whole day that is over, told by its systems in their own formats."""
    settings = stack.settings
    target = Target(
        kafka_bootstrap=settings.kafka_servers,
        lrs_url=stack.xapi.rstrip("/"),
        key=institute.key,
        secret=institute.secret,
        tenant=institute.id,
        topic=settings.topic,
    )
    day = simulate_day(DAY, seed=11, zone=ZONE)
    played = play_day(target, day, find_truth(day).until, tmp_path_factory.mktemp("day"))
    with stack.connect_owner() as owner:
        TenantStore(settings, owner, institute.id).wait_until_stored()
    return played


@pytest.fixture
def board(stack: Stack, institute: TenantAccess, page: Any) -> Any:
    """A page signed in to the institute's boards."""
    page.goto(f"{stack.boards}/")
    name, password = institute.viewer
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url("**/boards/**")
    return page


def show(page: Any, stack: Stack, name: str, since: datetime, until: datetime) -> None:
    span = "&".join(
        f"{key}={moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for key, moment in (("from", since), ("to", until))
    )
    page.goto(f"{stack.boards}/boards/{name}?{span}")
    loading = page.locator("[data-panel][data-state='loading']")
    assert page.locator("[data-panel]").count() > 0
    eventually(lambda: loading.count() == 0)


def figure(page: Any, panel: str, field: str) -> float:
    value = page.get_attribute(f"[data-panel='{panel}'] output[data-field='{field}']", "data-value")
    return float(value)


def keep_screenshot(page: Any, name: str) -> None:
    """Screenshots are kept where JALON_SCREENSHOTS says."""
    if directory := os.environ.get("JALON_SCREENSHOTS"):
        page.screenshot(path=str(Path(directory) / f"{name}.png"))


def test_the_days_registrations_and_attended_hours_are_the_truth(stack: Stack, played: Played, board: Any) -> None:
    truth = played.truth
    midnight = datetime(DAY.year, DAY.month, DAY.day, tzinfo=ZONE)
    show(board, stack, "attendance", midnight, midnight + timedelta(days=1))

    assert figure(board, REGISTERED, "registered") == len(truth.registrations)
    assert figure(board, HOURS, "in_person") == pytest.approx(truth.hours["in-person"], abs=0.001)
    assert figure(board, HOURS, "remote") == pytest.approx(truth.hours["remote"], abs=0.001)
    assert board.input_value("#from") == f"{DAY}T00:00"
    keep_screenshot(board, "attendance")


@pytest.mark.parametrize("clock", ["10:30", "12:30", "15:00", "16:29"])
def test_who_is_present_at_an_instant_is_the_truth(stack: Stack, played: Played, board: Any, clock: str) -> None:
    instant = datetime.fromisoformat(f"{DAY}T{clock}:00").replace(tzinfo=ZONE)
    show(board, stack, "attendance", instant - timedelta(hours=6), instant)

    present = present_at(played.day, instant)
    assert figure(board, PRESENT, "in_person") == present.get("in-person", 0)
    assert figure(board, PRESENT, "remote") == present.get("remote", 0)
    running = [session for session, starts, ends in played.truth.slots if starts <= instant < ends]
    assert figure(board, RUNNING, "sessions") == len(set(running))


def test_attended_seconds_of_every_learner_are_the_truth(played: Played, institute: TenantAccess) -> None:
    rows = institute.reader.query(
        "SELECT extract(session, '[^/]+$'), half_day, modality, sum(seconds), count() FROM attendance GROUP BY 1, 2, 3"
    ).result_rows
    expected: dict[tuple[str, str, str], list[int]] = {}
    for one in played.truth.attendance:
        expected.setdefault((one.session, one.half_day, one.modality), []).append(one.seconds)
    assert {tuple(row[:3]): (round(row[3]), row[4]) for row in rows} == {
        key: (sum(seconds), len(seconds)) for key, seconds in expected.items()
    }


def test_every_source_is_accounted_for(played: Played, institute: TenantAccess) -> None:
    rows = institute.reader.query(
        "SELECT source, sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL GROUP BY source"
    ).result_rows
    counted = {source: tuple(counts) for source, *counts in rows}
    http = played.sent["room"] + played.sent["video"]
    assert counted.pop("lrs") == (http, http, 0, 0)
    for source, (accepted, stored, duplicate, dead) in counted.items():
        assert accepted == stored == played.sent[source] == played.truth.statements[source], source
        assert (duplicate, dead) == (0, 0)


def test_no_identity_is_in_what_the_reader_sees(played: Played, institute: TenantAccess) -> None:
    mails = {learner for _, learner in played.truth.registrations if "@" in learner}
    assert mails
    text = repr(institute.reader.query("SELECT * FROM statements FINAL").result_rows)
    assert not re.findall(r"[\w.+-]+@[\w-]+\.[\w.]+", text)
    for mail in mails:
        assert mail not in text


def test_a_statement_over_http_appears_on_the_live_board_without_a_reload(
    stack: Stack, tenant: TenantAccess, page: Any
) -> None:
    page.goto(f"{stack.boards}/")
    name, password = tenant.viewer
    page.fill("input[name=name]", name)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url("**/boards/live")
    statement = {
        "id": str(uuid.uuid4()),
        "actor": {"mbox": "mailto:lou.petit@example.org", "name": "Lou Petit"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
        "object": {"id": "https://example.org/a", "definition": {"name": {"fr": "Un objet tout neuf"}}},
    }
    assert tenant.http.post("statements", json=[statement]).status_code == 200
    statements = page.locator("[data-panel='1'] output[data-field='statements']")
    eventually(lambda: statements.get_attribute("data-value") == "1", seconds=30, pause=0.2)
    # One learner is too few to be counted.
    assert page.inner_text("[data-panel='1'] output[data-field='learners']") == "< 5"
    assert "Lou" not in page.content()
    assert "lou.petit" not in page.content()
    keep_screenshot(page, "live")
