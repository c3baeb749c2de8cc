"""The forms of statements about surveys: a question answered, a module or a session rated.

The profile is `Category.SURVEYS`. A response is nobody's: its actor is an account drawn for that response alone, and no
statement has a registration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from producers.naming import Naming
from producers.rows import Agent
from producers.statements import Training, activity, agent, format_instant, group_of, learner_by_account
from xapi_profiles.vocabulary import ActivityType, Category, Verb

_ANSWERED: Final = {"id": Verb.ANSWERED, "display": {"fr": "a répondu à"}}
_RATED: Final = {"id": Verb.RATED, "display": {"fr": "a évalué"}}
_CATEGORY = [{"id": Category.SURVEYS}]


@dataclass(frozen=True, slots=True)
class Survey:
    """A survey, by the identifier and the name ('' for an unknown one) that its system gives it."""

    identifier: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question: its name within the survey, and what xAPI calls its interaction type (`likert`, `choice`...)."""

    name: str
    interaction: str


@dataclass(frozen=True, slots=True)
class Response:
    """One filled-in survey: who (see `respondent`), about which training, and when."""

    survey: Survey
    respondent: Agent
    training: Training
    at: datetime


def respondent(naming: Naming, source: str, survey: str, key: str) -> Agent:
    """Return the account of one response: it joins the answers of that response, and nothing else."""
    return learner_by_account(naming.system(source), naming.derive(f"{source}-response", survey, key))


def answer(naming: Naming, response: Response, question: Question, text: str) -> dict[str, Any]:
    """Return the statement that a question was answered, by a text that is not ''."""
    target = _question(naming, response.survey, question)
    return _build(naming, response, _ANSWERED, target, {"response": text}, response.training)


def rate(naming: Naming, response: Response, question: Question, score: Mapping[str, float]) -> dict[str, Any]:
    """Return the statement that the training's module was rated by a question, else its session, else the survey.

    `score` is xAPI's, with its scaled value.
    """
    training = response.training
    if training.module:
        target = activity(naming.module(training.module), ActivityType.TRAINING_MODULE, training.module_name)
        around = replace(training, module="")
    elif training.session:
        target = activity(naming.session(training.session), ActivityType.SESSION, training.session_name)
        around = replace(training, session="")
    else:
        target, around = _survey(naming, response.survey), training
    built = _build(naming, response, _RATED, target, {"score": dict(score)}, around)
    built["context"]["contextActivities"]["other"] = [_question(naming, response.survey, question)]
    return built


def _build(
    naming: Naming,
    response: Response,
    verb: dict[str, Any],
    target: dict[str, Any],
    result: dict[str, Any],
    around: Training,
) -> dict[str, Any]:
    activities: dict[str, Any] = {"category": _CATEGORY, "parent": [_survey(naming, response.survey)]}
    grouping = group_of(naming, around)
    if around.session:
        grouping.insert(0, activity(naming.session(around.session), ActivityType.SESSION, around.session_name))
    if grouping:
        activities["grouping"] = grouping
    return {
        "actor": agent(response.respondent),
        "verb": verb,
        "object": target,
        "result": result,
        "context": {"contextActivities": activities},
        "timestamp": format_instant(response.at),
    }


def _survey(naming: Naming, survey: Survey) -> dict[str, Any]:
    return activity(_iri(naming, survey), ActivityType.SURVEY, survey.name)


def _question(naming: Naming, survey: Survey, question: Question) -> dict[str, Any]:
    iri = f"{_iri(naming, survey)}/questions/{quote(question.name, safe='')}"
    built = activity(iri, ActivityType.INTERACTION, question.name)
    built["definition"]["interactionType"] = question.interaction
    return built


def _iri(naming: Naming, survey: Survey) -> str:
    return f"{naming.home}/surveys/{quote(survey.identifier, safe='')}"
