"""The requirements that tie several properties of a statement together, which no single type can express.

`find_breaches` walks any parsed statement, sound or not: what has the wrong type is left to the model in
statement.py, so that both together report everything that is wrong, each thing once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import chain
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from xapi_profiles.json_text import ExactNumber
from xapi_profiles.vocabulary import Verb

Path = tuple[str | int, ...]

IDENTIFIERS: Final = ("mbox", "mbox_sha1sum", "openid", "account")
COMPONENT_LISTS: Final = ("choices", "scale", "source", "target", "steps")
SUPPORTED_LISTS: Final = MappingProxyType(
    {
        "choice": ("choices",),
        "sequencing": ("choices",),
        "likert": ("scale",),
        "matching": ("source", "target"),
        "performance": ("steps",),
        "true-false": (),
        "fill-in": (),
        "long-fill-in": (),
        "numeric": (),
        "other": (),
    }
)
_CONTEXT_LISTS: Final = ("parent", "grouping", "category", "other")
_NOTHING: Final[dict[str, Any]] = {}


class Breach(NamedTuple):
    """A broken requirement: where, its id, and what is expected (no value of the statement in it)."""

    path: Path
    rule: str
    message: str


def find_breaches(statement: Mapping[str, Any]) -> Iterator[Breach]:
    """Yield every breach in a statement, sub-statement included."""
    yield from _statement(statement, ())
    authority = statement.get("authority")
    if type(authority) is dict:
        yield from _authority(authority)
    target = statement.get("object")
    if type(target) is dict and target.get("objectType") == "SubStatement":
        yield from _statement(target, ("object",))


def _statement(statement: Mapping[str, Any], at: Path) -> Iterator[Breach]:
    yield from _actor(statement.get("actor"), (*at, "actor"))
    target = _object(statement.get("object"))
    kind = target.get("objectType", "Activity")
    if kind == "Activity":
        yield from _activity(target, (*at, "object"))
        if "objectType" not in target and any(name in target for name in (*IDENTIFIERS, "member")):
            yield Breach(
                (*at, "object", "objectType"), "XAPI-00065", "an agent or a group as object says so in objectType"
            )
    elif kind in ("Agent", "Group"):
        yield from _actor(target, (*at, "object"))
    if _object(statement.get("verb")).get("id") == Verb.VOIDED and kind != "StatementRef":
        yield Breach((*at, "object"), "XAPI-00020", "a voiding statement's object is a StatementRef with the voided id")
    result = statement.get("result")
    if type(result) is dict:
        yield from _score(_object(result.get("score")), (*at, "result", "score"))
    context = statement.get("context")
    if type(context) is dict:
        yield from _context(context, kind, (*at, "context"))


def _context(context: dict[str, Any], kind: object, at: Path) -> Iterator[Breach]:
    if kind in ("Agent", "Group", "StatementRef", "SubStatement"):
        for name, rule in (("revision", "XAPI-00084"), ("platform", "XAPI-00085")):
            if name in context:
                yield Breach((*at, name), rule, f"{name} is allowed only if the object is an Activity")
    for name in ("instructor", "team"):
        if name in context:
            yield from _actor(context[name], (*at, name))
    for name, member in (("contextAgents", "agent"), ("contextGroups", "group")):
        for index, item in enumerate(_array(context.get(name))):
            yield from _actor(_object(item).get(member), (*at, name, index, member))
    activities = context.get("contextActivities")
    if type(activities) is dict:
        yield from _context_activities(activities, (*at, "contextActivities"))


def _context_activities(activities: dict[str, Any], at: Path) -> Iterator[Breach]:
    for name in _CONTEXT_LISTS:
        found = activities.get(name)
        if type(found) is list:
            for index, activity in enumerate(found):
                yield from _activity(_object(activity), (*at, name, index))
        elif found is not None:
            yield from _activity(_object(found), (*at, name))


def _actor(actor: object, at: Path) -> Iterator[Breach]:
    if type(actor) is not dict:
        return
    identifiers = [name for name in IDENTIFIERS if name in actor]
    grouped = actor.get("objectType") == "Group"
    if len(identifiers) > 1:
        yield Breach(
            (*at, identifiers[1]),
            "XAPI-00037" if grouped else "XAPI-00034",
            f"exactly one of {', '.join(IDENTIFIERS)} identifies an agent or a group; keep one",
        )
    elif not identifiers and grouped and not actor.get("member"):
        yield Breach(
            (*at, "member"), "XAPI-00035", "a group without identifier lists its agents in member, one at least"
        )
    elif not identifiers and not grouped and actor.get("objectType", "Agent") == "Agent":
        yield Breach(at, "XAPI-00034", f"an agent is identified by exactly one of {', '.join(IDENTIFIERS)}; add one")
    if grouped:
        for index, member in enumerate(_array(actor.get("member"))):
            if _object(member).get("objectType", "Agent") == "Agent":
                yield from _actor(member, (*at, "member", index))


def _authority(authority: dict[str, Any]) -> Iterator[Breach]:
    at: Path = ("authority",)
    yield from _actor(authority, at)
    if authority.get("objectType") != "Group":
        return
    for name in IDENTIFIERS:
        if name in authority:
            yield Breach((*at, name), "XAPI-00098", "an authority that is a Group has no identifier of its own")
            return
    members = authority.get("member")
    if type(members) is list and members and len(members) != 2:  # noqa: PLR2004 -- an application and a user
        yield Breach((*at, "member"), "XAPI-00098", "an authority that is a Group has exactly two agents")


def _activity(activity: dict[str, Any], at: Path) -> Iterator[Breach]:
    definition = activity.get("definition")
    if type(definition) is not dict:
        return
    at = (*at, "definition")
    kind = definition.get("interactionType")
    if "interactionType" not in definition:
        for name in chain(("correctResponsesPattern",), COMPONENT_LISTS):
            if name in definition:
                yield Breach((*at, "interactionType"), "XAPI-00064", f"{name} needs an interactionType beside it")
                return
    for name in COMPONENT_LISTS:
        if name not in definition:
            continue
        if isinstance(kind, str) and name not in SUPPORTED_LISTS.get(kind, COMPONENT_LISTS):
            yield Breach((*at, name), "Data-2.4.4.1", f"{name} does not belong to this interactionType")
        yield from _components(definition[name], (*at, name))


def _components(components: object, at: Path) -> Iterator[Breach]:
    seen: set[str] = set()
    for index, component in enumerate(_array(components)):
        name = _object(component).get("id")
        if isinstance(name, str):
            if name in seen:
                yield Breach((*at, index, "id"), "Data-2.4.4.1", "ids within a list of components are distinct")
            seen.add(name)


def _score(score: dict[str, Any], at: Path) -> Iterator[Breach]:
    scaled = score.get("scaled")
    # The model compares the nearest double.
    if type(scaled) is ExactNumber and abs(scaled) == 1 < abs(scaled.decimal):
        yield Breach((*at, "scaled"), "XAPI-00083", "expected a number from -1 to 1")
    raw, low, high = (_number(score.get(name)) for name in ("raw", "min", "max"))
    if low is not None and high is not None and low >= high:
        yield Breach((*at, "min"), "XAPI-00081", "min is less than max")
    elif raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        yield Breach((*at, "raw"), "XAPI-00082", "raw lies between min and max, both included")


def _object(value: object) -> dict[str, Any]:
    return value if type(value) is dict else _NOTHING


def _array(value: object) -> list[Any]:
    return value if type(value) is list else []


def _number(value: object) -> int | float | Decimal | None:
    if type(value) is ExactNumber:
        return value.decimal
    return value if type(value) in (int, float) else None  # type: ignore[return-value]  # type(), to leave bool out
