"""From a statement to the typed columns that boards filter and group by, so that no query opens JSON.

Only what is fixed at acceptance is decided here; what can still change (a leave, a cancelled slot) is joined when read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from stream_processors.errors import DeadLetter
from stream_processors.times import EARLIEST, LATEST, name_half_day, parse_duration, parse_timestamp
from xapi_profiles.activities import type_of
from xapi_profiles.vocabulary import ActivityType, Extension, Modality, Verb, canonical_type, canonical_verb

_ROLE_OF_TYPE = {
    ActivityType.SESSION: "session",
    ActivityType.LIVE_SESSION: "session",
    ActivityType.FACE_TO_FACE: "session",
    ActivityType.TRAINING_MODULE: "module",
    ActivityType.MODULE: "module",
    ActivityType.COURSE: "module",
    ActivityType.PATHWAY: "pathway",
    ActivityType.LEARNING_PLAN: "pathway",
}
_MODALITY_OF_TYPE = {
    ActivityType.VIRTUAL_CLASSROOM: Modality.REMOTE,
    ActivityType.WEBINAR: Modality.REMOTE,
    ActivityType.FACE_TO_FACE: Modality.IN_PERSON,
    ActivityType.FACE_TO_FACE_DISCUSSION: Modality.IN_PERSON,
}
_MODALITIES = frozenset(Modality)
_HALF_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) (?:am|pm)")


class Activity(NamedTuple):
    """An activity as a column pair: its IRI and the name to show for it."""

    id: str = ""
    name: str = ""


_NO_ACTIVITY = Activity()


class Enrichment(NamedTuple):
    """The typed columns of one statement; '' and None mean none. Times are milliseconds since 1970 UTC.

    Verb and type are in the spelling of xapi_profiles/vocabulary.py, however the statement spells them.
    """

    timestamp: int
    verb: str
    activity: Activity
    activity_type: str
    registration: UUID | None
    session: Activity
    module: Activity
    pathway: Activity
    modality: str
    place: str
    connection: str
    half_day: str
    planned_start: int | None
    planned_seconds: int | None
    duration_ms: int | None
    completion: bool | None
    success: bool | None
    score_scaled: float | None


def enrich(statement: dict[str, Any], zone: ZoneInfo) -> Enrichment:
    """Read the columns out of a valid statement with a `timestamp`; raises DeadLetter where that can't be stored."""
    context: dict[str, Any] = statement.get("context") or {}
    extensions: dict[str, Any] = context.get("extensions") or {}
    result: dict[str, Any] = statement.get("result") or {}
    target: dict[str, Any] = statement["object"]
    is_activity = target.get("objectType", "Activity") == "Activity"
    target_type = canonical_type(type_of(target)) if is_activity else ""
    roles = _find_roles(target if is_activity else None, context.get("contextActivities") or {})

    timestamp = parse_timestamp(statement["timestamp"], "/timestamp")
    planned_start = _planned_start(extensions)
    verb = _spell_verb(statement["verb"]["id"])
    told_half_day = _told_half_day(extensions) if verb == Verb.ATTENDED else ""
    return Enrichment(
        timestamp=timestamp,
        verb=verb,
        activity=_to_activity(target) if is_activity else _NO_ACTIVITY,
        activity_type=target_type,
        registration=UUID(context["registration"]) if "registration" in context else None,
        session=roles.get("session", _NO_ACTIVITY),
        module=roles.get("module", _NO_ACTIVITY),
        pathway=roles.get("pathway", _NO_ACTIVITY),
        modality=_find_modality(extensions, target_type),
        place=_find_place(extensions, target, target_type),
        connection=_text(extensions, Extension.CONNECTION, Extension.CMI5_SESSION_ID, Extension.VIDEO_SESSION_ID),
        half_day=told_half_day or name_half_day(timestamp if planned_start is None else planned_start, zone),
        planned_start=planned_start,
        planned_seconds=_planned_seconds(extensions),
        duration_ms=parse_duration(result["duration"]) if "duration" in result else None,
        completion=result.get("completion"),
        success=result.get("success"),
        score_scaled=(result.get("score") or {}).get("scaled"),
    )


def _spell_verb(iri: str) -> str:
    spelt = canonical_verb(iri)
    # Only the specification's own spelling voids, and nobody has checked what one of another refers to.
    return iri if spelt == Verb.VOIDED else spelt


def _find_roles(target: dict[str, Any] | None, activities: dict[str, Any]) -> dict[str, Activity]:
    found: dict[str, Activity] = {}
    for activity in _related(target, activities):
        role = _ROLE_OF_TYPE.get(canonical_type(type_of(activity)))
        if role is not None and role not in found:
            found[role] = _to_activity(activity)
    return found


def _related(target: dict[str, Any] | None, activities: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if target is not None:
        yield target
    for relation in ("parent", "grouping"):
        related = activities.get(relation) or ()
        yield from (related,) if isinstance(related, dict) else related


def _to_activity(activity: dict[str, Any]) -> Activity:
    return Activity(activity["id"], choose_text((activity.get("definition") or {}).get("name") or {}))


def choose_text(language_map: dict[str, str]) -> str:
    """Return the French text of a language map, else the English, else the first; '' of an empty one."""
    for language in ("fr", "en"):
        for tag, text in language_map.items():
            if tag == language or tag.startswith(language + "-"):
                return text
    return next(iter(language_map.values()), "")


def _find_modality(extensions: dict[str, Any], target_type: str) -> str:
    told = extensions.get(Extension.MODALITY)
    if isinstance(told, str) and told in _MODALITIES:
        return told
    return _MODALITY_OF_TYPE.get(target_type, "")


def _find_place(extensions: dict[str, Any], target: dict[str, Any], target_type: str) -> str:
    told = _text(extensions, Extension.ROOM, Extension.LOCATION)
    if told or target_type != ActivityType.ROOM:
        return told
    activity = _to_activity(target)
    return activity.name or activity.id


def _text(extensions: dict[str, Any], *keys: str) -> str:
    for key in keys:
        value = extensions.get(key)
        if isinstance(value, str):
            return value
    return ""


def _told_half_day(extensions: dict[str, Any]) -> str:
    """Return the half-day that a derived fact is of, '' where it says none: it may be told at any time."""
    told = _text(extensions, Extension.HALF_DAY)
    match = _HALF_DAY.fullmatch(told)
    if match is None:
        return ""
    try:
        date.fromisoformat(match[1])
    except ValueError:
        return ""
    return told


def _planned_start(extensions: dict[str, Any]) -> int | None:
    told = extensions.get(Extension.PLANNED_START_TIME)
    if not isinstance(told, str):
        return None
    try:
        moment = parse_timestamp(told, "")
    except DeadLetter:
        # An extension may hold anything: what is no time plans nothing, and the statement stays valid.
        return None
    return moment if EARLIEST < moment < LATEST else None


def _planned_seconds(extensions: dict[str, Any]) -> int | None:
    told = extensions.get(Extension.PLANNED_DURATION)
    milliseconds = parse_duration(told) if isinstance(told, str) else None
    return None if milliseconds is None else min(milliseconds // 1000, 2**32 - 1)
