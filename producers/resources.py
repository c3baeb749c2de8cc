"""The forms of statements about resources consulted: web pages, documents, e-books, videos, courses.

The profile is `Category.RESOURCES`. Which verb: `accessed` for a page or a place that was opened, `viewed` for content
that was shown to read or to watch, `downloaded` for a file that was taken away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from producers.naming import Naming
from producers.places import NOWHERE, Place, situate
from producers.rows import Agent
from producers.statements import activity, agent, format_duration, format_instant
from xapi_profiles.vocabulary import Category, Verb

__all__ = ["NOWHERE", "Place", "Resource", "accessed", "downloaded", "viewed"]

_VERBS: Final = {
    Verb.ACCESSED: {"id": Verb.ACCESSED, "display": {"fr": "a consulté"}},
    Verb.VIEWED: {"id": Verb.VIEWED, "display": {"fr": "a vu"}},
    Verb.DOWNLOADED: {"id": Verb.DOWNLOADED, "display": {"fr": "a téléchargé"}},
}
_CATEGORY = [{"id": Category.RESOURCES}]


@dataclass(frozen=True, slots=True)
class Resource:
    """What was consulted: its IRI, its type (of `ActivityType`) and its French name, '' for an unknown one."""

    iri: str
    kind: str
    name: str = ""


def accessed(
    naming: Naming,
    learner: Agent,
    resource: Resource,
    place: Place = NOWHERE,
    *,
    at: datetime,
    spent: timedelta | None = None,
) -> dict[str, Any]:
    """Return the statement that a page or a place was opened, and for how long where that was measured."""
    return _consult(naming, Verb.ACCESSED, learner, resource, place, at, spent)


def viewed(
    naming: Naming,
    learner: Agent,
    resource: Resource,
    place: Place = NOWHERE,
    *,
    at: datetime,
    spent: timedelta | None = None,
) -> dict[str, Any]:
    """Return the statement that content was shown, and for how long where that was measured."""
    return _consult(naming, Verb.VIEWED, learner, resource, place, at, spent)


def downloaded(
    naming: Naming, learner: Agent, resource: Resource, place: Place = NOWHERE, *, at: datetime
) -> dict[str, Any]:
    """Return the statement that a file was taken away."""
    return _consult(naming, Verb.DOWNLOADED, learner, resource, place, at, None)


def _consult(
    naming: Naming,
    verb: str,
    learner: Agent,
    resource: Resource,
    place: Place,
    at: datetime,
    spent: timedelta | None,
) -> dict[str, Any]:
    return {
        "actor": agent(learner),
        "verb": _VERBS[verb],
        "object": activity(resource.iri, resource.kind, resource.name),
        **({} if spent is None else {"result": {"duration": format_duration(spent)}}),
        "context": situate(naming, learner, place, _CATEGORY),
        "timestamp": format_instant(at),
    }
