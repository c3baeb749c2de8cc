"""The form of the derived fact `attended`: what a learner attended of a session in one half-day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from producers.naming import Naming
from producers.rows import Agent
from producers.statements import Training, activity, agent, format_duration, format_instant, group_of
from xapi_profiles.vocabulary import ActivityType, Category, Evidence, Extension, Modality, Verb

Span = tuple[datetime, datetime]
"""From an instant to a later one."""

_VERB = {"id": Verb.ATTENDED, "display": {"fr": "a suivi"}}
_CATEGORY = [{"id": Category.TRAINING}]
_NOON_BREAK: Final = time(13)


def attended(
    naming: Naming,
    training: Training,
    learner: Agent,
    *,
    half_day: str,
    duration: timedelta,
    modality: Modality,
    evidence: Evidence,
    at: datetime,
    late: bool = False,
) -> dict[str, Any]:
    """Return the statement that a learner attended, for so long, in one half-day (see `name_half_day`).

    `at` lies in that half-day: when the learner's time there began.
    """
    activities: dict[str, Any] = {"category": _CATEGORY}
    grouping = group_of(naming, training)
    if grouping:
        activities["grouping"] = grouping
    extensions: dict[str, Any] = {
        Extension.HALF_DAY: half_day,
        Extension.MODALITY: modality.value,
        Extension.EVIDENCE: evidence.value,
    }
    if late:
        extensions[Extension.ATTENDANCE_LATE] = True
    return {
        "actor": agent(learner),
        "verb": _VERB,
        "object": activity(naming.session(training.session), ActivityType.SESSION, training.session_name),
        "result": {"duration": format_duration(duration)},
        "context": {
            "registration": naming.registration(training.session, learner.ifi),
            "contextActivities": activities,
            "extensions": extensions,
        },
        "timestamp": format_instant(at),
    }


def name_half_day(moment: datetime, zone: ZoneInfo) -> str:
    """Return the half-day of an instant in local time, such as `2026-11-22 am`; afternoons begin at 13:00."""
    local = moment.astimezone(zone)
    return f"{local:%Y-%m-%d} {'am' if local.time() < _NOON_BREAK else 'pm'}"


def cut_half_days(starts: datetime, ends: datetime, zone: ZoneInfo) -> list[Span]:
    """Return the parts of a time that lie in one half-day each: cut at 13:00 and at midnight, local time."""
    parts = []
    while starts < ends:
        local = starts.astimezone(zone)
        day = local.date() if local.time() < _NOON_BREAK else local.date() + timedelta(days=1)
        border = datetime.combine(day, _NOON_BREAK if day == local.date() else time(), zone)
        # Instants are compared, not the hours of two clocks that may have changed in between.
        end = min(ends, border.astimezone(starts.tzinfo))
        parts.append((starts, end))
        starts = end
    return parts


def add_up(spans: Iterable[Span]) -> timedelta:
    """Return how long some times last together; what they share counts once."""
    total, reached = timedelta(), None
    for starts, ends in sorted(spans):
        begin = starts if reached is None else max(starts, reached)
        if ends > begin:
            total += ends - begin
            reached = ends
    return total
