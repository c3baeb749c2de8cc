from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from producers.gaia.snapshots import (
    NOTHING,
    Cancelled,
    Scheduled,
    Slot,
    Snapshot,
    Unregistered,
    apply,
    diff,
    dump,
    load,
    merge,
    retain,
    settle,
)
from producers.statements import Training
from xapi_profiles.vocabulary import Modality

START = datetime(2026, 11, 23, 8, tzinfo=UTC)

sessions = st.sampled_from(["S1", "S2", "S3"])
trainings = st.builds(
    Training,
    session=sessions,
    session_name=st.sampled_from(["", "Évaluer"]),
    module=st.sampled_from(["M1", "M2"]),
    pathway=st.just("P"),
)
slots = st.builds(
    Slot,
    training=trainings,
    starts=st.integers(0, 5).map(lambda hours: START + timedelta(hours=hours)),
    duration=st.sampled_from([timedelta(hours=1), timedelta(hours=3)]),
    modality=st.sampled_from(list(Modality)),
    room=st.sampled_from(["", "Salle Aimé-Césaire"]),
)
emails = st.sampled_from(["a@example.org", "b@example.org", "c@example.org"])
snapshots = st.builds(
    lambda planned, registered: Snapshot(
        {slot.key: slot for slot in planned}, {(training.session, email): training for training, email in registered}
    ),
    st.lists(slots, max_size=6),
    st.lists(st.tuples(trainings, emails), max_size=6),
)


@given(snapshots, snapshots)
def test_applying_the_difference_gives_the_next_snapshot(previous: Snapshot, current: Snapshot) -> None:
    assert apply(previous, diff(previous, current)) == current


@given(snapshots)
def test_nothing_changes_between_equal_snapshots(snapshot: Snapshot) -> None:
    assert diff(snapshot, snapshot) == []


@given(snapshots, snapshots)
def test_no_change_is_told_twice_or_needlessly(previous: Snapshot, current: Snapshot) -> None:
    changes = diff(previous, current)
    assert len(changes) == len(set(changes))
    assert all(apply(previous, [change]) != previous for change in changes)


@given(snapshots, st.sampled_from(["20261120", "20261121"]), st.integers(0, 3))
def test_a_snapshot_survives_its_checkpoint(snapshot: Snapshot, date: str, revision: int) -> None:
    assert load(dump(date, revision, snapshot)) == (date, revision, snapshot)


def test_no_checkpoint_is_an_empty_snapshot() -> None:
    assert load(None) == ("", 0, NOTHING)


@given(snapshots, snapshots)
def test_a_slot_that_has_begun_is_never_cancelled(previous: Snapshot, current: Snapshot) -> None:
    at = START + timedelta(hours=3)
    changes = diff(settle(previous, current, at), current)
    assert all(change.slot.starts >= at for change in changes if isinstance(change, Cancelled))


@given(snapshots, snapshots)
def test_no_registration_to_a_session_that_is_over_is_withdrawn(previous: Snapshot, current: Snapshot) -> None:
    at = START + timedelta(hours=3)
    over = {key[0] for key in previous.slots} - {key[0] for key in previous.slots if key[1] >= at}
    changes = diff(settle(previous, current, at), current)
    assert not [one for one in changes if isinstance(one, Unregistered) and one.training.session in over]


@given(snapshots, snapshots, st.sets(sessions), st.sets(sessions))
def test_sessions_with_unreadable_rows_lose_nothing(
    previous: Snapshot, current: Snapshot, slots_of: set[str], registrations_of: set[str]
) -> None:
    changes = diff(previous, retain(previous, current, slots_of, registrations_of))
    assert not [one for one in changes if isinstance(one, Cancelled) and one.slot.training.session in slots_of]
    assert not [one for one in changes if isinstance(one, Unregistered) and one.training.session in registrations_of]


def test_a_moved_slot_is_cancelled_and_planned_again_and_another_room_is_planned_over_it() -> None:
    slot = Slot(Training("S1"), START, timedelta(hours=3), Modality.IN_PERSON, "Salle A")
    moved = Slot(Training("S1"), START + timedelta(hours=1), timedelta(hours=2), Modality.IN_PERSON, "Salle A")
    elsewhere = Slot(Training("S1"), START, timedelta(hours=3), Modality.IN_PERSON, "Salle B")
    before = Snapshot({slot.key: slot})
    assert diff(before, Snapshot({moved.key: moved})) == [Cancelled(slot), Scheduled(moved)]
    assert diff(before, Snapshot({elsewhere.key: elsewhere})) == [Scheduled(elsewhere)]


def test_parallel_groups_are_one_slot() -> None:
    first = Slot(Training("S1"), START, timedelta(hours=2), Modality.IN_PERSON, "Salle A")
    second = Slot(Training("S1"), START, timedelta(hours=3), Modality.REMOTE, "")
    merged = merge(first, second)
    assert (merged.duration, merged.modality, merged.room) == (timedelta(hours=3), Modality.HYBRID, "")
    assert merge(first, first) == first
