"""What is counted while the institute goes through its days: of each session, of each person, of each source."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from producers.simulation.year.attendance import Learner, Presence, SessionDay, add_up, find_causes
from producers.simulation.year.calendar import Calendar
from producers.simulation.year.people import Person, Role
from producers.simulation.year.planning import Session


@dataclass(slots=True)
class SourceCount:
    """What a system's files hold, and what a producer has to make of them.

    `rows` were written, `statements` follow from them (each id once). `rejected` rows cannot be read: `lost` of them
    told something true, the others are rubbish. `duplicates` say what another row says.
    """

    rows: int = 0
    statements: int = 0
    rejected: int = 0
    lost: int = 0
    duplicates: int = 0


@dataclass(slots=True)
class SessionCount:
    """Seconds of a session by modality and evidence, as they happened and as they are told, and who came as is told."""

    happened: Counter[tuple[str, str]] = field(default_factory=Counter)
    told: Counter[tuple[str, str]] = field(default_factory=Counter)
    attended: set[Learner] = field(default_factory=set)
    half_days: int = 0
    by_role: Counter[Role] = field(default_factory=Counter)
    completed: int = 0
    responses: int = 0
    ratings: list[int] = field(default_factory=list)
    comments: int = 0
    taught: int = 0


@dataclass(slots=True)
class Tally:
    """All counts. Consultations are counted by source, those of what was handed out by months since the training."""

    calendar: Calendar
    sources: dict[str, SourceCount] = field(default_factory=lambda: defaultdict(SourceCount))
    sessions: dict[int, SessionCount] = field(default_factory=lambda: defaultdict(SessionCount))
    followed: dict[int, list[tuple[int, Session]]] = field(default_factory=lambda: defaultdict(list))
    seconds_of: Counter[int] = field(default_factory=Counter)
    differences: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    consultations: Counter[str] = field(default_factory=Counter)
    after_training: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    self_study: Counter[str] = field(default_factory=Counter)
    subscribers: set[int] = field(default_factory=set)
    connections: int = 0
    visits: Counter[str] = field(default_factory=Counter)
    visitors: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    booked: Counter[str] = field(default_factory=Counter)
    certified: Counter[str] = field(default_factory=Counter)
    mooc: Counter[str] = field(default_factory=Counter)
    registered_elsewhere: Counter[str] = field(default_factory=Counter)
    evidence_kept: int = 0

    def attend(self, held: SessionDay) -> None:
        """Take what was attended on a session's day."""
        happened, told = add_up(held, self.calendar, told=False), add_up(held, self.calendar, told=True)
        count = self.sessions[held.session.number]
        for figures, into in ((happened, count.happened), (told, count.told)):
            for key, seconds in figures.items():
                into[key.modality.value, key.evidence.value] += seconds
        count.half_days += len(told)
        for key, seconds in told.items():
            self._credit(count, key, seconds)
        causes = find_causes(held, self.calendar)
        for key in happened.keys() | told.keys():
            change = told.get(key, 0) - happened.get(key, 0)
            if change:
                self.differences[causes.get(key, "unexplained")]["half_days"] += 1
                self.differences[causes.get(key, "unexplained")][key.modality.value] += change
        if held.last:
            for who in count.attended:
                if isinstance(who, Person):
                    self.followed[who.number].append((held.day, held.session))

    def _credit(self, count: SessionCount, key: Presence, seconds: int) -> None:
        count.attended.add(key.who)
        if isinstance(key.who, Person):
            count.by_role[key.who.role] += seconds
            self.seconds_of[key.who.number] += seconds
