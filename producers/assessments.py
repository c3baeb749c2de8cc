"""The forms of statements about work that is assessed: started, handed in, answered, scored, completed, earned.

The profile is `Category.ASSESSMENTS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from producers.naming import Naming
from producers.places import NOWHERE, Place, situate
from producers.resources import Resource
from producers.rows import Agent
from producers.statements import activity, agent, format_instant
from xapi_profiles.vocabulary import Category, Extension, Verb

VERB_NAMES: Final = {
    Verb.INITIALIZED: "a commencé",
    Verb.PROGRESSED: "a progressé dans",
    Verb.SUBMIT: "a remis",
    Verb.ABANDONED: "a abandonné",
    Verb.ANSWERED: "a répondu à",
    Verb.SCORED: "a obtenu un résultat à",
    Verb.COMPLETED: "a terminé",
    Verb.PASSED: "a réussi",
    Verb.FAILED: "a échoué à",
    Verb.EARNED: "a obtenu",
}
_CATEGORY = [{"id": Category.ASSESSMENTS}]
_VERBS = {iri: {"id": iri, "display": {"fr": name}} for iri, name in VERB_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, None where it does not say. `score` is xAPI's (see `grade`), `progress` a percentage."""

    score: Mapping[str, float] | None = None
    success: bool | None = None
    completion: bool | None = None
    progress: int | None = None


NO_OUTCOME: Final = Outcome()
DONE: Final = Outcome(completion=True)


def assessed(
    naming: Naming,
    verb: str,
    learner: Agent,
    work: Resource,
    place: Place = NOWHERE,
    *,
    at: datetime,
    outcome: Outcome = NO_OUTCOME,
) -> dict[str, Any]:
    """Return the statement that a learner did something (a verb of `VERB_NAMES`) to assessed work."""
    told = {"score": outcome.score, "success": outcome.success, "completion": outcome.completion}
    result: dict[str, Any] = {name: value for name, value in told.items() if value is not None}
    if outcome.progress is not None:
        result["extensions"] = {Extension.PROGRESS: outcome.progress}
    return {
        "actor": agent(learner),
        "verb": _VERBS[verb],
        "object": activity(work.iri, work.kind, work.name),
        **({"result": result} if result else {}),
        "context": situate(naming, learner, place, _CATEGORY),
        "timestamp": format_instant(at),
    }


def grade(points: float, low: float, high: float) -> dict[str, float]:
    """Return the score of some points between the lowest and the highest possible.

    Points beyond these (a bonus) are told as they are, without the bounds, which a score may not leave.
    """
    if high <= low:
        return {"raw": points}
    scaled = round(min(max((points - low) / (high - low), 0.0), 1.0), 6)
    if low <= points <= high:
        return {"scaled": scaled, "raw": points, "min": low, "max": high}
    return {"scaled": scaled, "raw": points}
