"""What is so on a simulated day, computed from the simulation itself and from no statement.

It is what the figures of the boards must be. The rules of presence are those of the product: a stay counts within
its session's slots, one whose leave is not told ends with the slot that it began in (or came early for), and two
connections at once count once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from producers.simulation.day import Day, Session, Span, Stay

BROKEN_BIGBLUEBUTTON: Final = 2
BROKEN_ZOOM: Final = 1


@dataclass(frozen=True, slots=True)
class Attendance:
    """Seconds that a learner attended a session in a half-day (`2026-11-22 am`) by a modality."""

    session: str
    learner: str
    half_day: str
    modality: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Truth:
    """The figures of a day as known at an instant. Learners are named as `Person.key` does.

    `slots` are (session, start, end), `registrations` (session, learner), `hours` attended hours by modality,
    `self_study_seconds` the time of the videos seen, `statements` and `rejected` counts by source.
    """

    until: datetime
    sessions: tuple[str, ...]
    slots: tuple[tuple[str, datetime, datetime], ...]
    registrations: tuple[tuple[str, str], ...]
    attendance: tuple[Attendance, ...]
    hours: dict[str, float]
    self_study_seconds: int
    statements: dict[str, int]
    rejected: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON; instants in UTC."""
        registered: dict[str, list[str]] = defaultdict(list)
        for session, learner in self.registrations:
            registered[session].append(learner)
        return {
            "until": self.until.astimezone(UTC).isoformat(),
            "sessions": list(self.sessions),
            "slots": [(session, start.isoformat(), end.isoformat()) for session, start, end in self.slots],
            "registrations": registered,
            "attendance": [
                (one.session, one.learner, one.half_day, one.modality, one.seconds) for one in self.attendance
            ],
            "hours": self.hours,
            "self_study_seconds": self.self_study_seconds,
            "statements": self.statements,
            "rejected": self.rejected,
        }


def find_truth(day: Day, until: datetime | None = None) -> Truth:
    """Return the figures of a day as they are once everything up to `until` is known, the whole day by default."""
    until = until or _last(day)
    attendance = _attend(day, until)
    seconds: dict[str, int] = defaultdict(int)
    for one in attendance:
        seconds[one.modality] += one.seconds
    return Truth(
        until=until,
        sessions=tuple(session.id for session in day.sessions),
        slots=tuple((session.id, *slot) for session in day.sessions for slot in session.slots),
        registrations=tuple((session.id, person.key) for session, person in day.registered),
        attendance=attendance,
        hours={modality: total / 3600 for modality, total in sorted(seconds.items())},
        self_study_seconds=sum(
            round(viewing.duration.total_seconds())
            for viewing in day.viewings
            if viewing.starts + viewing.duration <= until
        ),
        statements=_count_statements(day, until),
        rejected=_count_rejected(day, until),
    )


def present_at(day: Day, instant: datetime, until: datetime | None = None) -> dict[str, int]:
    """Return how many learners are present at an instant, by modality, as known at `until` (by default, all)."""
    present = {
        (stay.modality.value, stay.session.id, stay.person.key)
        for stay in day.stays
        if stay.starts <= instant < end_of(stay, until or _last(day))
    }
    counts: dict[str, int] = defaultdict(int)
    for modality, _, _ in present:
        counts[modality] += 1
    return dict(sorted(counts.items()))


def end_of(stay: Stay, until: datetime) -> datetime:
    """Return the end of a stay as known at `until`: its leave if told by then, else the end of the slot it began in."""
    if stay.leaves and stay.ends <= until:
        return stay.ends
    ends = [end for _, end in stay.session.slots if end > stay.starts]
    return min(ends, default=stay.starts)


def half_day_of(slot: Span, day: Day) -> str:
    """Return the name of the half-day that a slot is: its local date, and `am` before 13:00."""
    local = slot[0].astimezone(day.zone)
    return f"{local:%Y-%m-%d} {'am' if local.hour < 13 else 'pm'}"  # noqa: PLR2004 - the noon break


def _attend(day: Day, until: datetime) -> tuple[Attendance, ...]:
    parts: dict[tuple[str, str, str, str], list[Span]] = defaultdict(list)
    for stay in day.stays:
        if stay.starts > until:
            continue
        ends = min(end_of(stay, until), until)
        for slot in stay.session.slots:
            begin, end = max(stay.starts, slot[0]), min(ends, slot[1])
            if begin < end:
                key = (stay.session.id, stay.person.key, half_day_of(slot, day), stay.modality.value)
                parts[key].append((begin, end))
    return tuple(Attendance(*key, _length(spans)) for key, spans in sorted(parts.items()))


def _length(spans: list[Span]) -> int:
    """Return the seconds that a union of spans lasts."""
    total, reached = 0.0, datetime.min.replace(tzinfo=UTC)
    for begin, end in sorted(spans):
        if end > reached:
            total += (end - max(begin, reached)).total_seconds()
            reached = end
    return round(total)


def _count_statements(day: Day, until: datetime) -> dict[str, int]:
    counts = {"gaia": _count_gaia(day), "bigbluebutton": 0, "zoom": 0, "room": 0}
    for stay in day.stays:
        counts[stay.channel] += (stay.starts <= until) + (stay.leaves and stay.ends <= until)
    moments = [m for viewing in day.viewings for m in (viewing.starts, viewing.starts + viewing.duration)]
    counts["video"] = sum(moment <= until for moment in moments)
    return counts


def _count_gaia(day: Day) -> int:
    before, now = _slots(day.sessions_before), _slots(day.sessions)
    registered_before = {(session.id, person.key) for session, person in day.registered_before}
    registered = {(session.id, person.key) for session, person in day.registered}
    changed = sum(before.get(key) != value for key, value in now.items())
    return (
        len(before)
        + len(registered_before)
        + len(before.keys() - now.keys())
        + changed
        + len(registered ^ registered_before)
    )


def _slots(sessions: tuple[Session, ...]) -> dict[tuple[str, datetime], tuple[datetime, str]]:
    return {(session.id, start): (end, session.room) for session in sessions for start, end in session.slots}


def _count_rejected(day: Day, until: datetime) -> dict[str, int]:
    def seen(channel: str) -> bool:
        return any(stay.channel == channel and stay.starts <= until for stay in day.stays)

    # Each of the two extracts has two broken rows of sessions and two of learners (files.py).
    return {
        "gaia": 8,
        "bigbluebutton": BROKEN_BIGBLUEBUTTON * seen("bigbluebutton"),
        "zoom": BROKEN_ZOOM * seen("zoom"),
    }


def _last(day: Day) -> datetime:
    return max(
        [
            *(stay.ends for stay in day.stays),
            *(end for session in day.sessions for _, end in session.slots),
            *(viewing.starts + viewing.duration for viewing in day.viewings),
        ]
    )
