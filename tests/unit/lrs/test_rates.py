import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrs.errors import RateLimited
from lrs.rates import Rates
from tests.unit.lrs.issuer import Clock


def admit(rates: Rates, key: str = "moodle") -> bool:
    try:
        rates.admit(key)
    except RateLimited:
        return False
    return True


def test_a_burst_passes_and_then_the_rate() -> None:
    clock = Clock()
    rates = Rates(10, 5, clock=clock)
    assert [admit(rates) for _ in range(7)] == [True] * 5 + [False] * 2
    clock.now = 0.1
    assert [admit(rates) for _ in range(2)] == [True, False]
    clock.now = 100.0
    assert [admit(rates) for _ in range(7)] == [True] * 5 + [False] * 2


def test_one_credential_takes_nothing_from_another() -> None:
    rates = Rates(1, 1, clock=Clock())
    assert [admit(rates, "a"), admit(rates, "a"), admit(rates, "b")] == [True, False, True]


def test_a_refusal_says_when_to_come_back_and_coming_then_works() -> None:
    clock = Clock()
    rates = Rates(0.25, 1, clock=clock)
    rates.admit("moodle")
    with pytest.raises(RateLimited) as refusal:
        rates.admit("moodle")
    clock.now = float(refusal.value.headers["Retry-After"])
    assert clock.now == 4
    assert admit(rates)


def test_without_a_rate_everything_passes() -> None:
    rates = Rates(0, 1, clock=Clock())
    assert all(admit(rates) for _ in range(1_000))


def test_what_is_remembered_is_bounded() -> None:
    clock = Clock()
    rates = Rates(1, 1, clock=clock)
    for number in range(25_000):
        clock.now = number / 1_000
        rates.admit(str(number))
    assert len(rates._due) <= 10_001
    assert not admit(rates, "24999")


@given(
    st.lists(st.floats(0, 0.5), min_size=1, max_size=200),
    st.floats(0.5, 50, allow_nan=False),
    st.integers(1, 20),
)
def test_never_more_than_a_burst_above_the_rate(pauses: list[float], per_second: float, burst: int) -> None:
    clock = Clock()
    rates = Rates(per_second, burst, clock=clock)
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        if admit(rates):
            passed.append(clock.now)
    for start in range(len(passed)):
        for end in range(start, len(passed)):
            allowed = burst + (passed[end] - passed[start]) * per_second
            assert end - start + 1 <= allowed + 0.01
