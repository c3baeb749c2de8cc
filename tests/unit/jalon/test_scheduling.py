"""The scheduler: what is due when, once, and what is said of it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from clickhouse.errors import StoreUnavailable
from identity.database import writing
from identity.duties import read_duties
from identity.tables import DUTIES
from identity.tenants import add_tenant
from jalon import scheduling
from jalon.installation import Installation
from jalon.retention import DUTY, Outcome
from jalon.scheduling import Scheduler, check_scheduler, find_due_day, find_failure
from jalon.settings import Settings

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    installation = Installation.of(Settings.for_directory(tmp_path))
    add_tenant(installation.engine, installation.master, "institut", "Institut")
    return installation


class World:
    """ClickHouse and retention as the scheduler sees them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[tuple[str, str]] = []
        self.failure: Exception | None = None
        self.reachable = True
        monkeypatch.setattr(scheduling, "connect", self._connect)
        monkeypatch.setattr(scheduling, "Retention", self._make)

    def close(self) -> None:
        return

    def _connect(self, _address: object) -> World:
        if not self.reachable:
            raise StoreUnavailable("ClickHouse does not answer.")
        return self

    def _make(self, _installation: object, _client: object, tenant: str) -> Any:
        world = self

        class Retention:
            def run(self, who: str, why: str) -> Outcome:
                del why
                if world.failure:
                    raise world.failure
                world.done.append((tenant, who))
                return Outcome(tenant, NOON, ())

        return Retention()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


class OneRound(threading.Event):
    """Ends the scheduler when it would wait for the first time."""

    def wait(self, timeout: float | None = None) -> bool:
        del timeout
        return True


def tick(installation: Installation, at: datetime = NOON) -> None:
    Scheduler(installation, clock=lambda: at).run(OneRound())


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [
        ("Europe/Paris", 13, "2026-11-26"),  # it is 13:00 there
        ("Europe/Paris", 14, "2026-11-25"),
        ("Indian/Reunion", 16, "2026-11-26"),
        ("America/Martinique", 8, "2026-11-26"),
        ("America/Martinique", 9, "2026-11-25"),
        ("Pacific/Kiritimati", 2, "2026-11-27"),
    ],
)
def test_a_day_begins_at_its_hour_in_the_tenants_time_zone(zone: str, hour: int, day: str) -> None:
    assert find_due_day(zone, hour, NOON) == day


def test_each_tenant_has_its_turn_once_a_day_across_restarts(installation: Installation, world: World) -> None:
    add_tenant(installation.engine, installation.master, "reunion", "Réunion", "Indian/Reunion")
    who = "process:scheduler"
    tick(installation)
    tick(installation)
    assert world.done == [("institut", who), ("reunion", who)]
    tick(installation, NOON + timedelta(hours=12))  # 04:00 in La Réunion, 01:00 in Paris
    assert world.done[2:] == [("reunion", who)]
    tick(installation, NOON + timedelta(hours=15))
    assert world.done[3:] == [("institut", who)]


def test_what_failed_is_told_and_tried_again_an_hour_later(installation: Installation, world: World) -> None:
    world.failure = StoreUnavailable("ClickHouse cannot work now.")
    tick(installation)
    world.failure = None
    tick(installation)
    assert world.done == []
    assert find_failure(installation) == "retention of institut failed (store-unavailable); it is tried again"
    assert check_scheduler(installation) == ""
    with writing(installation.engine) as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        connection.execute(update(DUTIES).where(DUTIES.c.name == DUTY).values(ended_at=long_ago))
    tick(installation)
    assert world.done == [("institut", "process:scheduler")]
    assert find_failure(installation) == ""


def test_while_clickhouse_is_out_of_reach_nothing_is_begun(installation: Installation, world: World) -> None:
    world.reachable = False
    tick(installation)
    assert read_duties(installation.engine, DUTY) == []
    world.reachable = True
    tick(installation)
    assert world.done == [("institut", "process:scheduler")]


def test_a_scheduler_that_gives_no_sign_is_not_ready(installation: Installation, world: World) -> None:
    del world
    assert check_scheduler(installation) == "it gives no sign"
    tick(installation)
    assert check_scheduler(installation) == ""
    with writing(installation.engine) as connection:
        connection.execute(update(DUTIES).values(ended_at=datetime.now(UTC) - timedelta(minutes=2)))
    assert check_scheduler(installation).startswith("it has given no sign since 20")


def test_records_of_no_tenant_go_where_the_operator_says_after_how_long(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: list[int] = []
    monkeypatch.setattr(scheduling, "count_strays", lambda _client, _cutoff: 17)
    monkeypatch.setattr(scheduling, "delete_strays", lambda _client, cutoff: deleted.append(cutoff))
    keeping = Installation.of(Settings.for_directory(tmp_path))
    tick(keeping)
    assert deleted == []
    deleting = Installation(keeping.settings.model_copy(update={"stray_days": 30}))
    tick(deleting)
    tick(deleting)
    assert deleted == [int((NOON - timedelta(days=30)).timestamp() * 1000)]
    [entry] = deleting.audit.read(tenant="")
    assert entry.event.details == {"deleted": {"strays": 17}}
    assert world.done == []
