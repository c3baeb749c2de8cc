"""What a GAIA extract says at one moment, and what changed between two: extracts are full, statements are events.

Pure: nothing here reads a file. `apply(previous, diff(previous, current)) == current` for any two snapshots.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from producers.statements import Training
from xapi_profiles.vocabulary import Modality

SlotKey = tuple[str, datetime]
"""A session's identifier and the planned start of one of its half-day slots."""
RegistrationKey = tuple[str, str]
"""A session's identifier and a learner's e-mail address, lower-cased."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A half-day of a session. `room` is a name, '' at a distance."""

    training: Training
    starts: datetime
    duration: timedelta
    modality: Modality
    room: str

    @property
    def key(self) -> SlotKey:
        """What identifies the slot: its session and its planned start."""
        return self.training.session, self.starts


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The planned slots and the registrations of one extract."""

    slots: dict[SlotKey, Slot] = field(default_factory=dict)
    registrations: dict[RegistrationKey, Training] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A slot is new, or something but its start has changed."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A slot is no longer planned, or has moved away from this start."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Registered:
    """A learner is newly registered, or what is known of the session's training has changed."""

    training: Training
    email: str


@dataclass(frozen=True, slots=True)
class Unregistered:
    """A learner is no longer registered."""

    training: Training
    email: str


Change = Scheduled | Cancelled | Registered | Unregistered
NOTHING: Final = Snapshot()


def diff(previous: Snapshot, current: Snapshot) -> list[Change]:
    """Return the changes from one snapshot to the next, withdrawals first."""
    return [
        *(Cancelled(slot) for key, slot in previous.slots.items() if key not in current.slots),
        *(
            Unregistered(training, key[1])
            for key, training in previous.registrations.items()
            if key not in current.registrations
        ),
        *(Scheduled(slot) for key, slot in current.slots.items() if previous.slots.get(key) != slot),
        *(
            Registered(training, key[1])
            for key, training in current.registrations.items()
            if previous.registrations.get(key) != training
        ),
    ]


def apply(snapshot: Snapshot, changes: list[Change]) -> Snapshot:
    """Return the snapshot after some changes."""
    slots, registrations = dict(snapshot.slots), dict(snapshot.registrations)
    for change in changes:
        match change:
            case Scheduled(slot):
                slots[slot.key] = slot
            case Cancelled(slot):
                slots.pop(slot.key, None)
            case Registered(training, email):
                registrations[training.session, email] = training
            case Unregistered(training, email):
                registrations.pop((training.session, email), None)
    return Snapshot(slots, registrations)


def settle(previous: Snapshot, current: Snapshot, at: datetime) -> Snapshot:
    """Return `previous` without what is over and gone from the extract: it was held, so nothing is withdrawn.

    A slot is over once it has started before `at`, a session once all of its known slots are.
    """
    sessions = {session for session, _ in previous.slots}
    going_on = {session for session, starts in previous.slots if starts >= at}
    return Snapshot(
        {key: slot for key, slot in previous.slots.items() if key in current.slots or key[1] >= at},
        {
            key: training
            for key, training in previous.registrations.items()
            if key in current.registrations or key[0] not in sessions or key[0] in going_on
        },
    )


def retain(previous: Snapshot, current: Snapshot, slots_of: set[str], registrations_of: set[str]) -> Snapshot:
    """Return `current` with what `previous` knew of the sessions named: rows of theirs could not be read today."""
    slots = {key: slot for key, slot in previous.slots.items() if key[0] in slots_of}
    registrations = {key: training for key, training in previous.registrations.items() if key[0] in registrations_of}
    return Snapshot({**slots, **current.slots}, {**registrations, **current.registrations})


def merge(first: Slot, second: Slot) -> Slot:
    """Return one slot for two rows of a session at the same time (parallel groups).

    It lasts as long as the longer one; groups in the room and remote make it hybrid; a room is named if they share it.
    """
    return replace(
        first,
        duration=max(first.duration, second.duration),
        modality=first.modality if first.modality == second.modality else Modality.HYBRID,
        room=first.room if first.room == second.room else "",
    )


def dump(date: str, revision: int, snapshot: Snapshot) -> str:
    """Return a snapshot as the text that the checkpoint keeps: no names of learners, their addresses only."""
    trainings = {training: number for number, training in enumerate(_trainings(snapshot))}
    document = {
        "date": date,
        "revision": revision,
        "trainings": [
            (t.session, t.session_name, t.module, t.module_name, t.pathway, t.pathway_name) for t in trainings
        ],
        "slots": [
            (
                trainings[slot.training],
                slot.starts.isoformat(),
                round(slot.duration.total_seconds()),
                slot.modality.value,
                slot.room,
            )
            for slot in snapshot.slots.values()
        ],
        "registrations": [(email, trainings[training]) for (_, email), training in snapshot.registrations.items()],
    }
    return orjson.dumps(document).decode()


def load(text: str | None) -> tuple[str, int, Snapshot]:
    """Return the date, the revision and the snapshot that `dump` wrote; of None, an empty one."""
    if text is None:
        return "", 0, NOTHING
    document: dict[str, Any] = orjson.loads(text)
    trainings = [Training(*texts) for texts in document["trainings"]]
    slots = (
        Slot(
            trainings[number],
            datetime.fromisoformat(starts),
            timedelta(seconds=seconds),
            Modality(modality),
            room,
        )
        for number, starts, seconds, modality, room in document["slots"]
    )
    registrations = {
        (trainings[number].session, email): trainings[number] for email, number in document["registrations"]
    }
    return document["date"], document["revision"], Snapshot({slot.key: slot for slot in slots}, registrations)


def _trainings(snapshot: Snapshot) -> dict[Training, None]:
    return dict.fromkeys([*(slot.training for slot in snapshot.slots.values()), *snapshot.registrations.values()])
