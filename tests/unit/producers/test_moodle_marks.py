from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.errors import CheckpointError
from producers.moodle.marks import Change, Fact, FactKey, Mark, Meaning, Told, collect, dump, forget, load, tell

PARIS = ZoneInfo("Europe/Paris")
NINE = 1795420800  # 23 November 2026, 9:00 in Paris
HOUR = 3600

marks = st.builds(
    Mark,
    id=st.integers(1, 6),
    user=st.integers(1, 2),
    session=st.sampled_from(["S1", "S2"]),
    starts=st.sampled_from([NINE, NINE + HOUR, NINE + 24 * HOUR]),
    ends=st.sampled_from([NINE + 25 * HOUR, NINE + 30 * HOUR]),
    meaning=st.sampled_from(Meaning),
    as_of=st.integers(NINE, NINE + 3),
)
readings = st.lists(marks, max_size=6, unique_by=lambda mark: mark.id)


def mark(number: int = 1, meaning: Meaning = Meaning.PRESENT, **different: int | str) -> Mark:
    whole = {"user": 11, "session": "S1", "starts": NINE, "ends": NINE + 3 * HOUR, "as_of": NINE + 60}
    return Mark(number, meaning=meaning, **{**whole, **different})  # type: ignore[arg-type]


class Store:
    """Where statements go: the first version of an id stands, and what is voided is not there."""

    def __init__(self) -> None:
        self.statements: dict[str, Fact] = {}
        self.voided: set[str] = set()

    def take(self, changes: Iterable[Change]) -> None:
        for fact, withdrawn_at in changes:
            if withdrawn_at is None:
                self.statements.setdefault(fact.key, fact)
            else:
                self.voided.add(fact.key)

    @property
    def seconds(self) -> dict[FactKey, list[int]]:
        there: dict[FactKey, list[int]] = {}
        for key, fact in self.statements.items():
            if key not in self.voided:
                there.setdefault(fact.place, []).append(fact.seconds)
        return there


def go_on(told: Told, store: Store, *now: Mark, unclear: Iterable[FactKey] = ()) -> Told:
    told = load(dump(tell(told, now, set(unclear), PARIS)))
    store.take(told.pending)
    return Told(told.facts, told.turns)


@given(st.lists(readings, max_size=5))
def test_after_any_corrections_each_half_day_counts_once_and_as_it_was_last_marked(history: list[list[Mark]]) -> None:
    told, store = Told(), Store()
    latest: dict[FactKey, int] = {}
    for reading in history:
        told = go_on(told, store, *reading)
        for place, fact in collect(reading, PARIS).items():
            latest[place] = fact.seconds
    assert all(len(found) == 1 for found in store.seconds.values())
    assert {place: found[0] for place, found in store.seconds.items()} == {
        place: fact.seconds for place, fact in told.facts.items()
    }
    # What was marked in the last reading is told exactly so.
    last = collect(history[-1], PARIS) if history else {}
    for place, fact in last.items():
        assert store.seconds.get(place, [0]) == [fact.seconds]


def test_present_then_absent_then_present_again_stands_once() -> None:
    told, store = Told(), Store()
    for meaning, as_of in ((Meaning.PRESENT, 1), (Meaning.ABSENT, 2), (Meaning.PRESENT, 3)):
        told = go_on(told, store, mark(meaning=meaning, as_of=NINE + as_of))
    assert list(store.seconds.values()) == [[3 * HOUR]]
    assert len(store.voided) == 1


def test_the_very_same_fact_can_come_back() -> None:
    told, store = Told(), Store()
    for meaning in (Meaning.PRESENT, Meaning.ABSENT, Meaning.PRESENT, Meaning.ABSENT, Meaning.PRESENT):
        told = go_on(told, store, mark(meaning=meaning))
    assert list(store.seconds.values()) == [[3 * HOUR]]


def test_hours_that_move_to_another_day_leave_nothing_behind() -> None:
    told, store = Told(), Store()
    told = go_on(told, store, mark())
    told = go_on(told, store, mark(starts=NINE + 24 * HOUR, ends=NINE + 26 * HOUR))
    assert {place[2]: found for place, found in store.seconds.items()} == {"2026-11-24 am": [2 * HOUR]}


def test_a_course_that_is_deleted_withdraws_nothing() -> None:
    told, store = Told(), Store()
    told = go_on(told, store, mark())
    told = go_on(told, store)
    assert list(store.seconds.values()) == [[3 * HOUR]]
    assert told.facts


def test_an_unclear_half_day_stays_as_it_was_and_is_told_when_clear() -> None:
    told, store = Told(), Store()
    place = ("S1", 11, "2026-11-23 am")
    told = go_on(told, store, mark(1), mark(2, ends=NINE + 4 * HOUR), unclear=[place])
    assert not store.seconds
    told = go_on(told, store, mark(1))
    told = go_on(told, store, mark(1, Meaning.ABSENT), unclear=[place])
    assert store.seconds == {place: [3 * HOUR]}


def test_only_the_half_day_in_which_the_meeting_began_is_late() -> None:
    facts = collect([mark(meaning=Meaning.LATE, ends=NINE + 8 * HOUR)], PARIS)
    assert [(fact.half_day, fact.late) for fact in facts.values()] == [
        ("2026-11-23 am", True),
        ("2026-11-23 pm", False),
    ]


def test_what_is_no_longer_read_is_forgotten_and_not_withdrawn() -> None:
    told, store = Told(), Store()
    told = go_on(told, store, mark())
    told = forget(told, "2026-11-24")
    assert not told.facts
    told = go_on(told, store)
    assert list(store.seconds.values()) == [[3 * HOUR]]


@pytest.mark.parametrize("state", ["", "[]", "{}", '{"facts": [[1]], "turns": {}, "pending": []}'])
def test_a_state_of_something_else_is_refused(state: str) -> None:
    with pytest.raises(CheckpointError, match="--again"):
        load(state)
