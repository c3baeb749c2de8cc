"""What is planned: who wants which modules when, the sessions that come of it, their rooms, and what changes later.

Trainees follow a pathway module by module; those who want a module at about the same time make a session.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import numpy as np

from producers.simulation.year.calendar import Calendar, Span
from producers.simulation.year.catalogue import MODULES, Kind, Module, RoomKind, list_pathways
from producers.simulation.year.people import Institute, Person, Room
from xapi_profiles.vocabulary import Modality

RoomWay = Literal["tablet", "sheet", "mentor"]
RemoteWay = Literal["bigbluebutton", "zoom", "teams"]
Way = Literal["tablet", "sheet", "mentor", "bigbluebutton", "zoom", "teams", "magistere"]
"""How presence is recorded. A Moodle (Mentor, M@gistère) and a sheet hold marks of half-days, the others stays."""

_ROOM_WAYS: Final[tuple[RoomWay, ...]] = ("tablet", "sheet", "tablet", "mentor", "sheet")
_REMOTE_WAYS: Final[tuple[RemoteWay, ...]] = ("bigbluebutton", "zoom", "teams")
_HOURS: Final = (((9 * 60, 12 * 60), (13 * 60 + 30, 16 * 60 + 30)), ((8 * 60 + 30, 12 * 60), (14 * 60, 17 * 60)))
_WHOLE_DAY: Final = ((9 * 60, 16 * 60 + 30),)
_SHIFTED: Final = 30
_MOST_SHIFTS: Final = 30
_SPOILED: Final = 6


class Wish(NamedTuple):
    """Somebody wants a module from a day on."""

    day: int
    person: int


class Version(NamedTuple):
    """How a session is planned from a day on: its rows (one or two a day) and its room, None at a distance."""

    since: int
    rows: tuple[Span, ...]
    room: Room | None


class Registration(NamedTuple):
    """Somebody is registered from a day on, until another (`withdrawn`) where they withdraw.

    GAIA holds a malformed address of theirs where it is `spoiled`.
    """

    person: Person
    since: int
    withdrawn: int | None = None
    spoiled: bool = False


@dataclass(slots=True)
class Session:
    """A session, known from `created` on. `room_way` and `remote_way` are '' where nobody takes part that way."""

    number: int
    module: Module
    modality: Modality
    room_way: RoomWay | Literal[""]
    remote_way: RemoteWay | Literal[""]
    places: int
    created: int
    versions: list[Version]
    speakers: tuple[int, ...]
    waiting: int = 0
    cancelled: int | None = None
    registrations: list[Registration] = field(default_factory=list)

    @property
    def id(self) -> str:
        """GAIA's identifier."""
        return str(48_000 + self.number)

    @property
    def final(self) -> Version:
        """How the session is held, unless it is cancelled."""
        return self.versions[-1]

    @property
    def platform(self) -> Literal["magistere", "mentor", ""]:
        """The Moodle that has a course for the session."""
        if self.room_way == "mentor":
            return "mentor"
        return "magistere" if self.modality in (Modality.ASYNCHRONOUS, Modality.HYBRID) else ""

    def version_at(self, day: int) -> Version:
        """Return how the session is planned on a day."""
        return [version for version in self.versions if version.since <= day][-1]

    def is_known(self, day: int) -> bool:
        """Say whether the session stands in the plan of a day."""
        return self.created <= day and (self.cancelled is None or day < self.cancelled)

    def registered_at(self, day: int) -> Iterator[Registration]:
        """Yield the registrations that hold on a day."""
        return (
            one for one in self.registrations if one.since <= day and (one.withdrawn is None or day < one.withdrawn)
        )

    def days(self, calendar: Calendar) -> list[int]:
        """Return the days on which the session is held."""
        return sorted({calendar.day_of(begin) for begin, _ in self.final.rows})


@dataclass(frozen=True, slots=True)
class Plan:
    """All sessions, those that begin after the last simulated day too, and what was asked for by module and month."""

    sessions: tuple[Session, ...]
    demand: dict[str, dict[str, int]]


def draw_plan(institute: Institute, calendar: Calendar, seed: int) -> Plan:
    """Draw what is planned for an institute's people."""
    rng = np.random.default_rng([seed, 2])
    wishes = _draw_wishes(institute.people, calendar, rng)
    planner = _Planner(institute, calendar, rng)
    for module in MODULES:
        planner.plan_module(module, sorted(wishes[module.id]))
    sessions = sorted(planner.sessions, key=lambda one: (one.versions[0].rows[0], one.number))
    for number, session in enumerate(sessions):
        session.number = number
    planner.change(sessions)
    demand = {module.id: _count_by_month(wishes[module.id], calendar) for module in MODULES}
    return Plan(tuple(sessions), demand)


def _count_by_month(wishes: Sequence[Wish], calendar: Calendar) -> dict[str, int]:
    counts: dict[str, int] = defaultdict(int)
    for wish in wishes:
        counts[f"{calendar.date_of(wish.day):%Y-%m}"] += 1
    return dict(sorted(counts.items()))


def _draw_wishes(people: Sequence[Person], calendar: Calendar, rng: np.random.Generator) -> dict[str, list[Wish]]:
    """Draw who wants what: a pathway by corps and former occupation, one to four modules of it, one after the other."""
    pathways = list(list_pathways().values())
    weights = np.array([sum(module.demand for module in modules) for modules in pathways])
    affinity: dict[tuple[str, str], np.ndarray] = {}
    open_days = [day for day in range(calendar.days) if calendar.is_working(day)] or [0]
    season = np.array([calendar.season(day) for day in open_days])
    count = len(people)
    first_day = rng.choice(open_days, count, p=season / season.sum())
    lengths = rng.choice([1, 2, 3, 4], count, p=[0.58, 0.24, 0.12, 0.06])
    chances = rng.random((count, 6))
    gap = max(2, min(40, calendar.days // 6))
    wishes: dict[str, list[Wish]] = defaultdict(list)
    for person in people:
        key = person.corps, person.former
        if key not in affinity:
            shares = weights * rng.gamma(1.5, 1.0, len(pathways)) + 0.05
            affinity[key] = np.cumsum(shares / shares.sum())
        chance, day = chances[person.number], int(first_day[person.number])
        modules = pathways[min(int(np.searchsorted(affinity[key], chance[0])), len(pathways) - 1)]
        if person.foreign and chance[1] < 0.7:  # noqa: PLR2004 - the share of those who come for the international ones
            modules = next(one for one in pathways if Kind.FOREIGN_TRAINEES in one[0].kinds)
        start = 0 if chance[2] < 0.7 else int(chance[3] * len(modules))  # noqa: PLR2004 - most begin at the beginning
        for step in range(int(lengths[person.number])):
            if day >= calendar.days:
                break
            module = modules[(start + step) % len(modules)]
            if chance[4] < 0.2 and step:  # noqa: PLR2004 - some go on in another pathway
                other = pathways[int(chance[5] * len(pathways))]
                module = other[step % len(other)]
            wishes[module.id].append(Wish(day, person.number))
            day += int(gap * (0.7 + 0.8 * chance[5]))
    return wishes


class _Planner:
    """Sessions under way of being planned: which rooms and people are taken on which days."""

    def __init__(self, institute: Institute, calendar: Calendar, rng: np.random.Generator) -> None:
        self.sessions: list[Session] = []
        self._institute, self._calendar, self._rng = institute, calendar, rng
        self._rooms: set[tuple[int, int]] = set()
        self._busy: dict[int, set[int]] = defaultdict(set)
        self._ways = {"room": 0, "remote": 0, "hours": 0}

    def plan_module(self, module: Module, wishes: Sequence[Wish]) -> None:
        """Plan a module's sessions; who does not find a place waits."""
        at, turn = 0, 0
        while at < len(wishes):
            modality = module.modalities[turn % len(module.modalities)]
            places = module.size if modality is not Modality.ASYNCHRONOUS else module.size * 2
            asked = max(4, round(places * float(self._rng.uniform(0.6, 1.15))))
            self._plan_session(module, modality, places, wishes[at : at + asked])
            at, turn = at + asked, turn + 1

    def change(self, sessions: Sequence[Session]) -> None:
        """Let some sessions change after they were first planned: another hour, room or week, or none at all."""
        by_day = self._count_by_day(sessions)
        fates = self._rng.random(len(sessions))
        for session, fate in zip(sessions, fates, strict=True):
            starts = self._calendar.day_of(session.final.rows[0][0])
            if starts - session.created < 6:  # noqa: PLR2004 - too late to change
                continue
            day = int(self._rng.integers(session.created + 2, starts))
            if fate < 0.06:  # noqa: PLR2004 - shares of sessions
                self._begin_later(session, day)
            elif fate < 0.11:  # noqa: PLR2004
                self._change_room(session, day)
            elif fate < 0.14:  # noqa: PLR2004
                self._put_off(session, day)
            elif fate < 0.18 and len(session.registrations) < 0.3 * by_day.get(day, 0):  # noqa: PLR2004
                session.cancelled = day
        self._spoil(sessions)

    def _plan_session(self, module: Module, modality: Modality, places: int, wishes: Sequence[Wish]) -> None:
        calendar, rng = self._calendar, self._rng
        middle = wishes[len(wishes) // 2].day
        needs_room = modality in (Modality.IN_PERSON, Modality.HYBRID)
        day, room, days = self._find_place(module, middle + 1, places, needs_room=needs_room)
        room_way: RoomWay | Literal[""] = self._next_room_way() if modality is Modality.IN_PERSON else ""
        remote_way: RemoteWay | Literal[""] = self._next_remote_way() if modality is Modality.REMOTE else ""
        if modality is Modality.HYBRID:
            room_way, remote_way = "tablet", self._next_remote_way()
        self._ways["hours"] += 1
        hours = _HOURS[self._ways["hours"] % 2]
        if room_way != "sheet" and self._ways["hours"] % 9 == 0:
            # A row that crosses 13:00; a sheet has a column for each half-day.
            hours = _WHOLE_DAY  # type: ignore[assignment]
        rows = tuple((calendar.at(one, begin), calendar.at(one, end)) for one in days for begin, end in hours)
        lead = int(rng.integers(20, 60))
        speakers = rng.choice(len(self._institute.speakers), int(rng.integers(1, 4)), replace=False)
        session = Session(
            len(self.sessions),
            module,
            modality,
            room_way,
            remote_way,
            min(places, room.capacity) if room else places,
            day - lead,
            [Version(day - lead, rows, room)],
            tuple(sorted(map(int, speakers))),
        )
        self._register(session, wishes, day, days)
        if session.registrations:
            self.sessions.append(session)
        elif room:
            self._rooms.difference_update((room.number, one) for one in days)

    def _register(self, session: Session, wishes: Sequence[Wish], day: int, days: Sequence[int]) -> None:
        rng = self._rng
        since = rng.integers(session.created, day + 1, len(wishes))
        fates = rng.random(len(wishes))
        for number, wish in enumerate(wishes):
            if self._busy[wish.person] & set(days):
                continue
            if len(session.registrations) == session.places:
                session.waiting += 1
                continue
            begin = int(since[number])
            withdrawn = None
            if fates[number] < 0.05 and begin < day:  # noqa: PLR2004 - the share of those who withdraw
                withdrawn = int(rng.integers(begin + 1, day + 1))
            else:
                self._busy[wish.person].update(days)
            session.registrations.append(Registration(self._institute.people[wish.person], begin, withdrawn))

    def _find_place(
        self, module: Module, day: int, places: int, *, needs_room: bool
    ) -> tuple[int, Room | None, list[int]]:
        """Return when a session can be held, where, and on which days; near `day`, as rooms are free."""
        day = self._calendar.next_working(day)
        for _ in range(_MOST_SHIFTS):
            days = self._list_days(day, module.days)
            if not needs_room:
                return day, None, days
            room = self._find_room(module.room, places, days)
            if room is not None:
                return day, room, days
            day = self._calendar.next_working(day + 1)
        raise ValueError("There are too few rooms for so many trainees in so few days: simulate more days.")

    def _find_room(self, kind: RoomKind, places: int, days: Sequence[int], other: Room | None = None) -> Room | None:
        free = [
            room
            for room in self._institute.rooms
            if room.kind is kind and room != other and not any((room.number, day) in self._rooms for day in days)
        ]
        if not free:
            return None
        # The smallest that holds all, else the largest; in turn, so that all are used.
        wide = [room for room in free if room.capacity >= places] or [max(free, key=lambda room: room.capacity)]
        room = wide[len(self.sessions) % len(wide)]
        self._rooms.update((room.number, day) for day in days)
        return room

    def _list_days(self, day: int, count: int) -> list[int]:
        days = [day]
        while len(days) < count:
            days.append(self._calendar.next_working(days[-1] + 1))
        return days

    def _begin_later(self, session: Session, day: int) -> None:
        """Let the first row begin half an hour later."""
        (begin, end), *rest = session.final.rows
        rows = ((begin + _SHIFTED * 60, end), *rest)
        session.versions.append(Version(day, rows, session.final.room))

    def _change_room(self, session: Session, day: int) -> None:
        room = session.final.room
        if room is None:
            return
        other = self._find_room(room.kind, session.places, session.days(self._calendar), room)
        if other is not None:
            session.versions.append(Version(day, session.final.rows, other))

    def _put_off(self, session: Session, day: int) -> None:
        """Put a session off by some weeks, to where its room and its people are free."""
        calendar, room = self._calendar, session.final.room
        before = session.days(calendar)
        people = [one.person.number for one in session.registrations if one.withdrawn is None]
        for weeks in (1, 2, 3):
            days = [one + 7 * weeks for one in before]
            fits = all(map(calendar.is_working, days)) and not any(self._busy[one] & set(days) for one in people)
            if fits and not (room and any((room.number, one) in self._rooms for one in days)):
                break
        else:
            return
        for one in people:
            self._busy[one].update(days)
        if room:
            self._rooms.update((room.number, one) for one in days)
        shift = 7 * weeks
        rows = tuple(
            (_shift(calendar, begin, shift), _shift(calendar, end, shift)) for begin, end in session.final.rows
        )
        session.versions.append(Version(day, rows, room))

    def _spoil(self, sessions: Sequence[Session]) -> None:
        """Give a few registrations a malformed address in GAIA: where nothing else is to be withdrawn or told."""
        quiet = [
            session
            for session in sessions
            if session.cancelled is None
            and not session.platform
            and all(one.withdrawn is None for one in session.registrations)
        ]
        for session in quiet[::_SPOILED]:
            session.registrations[0] = session.registrations[0]._replace(spoiled=True)

    def _count_by_day(self, sessions: Sequence[Session]) -> dict[int, int]:
        """Return how many registrations an extract holds, as far as it is known, on each day."""
        counts: dict[int, int] = defaultdict(int)
        for session in sessions:
            last = self._calendar.day_of(session.final.rows[-1][1])
            for day in range(session.created, last + 1):
                counts[day] += sum(one.since <= day for one in session.registrations)
        return counts

    def _next_room_way(self) -> RoomWay:
        self._ways["room"] += 1
        return _ROOM_WAYS[self._ways["room"] % len(_ROOM_WAYS)]

    def _next_remote_way(self) -> RemoteWay:
        self._ways["remote"] += 1
        return _REMOTE_WAYS[self._ways["remote"] % len(_REMOTE_WAYS)]


def _shift(calendar: Calendar, instant: int, days: int) -> int:
    local = calendar.local(instant)
    return calendar.at(calendar.day_of(instant) + days, local.hour * 60 + local.minute, local.second)
