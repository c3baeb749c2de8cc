"""Sharing a board's answer between those who look at it, with a clock in the test's hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from grafana.boards.data import FEWEST, BoardData
from grafana.boards.reading import Answer
from grafana.errors import QueryFailed

DASHBOARD = {
    "panels": [
        {"id": 1, "targets": [{"rawSql": "SELECT $__interval_s"}], "interval": "10m"},
        {"id": 2, "targets": [{"rawSql": "SELECT $__toTime"}]},
    ]
}
NOW = datetime(2026, 9, 18, 12, tzinfo=UTC)


class Reading:
    """Notes what it is asked for panels and answers when the gate is open; the threshold is five, and told at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.failing = False

    async def read(self, tenant: str, sql: str) -> Answer:
        if sql == FEWEST and not self.failing:
            return Answer((("inside", "UInt32"),), [[5]])
        self.asked.append((tenant, sql))
        await self.gate.wait()
        if self.failing:
            raise QueryFailed("slow", "as the test asks")
        return Answer((("value", "UInt8"),), [[len(self.asked)]])

    async def close(self) -> None:
        """Nothing is held."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def reading() -> Reading:
    return Reading()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def data(reading, clock) -> BoardData:
    return BoardData(reading, {"live": DASHBOARD}, seconds=1.0, now=lambda: NOW, clock=clock)


async def load(data: BoardData, tenant: str = "alpha", start: str = "now-6h") -> dict:
    return await data.load(tenant, "live", start, "now", UTC)


async def test_an_answer_is_kept_for_its_second_and_then_asked_anew(data, reading, clock):
    first = await load(data)
    clock.now = 0.9
    assert await load(data) == first
    assert len(reading.asked) == 2
    clock.now = 1.0
    await load(data)
    assert len(reading.asked) == 4


async def test_an_answer_on_its_way_is_waited_for_however_long_it_takes(data, reading, clock):
    reading.gate.clear()
    first = asyncio.create_task(load(data))
    await asyncio.sleep(0)
    clock.now = 60
    second = asyncio.create_task(load(data))
    await asyncio.sleep(0)
    reading.gate.set()
    assert await first == await second
    assert len(reading.asked) == 2


async def test_whoever_leaves_does_not_take_the_answer_from_the_others(data, reading):
    reading.gate.clear()
    leaving = asyncio.create_task(load(data))
    staying = asyncio.create_task(load(data))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.sleep(0)
    reading.gate.set()
    assert (await staying)["panels"]["2"]["columns"] == [{"name": "value", "type": "UInt8"}]


async def test_tenants_and_ranges_are_apart(data, reading):
    await load(data, "alpha")
    await load(data, "beta")
    await load(data, "alpha", "now-1h")
    assert [tenant for tenant, _ in reading.asked] == ["alpha", "alpha", "beta", "beta", "alpha", "alpha"]


async def test_each_panel_has_its_own_least_interval(data, reading):
    answer = await load(data)
    assert [answer["panels"][panel]["interval"] for panel in ("1", "2")] == [600, 300]
    assert {sql for _, sql in reading.asked} == {"SELECT 600", f"SELECT toDateTime({int(NOW.timestamp())})"}


async def test_what_is_kept_is_bounded(data):
    for number in range(1, 700):
        await load(data, start=f"now-{number}m")
    assert len(data._kept) <= 512


async def test_a_failure_is_a_code_and_not_a_text_of_the_database(data, reading, caplog):
    reading.failing = True
    assert (await load(data))["panels"] == {"1": {"error": "slow"}, "2": {"error": "slow"}}
    assert {record.message for record in caplog.records} == {"panel-failed"}


async def test_a_board_tells_from_how_many_learners_on_figures_are_shown(data, reading, clock):
    assert (await load(data))["fewest"] == 5
    clock.now = 2.0
    reading.failing = True
    assert (await load(data))["fewest"] is None
