from __future__ import annotations

from grafana.boards.limits import FailureLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_failures_block_until_the_oldest_is_forgotten():
    clock = Clock()
    limit = FailureLimit(3, 60, clock=clock)
    for second in (0, 10, 20):
        clock.now = second
        assert limit.wait_for("a") == 0
        limit.record("a")
    assert limit.wait_for("a") == 40
    assert limit.wait_for("b") == 0
    clock.now = 60
    assert limit.wait_for("a") == 0


def test_success_forgets():
    limit = FailureLimit(1, 60, clock=Clock())
    limit.record("a")
    limit.forget("a")
    assert limit.wait_for("a") == 0


def test_memory_is_bounded_and_the_oldest_key_goes_first():
    limit = FailureLimit(1, 60, most_keys=100, clock=Clock())
    for number in range(1000):
        limit.record(str(number))
    assert len(limit._failures) == 100
    assert limit.wait_for("0") == 0
    assert limit.wait_for("999") == 60
