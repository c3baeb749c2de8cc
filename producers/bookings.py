"""Bookings of rooms: the forms of their statements, and what changed between two states of a booking system.

Booking systems tell what is booked now; statements tell what happened. So the last state is kept with the checkpoint
and compared with the present one: a booking that changed is a cancel and a schedule, one that is gone is a cancel.
Whoever booked takes no part in any of it: neither names nor titles are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import orjson

from producers.errors import SuspiciousInput
from producers.naming import Naming, derive_uuid, slug
from producers.rows import Draft, Milestone, Place, Rejected, Row
from producers.statements import activity, format_duration, format_instant, system
from xapi_profiles.vocabulary import ActivityType, Category, Extension, Verb

_ENOUGH_TO_JUDGE: Final = 20
_CATEGORY = [{"id": Category.ROOMS}]
_VERBS: Final = {
    Verb.SCHEDULE: {"id": Verb.SCHEDULE, "display": {"fr": "a réservé"}},
    Verb.CANCEL: {"id": Verb.CANCEL, "display": {"fr": "a libéré"}},
}


@dataclass(frozen=True, slots=True)
class Booking:
    """A room booked from `starts` for `duration`, `starts` aware; `session` is the one it is for, '' if none is named.

    What the source says beside is not compared: the room's capacity (0 for unknown) and kind, the calendar that the
    booking stands in, and the time of its last change.
    """

    room: str
    starts: datetime
    duration: timedelta
    session: str = ""
    capacity: int = field(default=0, compare=False)
    kind: str = field(default="", compare=False)
    calendar: str = field(default="", compare=False)
    changed: datetime | None = field(default=None, compare=False)


class Known(NamedTuple):
    """A booking as last told, and how often it was told before: what moves and moves back is told three times."""

    booking: Booking
    version: int = 0
    withdrawn: bool = False


class Change(NamedTuple):
    """Something to tell of a booking: `Verb.SCHEDULE` or `Verb.CANCEL`."""

    verb: str
    key: str
    booking: Booking
    version: int
    at: datetime


class Outcome(NamedTuple):
    """The changes by key, those of one booking in their order, and the state to keep.

    Of the bookings `ahead` that could have vanished, `vanished` did without being cancelled.
    """

    changes: dict[str, list[Change]]
    state: dict[str, Known]
    ahead: int
    vanished: int


class Reading(NamedTuple):
    """What one row of the input says: bookings by key, and the keys of bookings that are cancelled or not granted."""

    place: Place
    raw: str
    bookings: Mapping[str, Booking]
    cancelled: Sequence[str] = ()


def tell(
    state: str | None,
    readings: Iterable[Reading | Rejected],
    *,
    may_vanish: Callable[[str, Booking], bool],
    at: datetime,
    largest_loss: float,
) -> Iterator[Row | Rejected | Milestone]:
    """Yield what a source's `read` does: every row with the changes that it tells, what vanished, and the new state.

    `may_vanish` is asked when all has been read. Raises SuspiciousInput when more than `largest_loss` (a share) of the
    bookings ahead have vanished.

    What changed is saved before anything of it is told, for a run that is killed: the next one tells that first, as it
    was, whatever the bookings are by then, and compares with what then stands told.
    """
    known, pending = load(state)
    if pending:
        for change in pending:
            yield Row(Place("", 0), [change])
        yield Milestone(dump(known))
    rows: list[Reading] = []
    current: dict[str, Booking] = {}
    cancelled: set[str] = set()
    for reading in readings:
        if isinstance(reading, Rejected):
            yield reading
        else:
            rows.append(reading)
            current.update(reading.bookings)
            cancelled.update(reading.cancelled)
    outcome = compare(known, current, cancelled=cancelled - current.keys(), may_vanish=may_vanish, at=at)
    if outcome.ahead >= _ENOUGH_TO_JUDGE and outcome.vanished > outcome.ahead * largest_loss:
        raise SuspiciousInput(
            f"{outcome.vanished} of the {outcome.ahead} bookings that lay ahead are gone: the input looks cut short. "
            "Get it again, or accept it with --largest-loss 1."
        )
    left = dict(outcome.changes)
    if left:
        yield Milestone(dump(outcome.state, pending=[change for changes in left.values() for change in changes]))
    for place, raw, bookings, gone in rows:
        yield Row(place, [change for key in (*bookings, *gone) for change in left.pop(key, ())], raw)
    for changes in left.values():
        yield Row(Place("", 0), changes)
    yield Milestone(dump(outcome.state))


def compare(
    known: Mapping[str, Known],
    current: Mapping[str, Booking],
    *,
    cancelled: AbstractSet[str] = frozenset(),
    may_vanish: Callable[[str, Booking], bool],
    at: datetime,
) -> Outcome:
    """Return what changed since `known`, told at the time of a booking's last change, or else at `at`.

    What is no longer in `current` is withdrawn if it is among `cancelled`, or if it had not begun at `at` and
    `may_vanish`: a system forgets what is over, and may not have shown all.
    """
    changes: dict[str, list[Change]] = {}
    state: dict[str, Known] = {}
    for key, booking in current.items():
        before, told = known.get(key), min(booking.changed or at, at)
        state[key], changes[key] = _renew(key, before, booking, told)
    ahead = vanished = 0
    for key, before in known.items():
        begun, loose = before.booking.starts < at, may_vanish(key, before.booking)
        ahead += not begun and loose and not before.withdrawn
        if key in current:
            continue
        if before.withdrawn:
            # Kept while it may come back: it would come back under another version.
            if not begun or key in cancelled:
                state[key] = before
        elif key in cancelled or (loose and not begun):
            vanished += key not in cancelled
            changes[key] = [Change(Verb.CANCEL, key, before.booking, before.version, at)]
            state[key] = before._replace(withdrawn=True)
        elif not loose:
            state[key] = before
    return Outcome({key: some for key, some in changes.items() if some}, state, ahead, vanished)


def _renew(key: str, before: Known | None, booking: Booking, at: datetime) -> tuple[Known, list[Change]]:
    """Return a booking's new state, and what has to be told of it."""
    if before is None:
        return Known(booking), [Change(Verb.SCHEDULE, key, booking, 0, at)]
    if before.booking == booking and not before.withdrawn:
        return Known(booking, before.version), []
    known = Known(booking, before.version + 1)
    cancel = [] if before.withdrawn else [Change(Verb.CANCEL, key, before.booking, before.version, at)]
    return known, [*cancel, Change(Verb.SCHEDULE, key, booking, known.version, at)]


def draft(naming: Naming, source: str, change: Change) -> Draft:
    """Return the statement of a change. Its key has the content too: what is told again is another statement."""
    booking = change.booking
    content = (booking.room, booking.starts.isoformat(), str(booking.duration), booking.session)
    key = derive_uuid(change.verb, change.key, str(change.version), *content)
    return Draft(key, _state(naming, source, change))


def dump(state: Mapping[str, Known], pending: Iterable[Change] = ()) -> str:
    """Return a state as the text that the checkpoint keeps, with the changes to it that may not have been told yet."""
    bookings = [_pack(key, known) for key, known in state.items()]
    changes = [_pack_change(change) for change in pending]
    return orjson.dumps({"pending": changes, "bookings": bookings}).decode()


def load(text: str | None) -> tuple[dict[str, Known], list[Change]]:
    """Return the state that `dump` wrote, and the pending changes that led to it; of None, an empty state."""
    if not text:
        return {}, []
    kept = orjson.loads(text)
    return dict(map(_unpack, kept["bookings"])), [_unpack_change(change) for change in kept["pending"]]


def describe_room(naming: Naming, booking: Booking) -> dict[str, Any]:
    """Return the room of a booking as an activity, with its capacity and its kind where known."""
    room = activity(naming.room(slug(booking.room)), ActivityType.ROOM, booking.room)
    extensions: dict[str, Any] = {}
    if booking.capacity:
        extensions[Extension.CAPACITY] = booking.capacity
    if booking.kind:
        extensions[Extension.ROOM_KIND] = booking.kind
    if extensions:
        room["definition"]["extensions"] = extensions
    return room


def _state(naming: Naming, source: str, change: Change) -> dict[str, Any]:
    booking = change.booking
    extensions: dict[str, Any] = {Extension.PLANNED_START_TIME: booking.starts.isoformat()}
    if change.verb == Verb.SCHEDULE:
        extensions[Extension.PLANNED_DURATION] = format_duration(booking.duration)
    extensions[Extension.BOOKING] = naming.derive("booking", source, change.key)
    activities: dict[str, Any] = {"category": _CATEGORY}
    if booking.session:
        activities["parent"] = [activity(naming.session(booking.session), ActivityType.SESSION)]
    return {
        "actor": system(naming, source),
        "verb": _VERBS[change.verb],
        "object": describe_room(naming, booking),
        "context": {"contextActivities": activities, "extensions": extensions},
        "timestamp": format_instant(change.at),
    }


def _pack(key: str, known: Known) -> tuple[Any, ...]:
    booking = known.booking
    seconds = round(booking.duration.total_seconds())
    content = (booking.room, booking.starts.isoformat(), seconds, booking.session, booking.calendar)
    return (key, known.version, known.withdrawn, *content)


def _unpack(row: list[Any]) -> tuple[str, Known]:
    key, version, withdrawn, room, starts, seconds, session, calendar = row
    booking = Booking(room, datetime.fromisoformat(starts), timedelta(seconds=seconds), session, calendar=calendar)
    return key, Known(booking, version, withdrawn)


def _pack_change(change: Change) -> tuple[Any, ...]:
    booking = change.booking
    # A statement has these, too, and it must be the same one.
    beside = (booking.capacity, booking.kind)
    return (change.verb, change.at.isoformat(), beside, _pack(change.key, Known(booking, change.version)))


def _unpack_change(row: list[Any]) -> Change:
    verb, at, (capacity, kind), packed = row
    key, known = _unpack(packed)
    booking = replace(known.booking, capacity=capacity, kind=kind)
    return Change(verb, key, booking, known.version, datetime.fromisoformat(at))
