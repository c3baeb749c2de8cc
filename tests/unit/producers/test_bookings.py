from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.bookings import Booking, Change, Known, Outcome, Reading, compare, draft, dump, load, tell
from producers.errors import SuspiciousInput
from producers.naming import Naming
from producers.rows import Milestone, Place, Row
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import Category, Extension, Verb

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SALLE = Booking("Salle Élise-Freinet", datetime(2026, 11, 25, 9, 0, tzinfo=PARIS), timedelta(hours=3), "S100")


def at(hours: int, room: str = "A") -> Booking:
    return Booking(room, NOW + timedelta(hours=hours), timedelta(hours=1))


def compared(known: dict[str, Known], current: dict[str, Booking], cancelled: frozenset[str] = frozenset()) -> Outcome:
    return compare(known, current, cancelled=cancelled, may_vanish=lambda key, booking: True, at=NOW)


def verbs(outcome: Outcome) -> dict[str, list[str]]:
    return {key: [change.verb.rsplit("/", 1)[1] for change in some] for key, some in outcome.changes.items()}


bookings = st.builds(at, st.integers(-3, 3), st.sampled_from("AB"))
snapshots = st.dictionaries(st.sampled_from("123"), bookings)


@given(st.lists(st.tuples(snapshots, st.sets(st.sampled_from("123"))), max_size=5))
def test_what_was_told_adds_up_to_what_is_booked(history: list[tuple[dict[str, Booking], set[str]]]) -> None:
    known: dict[str, Known] = {}
    told: dict[str, Booking] = {}
    keys: list[tuple[str, ...]] = []
    for current, cancelled in history:
        outcome = compared(known, current, frozenset(cancelled - current.keys()))
        for change in (one for some in outcome.changes.values() for one in some):
            keys.append((change.verb, change.key, str(change.version)))
            if change.verb == Verb.CANCEL:
                assert told.pop(change.key) == change.booking
            else:
                assert change.key not in told or told[change.key].starts < NOW
                told[change.key] = change.booking
        assert {key: one for key, one in told.items() if key in current} == current
        assert all(told[key].starts < NOW for key in told.keys() - current.keys())
        known = load(dump(outcome.state))[0]
        assert compared(known, current, frozenset(cancelled - current.keys())).changes == {}


def test_a_booking_that_moves_and_moves_back_is_told_three_times(naming: Naming) -> None:
    known: dict[str, Known] = {}
    ids = set()
    for booking in (at(1), at(2), at(1)):
        outcome = compared(known, {"1": booking})
        known = outcome.state
        ids |= {draft(naming, "grr", change).key for some in outcome.changes.values() for change in some}
    assert len(ids) == 5


def test_what_is_over_or_has_begun_is_not_withdrawn_for_being_gone() -> None:
    known = {"1": Known(at(-1)), "2": Known(at(1))}
    assert verbs(compared(known, {})) == {"2": ["cancel"]}


def test_what_is_cancelled_is_withdrawn_even_if_it_has_begun() -> None:
    known = {"1": Known(at(-1))}
    outcome = compared(known, {}, frozenset({"1"}))
    assert verbs(outcome) == {"1": ["cancel"]}
    assert compared(outcome.state, {}, frozenset({"1"})).changes == {}


def test_what_may_not_vanish_is_kept_for_the_next_time() -> None:
    known = {"1": Known(at(1)), "2": Known(at(-1))}
    outcome = compare(known, {}, may_vanish=lambda key, booking: False, at=NOW)
    assert outcome.changes == {}
    assert outcome.state == known


def test_what_comes_back_is_told_anew() -> None:
    gone = compared({"1": Known(at(1))}, {})
    back = compared(gone.state, {"1": at(1)})
    assert [change.version for change in back.changes["1"]] == [1]


def test_a_change_carries_the_time_at_which_it_was_made_and_none_later_than_now() -> None:
    early, late = NOW - timedelta(hours=5), NOW + timedelta(hours=5)
    for changed, told in ((early, early), (late, NOW), (None, NOW)):
        booking = Booking("A", NOW, timedelta(hours=1), changed=changed)
        assert compared({}, {"1": booking}).changes["1"][0].at == told


def test_a_room_grown_larger_does_not_book_anew() -> None:
    larger = Booking("A", at(1).starts, at(1).duration, capacity=30, kind="Amphithéâtres")
    assert compared({"1": Known(at(1))}, {"1": larger}).changes == {}


def readings(*bookings: Booking) -> list[Any]:
    return [Reading(Place("a", n), "", {str(n): one}) for n, one in enumerate(bookings)]


def told(state: str | None, *bookings: Booking, loss: float = 0.5) -> tuple[str, list[Change]]:
    items = list(tell(state, readings(*bookings), may_vanish=lambda key, booking: True, at=NOW, largest_loss=loss))
    last = items.pop()
    assert isinstance(last, Milestone)
    return last.state or "", [change for row in items if isinstance(row, Row) for change in row.fields]


def test_an_input_that_lacks_more_than_half_is_refused_unless_accepted() -> None:
    many = [at(hours) for hours in range(1, 25)]
    state, _ = told(None, *many)
    assert len(told(state, *many[:12])[1]) == 12
    with pytest.raises(SuspiciousInput, match="--largest-loss"):
        told(state, *many[:11])
    assert len(told(state, *many[:11], loss=1)[1]) == 13


def test_what_a_killed_run_may_have_told_is_told_as_it_was_whatever_the_bookings_are_by_then() -> None:
    def run(state: str | None, now: datetime, *bookings: Booking) -> list[Any]:
        vanish = {"may_vanish": lambda key, booking: True, "largest_loss": 1.0}
        return list(tell(state, readings(*bookings), at=now, **vanish))

    later = NOW + timedelta(minutes=5)
    booking = Booking("A", at(1).starts, at(1).duration, "S1", 24, "Amphithéâtres", changed=NOW - timedelta(hours=1))
    larger = replace(booking, capacity=30, changed=later)
    pending, row, done = run(None, NOW, booking)
    again, caught_up, unchanged, end = run(pending.state, later, larger)
    assert again.fields == [change._replace(booking=replace(booking, changed=None)) for change in row.fields]
    assert [change.booking.capacity for change in again.fields] == [24]
    assert (caught_up, end) == (done, done)
    assert unchanged.fields == []
    again, _, _, gone, _ = run(pending.state, later)
    assert [change.verb for change in (*again.fields, *gone.fields)] == [Verb.SCHEDULE, Verb.CANCEL]
    unchanged, _ = run(done.state, later, booking)
    assert unchanged.fields == []


def test_a_booking_s_statements_are_whole(naming: Naming) -> None:
    booking = Booking(SALLE.room, SALLE.starts, SALLE.duration, "S100", 24, "Salles de formation")
    outcome = compared({}, {"17": booking})
    key, statement = draft(naming, "grr", outcome.changes["17"][0])
    check_statements({"id": naming.statement_id("grr", key), **statement}, "1.0.3")
    number = naming.derive("booking", "grr", "17")
    assert statement == {
        "actor": {"objectType": "Agent", "account": {"homePage": naming.system("grr"), "name": "grr"}},
        "verb": {"id": Verb.SCHEDULE, "display": {"fr": "a réservé"}},
        "object": {
            "objectType": "Activity",
            "id": naming.room("salle-elise-freinet"),
            "definition": {
                "type": "http://activitystrea.ms/place",
                "name": {"fr": "Salle Élise-Freinet"},
                "extensions": {Extension.CAPACITY: 24, Extension.ROOM_KIND: "Salles de formation"},
            },
        },
        "context": {
            "contextActivities": {
                "category": [{"id": Category.ROOMS}],
                "parent": [
                    {
                        "objectType": "Activity",
                        "id": naming.session("S100"),
                        "definition": {"type": "http://activitystrea.ms/event"},
                    }
                ],
            },
            "extensions": {
                Extension.PLANNED_START_TIME: "2026-11-25T09:00:00+01:00",
                Extension.PLANNED_DURATION: "PT3H",
                Extension.BOOKING: number,
            },
        },
        "timestamp": "2026-11-24T08:00:00.000Z",
    }
    cancelled = compared(load(dump(outcome.state))[0], {}).changes["17"][0]
    _, statement = draft(naming, "grr", cancelled)
    assert statement["context"]["extensions"] == {
        Extension.PLANNED_START_TIME: "2026-11-25T09:00:00+01:00",
        Extension.BOOKING: number,
    }
