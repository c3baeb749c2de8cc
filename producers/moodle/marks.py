"""What the marks of Moodle's attendance plugin say of half-days, and what changed since they were last told.

A mark may be corrected in place, any time later, while the first version of a statement stands for ever. So each fact
told is remembered, and one that no longer holds is withdrawn by voiding its statement before the next version is told
under another id. Pure: nothing here reads a database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import orjson

from producers.attendance import Span, add_up, cut_half_days, name_half_day
from producers.errors import CheckpointError
from producers.naming import derive_uuid


class Meaning(StrEnum):
    """What a status means."""

    PRESENT = "present"
    LATE = "late"
    ABSENT = "absent"


STATUSES: Final[Mapping[str, Meaning]] = {
    "P": Meaning.PRESENT,
    "L": Meaning.LATE,
    "R": Meaning.LATE,
    "E": Meaning.ABSENT,
    "A": Meaning.ABSENT,
}
"""The acronyms that the plugin gives its statuses in English and in French (present, late, excused, absent)."""

FactKey = tuple[str, int, str]
"""A session, a Moodle user and a half-day."""


class Mark(NamedTuple):
    """A mark that can be read. Times are seconds since 1970; `as_of` is when it was last given or its hours changed."""

    id: int
    user: int
    session: str
    starts: int
    ends: int
    meaning: Meaning
    as_of: int


class Fact(NamedTuple):
    """What a user attended of a session in a half-day: from when, how long, by which marks (their ids), as of when.

    `turn` counts how often the very same fact was withdrawn before: its statement cannot come back under the same id.
    """

    session: str
    user: int
    half_day: str
    starts: int
    seconds: int
    late: bool
    marks: tuple[int, ...]
    as_of: int
    turn: int = 0

    @property
    def place(self) -> FactKey:
        """What the fact is about; there is one at a time for each."""
        return self.session, self.user, self.half_day

    @property
    def key(self) -> str:
        """The key of its statement: another whenever anything of the fact is."""
        return derive_uuid(*map(str, self))


class Change(NamedTuple):
    """A fact to tell, or one to withdraw because of what is known as of a time (seconds since 1970)."""

    fact: Fact
    withdrawn_at: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The facts that stand told, how often others were withdrawn, and changes whose delivery was not confirmed."""

    facts: dict[FactKey, Fact] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)


def collect(marks: Iterable[Mark], zone: ZoneInfo) -> dict[FactKey, Fact]:
    """Return what marks say of each half-day; where nothing was attended, a fact of no seconds.

    Marks of one half-day that share time (two groups, a session entered twice) count it once.
    """
    spans: dict[FactKey, list[tuple[Mark, Span]]] = {}
    for mark in marks:
        starts, ends = (datetime.fromtimestamp(moment, UTC) for moment in (mark.starts, mark.ends))
        for part in cut_half_days(starts, ends, zone):
            spans.setdefault((mark.session, mark.user, name_half_day(part[0], zone)), []).append((mark, part))
    return {place: _to_fact(place, found) for place, found in spans.items()}


def tell(told: Told, marks: Collection[Mark], unclear: Collection[FactKey], zone: ZoneInfo) -> Told:
    """Return what stands told after `marks`, with the changes that lead there as `pending`.

    What is missing is withdrawn only when it is sure: a fact goes when its marks say something else now, not when they
    are no longer there (Moodle's courses are deleted after some years). Nothing is said of an `unclear` half-day, one
    with a mark of that user that cannot be read.
    """
    current = collect(marks, zone)
    known = {mark.id: mark.as_of for mark in marks}
    facts, turns, changes = dict(told.facts), dict(told.turns), []
    for place, old in told.facts.items():
        new = current.get(place)
        if place in unclear or (new is not None and new == old._replace(turn=0)):
            continue
        as_of = new.as_of if new is not None else max((known[one] for one in old.marks if one in known), default=None)
        if as_of is None:
            continue
        changes.append(Change(old, as_of))
        del facts[place]
        unturned = old._replace(turn=0).key
        turns[unturned] = old.turn + 1
    for place, new in current.items():
        if new.seconds and place not in facts and place not in unclear:
            facts[place] = new._replace(turn=turns.get(new.key, 0))
            changes.append(Change(facts[place]))
    return Told(facts, turns, changes)


def forget(told: Told, before: str) -> Told:
    """Return what stands told without the half-days before a day: their marks are not read any more."""
    return Told(
        {place: fact for place, fact in told.facts.items() if fact.half_day >= before}, told.turns, told.pending
    )


def dump(told: Told) -> str:
    """Return what stands told as the state of a checkpoint. It names users by Moodle's numbers alone."""
    content = {
        "facts": [list(fact) for fact in told.facts.values()],
        "turns": told.turns,
        "pending": [[list(change.fact), change.withdrawn_at] for change in told.pending],
    }
    return orjson.dumps(content).decode()


def load(state: str | None) -> Told:
    """Return what `dump` wrote, nothing for None. Raises CheckpointError."""
    if state is None:
        return Told()
    try:
        content = orjson.loads(state)
        facts = map(_load_fact, content["facts"])
        pending = [Change(_load_fact(fact), at) for fact, at in content["pending"]]
        return Told({fact.place: fact for fact in facts}, content["turns"], pending)
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            "The checkpoint holds no state of Moodle's attendance: start from nothing with --again."
        ) from error


def _load_fact(values: list[Any]) -> Fact:
    fact = Fact(*values)
    return fact._replace(marks=tuple(fact.marks))


def _to_fact(place: FactKey, found: list[tuple[Mark, Span]]) -> Fact:
    attended = [(mark, span) for mark, span in found if mark.meaning is not Meaning.ABSENT]
    return Fact(
        *place,
        starts=round(min((span[0] for _, span in attended or found)).timestamp()),
        seconds=round(add_up(span for _, span in attended).total_seconds()),
        # Late for the meeting, which may go on in the next half-day.
        late=any(mark.meaning is Meaning.LATE and span[0].timestamp() == mark.starts for mark, span in attended),
        marks=tuple(sorted(mark.id for mark, _ in found)),
        as_of=max(mark.as_of for mark, _ in found),
    )
