"""Where a learner did something: the session, its module and pathway, and what else lies around, as a context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from producers.naming import Naming
from producers.rows import Agent
from producers.statements import Training, activity, group_of
from xapi_profiles.vocabulary import ActivityType

_NOWHERE = Training("")


@dataclass(frozen=True, slots=True)
class Place:
    """Within what something was done.

    The session that `training` names, if any, is the parent and gives the registration; its module and its pathway are
    grouping activities, and so are `within`: the web site, the platform, the course (as `statements.activity` gives
    them). `platform` names the system for people.
    """

    training: Training = _NOWHERE
    within: Sequence[dict[str, Any]] = ()
    platform: str = ""


NOWHERE: Final = Place()


def situate(naming: Naming, learner: Agent, place: Place, category: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the context of what a learner did at a place, with the profiles that the statement follows."""
    session = place.training.session
    activities: dict[str, Any] = {"category": category}
    if session:
        activities["parent"] = [activity(naming.session(session), ActivityType.SESSION, place.training.session_name)]
    grouping = [*group_of(naming, place.training), *place.within]
    if grouping:
        activities["grouping"] = grouping
    context: dict[str, Any] = {"contextActivities": activities}
    if session:
        context["registration"] = naming.registration(session, learner.ifi)
    if place.platform:
        context["platform"] = place.platform
    return context
