from __future__ import annotations

import asyncio

import pytest

from lrs.gathering import Gathering
from tests.unit.lrs.doubles import soon


class Calls:
    """A call that waits until it is let go, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.gates: list[asyncio.Event] = []
        self.begun = asyncio.Semaphore(0)

    async def __call__(self, items: list[int]) -> dict[int, int]:
        self.asked.append(items)
        gate = asyncio.Event()
        self.gates.append(gate)
        self.begun.release()
        await gate.wait()
        if 13 in items:
            raise ValueError("unlucky")
        return {item: item * item for item in items}


async def test_what_is_asked_during_a_call_goes_into_the_next_one_together() -> None:
    calls = Calls()
    gathering = Gathering(calls)
    first = asyncio.create_task(gathering.ask(1))
    await soon(calls.begun.acquire())
    later = [asyncio.create_task(gathering.ask(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    calls.gates[0].set()
    assert await first == {1: 1}
    await soon(calls.begun.acquire())
    assert calls.asked == [[1], [2, 3, 4]]
    calls.gates[1].set()
    assert await asyncio.gather(*later) == [{2: 4, 3: 9, 4: 16}] * 3


async def test_a_failed_call_fails_only_those_it_served() -> None:
    calls = Calls()
    gathering = Gathering(calls)
    unlucky = asyncio.create_task(gathering.ask(13))
    await soon(calls.begun.acquire())
    lucky = asyncio.create_task(gathering.ask(2))
    await asyncio.sleep(0)
    calls.gates[0].set()
    with pytest.raises(ValueError, match="unlucky"):
        await unlucky
    await soon(calls.begun.acquire())
    calls.gates[1].set()
    assert await lucky == {2: 4}


async def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    calls = Calls()
    gathering = Gathering(calls)
    quitter, patient = asyncio.create_task(gathering.ask(1)), asyncio.create_task(gathering.ask(2))
    await soon(calls.begun.acquire())
    quitter.cancel()
    await asyncio.gather(quitter, return_exceptions=True)
    calls.gates[0].set()
    assert await patient == {1: 1, 2: 4}


async def test_it_rests_between_calls() -> None:
    calls = Calls()
    gathering = Gathering(calls)
    for number in (1, 2):
        asked = asyncio.create_task(gathering.ask(number))
        await soon(calls.begun.acquire())
        calls.gates[-1].set()
        assert await asked == {number: number * number}
    assert calls.asked == [[1], [2]]
