"""What goes on after a day was written: its remaining events in their time, and the small stir of any live day.

Learners lose their connection and find it again, step out of the room and return, somebody comes late, videos are
played and paused: at a bounded rate, for as long as it is asked for.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from producers.naming import Naming
from producers.simulation.catalogue import VIDEOS
from producers.simulation.day import Day, Session, Stay, Viewing
from producers.simulation.files import bigbluebutton_event, tablet_statement, video_statements
from producers.simulation.truth import end_of
from xapi_profiles.vocabulary import Verb

LiveChannel = Literal["bigbluebutton", "room", "video"]


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """An event at its instant: the body of a webhook for `bigbluebutton`, a statement for an LRS otherwise."""

    at: datetime
    channel: LiveChannel
    body: dict[str, Any]


@dataclass(slots=True)
class _Stir:
    """Who is where at the moment, and what is bound to happen next (a heap by instant)."""

    day: Day
    naming: Naming
    random: random.Random
    open: dict[tuple[str, str, str], Stay] = field(default_factory=dict)
    due: list[tuple[datetime, int, str, Any]] = field(default_factory=list)
    count: int = 0

    def plan(self, at: datetime, what: str, subject: Stay | Viewing) -> None:
        """Have something happen at an instant."""
        self.count += 1
        heapq.heappush(self.due, (at, self.count, what, subject))

    def arrive(self, stay: Stay) -> LiveEvent:
        """Let somebody in."""
        self.open[_key(stay)] = stay
        return self._tell(stay, arrives=True)

    def leave(self, stay: Stay, at: datetime) -> LiveEvent | None:
        """Let somebody out, unless they have left since this was planned."""
        if self.open.get(_key(stay)) != stay:
            return None
        del self.open[_key(stay)]
        return self._tell(replace(stay, ends=at), arrives=False)

    def _tell(self, stay: Stay, *, arrives: bool) -> LiveEvent:
        at = stay.starts if arrives else stay.ends
        if stay.channel == "room":
            verb = Verb.CHECKIN if arrives else Verb.LEAVE
            return LiveEvent(at, "room", tablet_statement(self.naming, stay.session, stay.person, verb, at))
        kind = "user-joined" if arrives else "user-left"
        body = bigbluebutton_event(kind, stay.session, stay.person, stay.connection, at)
        return LiveEvent(at, "bigbluebutton", body)


def live_events(
    day: Day,
    naming: Naming,
    *,
    since: datetime,
    rate: float | Callable[[datetime], float] = 1.0,
    seed: int = 7,
) -> Iterator[LiveEvent]:
    """Yield events after `since`, in order and without end; on average `rate` a second beside the day's own.

    A rate may depend on the instant. The events carry the instants at which they happen: the caller waits for them.
    What the day itself still holds of rooms and BigBlueButton comes too; Zoom tells nothing while a meeting goes on.
    When no session is left, videos are.
    """
    stir = _prepare(day, naming, since, seed)
    clock = since
    while True:
        pace = rate(clock) if callable(rate) else rate
        clock += timedelta(seconds=stir.random.uniform(0.5, 1.5) / pace)
        while stir.due and stir.due[0][0] <= clock:
            at, _, what, subject = heapq.heappop(stir.due)
            event = _happen(stir, at, what, subject)
            if event:
                yield event
        event = _disturb(stir, clock)
        if event:
            yield event


def _prepare(day: Day, naming: Naming, since: datetime, seed: int) -> _Stir:
    """Return the state of affairs at an instant: who is where, and what the day still holds."""
    stir = _Stir(day, naming, random.Random(f"{seed}|live|{since.isoformat()}"))  # noqa: S311 - a play, not a secret
    for stay in day.stays:
        if stay.channel == "zoom":
            continue
        if stay.starts > since:
            stir.plan(stay.starts, "arrive", stay)
        elif end_of(stay, since) > since:
            stir.open[_key(stay)] = stay
        if stay.leaves and stay.ends > since:
            stir.plan(stay.ends, "leave", stay)
    for viewing in day.viewings:
        if viewing.starts > since:
            stir.plan(viewing.starts, "play", viewing)
        elif viewing.starts + viewing.duration > since:
            stir.plan(viewing.starts + viewing.duration, "pause", viewing)
    return stir


def _happen(stir: _Stir, at: datetime, what: str, subject: Any) -> LiveEvent | None:  # noqa: ANN401 - a stay or a viewing
    match what:
        case "arrive":
            return stir.arrive(subject)
        case "leave":
            return stir.leave(subject, at)
        case "play":
            return _play(stir, subject)
        case _:
            _, (_, paused) = video_statements([subject], stir.naming)
            return LiveEvent(at, "video", paused)


def _play(stir: _Stir, viewing: Viewing) -> LiveEvent:
    stir.plan(viewing.starts + viewing.duration, "pause", viewing)
    (_, played), _ = video_statements([viewing], stir.naming)
    return LiveEvent(viewing.starts, "video", played)


def _disturb(stir: _Stir, at: datetime) -> LiveEvent | None:
    """Let something small happen: somebody goes out for a moment, comes late, or sees a video."""
    going_on = [session for session in stir.day.sessions if _ends(session, at)]
    chance = stir.random.random()
    if not going_on or chance < 0.15:  # noqa: PLR2004
        return _start_video(stir, at)
    if chance < 0.3:  # noqa: PLR2004
        return _come_late(stir, going_on, at)
    present = [stay for stay in stir.open.values() if stay.channel != "zoom" and _ends(stay.session, at)]
    if not present:
        return _come_late(stir, going_on, at)
    stay = stir.random.choice(present)
    ends = _ends(stay.session, at)
    back = at + timedelta(seconds=stir.random.randint(15, 120))
    if ends and back < ends:
        again = replace(
            stay,
            starts=back,
            connection=_connection(stir, stay),
            ends=ends + timedelta(seconds=stir.random.randint(0, 240)),
        )
        stir.plan(back, "arrive", again)
        stir.plan(again.ends, "leave", again)
    return stir.leave(stay, at)


def _come_late(stir: _Stir, going_on: list[Session], at: datetime) -> LiveEvent | None:
    session = stir.random.choice(going_on)
    ends = _ends(session, at)
    # Neither there nor about to come (back).
    expected = {key[1] for key in stir.open if key[0] == session.id}
    expected |= {stay.person.key for _, _, what, stay in stir.due if what == "arrive" and stay.session.id == session.id}
    missing = [person for other, person in stir.day.registered if other.id == session.id and person.key not in expected]
    if not missing or ends is None or session.channel == "zoom":
        return _start_video(stir, at)
    stay = Stay(stir.random.choice(missing), session, session.channel, "", at, ends)
    stay = replace(
        stay,
        connection=_connection(stir, stay),
        ends=ends + timedelta(seconds=stir.random.randint(0, 240)),
    )
    stir.plan(stay.ends, "leave", stay)
    return stir.arrive(stay)


def _start_video(stir: _Stir, at: datetime) -> LiveEvent:
    session, person = stir.random.choice(stir.day.registered)
    duration = timedelta(seconds=stir.random.randint(20, 600))
    return _play(stir, Viewing(person, session.module, stir.random.choice(VIDEOS), at, duration))


def _ends(session: Session, at: datetime) -> datetime | None:
    """Return the end of the slot that a session is in at an instant, None between and after them."""
    return next((end for begin, end in session.slots if begin <= at < end), None)


def _connection(stir: _Stir, stay: Stay) -> str:
    return "" if stay.channel == "room" else f"w_{stir.random.getrandbits(48):012x}"


def _key(stay: Stay) -> tuple[str, str, str]:
    return stay.session.id, stay.person.key, stay.connection or "room"
