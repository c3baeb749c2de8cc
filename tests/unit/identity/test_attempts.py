from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select

from identity.attempts import BY_ADDRESS, BY_NAME, Attempts
from identity.database import writing
from identity.errors import LockedOut
from identity.keys import MasterKey
from identity.tables import SIGN_IN_FAILURES
from tests.people import Clock

HERE = "192.0.2.1"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def attempts(engine: Engine, master: MasterKey, clock: Clock) -> Attempts:
    return Attempts(engine, master, now=clock)


def wait_for(attempts: Attempts, name: str, address: str = HERE) -> float:
    """Return how long an attempt has to wait; 0 when it was let through, and counted."""
    try:
        attempts.begin(name, address)
    except LockedOut as error:
        return error.seconds
    return 0


def test_pauses_grow_and_end_by_themselves(attempts: Attempts, clock: Clock) -> None:
    assert [wait_for(attempts, "anne") for _ in range(6)] == [0, 0, 0, 0, 0, 60]
    pauses = []
    for _ in range(6):
        clock.go_on(seconds=wait_for(attempts, "anne"))
        assert wait_for(attempts, "anne") == 0
        pauses.append(round(wait_for(attempts, "anne")))
    assert pauses == sorted(pauses)
    assert pauses[0] > 100
    assert 800 < pauses[-1] <= BY_NAME.longest
    clock.go_on(days=1, seconds=1)
    assert [wait_for(attempts, "anne") for _ in range(5)] == [0] * 5


def test_failures_need_not_come_at_once(attempts: Attempts, clock: Clock) -> None:
    for _ in range(5):
        assert wait_for(attempts, "anne") == 0
        clock.go_on(seconds=30)
    assert wait_for(attempts, "anne") == 30


def test_a_few_failures_a_day_make_nobody_wait(attempts: Attempts, clock: Clock) -> None:
    for _ in range(20):
        assert wait_for(attempts, "anne") == 0
        clock.go_on(minutes=20)


def test_one_name_or_address_does_not_make_another_wait(attempts: Attempts) -> None:
    for _ in range(6):
        wait_for(attempts, "anne")
    assert wait_for(attempts, "bob") == 0
    assert wait_for(attempts, "anne", "198.51.100.7") > 0


def test_success_forgets_the_name_and_not_what_the_address_did(attempts: Attempts) -> None:
    for number in range(BY_ADDRESS.most - 1):
        assert wait_for(attempts, f"name-{number}") == 0
    for _ in range(3):
        assert wait_for(attempts, "anne") == 0
        attempts.succeed("anne", HERE)
    assert wait_for(attempts, "bob") == 0
    assert wait_for(attempts, "carl") == 60
    assert wait_for(attempts, "carl", "198.51.100.7") == 0


def test_success_starts_a_name_anew(attempts: Attempts) -> None:
    for _ in range(4):
        wait_for(attempts, "anne")
    assert wait_for(attempts, "anne") == 0
    attempts.succeed("anne", HERE)
    assert [wait_for(attempts, "anne") for _ in range(5)] == [0] * 5
    assert wait_for(attempts, "anne") == 60


def test_an_address_of_ipv6_is_its_network(attempts: Attempts) -> None:
    for number in range(BY_ADDRESS.most):
        assert wait_for(attempts, f"name-{number}", f"2001:db8:0:1::{number:x}") == 0
    assert wait_for(attempts, "anne", "2001:db8:0:1:ffff::1") > 0
    assert wait_for(attempts, "anne", "2001:db8:0:2::1") == 0


def test_an_address_written_as_ipv6_is_the_same(attempts: Attempts) -> None:
    for number in range(BY_ADDRESS.most):
        wait_for(attempts, f"name-{number}", f"::ffff:{HERE}")
    assert wait_for(attempts, "anne") > 0
    assert wait_for(attempts, "anne", "::ffff:192.0.2.2") == 0


def test_processes_share_what_they_count(engine: Engine, master: MasterKey, clock: Clock, attempts: Attempts) -> None:
    other = Attempts(engine, master, now=clock)
    for number in range(5):
        assert wait_for((attempts, other)[number % 2], "anne") == 0
    assert wait_for(attempts, "anne") == wait_for(other, "anne") == 60


def test_attempts_at_once_are_counted_one_by_one(attempts: Attempts) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: wait_for(attempts, "anne"), range(20)))
    assert (waits.count(0), waits.count(60)) == (5, 15)


def test_a_name_is_freed_by_hand(engine: Engine, attempts: Attempts) -> None:
    for _ in range(6):
        wait_for(attempts, "anne")
    with writing(engine) as connection:
        assert attempts.forget(connection, "anne")
        assert not attempts.forget(connection, "anne")
        assert not attempts.forget(connection, "nobody")
    assert wait_for(attempts, "anne") == 0


def test_what_is_kept_names_nobody_and_goes_after_a_day(engine: Engine, attempts: Attempts, clock: Clock) -> None:
    for number in range(50):
        wait_for(attempts, f"name-{number}", f"192.0.2.{number}")
    with engine.connect() as connection:
        rows = connection.execute(select(SIGN_IN_FAILURES)).all()
    assert len(rows) == 100
    assert "name-" not in str(rows)
    assert "192.0.2" not in str(rows)
    clock.go_on(days=1, seconds=1)
    wait_for(attempts, "anne")
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SIGN_IN_FAILURES)) == 2
