"""The simulated day itself: sessions, who is registered, who comes, when, by which way, and who leaves unnoticed.

Times are instants in UTC, in whole seconds. The day is drawn at its ordinary hours, then moved as a whole by `shift`.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

from producers.naming import slug
from producers.simulation.catalogue import FIRST_NAMES, LAST_NAMES, MODULES, ROOMS, VIDEOS, Module, Video
from xapi_profiles.vocabulary import Modality

Channel = Literal["room", "bigbluebutton", "zoom"]
Span = tuple[datetime, datetime]

MORNING: Final = (time(9), time(12))
AFTERNOON: Final = (time(13, 30), time(16, 30))
QUIET: Final = timedelta(minutes=5)
"""Nobody arrives or leaves this long before and after the middle of each row's time."""

_BORDERS = (time(0), time(13))
_KINDS: Final[tuple[tuple[Modality, Channel], ...]] = (
    (Modality.IN_PERSON, "room"),
    (Modality.HYBRID, "bigbluebutton"),
    (Modality.REMOTE, "bigbluebutton"),
    (Modality.IN_PERSON, "room"),
    (Modality.REMOTE, "zoom"),
    (Modality.HYBRID, "bigbluebutton"),
    (Modality.IN_PERSON, "room"),
    (Modality.REMOTE, "bigbluebutton"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """A learner. `key` names them in the truth: the e-mail address, or how a system knows a guest without one."""

    key: str
    first: str
    last: str
    email: str = ""

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as planned: `rows` are its rows in GAIA, `channel` the way in for those who are not in `room`."""

    id: str
    module: Module
    modality: Modality
    channel: Channel
    room: str
    rows: tuple[Span, ...]
    slots: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Stay:
    """Somebody's presence by one connection. `leaves` is False where the leave is never told."""

    person: Person
    session: Session
    channel: Channel
    connection: str
    starts: datetime
    ends: datetime
    leaves: bool = True
    row: int = 0

    @property
    def modality(self) -> Modality:
        """How the person takes part."""
        return Modality.IN_PERSON if self.channel == "room" else Modality.REMOTE


@dataclass(frozen=True, slots=True)
class Viewing:
    """Some minutes of a video, outside of any session."""

    person: Person
    module: Module
    video: Video
    starts: datetime
    duration: timedelta


@dataclass(frozen=True, slots=True)
class Day:
    """Everything that happens. What ends in `_before` is what the extract of the day before said."""

    date: date
    zone: ZoneInfo
    seed: int
    sessions: tuple[Session, ...]
    sessions_before: tuple[Session, ...]
    registered: tuple[tuple[Session, Person], ...]
    registered_before: tuple[tuple[Session, Person], ...]
    stays: tuple[Stay, ...]
    viewings: tuple[Viewing, ...]


@dataclass(slots=True)
class _Draw:
    """The day while it is drawn."""

    random: random.Random
    quiet: tuple[Span, ...]
    stays: list[Stay] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    guests: int = 0

    def person(self) -> Person:
        """Draw a learner with an e-mail address that nobody else has."""
        first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
        local = f"{slug(first)}.{slug(last)}"
        number = next(n for n in range(1, 10_000) if f"{local}{n if n > 1 else ''}" not in self.taken)
        local = f"{local}{number if number > 1 else ''}"
        self.taken.add(local)
        email = f"{local}@academie.example.org"
        return Person(email, first, last, email)

    def guest(self, channel: Channel, session: str) -> Person:
        """Draw somebody whom a virtual classroom knows without an e-mail address."""
        self.guests += 1
        first, last = self.random.choice(FIRST_NAMES), self.random.choice(LAST_NAMES)
        if channel == "zoom":
            last = f"{last} {self.guests}"
            return Person(f"zoom:{session}:{first} {last}", first, last)
        return Person(f"bigbluebutton:invite-{self.guests:04}", first, last)

    def around(self, moment: datetime, low: float, high: float) -> datetime:
        """Draw an instant between two distances in minutes from a moment, but in no quiet window."""
        drawn = moment + timedelta(seconds=self.random.randint(round(low * 60), round(high * 60)))
        for begin, end in self.quiet:
            if begin <= drawn <= end:
                return end + timedelta(seconds=self.random.randint(1, 90))
        return drawn

    def connection(self) -> str:
        """Draw the name of a connection."""
        return f"w_{uuid.UUID(int=self.random.getrandbits(128)).hex[:12]}"


def simulate_day(
    day: date,
    *,
    seed: int = 7,
    zone: ZoneInfo | None = None,
    sessions: int = 16,
    shift: timedelta = timedelta(),
    quiet_at: datetime | None = None,
) -> Day:
    """Draw a day of about 20 learners per session; Europe/Paris unless `zone` is given.

    `shift` (rounded to minutes) moves every hour of the day, and with them its date where they pass midnight.
    `quiet_at` adds a window in which nobody arrives or leaves, around that instant.
    """
    zone = zone or ZoneInfo("Europe/Paris")
    shift = timedelta(minutes=round(shift.total_seconds() / 60))
    morning, afternoon = (_span(day, hours, zone, shift) for hours in (MORNING, AFTERNOON))
    middles = [begin + (end - begin) / 2 for begin, end in (morning, afternoon)]
    middles += [quiet_at.astimezone(UTC)] if quiet_at else []
    # A fixed text as seed: Python keeps its meaning from version to version.
    draw = _Draw(
        random.Random(f"{seed}|{day.isoformat()}"),  # noqa: S311 - a play, not a secret
        tuple((middle - QUIET, middle + QUIET) for middle in middles),
    )
    planned = [_plan(number, day, morning, afternoon, zone) for number in range(sessions)]
    moved, roomed = planned[0], planned[min(3, sessions - 1)]
    kept = planned[:-1] if sessions > 2 else planned  # noqa: PLR2004 - too small a day for a cancelled session
    before = [_as_planned_before(session, moved, roomed, zone) for session in planned]
    registered, registered_before = [], []
    for session in planned:
        people = [draw.person() for _ in range(draw.random.randint(16, 26))]
        late, withdrawn = people[:1], people[1:3] if session.id not in (moved.id, kept[-1].id) else []
        registered_before += [(session, person) for person in people[1:]]
        if session not in kept:
            continue
        registered += [(session, person) for person in people if person not in withdrawn]
        for person in [*late, *people[3:], *_walk_ins(draw, session)]:
            _attend(draw, session, person)
    viewings = _draw_viewings(draw, registered, day, zone, shift)
    return Day(
        date=morning[0].astimezone(zone).date(),
        zone=zone,
        seed=seed,
        sessions=tuple(kept),
        sessions_before=tuple(before),
        registered=tuple(registered),
        registered_before=tuple(registered_before),
        stays=tuple(sorted(draw.stays, key=lambda stay: (stay.starts, stay.connection))),
        viewings=tuple(sorted(viewings, key=lambda viewing: (viewing.starts, viewing.person.key))),
    )


def choose_shift(now: datetime, zone: ZoneInfo) -> tuple[date, timedelta]:
    """Return the day and the shift that put `now` into the afternoon's slot, as near to its middle as can be.

    The slot crosses neither 13:00 nor midnight, local time, so that it stays one half-day.
    """
    local = now.astimezone(zone)
    length = datetime.combine(local, AFTERNOON[1]) - datetime.combine(local, AFTERNOON[0])
    moments = [
        datetime.combine(local.date() + timedelta(days=days), border, zone) for days in (0, 1) for border in _BORDERS
    ]
    low = max(moment for moment in moments if moment <= local)
    high = min(moment for moment in moments if moment > local)
    starts = min(max(local - length / 2, low), high - length)
    usual = datetime.combine(local.date(), AFTERNOON[0], zone)
    minutes = (starts.astimezone(UTC) - usual.astimezone(UTC)) // timedelta(minutes=1)
    return local.date(), timedelta(minutes=minutes)


def cut_half_days(span: Span, zone: ZoneInfo) -> tuple[Span, ...]:
    """Return the half-days of a row of GAIA: cut where 13:00 and midnight, local time, fall within it."""
    begin, end = span
    first = begin.astimezone(zone).date()
    borders = (
        datetime.combine(first + timedelta(days=days), border, zone).astimezone(UTC)
        for days in range(3)
        for border in _BORDERS
    )
    points = [begin, *(border for border in borders if begin < border < end), end]
    return tuple(pairwise(points))


def _span(day: date, hours: tuple[time, time], zone: ZoneInfo, shift: timedelta) -> Span:
    begin, end = (datetime.combine(day, hour, zone).astimezone(UTC) + shift for hour in hours)
    return begin, end


def _plan(number: int, day: date, morning: Span, afternoon: Span, zone: ZoneInfo) -> Session:
    modality, channel = _KINDS[number % len(_KINDS)]
    # Every seventh session is one row over the whole day, which crosses 13:00.
    rows = ((morning[0], afternoon[1]),) if number % 7 == 6 else (morning, afternoon)  # noqa: PLR2004
    return Session(
        id=f"{day:%y%m%d}{number + 1:03}",
        module=MODULES[number * 5 % len(MODULES)],
        modality=modality,
        channel=channel,
        room="" if modality is Modality.REMOTE else ROOMS[number % len(ROOMS)],
        rows=rows,
        slots=tuple(slot for row in rows for slot in cut_half_days(row, zone)),
    )


def _as_planned_before(session: Session, moved: Session, roomed: Session, zone: ZoneInfo) -> Session:
    """Return what the day before's extract said: one session began later, one was in another room."""
    rows, room = session.rows, session.room
    if session.id == moved.id:
        rows = ((rows[0][0] + timedelta(minutes=30), rows[0][1]), *rows[1:])
    if session.id == roomed.id and room:
        room = "Salle polyvalente"
    return Session(
        session.id,
        session.module,
        session.modality,
        session.channel,
        room,
        rows,
        tuple(slot for row in rows for slot in cut_half_days(row, zone)),
    )


def _walk_ins(draw: _Draw, session: Session) -> list[Person]:
    if draw.random.random() < 0.6:  # noqa: PLR2004 - most sessions see nobody but the registered
        return []
    return [draw.person() if session.channel == "room" else draw.guest(session.channel, session.id)]


def _attend(draw: _Draw, session: Session, person: Person) -> None:
    begin, end = session.rows[0][0], session.rows[-1][1]
    halves = (
        (begin, begin + timedelta(hours=3)),
        (end - timedelta(hours=3), end),
    )
    if draw.random.random() < 0.1 and person.email:  # noqa: PLR2004 - does not come at all
        return
    channels = _choose_channels(draw, session, person)
    if (
        channels == ("bigbluebutton", "bigbluebutton") and draw.random.random() < 0.08  # noqa: PLR2004
    ):
        # Stays connected over lunch.
        _stay(draw, session, person, "bigbluebutton", (halves[0][0], halves[1][1]), 0)
        return
    for row, (half, channel) in enumerate(zip(halves, channels, strict=True)):
        if draw.random.random() > 0.07:  # noqa: PLR2004 - some come for one half-day only
            _stay(draw, session, person, channel, half, row)


def _choose_channels(draw: _Draw, session: Session, person: Person) -> tuple[Channel, Channel]:
    if session.modality is not Modality.HYBRID:
        return session.channel, session.channel
    chance = draw.random.random()
    if not person.email or chance < 0.3:  # noqa: PLR2004
        return session.channel, session.channel
    return (session.channel, "room") if chance < 0.42 else ("room", "room")  # noqa: PLR2004


def _stay(draw: _Draw, session: Session, person: Person, channel: Channel, half: Span, row: int) -> None:
    chance = draw.random.random()
    # Most come a little early, some late; most leave just after the end, some well before.
    starts = draw.around(half[0], -10, 0) if chance < 0.75 else draw.around(half[0], 1, 40)  # noqa: PLR2004
    early = draw.random.random() < 0.12  # noqa: PLR2004
    ends = draw.around(half[1], -60, -12) if early else draw.around(half[1], 0, 8)
    told = early or draw.random.random() > {"room": 0.2, "bigbluebutton": 0.04, "zoom": 0}[channel]
    if channel == "room":
        draw.stays.append(Stay(person, session, channel, "", starts, ends, told, row))
        return
    breaks = draw.random.random()
    lost = draw.around(starts, 20, 60)
    back = draw.around(lost, 1, 6)
    if breaks < 0.15 and back < ends:  # noqa: PLR2004 - the connection is lost and found again
        first = Stay(person, session, channel, draw.connection(), starts, lost, leaves=True, row=row)
        again = Stay(person, session, channel, draw.connection(), back, ends, told, row)
        draw.stays += [first, again]
        return
    draw.stays.append(Stay(person, session, channel, draw.connection(), starts, ends, told, row))
    if breaks > 0.96:  # noqa: PLR2004 - a second device, for a while, at the same time
        since = draw.around(starts, 10, 40)
        until = draw.around(since, 5, 25)
        draw.stays.append(Stay(person, session, channel, draw.connection(), since, until, leaves=True, row=row))


def _draw_viewings(
    draw: _Draw, registered: Sequence[tuple[Session, Person]], day: date, zone: ZoneInfo, shift: timedelta
) -> list[Viewing]:
    noon = datetime.combine(day, time(12, 15), zone).astimezone(UTC) + shift
    viewings = []
    for session, person in registered:
        if draw.random.random() < 0.15:  # noqa: PLR2004
            starts = noon + timedelta(seconds=draw.random.randint(-9_000, 12_000))
            duration = timedelta(seconds=draw.random.randint(120, 1_500))
            viewings.append(Viewing(person, session.module, draw.random.choice(VIDEOS), starts, duration))
    return viewings
