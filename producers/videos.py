"""The forms of statements about videos watched, in the words of the public video profile.

The profile is `Category.RESOURCES`; `Category.VIDEO` says beside it whose words these are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from producers.naming import Naming
from producers.places import NOWHERE, Place, situate
from producers.resources import Resource
from producers.rows import Agent
from producers.statements import activity, agent, format_duration, format_instant
from xapi_profiles.vocabulary import Category, Extension, Verb

VERB_NAMES: Final = {
    Verb.INITIALIZED: "a chargé",
    Verb.PLAYED: "a lu",
    Verb.PAUSED: "a mis en pause",
    Verb.SEEKED: "s'est déplacé dans",
    Verb.TERMINATED: "a quitté",
    Verb.COMPLETED: "a regardé jusqu'au bout",
}
_CATEGORY = [{"id": Category.RESOURCES}, {"id": Category.VIDEO}]
_VERBS = {iri: {"id": iri, "display": {"fr": name}} for iri, name in VERB_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Playback:
    """Where somebody stands in a video, in seconds from its start; None and '' for what is not known.

    `came_from` is where a jump began, `time` where it ended. `progress` is the share watched so far, 0 to 1, and
    `segments` the parts, as the profile writes them: `0[.]12[,]20[.]30`, which last `watched` seconds together.
    `viewing` is a UUID.
    """

    time: float | None = None
    came_from: float | None = None
    progress: float | None = None
    segments: str = ""
    watched: float | None = None
    length: float | None = None
    viewing: str = ""


def watched(
    naming: Naming,
    verb: str,
    learner: Agent,
    video: Resource,
    playback: Playback,
    place: Place = NOWHERE,
    *,
    at: datetime,
) -> dict[str, Any]:
    """Return the statement of what a learner did with a video (a verb of `VERB_NAMES`)."""
    if verb == Verb.SEEKED:
        told = {Extension.VIDEO_TIME_FROM: playback.came_from, Extension.VIDEO_TIME_TO: playback.time}
    else:
        told = {Extension.VIDEO_TIME: playback.time}
    results = {
        **told,
        Extension.VIDEO_PROGRESS: playback.progress,
        Extension.VIDEO_PLAYED_SEGMENTS: playback.segments or None,
    }
    result: dict[str, Any] = {"completion": True} if verb == Verb.COMPLETED else {}
    if verb == Verb.COMPLETED and playback.watched is not None:
        result["duration"] = format_duration(timedelta(seconds=playback.watched))
    extensions = _known(results)
    if extensions:
        result["extensions"] = extensions
    context = situate(naming, learner, place, _CATEGORY)
    around = _known({Extension.VIDEO_LENGTH: playback.length, Extension.VIDEO_SESSION_ID: playback.viewing or None})
    if around:
        context["extensions"] = around
    return {
        "actor": agent(learner),
        "verb": _VERBS[verb],
        "object": activity(video.iri, video.kind, video.name),
        **({"result": result} if result else {}),
        "context": context,
        "timestamp": format_instant(at),
    }


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
