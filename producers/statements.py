"""The forms of our producers' statements (see docs/vocabulary.md), so that every source builds the same ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from producers.errors import RowRejected
from producers.naming import Naming, slug
from producers.rows import Agent
from xapi_profiles.vocabulary import ActivityType, Category, Extension, Modality, Verb

VERB_NAMES: Final = {
    Verb.SCHEDULE: "a planifié",
    Verb.CANCEL: "a annulé",
    Verb.REGISTERED: "est inscrit à",
    Verb.UNREGISTERED: "n'est plus inscrit à",
    Verb.JOIN: "a rejoint",
    Verb.CHECKIN: "est arrivé dans",
    Verb.LEAVE: "a quitté",
    Verb.VOIDED: "a retiré",
}
_LONGEST_EMAIL = 254
_EMAIL = re.compile(r"[^\s@<>\"',;:\\()\[\]]+@[^\s@<>\"',;:\\()\[\]]+\.[^\s@<>\"',;:\\()\[\].]{2,}")
_CATEGORY = [{"id": Category.TRAINING}]
_VERBS = {iri: {"id": iri, "display": {"fr": name}} for iri, name in VERB_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Training:
    """What a statement about a session says of it: identifiers and French names, '' for an unknown one."""

    session: str
    session_name: str = ""
    module: str = ""
    module_name: str = ""
    pathway: str = ""
    pathway_name: str = ""


def is_email(text: str) -> bool:
    """Say whether a text is an e-mail address that can stand in an `mbox`."""
    return len(text) <= _LONGEST_EMAIL and text.isascii() and _EMAIL.fullmatch(text) is not None


def learner_by_email(email: str, name: str = "") -> Agent:
    """Return the learner with an e-mail address, lower-cased. Raises RowRejected when it is none."""
    email = email.strip()
    if not email:
        raise RowRejected("The e-mail address is missing.")
    if not is_email(email):
        raise RowRejected("The e-mail address is malformed.")
    return Agent({"mbox": "mailto:" + email.lower()}, " ".join(name.split()))


def learner_by_account(home_page: str, identifier: str, name: str = "") -> Agent:
    """Return the learner with an account. The identifier is one that the system drew, never a display name."""
    return Agent({"account": {"homePage": home_page, "name": identifier}}, " ".join(name.split()))


def format_instant(instant: datetime) -> str:
    """Return an aware datetime as xAPI has it: UTC, milliseconds."""
    moment = instant.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def format_duration(duration: timedelta) -> str:
    """Return a whole number of seconds as an ISO 8601 duration, such as `PT3H` or `PT1H30M`."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{value}{unit}" for value, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if value)
    return "PT" + ("".join(parts) or "0S")


def schedule(
    naming: Naming,
    source: str,
    training: Training,
    *,
    starts: datetime,
    duration: timedelta,
    modality: Modality,
    room: str,
    at: datetime,
) -> dict[str, Any]:
    """Return the statement that plans one half-day slot. `starts` is aware; `room` is a name or ''."""
    extensions: dict[str, Any] = {
        Extension.PLANNED_START_TIME: starts.isoformat(),
        Extension.PLANNED_DURATION: format_duration(duration),
        Extension.MODALITY: modality.value,
    }
    if room:
        extensions[Extension.ROOM] = room
    return _about_session(naming, system(naming, source), Verb.SCHEDULE, training, at, extensions)


def cancel(naming: Naming, source: str, training: Training, *, starts: datetime, at: datetime) -> dict[str, Any]:
    """Return the statement that withdraws the slot planned at `starts`."""
    extensions = {Extension.PLANNED_START_TIME: starts.isoformat()}
    return _about_session(naming, system(naming, source), Verb.CANCEL, training, at, extensions)


def register(naming: Naming, training: Training, learner: Agent, *, at: datetime) -> dict[str, Any]:
    """Return the statement that registers a learner to a session."""
    return _about_learner(naming, Verb.REGISTERED, training, learner, at)


def unregister(naming: Naming, training: Training, learner: Agent, *, at: datetime) -> dict[str, Any]:
    """Return the statement that withdraws a learner's registration."""
    return _about_learner(naming, Verb.UNREGISTERED, training, learner, at)


def void(naming: Naming, source: str, statement: str, *, at: datetime) -> dict[str, Any]:
    """Return the statement by which a source system withdraws one that it sent, known by its id, for good."""
    return {
        "actor": system(naming, source),
        "verb": _VERBS[Verb.VOIDED],
        "object": {"objectType": "StatementRef", "id": statement},
        "context": {"contextActivities": {"category": _CATEGORY}},
        "timestamp": format_instant(at),
    }


def join(
    naming: Naming, session: str, virtual_room: str, learner: Agent, connection: str, *, at: datetime
) -> dict[str, Any]:
    """Return the statement of an arrival in a virtual room, by one connection."""
    return _remote(naming, Verb.JOIN, session, virtual_room, learner, connection, at)


def leave_remote(
    naming: Naming, session: str, virtual_room: str, learner: Agent, connection: str, *, at: datetime
) -> dict[str, Any]:
    """Return the statement of a leave from a virtual room, of one connection."""
    return _remote(naming, Verb.LEAVE, session, virtual_room, learner, connection, at)


def check_in(naming: Naming, session: str, room: str, learner: Agent, *, at: datetime) -> dict[str, Any]:
    """Return the statement of an arrival in a room, known by its name."""
    return _in_person(naming, Verb.CHECKIN, session, room, learner, at)


def leave_room(naming: Naming, session: str, room: str, learner: Agent, *, at: datetime) -> dict[str, Any]:
    """Return the statement of a leave from a room, known by its name."""
    return _in_person(naming, Verb.LEAVE, session, room, learner, at)


def activity(iri: str, kind: str, name: str = "") -> dict[str, Any]:
    """Return an activity with its type and, where known, its French name."""
    definition: dict[str, Any] = {"type": kind}
    if name:
        definition["name"] = {"fr": name}
    return {"objectType": "Activity", "id": iri, "definition": definition}


def agent(learner: Agent) -> dict[str, Any]:
    """Return a learner as an xAPI agent."""
    return {"objectType": "Agent", **({"name": learner.name} if learner.name else {}), **learner.ifi}


def group_of(naming: Naming, training: Training) -> list[dict[str, Any]]:
    """Return the module and the pathway of a session, those that are known, as grouping activities."""
    grouping = []
    if training.module:
        grouping.append(activity(naming.module(training.module), ActivityType.TRAINING_MODULE, training.module_name))
    if training.pathway:
        grouping.append(activity(naming.pathway(training.pathway), ActivityType.PATHWAY, training.pathway_name))
    return grouping


def system(naming: Naming, source: str) -> dict[str, Any]:
    """Return a source system as the actor of what nobody in particular did."""
    return {"objectType": "Agent", "account": {"homePage": naming.system(source), "name": source}}


def _about_session(
    naming: Naming,
    actor: dict[str, Any],
    verb: str,
    training: Training,
    at: datetime,
    extensions: dict[str, Any] | None,
    registration: str = "",
) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if registration:
        context["registration"] = registration
    context["contextActivities"] = {"category": _CATEGORY}
    grouping = group_of(naming, training)
    if grouping:
        context["contextActivities"]["grouping"] = grouping
    if extensions:
        context["extensions"] = extensions
    return {
        "actor": actor,
        "verb": _VERBS[verb],
        "object": activity(naming.session(training.session), ActivityType.SESSION, training.session_name),
        "context": context,
        "timestamp": format_instant(at),
    }


def _about_learner(naming: Naming, verb: str, training: Training, learner: Agent, at: datetime) -> dict[str, Any]:
    registration = naming.registration(training.session, learner.ifi)
    return _about_session(naming, agent(learner), verb, training, at, None, registration)


def _presence(
    naming: Naming,
    verb: str,
    session: str,
    place: dict[str, Any],
    learner: Agent,
    at: datetime,
    extensions: dict[str, Any],
) -> dict[str, Any]:
    return {
        "actor": agent(learner),
        "verb": _VERBS[verb],
        "object": place,
        "context": {
            "registration": naming.registration(session, learner.ifi),
            "contextActivities": {
                "category": _CATEGORY,
                "parent": [activity(naming.session(session), ActivityType.SESSION)],
            },
            "extensions": extensions,
        },
        "timestamp": format_instant(at),
    }


def _remote(
    naming: Naming,
    verb: str,
    session: str,
    virtual_room: str,
    learner: Agent,
    connection: str,
    at: datetime,
) -> dict[str, Any]:
    place = activity(naming.virtual_room(virtual_room), ActivityType.VIRTUAL_CLASSROOM)
    extensions = {Extension.MODALITY: Modality.REMOTE.value, Extension.CONNECTION: connection}
    return _presence(naming, verb, session, place, learner, at, extensions)


def _in_person(naming: Naming, verb: str, session: str, room: str, learner: Agent, at: datetime) -> dict[str, Any]:
    place = activity(naming.room(slug(room)), ActivityType.ROOM, room)
    return _presence(naming, verb, session, place, learner, at, {Extension.MODALITY: Modality.IN_PERSON.value})
