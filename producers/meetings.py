"""What reports of online meetings have in common, whichever system wrote them: their session, learners and stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from producers.dates import DateOrder
from producers.errors import RowRejected, UnreadableInput
from producers.naming import Naming
from producers.rows import Agent, Draft
from producers.statements import (
    format_instant,
    join,
    learner_by_account,
    learner_by_email,
    leave_remote,
)
from producers.titles import SESSION_PATTERN, name_session


@dataclass(frozen=True, slots=True)
class Meetings:
    """How the institution names its meetings.

    The session is `session` where given, else what the first group of `topic_pattern` finds in the topic. The host
    (a speaker, or staff) is left out unless wanted.
    """

    zone: ZoneInfo
    session: str = ""
    topic_pattern: str = SESSION_PATTERN
    order: DateOrder | None = None
    host: bool = False


def find_session(meetings: Meetings, topics: Iterable[str], path: Path) -> str:
    """Return the session of a report from what may be its topic. Raises UnreadableInput when nothing tells it."""
    if meetings.session:
        return meetings.session
    for topic in topics:
        session = name_session(meetings.topic_pattern, topic)
        if session:
            return session
    raise UnreadableInput(
        f"{path} does not say its session: no {meetings.topic_pattern} in its topic. Name it with --session."
    )


def find_learner(naming: Naming, source: str, home_page: str, session: str, *, email: str, name: str) -> Agent:
    """Return the learner of a row. Raises RowRejected.

    A guest has nothing but a display name, which is neither unique nor to be kept as an identifier: an account drawn
    from it holds within one session, where it joins the guest's reconnections, and no further.
    """
    if email:
        return learner_by_email(email, name)
    if not name:
        raise RowRejected("The row has neither an e-mail address nor a name.")
    guest = naming.derive(f"{source}-guest", session, " ".join(name.lower().split()))
    return learner_by_account(home_page, guest, name)


def draft_stay(
    naming: Naming, source: str, session: str, room: str, learner: Agent, starts: datetime, ends: datetime | None
) -> list[Draft]:
    """Return the join and the leave of one connection, the join alone while `ends` is not known. Raises RowRejected."""
    connection = naming.derive(source, room, session, str(learner.ifi), format_instant(starts))
    drafts = [Draft(f"join|{connection}", join(naming, session, room, learner, connection, at=starts))]
    if ends is not None:
        if ends < starts:
            raise RowRejected("The leave is before the join.")
        key = f"leave|{connection}|{format_instant(ends)}"
        drafts.append(Draft(key, leave_remote(naming, session, room, learner, connection, at=ends)))
    return drafts
