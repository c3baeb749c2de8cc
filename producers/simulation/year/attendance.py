"""Who comes to a session on one of its days: stays in rooms and virtual classrooms, marks on sheets and in Moodles.

What happened, and what the systems are able to tell of it: a leave that nobody noticed, a clock that is wrong, a row
that was spoiled. `add_up` computes either from the stays, by rules of its own, without any statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from producers.simulation.year.calendar import Calendar, Span
from producers.simulation.year.people import Person, Room
from producers.simulation.year.planning import Registration, Session, Way
from xapi_profiles.vocabulary import Evidence, Modality

MINUTE: Final = 60
MARKED: Final = frozenset({"sheet", "mentor", "magistere"})
"""The ways in which half-days are marked, not stays."""
EVIDENCE: Final[dict[Way, Evidence]] = {
    "tablet": Evidence.CHECK_IN,
    "sheet": Evidence.SIGN_IN_SHEET,
    "mentor": Evidence.DECLARED,
    "magistere": Evidence.DECLARED,
    "bigbluebutton": Evidence.CONNECTION,
    "zoom": Evidence.CONNECTION,
    "teams": Evidence.CONNECTION,
}
_MISSING_LEAVES: Final[dict[Way, float]] = {"tablet": 0.12, "bigbluebutton": 0.03}
_ABSENT, _PARTLY = 0.09, 0.06


class Guest(NamedTuple):
    """Somebody whom a virtual classroom knows without an e-mail address."""

    key: str
    first: str
    last: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


Learner = Person | Guest


class Stay(NamedTuple):
    """Somebody's presence by one connection. `skew` is by how much the clock of what recorded it was wrong.

    A leave may not be told, an arrival (and with it, in a report, the leave) was spoiled where it is not told.
    """

    who: Learner
    way: Way
    connection: str
    starts: int
    ends: int
    leave_told: bool = True
    arrival_told: bool = True
    skew: int = 0

    @property
    def modality(self) -> Modality:
        """How the person takes part."""
        return Modality.IN_PERSON if self.way == "tablet" else Modality.REMOTE


class Mark(NamedTuple):
    """A row of a session as marked for somebody: present, late, absent or excused.

    `corrected`: it was first marked as an absence. `spoiled`: what is written there means nothing.
    """

    who: Person
    row: int
    word: str
    corrected: bool = False
    spoiled: bool = False

    @property
    def present(self) -> bool:
        """Whether the mark means that the person was there."""
        return self.word in ("present", "late")


@dataclass(frozen=True, slots=True)
class SessionDay:
    """A session on one of its days: its rows then, and who came to them, by stays or by marks (never both)."""

    session: Session
    day: int
    rows: tuple[Span, ...]
    slots: tuple[Span, ...]
    way: Way | None
    stays: tuple[Stay, ...]
    marks: tuple[Mark, ...]
    last: bool

    @property
    def room(self) -> Room | None:
        """The room in which it is held."""
        return self.session.final.room


class Presence(NamedTuple):
    """What somebody attended of a half-day: the key of a figure."""

    who: Learner
    half_day: str
    modality: Modality
    evidence: Evidence


class Attending:
    """Draws who comes. Once a month each way has a row that is spoiled: the first that there is."""

    def __init__(self, people: Sequence[Person], calendar: Calendar, seed: int) -> None:
        self._people, self._calendar, self._seed = people, calendar, seed
        self._spoiled: set[tuple[Way, str]] = set()
        self._guests = 0

    def hold(self, session: Session, day: int) -> SessionDay:
        """Return a session on one of its days."""
        calendar = self._calendar
        rows = tuple(row for row in session.final.rows if calendar.day_of(row[0]) == day)
        slots = tuple(slot for row in rows for slot in calendar.cut(row))
        rng = np.random.default_rng([self._seed, 3, session.number, day + 10_000])
        first = calendar.day_of(session.final.rows[0][0])
        registered = [one for one in session.registrations if one.withdrawn is None]
        came = np.random.default_rng([self._seed, 4, session.number]).random(len(registered)) > _ABSENT
        present = [one for one, comes in zip(registered, came, strict=True) if comes]
        last = day == calendar.day_of(session.final.rows[-1][0])
        way = _find_marks(session)
        stays: list[Stay] = []
        marks: list[Mark] = []
        if way:
            marks = list(self._mark(registered, came, rows, rng, way, day))
            if way == "sheet":
                # One row of a sheet holds the whole day.
                lost = {mark.who.number for mark in marks if mark.spoiled}
                marks = [mark._replace(spoiled=mark.who.number in lost) for mark in marks]
        else:
            stays = self._draw_stays(session, present, rows, rng, day, first_day=day == first)
        return SessionDay(session, day, rows, slots, way, tuple(stays), tuple(marks), last)

    def _mark(
        self,
        registered: Sequence[Registration],
        came: np.ndarray,
        rows: Sequence[Span],
        rng: np.random.Generator,
        way: Way,
        day: int,
    ) -> Iterator[Mark]:
        chances = rng.random((len(rows), len(registered), 2))
        for row in range(len(rows)):
            for number, one in enumerate(registered):
                chance, other = chances[row, number]
                if came[number] and chance > _PARTLY:
                    word = "late" if way != "sheet" and other < 0.05 else "present"  # noqa: PLR2004 - a share
                else:
                    word = "excused" if other < 0.3 else "absent"  # noqa: PLR2004 - a share
                corrected = word == "present" and way != "sheet" and other > 0.98  # noqa: PLR2004 - a share
                spoiled = word == "present" and not corrected and self._spoil(way, day)
                yield Mark(one.person, row, word, corrected, spoiled)

    def _draw_stays(
        self,
        session: Session,
        present: Sequence[Registration],
        rows: Sequence[Span],
        rng: np.random.Generator,
        day: int,
        *,
        first_day: bool,
    ) -> list[Stay]:
        learners: list[Learner] = [one.person for one in present]
        in_room = _choose_sides(session, len(learners), rng)
        if first_day and session.room_way and rng.random() < 0.3:  # noqa: PLR2004 - somebody comes unregistered
            known = {one.person.number for one in session.registrations}
            stranger = self._people[int(rng.integers(len(self._people)))]
            if stranger.number not in known:
                learners.append(stranger)
                in_room.append(True)
        if session.remote_way and rng.random() < 0.4:  # noqa: PLR2004 - somebody is there without an account
            learners.append(self._draw_guest(session, rng))
            in_room.append(False)
        stays: list[Stay] = []
        for row in rows:
            chances = rng.random((len(learners), 6))
            for who, at_institute, chance in zip(learners, in_room, chances, strict=True):
                if chance[0] > _PARTLY:
                    way = session.room_way if at_institute else session.remote_way
                    stays += self._stay(session, who, way, row, chance, rng, day)  # type: ignore[arg-type]
        return stays

    def _stay(
        self,
        session: Session,
        who: Learner,
        way: Way,
        row: Span,
        chance: np.ndarray,
        rng: np.random.Generator,
        day: int,
    ) -> Iterator[Stay]:
        # Most come a little early, some late; most leave just after the end, some well before.
        starts = row[0] + (_between(rng, -10, -1) if chance[1] < 0.75 else _between(rng, 1, 40))  # noqa: PLR2004
        early = chance[2] < 0.1  # noqa: PLR2004
        ends = row[1] + (_between(rng, -50, -10) if early else _between(rng, 1, 9))
        noticed = early or chance[3] > _MISSING_LEAVES.get(way, 0.0)
        skew = _find_skew(way, session.final.room, day)
        if chance[4] < 0.12 and chance[5] < 0.9:  # noqa: PLR2004 - the connection is lost, or a call has to be taken
            lost = starts + _between(rng, 20, 60)
            # On a tablet the way out may go unnoticed too: then one comes twice.
            out = way != "tablet" or chance[5] < 0.6  # noqa: PLR2004
            yield Stay(who, way, _name_connection(way, rng), starts, lost, out, skew=skew)
            starts = lost + _between(rng, 1, 6)
        stay = Stay(who, way, _name_connection(way, rng), starts, ends, noticed, skew=skew)
        if isinstance(who, Person) and way != "tablet" and noticed and self._spoil(way, day):
            # Of a log the line of the arrival, of a report the whole row.
            stay = stay._replace(arrival_told=False, leave_told=way == "bigbluebutton")
        yield stay
        if chance[4] > 0.97 and way not in ("tablet", "zoom"):  # noqa: PLR2004 - a second device, for a while
            since = stay.starts + _between(rng, 10, 30)
            yield Stay(who, way, _name_connection(way, rng), since, since + _between(rng, 5, 25), skew=skew)

    def _draw_guest(self, session: Session, rng: np.random.Generator) -> Guest:
        self._guests += 1
        one = self._people[int(rng.integers(len(self._people)))]
        return Guest(f"{session.remote_way}:{self._guests}", one.first, f"{one.last} {self._guests}")

    def _spoil(self, way: Way, day: int) -> bool:
        """Say whether this row is the one of its month that is spoiled."""
        key = (way, f"{self._calendar.date_of(day):%Y-%m}")
        if key in self._spoiled:
            return False
        self._spoiled.add(key)
        return True


def add_up(held: SessionDay, calendar: Calendar, *, told: bool) -> dict[Presence, int]:
    """Return the seconds that were attended, as they happened or as the systems tell them.

    Told: a leave that is not told is the end of the slot that the stay began in (or came early for), or the next
    arrival by the same connection if that is sooner; what two connections share counts once.
    """
    if held.way:
        return _add_marks(held, calendar, told=told)
    spans: dict[Presence, list[Span]] = defaultdict(list)
    arrivals: dict[tuple[Learner, Way, str], list[int]] = defaultdict(list)
    for stay in held.stays:
        if stay.arrival_told:
            arrivals[stay.who, stay.way, stay.connection].append(stay.starts + stay.skew)
    names = [calendar.half_day(slot[0]) for slot in held.slots]
    for stay in held.stays:
        starts, ends = stay.starts, stay.ends
        if told:
            if not stay.arrival_told:
                continue
            starts, ends = starts + stay.skew, ends + stay.skew
            if not stay.leave_told:
                following = [at for at in arrivals[stay.who, stay.way, stay.connection] if at > starts]
                ends = min([*following, *(end for _, end in held.slots if end > starts)], default=starts)
        for slot, name in zip(held.slots, names, strict=True):
            span = max(starts, slot[0]), min(ends, slot[1])
            if span[0] < span[1]:
                spans[Presence(stay.who, name, stay.modality, EVIDENCE[stay.way])].append(span)
    return {key: _measure(some) for key, some in spans.items()}


def find_causes(held: SessionDay, calendar: Calendar) -> dict[Presence, str]:
    """Return why what is told of somebody's half-day may differ from what happened."""
    causes: dict[Presence, set[str]] = defaultdict(set)
    for stay in held.stays:
        reasons = set()
        if stay.skew:
            reasons.add("clock skew")
        if not stay.arrival_told:
            reasons.add("spoiled row")
        elif not stay.leave_told:
            reasons.add("missing leave")
        for slot in held.slots:
            key = Presence(stay.who, calendar.half_day(slot[0]), stay.modality, EVIDENCE[stay.way])
            causes[key] |= reasons
    for mark in held.marks:
        if mark.spoiled:
            for key in _presences(held, mark, calendar):
                causes[key].add("spoiled row")
    return {key: " and ".join(sorted(reasons)) for key, reasons in causes.items() if reasons}


def list_moments(stays: Iterable[Stay], way: Way) -> Iterator[tuple[int, str, Stay]]:
    """Yield what a system notes of stays by one way: the moment by its own clock, `in` or `out`, and the stay."""
    for stay in stays:
        if stay.way == way:
            yield stay.starts + stay.skew, "in", stay
            if stay.leave_told:
                yield stay.ends + stay.skew, "out", stay


def _add_marks(held: SessionDay, calendar: Calendar, *, told: bool) -> dict[Presence, int]:
    seconds: dict[Presence, int] = defaultdict(int)
    # A half-day with a mark that means nothing is not told at all.
    spoiled = {key for mark in held.marks if mark.spoiled for key in _presences(held, mark, calendar)}
    for mark in held.marks:
        if mark.present:
            for key, length in _presences(held, mark, calendar).items():
                if not (told and key in spoiled):
                    seconds[key] += length
    return dict(seconds)


def _presences(held: SessionDay, mark: Mark, calendar: Calendar) -> dict[Presence, int]:
    modality = Modality.ASYNCHRONOUS if held.way == "magistere" else Modality.IN_PERSON
    evidence = EVIDENCE[held.way or "sheet"]
    return {
        Presence(mark.who, calendar.half_day(begin), modality, evidence): end - begin
        for begin, end in calendar.cut(held.rows[mark.row])
    }


def _find_marks(session: Session) -> Way | None:
    if session.modality is Modality.ASYNCHRONOUS:
        return "magistere"
    return session.room_way if session.room_way in ("sheet", "mentor") else None


def _choose_sides(session: Session, count: int, rng: np.random.Generator) -> list[bool]:
    """Return for each learner whether they come to the room, the same for the whole day."""
    if session.modality is not Modality.HYBRID:
        return [bool(session.room_way)] * count
    return [bool(one) for one in rng.random(count) < 0.55]  # noqa: PLR2004 - a share


def _find_skew(way: Way, room: Room | None, day: int) -> int:
    """Return by how many seconds a clock is wrong: a server's in some weeks, a few tablets' in others."""
    week = day // 7
    if way == "bigbluebutton" and week % 4 == 1:
        return 95
    if way == "tablet" and room is not None and room.number % 3 == 0 and week % 3 == 1:
        return -130
    return 0


def _name_connection(way: Way, rng: np.random.Generator) -> str:
    return "" if way == "tablet" else f"w_{int(rng.integers(1 << 48)):012x}"


def _between(rng: np.random.Generator, low: int, high: int) -> int:
    return int(rng.integers(low * MINUTE, high * MINUTE))


def _measure(spans: Iterable[Span]) -> int:
    """Return the seconds that a union of spans lasts."""
    total, reached = 0, 0
    for begin, end in sorted(spans):
        if end > reached:
            total += end - max(begin, reached)
            reached = end
    return total
