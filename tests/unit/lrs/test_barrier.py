"""The barrier and what it watches, with a clock, a log and a store that the test moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.barrier import Barrier
from lrs.errors import NotConsistentYet, StatementsUnavailable
from lrs.progress import ProgressWatch, has_passed
from tests.unit.lrs.doubles import MemoryLog, Record, soon


class Progress:
    """Readings of progress that the test sets; every reading and every rest is counted."""

    def __init__(self) -> None:
        self.next: dict[int, int] = {}
        self.readings = 0
        self.failing = False
        self.rests: list[float] = []
        self.go_on = asyncio.Semaphore(0)
        self.resting = asyncio.Semaphore(0)

    async def read(self) -> dict[int, int]:
        self.readings += 1
        if self.failing:
            raise StatementsUnavailable("down")
        return dict(self.next)

    async def pause(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.resting.release()
        await self.go_on.acquire()


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def make_barrier(log: MemoryLog, progress: Progress, clock: Clock, *, read_seconds: float = 30) -> Barrier:
    watch = ProgressWatch(progress.read, pause=progress.pause)
    return Barrier(log, watch, read_seconds=read_seconds, settling_seconds=0.02, clock=clock)


def fill(log: MemoryLog, *counts: int) -> None:
    for partition, count in enumerate(counts):
        log.partitions[partition] += [Record(b"", b"[]", [], 0.0) for _ in range(count)]


async def test_it_waits_until_every_partition_has_been_passed() -> None:
    log, progress, clock = MemoryLog(), Progress(), Clock()
    fill(log, 3, 2)
    progress.next = {0: 3, 1: 1}
    waiting = asyncio.create_task(make_barrier(log, progress, clock).wait())
    await soon(progress.resting.acquire())
    assert not waiting.done()
    progress.next = {0: 3, 1: 2}
    progress.go_on.release()
    assert await waiting == datetime.fromtimestamp(clock.now - 0.02, UTC) - timedelta(milliseconds=1)


async def test_an_empty_log_is_passed_without_asking_the_store() -> None:
    progress = Progress()
    await make_barrier(MemoryLog(), progress, Clock()).wait()
    assert progress.readings == 0


async def test_what_is_known_to_be_passed_is_not_asked_again() -> None:
    log, progress = MemoryLog(), Progress()
    fill(log, 1)
    progress.next = {0: 1}
    barrier = make_barrier(log, progress, Clock())
    for _ in range(3):
        await barrier.wait()
    assert progress.readings == 1


async def test_many_reads_share_one_call_for_the_end_offsets_that_begins_after_they_came() -> None:
    log, progress = MemoryLog(), Progress()
    log.answers.clear()
    barrier = make_barrier(log, progress, Clock())
    first = asyncio.create_task(barrier.wait())
    await soon(log.asked.wait())
    others = [asyncio.create_task(barrier.wait()) for _ in range(50)]
    await asyncio.sleep(0)
    log.answers.set()
    await asyncio.gather(first, *others)
    assert log.end_calls == 2


async def test_a_read_that_cannot_be_made_consistent_is_refused_and_the_header_stays_honest() -> None:
    log, progress, clock = MemoryLog(), Progress(), Clock()
    barrier = make_barrier(log, progress, clock, read_seconds=0.01)
    before = await barrier.wait()
    fill(log, 1)
    clock.now += 60
    with pytest.raises(NotConsistentYet):
        await barrier.wait()
    assert barrier.consistent_through == before


async def test_a_store_that_fails_and_comes_back_lets_the_waiting_pass() -> None:
    log, progress = MemoryLog(), Progress()
    fill(log, 1)
    progress.failing = True
    waiting = asyncio.create_task(make_barrier(log, progress, Clock()).wait())
    await soon(progress.resting.acquire())
    assert progress.rests == [0.25]
    progress.failing = False
    progress.next = {0: 1}
    progress.go_on.release()
    await waiting


async def test_consistent_through_is_not_later_than_the_oldest_unacknowledged_record() -> None:
    log, clock = MemoryLog(), Clock()
    log.acknowledges.clear()
    sending = asyncio.create_task(log.append(b"k", b"[]", []))
    await soon(log.sent.wait())
    oldest = log.pending_since()
    assert oldest is not None
    clock.now = oldest + 60
    instant = await make_barrier(log, Progress(), clock).wait()
    assert instant < datetime.fromtimestamp(oldest, UTC)
    log.acknowledges.set()
    await sending


async def test_consistent_through_never_goes_back() -> None:
    log, clock = MemoryLog(), Clock()
    barrier = make_barrier(log, Progress(), clock)
    newest = await barrier.wait()
    clock.now -= 10
    assert await barrier.wait() < newest
    assert barrier.consistent_through == newest


async def test_settling_returns_once_the_instant_has_passed_the_moment_asked_for() -> None:
    log, progress, clock = MemoryLog(), Progress(), Clock()
    barrier = make_barrier(log, progress, clock)
    moment = datetime.fromtimestamp(clock.now, UTC)
    settled = asyncio.create_task(barrier.settle(moment))
    await soon(log.asked.wait())
    assert not settled.done()
    clock.now += 0.1
    assert await soon(settled) >= moment


async def test_a_moment_that_does_not_settle_is_refused() -> None:
    log, progress, clock = MemoryLog(), Progress(), Clock()
    barrier = make_barrier(log, progress, clock, read_seconds=0.05)
    with pytest.raises(NotConsistentYet):
        await soon(barrier.settle(datetime.fromtimestamp(clock.now, UTC)))


async def test_before_the_first_read_nothing_is_claimed() -> None:
    assert make_barrier(MemoryLog(), Progress(), Clock()).consistent_through.year == 1970


async def test_a_watch_goes_on_while_its_follower_wants_and_a_newcomer_ends_its_rest() -> None:
    progress = Progress()
    watch = ProgressWatch(progress.read, pause=progress.pause)
    seen: list[dict[int, int]] = []

    def follow(reading: object) -> bool:
        seen.append(dict(reading))  # type: ignore[call-overload]
        return progress.next.get(0) != 2

    watch.follow(follow)
    watch.wake()
    await soon(progress.resting.acquire())
    assert progress.rests == [0.5]
    progress.next = {0: 1}
    await watch.reach({0: 1})
    await soon(progress.resting.acquire())
    progress.next = {0: 2}
    await watch.reach({0: 2})
    assert seen == [{}, {0: 1}, {0: 2}]
    await watch.stop()


@given(
    progress=st.dictionaries(st.integers(0, 3), st.integers(0, 5)),
    ends=st.dictionaries(st.integers(0, 3), st.integers(0, 5)),
)
def test_progress_has_passed_when_no_record_below_the_ends_is_left(progress, ends) -> None:
    left = [(partition, offset) for partition, end in ends.items() for offset in range(progress.get(partition, 0), end)]
    assert has_passed(progress, ends) is (left == [])
