import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from identity.database import writing
from identity.duties import Duties, Duty, read_duties
from identity.errors import InvalidValue
from identity.tables import DUTIES


def read(engine: Engine) -> Duty:
    [duty] = read_duties(engine, "retention")
    return duty


def age(engine: Engine, column: str, by: timedelta) -> None:
    with writing(engine) as connection:
        connection.execute(update(DUTIES).values({column: datetime.now(UTC) - by}))


def test_a_duty_is_done_once_a_day(engine: Engine) -> None:
    duties = Duties(engine, "one")
    done = []
    for day in ("2026-11-26", "2026-11-26", "2026-11-25", "2026-11-27"):
        with duties.holding("retention", "acme", day) as ours:
            done.append(ours)
    assert done == [True, False, False, True]
    assert read(engine).outcome == ""


def test_tenants_have_duties_of_their_own(engine: Engine) -> None:
    duties = Duties(engine, "one")
    for tenant in ("acme", "other"):
        with duties.holding("retention", tenant, "2026-11-26") as ours:
            assert ours


def test_two_processes_never_hold_a_duty_at_once(engine: Engine) -> None:
    inside, most, lock = 0, 0, threading.Lock()
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        nonlocal inside, most
        duties = Duties(engine, f"process {number}")
        barrier.wait()
        for _ in range(5):
            with duties.holding("retention", "acme") as ours:
                if not ours:
                    continue
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_what_a_killed_process_held_is_taken_up_again_once_its_lease_has_run_out(engine: Engine) -> None:
    killed = Duties(engine, "killed").holding("retention", "acme", "2026-11-26")
    killed.__enter__()  # and never left
    other = Duties(engine, "other")
    with other.holding("retention", "acme", "2026-11-26") as ours:
        assert not ours
    age(engine, "held_until", timedelta(seconds=1))
    with other.holding("retention", "acme", "2026-11-26") as ours:
        assert ours


def test_a_failure_is_told_by_its_code_and_tried_again_after_an_hour(engine: Engine) -> None:
    duties = Duties(engine, "one")
    with pytest.raises(InvalidValue), duties.holding("retention", "acme", "2026-11-26"):
        raise InvalidValue("Ada Lovelace")
    assert read(engine).outcome == "invalid-value"
    with duties.holding("retention", "acme", "2026-11-26") as ours:
        assert not ours
    age(engine, "ended_at", timedelta(minutes=61))
    with duties.holding("retention", "acme", "2026-11-26") as ours:
        assert ours
    assert read(engine).outcome == ""


def test_a_beat_tells_that_the_process_lives(engine: Engine) -> None:
    Duties(engine, "one").beat("retention")
    Duties(engine, "two").beat("retention")
    ended = read(engine).ended_at
    assert ended is not None
    assert datetime.now(UTC) - ended < timedelta(minutes=1)
