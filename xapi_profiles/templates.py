"""Statements against the templates of the profiles that they claim to follow (xAPI Profiles 1.0, parts two and three).

A statement claims a profile by its version's IRI among the category activities; the IRI of the profile itself, as most
public profiles have it, claims its newest version. It then has to match a template of that version by its determining
properties, and to keep every rule of each one that it matches. Other spellings of verbs and types match as well.
Profiles are compiled once; a statement then costs some dictionary look-ups per rule. What a template asks of the
statement that is referred to (objectStatementRefTemplate, contextStatementRefTemplate) is not checked: a stream holds
no other statement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Literal, NamedTuple

from xapi_profiles.activities import list_context_activities, type_of
from xapi_profiles.datatypes import read_timestamp
from xapi_profiles.json_path import compile_path, weigh_path
from xapi_profiles.json_text import dump_canonical_json
from xapi_profiles.profile import Profile, Rule, Template
from xapi_profiles.vocabulary import canonical_type, canonical_verb

State = Literal["conformant", "nonconformant", "unclaimed"]
"""`unclaimed`: of no profile that is known here."""

_NOTHING: Final[Mapping[str, Any]] = {}


class Expectation(StrEnum):
    """What a rule that failed expects at its place."""

    VALUE = "expected a value"
    NOTHING = "expected nothing"
    ANY = "expected one of the values in any"
    ALL = "expected values of those in all only"
    NONE = "expected no value of those in none"
    TEMPLATE = "expected what one template of the profile determines"


class Conformance(NamedTuple):
    """How a statement stands. `profile`, `template` and `rule` name the first rule that failed, else whom it follows.

    `rule` holds a place and, after a colon, an Expectation, never a value of the statement.
    """

    state: State
    profile: str = ""
    template: str = ""
    rule: str = ""


_UNCLAIMED: Final = Conformance("unclaimed")


class ConformanceChecker:
    """Tells which statements keep the rules of the profiles that they claim. Made once for some profiles.

    Those of a checker that is given `beside` them are not compiled again.
    """

    def __init__(self, profiles: Iterable[Profile], beside: ConformanceChecker | None = None) -> None:
        self._claims: dict[str, _Version] = {} if beside is None else dict(beside._claims)  # noqa: SLF001 (its own kind)
        for profile in profiles:
            templates = defaultdict(list)
            for template in profile.templates:
                templates[template.in_scheme].append(template)
            for version, members in templates.items():
                self._claims[version] = _Version(version, members)
            newest = max(profile.versions, key=lambda version: read_timestamp(version.generated_at_time)).id
            if newest in templates:
                self._claims[profile.id] = self._claims[newest]

    def check(self, statement: dict[str, Any]) -> Conformance:
        """Return how a valid statement stands: the first failure of any profile that it claims, else the first one."""
        statement = list_context_activities(statement)
        claimed = self._list_claimed(statement)
        if not claimed:
            return _UNCLAIMED
        standings = [version.check(statement) for version in claimed]
        return next((one for one in standings if one.state == "nonconformant"), standings[0])

    def list_kept(self, statement: dict[str, Any]) -> dict[str, list[str]]:
        """Return, by version of a profile that a valid statement claims, the templates that it matches and keeps."""
        statement = list_context_activities(statement)
        return {version.iri: version.list_kept(statement) for version in self._list_claimed(statement)}

    def _list_claimed(self, statement: dict[str, Any]) -> Collection[_Version]:
        return {
            version: None
            for activity in _read_activities(statement).get("category") or ()
            if (version := self._claims.get(activity["id"])) is not None
        }


def weigh_profile(profile: Profile) -> int:
    """Return what holding one statement against a profile costs at most, in look-ups (some 1 us each).

    That is of the verb whose templates ask for most, in each version: a statement may claim them all.
    """
    weights: dict[str, dict[str | None, int]] = defaultdict(lambda: defaultdict(int))
    for template in profile.templates:
        verb = None if template.verb is None else canonical_verb(template.verb)
        weights[template.in_scheme][verb] += 1 + sum(map(_weigh_rule, template.rules or ()))
    return sum(
        by_verb.get(None, 0) + max((weight for verb, weight in by_verb.items() if verb is not None), default=0)
        for by_verb in weights.values()
    )


def _weigh_rule(rule: Rule) -> int:
    return weigh_path(rule.location) * (weigh_path(rule.selector) if rule.selector else 1)


class _Version:
    """The templates of one version of a profile, by the verb that they ask for."""

    def __init__(self, iri: str, templates: Sequence[Template]) -> None:
        self.iri = iri
        self._by_verb: dict[str | None, list[_Template]] = defaultdict(list)
        for template in templates:
            verb = None if template.verb is None else canonical_verb(template.verb)
            self._by_verb[verb].append(_Template(template))

    def check(self, statement: dict[str, Any]) -> Conformance:
        matched = self._match(statement)
        if not matched:
            return Conformance("nonconformant", self.iri, "", f"$: {Expectation.TEMPLATE}")
        for template in matched:
            if rule := template.find_broken_rule(statement):
                return Conformance("nonconformant", self.iri, template.iri, rule)
        return Conformance("conformant", self.iri, matched[0].iri)

    def list_kept(self, statement: dict[str, Any]) -> list[str]:
        return [template.iri for template in self._match(statement) if not template.find_broken_rule(statement)]

    def _match(self, statement: dict[str, Any]) -> list[_Template]:
        verb = canonical_verb(statement["verb"]["id"])
        candidates = (*self._by_verb.get(verb, ()), *self._by_verb.get(None, ()))
        return [template for template in candidates if template.matches(statement)]


class _Template:
    """A template compiled: what determines it, and its rules."""

    def __init__(self, template: Template) -> None:
        self.iri = template.id
        self._object_type = (
            None if template.object_activity_type is None else canonical_type(template.object_activity_type)
        )
        asked = {
            "parent": template.context_parent_activity_type,
            "grouping": template.context_grouping_activity_type,
            "category": template.context_category_activity_type,
            "other": template.context_other_activity_type,
        }
        self._context_types = [(name, frozenset(map(canonical_type, types))) for name, types in asked.items() if types]
        self._usage_types = frozenset(template.attachment_usage_type or ())
        self._rules = [_compile_rule(rule) for rule in template.rules or () if _can_break(rule)]

    def matches(self, statement: dict[str, Any]) -> bool:
        """Whether a statement with the template's verb has the other determining properties too."""
        if self._object_type is not None and _canonical_type_of(statement["object"]) != self._object_type:
            return False
        if self._context_types:
            activities = _read_activities(statement)
            if not all(
                types.issubset(map(_canonical_type_of, activities.get(name) or ()))
                for name, types in self._context_types
            ):
                return False
        usages = self._usage_types
        return not usages or usages.issubset(each["usageType"] for each in statement.get("attachments") or ())

    def find_broken_rule(self, statement: dict[str, Any]) -> str:
        """Return the first rule that a statement breaks, as a place and an expectation, or ''."""
        return next((broken for rule in self._rules if (broken := rule(statement))), "")


def _can_break(rule: Rule) -> bool:
    return rule.presence != "recommended" or bool(rule.any or rule.all or rule.none)


def _compile_rule(rule: Rule) -> Callable[[dict[str, Any]], str]:
    find = compile_path(rule.location)
    select = compile_path(rule.selector) if rule.selector else None
    place = rule.location + (f" {rule.selector}" if rule.selector else "")
    wanted, allowed, refused = (
        None if values is None else frozenset(map(_key, values)) for values in (rule.any, rule.all, rule.none)
    )
    presence = rule.presence

    def find_broken_values(values: list[Any], *, unmatchable: bool) -> str:
        keys = [_key(value) for value in values]
        if wanted is not None and wanted.isdisjoint(keys):
            return Expectation.ANY
        if allowed is not None and (unmatchable or not allowed.issuperset(keys)):
            return Expectation.ALL
        if refused is not None and not refused.isdisjoint(keys):
            return Expectation.NONE
        return ""

    def check(statement: dict[str, Any]) -> str:
        values = find(statement)
        unmatchable = not values
        if select is not None:
            selected = [select(value) for value in values]
            unmatchable = unmatchable or not all(selected)
            values = [value for each in selected for value in each]
        if presence == "excluded":
            broken = Expectation.NOTHING if values else ""
        elif presence == "included" and unmatchable:
            broken = Expectation.VALUE
        elif presence == "recommended" and not values:
            broken = ""
        else:
            broken = find_broken_values(values, unmatchable=unmatchable)
        return f"{place}: {broken}" if broken else ""

    return check


def _canonical_type_of(activity: Mapping[str, Any]) -> str:
    return canonical_type(type_of(activity))


def _read_activities(statement: dict[str, Any]) -> Mapping[str, Any]:
    return (statement.get("context") or _NOTHING).get("contextActivities") or _NOTHING


def _key(value: object) -> object:
    """Return what two equal JSON values share, and no others: in Python, true equals 1."""
    kind = type(value)
    if kind is str:
        return value
    if kind is bool or value is None:
        return (kind, value)
    return (float, value) if kind is int or kind is float else (kind, dump_canonical_json(value))
