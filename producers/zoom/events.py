"""Zoom's webhooks to statements: the ids and forms that the participant report of the meeting gives as well.

A leave tells no join time, and the report names a connection by it: so who reads events remembers each `Arrival`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from producers.errors import RowRejected
from producers.meetings import Meetings, draft_stay, find_learner
from producers.naming import Naming
from producers.rows import Agent, Draft
from producers.statements import format_instant, learner_by_account
from producers.titles import name_session
from producers.zoom.source import HOME_PAGE, ZoomSource

JOINED: Final = "meeting.participant_joined"
LEFT: Final = "meeting.participant_left"
_TIMES: Final = {JOINED: "join_time", LEFT: "leave_time"}


@dataclass(frozen=True, slots=True)
class ZoomEvent:
    """A participant who joined or left. `connection` tells one connection from all others, `number` the meeting's own.

    `sent` is when Zoom first told of it.
    """

    joined: bool
    at: datetime
    sent: datetime
    connection: str
    number: str
    session: str
    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a leave needs of its join: when it was, and a guest's account, which identifies nobody; '' of others."""

    at: datetime
    guest: str = ""

    def dump(self) -> dict[str, str]:
        """Return it as texts, for `load`."""
        return {"at": format_instant(self.at), "guest": self.guest}

    @classmethod
    def load(cls, facts: Mapping[str, str]) -> Arrival:
        """Return the arrival that `dump` wrote."""
        return cls(datetime.fromisoformat(facts["at"]), facts["guest"])


def parse_event(body: object, meetings: Meetings) -> ZoomEvent | None:
    """Return the event that a webhook's body holds; None when it says nothing for us.

    That is any other event, a meeting without a session, or the host, unless wanted. Raises RowRejected.
    """
    if not isinstance(body, dict) or not isinstance(body.get("event"), str):
        raise RowRejected("The body is not a webhook event: it has no event.")
    kind = body["event"]
    if kind not in _TIMES:
        return None
    meeting = _object(_object(body, "payload"), "object")
    participant = _object(meeting, "participant")
    session = meetings.session or name_session(meetings.topic_pattern, _text(meeting, "topic"))
    if not session:
        return None
    host = _text(meeting, "host_id")
    if host and _text(participant, "id") == host and not meetings.host:
        return None
    return ZoomEvent(
        joined=kind == JOINED,
        at=_instant(participant, _TIMES[kind]),
        sent=_sent(body),
        connection=f"{_required(meeting, 'uuid')}|{_required(participant, 'user_id')}",
        number="".join(_text(meeting, "id").split()) or session,
        session=session,
        email=_text(participant, "email").strip(),
        name=_text(participant, "user_name"),
    )


def draft_arrival(event: ZoomEvent, naming: Naming) -> tuple[Draft, Arrival]:
    """Return the join, and what its leave will need. Raises RowRejected."""
    learner = find_learner(naming, ZoomSource.name, HOME_PAGE, event.session, email=event.email, name=event.name)
    (join,) = draft_stay(naming, ZoomSource.name, event.session, event.number, learner, event.at, None)
    return join, Arrival(event.at, "" if event.email else learner.ifi["account"]["name"])


def draft_leave(event: ZoomEvent, arrival: Arrival, naming: Naming) -> Draft:
    """Return the leave of a connection whose join is known. Raises RowRejected."""
    learner = _recognise(event, arrival, naming)
    stay = draft_stay(naming, ZoomSource.name, event.session, event.number, learner, arrival.at, event.at)
    return stay[1]


def _recognise(event: ZoomEvent, arrival: Arrival, naming: Naming) -> Agent:
    if arrival.guest:
        return learner_by_account(HOME_PAGE, arrival.guest, event.name)
    if not event.email:
        raise RowRejected("The leave has no e-mail address, which its join had.")
    return find_learner(naming, ZoomSource.name, HOME_PAGE, event.session, email=event.email, name=event.name)


def _sent(body: Mapping[str, Any]) -> datetime:
    ts = body.get("event_ts")
    if not isinstance(ts, int) or isinstance(ts, bool) or not 0 < ts < 4_102_444_800_000:  # noqa: PLR2004 - the year 2100
        raise RowRejected("event_ts is not a time in milliseconds.")
    return datetime.fromtimestamp(ts / 1000, UTC)


def _instant(participant: Mapping[str, Any], key: str) -> datetime:
    try:
        instant = datetime.fromisoformat(_text(participant, key))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise RowRejected(f"participant.{key} is not a time with its offset.")
    return instant


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise RowRejected(f"{key} is missing or is not an object.")
    return value


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    # Zoom has written the numbers of meetings and participants either way.
    return (
        str(value)
        if isinstance(value, int) and not isinstance(value, bool)
        else value
        if isinstance(value, str)
        else ""
    )


def _required(parent: Mapping[str, Any], key: str) -> str:
    value = _text(parent, key)
    if not value.strip():
        raise RowRejected(f"{key} is missing.")
    return value
