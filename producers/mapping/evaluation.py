"""A statement of a mapping made ready for the columns of a file: what it makes of a row's cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from producers.attendance import name_half_day
from producers.errors import RowRejected
from producers.mapping.binding import Binding, Evaluate, Setting, check_row_iri
from producers.mapping.model import Actor, Context, Result, Statement, Thing
from producers.mapping.moments import simplify
from producers.mapping.texts import Cells, Match, Reader, Template, list_columns, name_column
from producers.mapping.values import Text
from producers.mapping.words import TYPES, VERB_NAMES, VERBS
from producers.naming import Naming, identify, slug
from producers.rows import Agent, Draft
from producers.statements import agent, format_instant, learner_by_account, learner_by_email
from xapi_profiles.vocabulary import ActivityType, Evidence, Extension, Modality

_TYPE_OF_KIND: Final = {
    "session": ActivityType.SESSION,
    "module": ActivityType.TRAINING_MODULE,
    "pathway": ActivityType.PATHWAY,
    "room": ActivityType.ROOM,
    "virtual_room": ActivityType.VIRTUAL_CLASSROOM,
}

Build = Callable[[Cells, Naming], dict[str, Any] | None]


class BoundStatement:
    """A statement bound to the columns of a file, for one column of those that it is repeated for, if any."""

    def __init__(
        self, statement: Statement, places: Mapping[str, int], setting: Setting, match: Match | None = None
    ) -> None:
        """Bind a statement that is whole: verb, timestamp, actor and object are there."""
        verb, timestamp, actor, thing = statement.verb, statement.timestamp, statement.actor, statement.object
        if verb is None or timestamp is None or actor is None or thing is None:
            raise ValueError("a statement is bound whole")
        binding = Binding(places, setting, match)
        context = statement.context or Context()
        own = (places[name_column(column)] for one in statement.key for column in list_columns(one, match))
        self._key = (*setting.key, *own)
        self._label = "\x1f".join((statement.label, match.column if match else ""))
        self._conditions = [binding.condition(one) for one in statement.when]
        self._verb = binding.iri_of(verb, VERBS, "verb")
        self._timestamp = binding.moment(timestamp, "timestamp")
        self._actor = _bind_actor(binding, actor)
        self._object = _bind_thing(binding, thing, "object")
        self._result = _bind_result(binding, statement.result) if statement.result else None
        self._context = _bind_context(binding, context, thing, statement.profile)

    def draft(self, cells: Cells, naming: Naming) -> Draft | None:
        """Return the statement of a row, None when a condition does not hold. Raises RowRejected."""
        if not all(holds(cells) for holds in self._conditions):
            return None
        learner, known = self._actor(cells, naming)
        verb = _require(self._verb(cells), "verb")
        at: datetime = _require(self._timestamp(cells), "timestamp")
        target: dict[str, Any] = _require(self._object(cells, naming), "object")
        instant = format_instant(at)
        statement: dict[str, Any] = {
            "actor": agent(learner),
            "verb": {"id": verb, "display": {"fr": VERB_NAMES[verb]}} if verb in VERB_NAMES else {"id": verb},
            "object": target,
        }
        result = self._result(cells) if self._result else None
        if result:
            statement["result"] = result
        context = self._context(cells, naming, learner if known else None)
        if context:
            statement["context"] = context
        statement["timestamp"] = instant
        key = (
            self._label,
            verb,
            target["id"],
            identify(learner.ifi),
            instant,
            *(cells[one] for one in self._key),
        )
        return Draft("\x1f".join(key), statement)


def _bind_actor(binding: Binding, actor: Actor) -> Callable[[Cells, Naming], tuple[Agent, bool]]:
    """Return what finds the actor of a row, and whether they are known."""
    email, account = binding.optional(actor.email, "actor.email"), binding.optional(actor.account, "actor.account")
    name, home_page = binding.optional(actor.name, "actor.name"), binding.optional(actor.home_page, "actor.home-page")
    source, key = binding.setting.source, binding.setting.key

    def find(cells: Cells, naming: Naming) -> tuple[Agent, bool]:
        called = name(cells) if name else ""
        if email and (address := email(cells)):
            return learner_by_email(address, called), True
        if account and (identifier := account(cells)):
            page = home_page(cells) if home_page else naming.system(source)
            return learner_by_account(check_row_iri(page, "actor.home-page"), identifier, called), True
        if not actor.anonymous:
            raise RowRejected("The actor is missing: the row fills none of the columns that name one.")
        drawn = naming.derive("anonymous", source, *(cells[one] for one in key))
        return learner_by_account(naming.system(source), drawn), False

    return find


def _bind_thing(binding: Binding, thing: Thing, field: str) -> Build:
    """Return what builds an activity."""
    kind = thing.kind
    given: Text = getattr(thing, kind)
    read = binding.text(given, f"{field}.{kind.replace('_', '-')}", iri=kind == "id")
    name = binding.optional(thing.name, f"{field}.name")
    if thing.type is not None:
        read_type = binding.iri_of(thing.type, TYPES, f"{field}.type")
    else:
        read_type = binding.read(Template((_TYPE_OF_KIND[kind],)))
    language, interaction = binding.setting.language, thing.interaction_type

    def build(cells: Cells, naming: Naming) -> dict[str, Any] | None:
        identifier = read(cells)
        if not identifier:
            return None
        called = name(cells) if name else ""
        match kind:
            case "id":
                iri = identifier if ":" in identifier else f"{naming.home}/{identifier}"
                iri = check_row_iri(iri, f"{field}.id")
            case "room":
                # A room is known by its name.
                iri, called = naming.room(slug(identifier)), called or identifier
            case _:
                iri = getattr(naming, kind)(identifier)
        definition: dict[str, Any] = {}
        if type_ := read_type(cells):
            definition["type"] = type_
        if called:
            definition["name"] = {language: called}
        if interaction:
            definition["interactionType"] = interaction
        return {"objectType": "Activity", "id": iri, "definition": definition}

    return build


def _bind_result(binding: Binding, result: Result) -> Evaluate:
    """Return what builds a result."""
    plain: list[tuple[str, Evaluate]] = []
    if result.success is not None:
        plain.append(("success", binding.truth(result.success, "result.success")))
    if result.completion is not None:
        plain.append(("completion", binding.truth(result.completion, "result.completion")))
    if result.response is not None:
        plain.append(("response", binding.text(result.response, "result.response")))
    if result.duration is not None:
        plain.append(("duration", binding.duration(result.duration, "result.duration")))
    score = result.score
    numbers = [
        (name, binding.number(number, f"result.score.{name}"))
        for name in ("scaled", "raw", "min", "max")
        if score is not None and (number := getattr(score, name)) is not None
    ]
    extensions = binding.extensions(result.extensions, "result.extensions")

    def build(cells: Cells) -> dict[str, Any]:
        built: dict[str, Any] = {}
        told = {name: value for name, number in numbers if (value := number(cells)) is not None}
        if "scaled" in told or "raw" in told:
            built["score"] = check_score(told)
        for name, evaluate in plain:
            value = evaluate(cells)
            if value not in (None, ""):
                built[name] = value
        if extensions and (filled := extensions(cells)):
            built["extensions"] = filled
        return built

    return build


def _bind_context(
    binding: Binding, context: Context, target: Thing, profile: str | None
) -> Callable[[Cells, Naming, Agent | None], dict[str, Any]]:
    """Return what builds a context, for the learner of the row where they are known."""
    read_session = binding.optional(context.session or target.session, "context.session")
    activities = _bind_activities(binding, context, target, profile)
    platform = binding.optional(context.platform, "context.platform")
    extensions = _bind_context_extensions(binding, context)

    def build(cells: Cells, naming: Naming, learner: Agent | None) -> dict[str, Any]:
        built: dict[str, Any] = {}
        if context.registration and learner and read_session and (session := read_session(cells)):
            built["registration"] = naming.registration(session, learner.ifi)
        if around := activities(cells, naming):
            built["contextActivities"] = around
        if platform and (text := platform(cells)):
            built["platform"] = text
        if told := extensions(cells):
            built["extensions"] = told
        return built

    return build


def _bind_activities(binding: Binding, context: Context, target: Thing, profile: str | None) -> Build:
    """Return what builds the activities around the object, which does not stand among them itself."""
    around: list[tuple[str, Build]] = []
    for kind in ("session", "module", "pathway"):
        given = getattr(context, kind)
        if given is not None and target.kind != kind:
            relation = "parent" if kind == "session" and not context.parent else "grouping"
            thing = Thing.model_construct(**{kind: given, "name": getattr(context, f"{kind}_name")})
            around.append((relation, _bind_thing(binding, thing, f"context.{kind}")))
    around += [("parent", _bind_thing(binding, one, "context.parent")) for one in context.parent]
    around += [("grouping", _bind_thing(binding, one, "context.grouping")) for one in context.grouping]
    category = [{"id": profile}] if profile else []

    def build(cells: Cells, naming: Naming) -> dict[str, Any]:
        activities: dict[str, list[dict[str, Any]]] = {"category": category} if category else {}
        for relation, build_thing in around:
            thing = build_thing(cells, naming)
            if thing is not None:
                activities.setdefault(relation, []).append(thing)
        return activities

    return build


def _bind_context_extensions(binding: Binding, context: Context) -> Evaluate:
    own = binding.extensions(context.extensions, "context.extensions")
    words = [
        (key, _among(binding.text(value, f"context.{name}"), frozenset(allowed), f"context.{name}"))
        for key, name, value, allowed in (
            (Extension.MODALITY, "modality", context.modality, Modality),
            (Extension.EVIDENCE, "evidence", context.evidence, Evidence),
        )
        if value is not None
    ]
    half_day = binding.moment(context.half_day, "context.half-day") if context.half_day else None
    zone = binding.setting.zone

    def build(cells: Cells) -> dict[str, Any]:
        told: dict[str, Any] = own(cells) if own else {}
        told.update((key, word) for key, read in words if (word := read(cells)))
        if half_day and (moment := half_day(cells)):
            told[Extension.HALF_DAY] = name_half_day(moment, zone)
        return told

    return build


def check_score(score: dict[str, float]) -> dict[str, float]:
    """Return a score with its scaled value, which raw, min and max give where it is missing. Raises RowRejected."""
    raw, least, most = score.get("raw"), score.get("min"), score.get("max")
    if least is not None and most is not None and least >= most:
        raise RowRejected("result.score: min is not below max.")
    if raw is not None and ((least is not None and raw < least) or (most is not None and raw > most)):
        raise RowRejected("result.score: raw is not between min and max.")
    if "scaled" not in score and raw is not None and least is not None and most is not None:
        score = {"scaled": simplify(round((raw - least) / (most - least), 6)), **score}
    if not -1 <= score.get("scaled", 0) <= 1:
        raise RowRejected("result.score: scaled is not between -1 and 1; give divide = 100 for a percentage.")
    return score


def _among(read: Reader, allowed: frozenset[str], field: str) -> Reader:
    def check(cells: Cells) -> str:
        word = read(cells)
        if word and word not in allowed:
            raise RowRejected(f"{field} is none of {', '.join(sorted(allowed))}.")
        return word

    return check


def _require(value: Any, field: str) -> Any:  # noqa: ANN401 (whatever a field holds)
    if not value:
        raise RowRejected(f"{field} is missing: the row leaves its columns empty.")
    return value
