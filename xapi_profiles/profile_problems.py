"""What is wrong with profiles: parts that break the specification, and profiles that contradict one another.

The models of profile.py say what a part has to look like; here their faults become problems with a place, a rule and a
sentence, and what only shows in a profile as a whole, or in several together, is found.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

from xapi_profiles import vocabulary
from xapi_profiles.errors import Problem
from xapi_profiles.pointers import excerpt, value_at, write_pointer

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from xapi_profiles.profile import Pattern, Profile, Template

MAX_NESTING: Final = 50
"""How deep patterns may be made of patterns."""
MAX_STEPS: Final = 10_000
"""How many templates and patterns a pattern may come to, those of its members counted each time they are used."""

_PARTS: Final = ("concepts", "templates", "patterns")
_TAGS: Final = frozenset({"term", "extension", "document", "activity"})
_RULES: Final = {
    "Verb": "7.1", "ActivityType": "7.1", "AttachmentUsageType": "7.1",
    "ContextExtension": "7.2", "ResultExtension": "7.2", "ActivityExtension": "7.2",
    "StateResource": "7.3", "AgentProfileResource": "7.3", "ActivityProfileResource": "7.3",
    "Activity": "7.4",
}  # fmt: skip
_SENTENCES: Final = {
    "missing": "expected this property, which is required",
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "list_type": "expected an array",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "typed_dict_type": "expected an object",
    "extra_forbidden": "expected no property of this name",
}
_EXTENSION = re.compile(r"extensions\[\s*((?:'[^']*'|\"[^\"]*\")(?:\s*,\s*(?:'[^']*'|\"[^\"]*\"))*)\s*\]")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")

_Path = tuple[str | int, ...]


def make_problem(document: object, path: _Path, message: str, rule: str = "") -> Problem:
    """Return the problem at a place of a profile's document.

    `rule` is by default the section of the specification that describes the place.
    """
    rule = rule or f"Profiles {_rule_of(document, path)}"
    return Problem(write_pointer(path), rule, message, excerpt(value_at(document, path)))


def describe_fault(document: object, fault: ErrorDetails) -> Problem:
    """Return the problem that a fault of the models is."""
    path = _clean(fault["loc"])
    kind, context = fault["type"], fault.get("ctx", {})
    if path[:1] == ("concepts",) and path[2:] == ("type",):
        message = f"expected one of {', '.join(_RULES)}"
    elif kind == "literal_error":
        message = f"expected {context['expected']}"
    elif kind == "too_short":
        message = f"expected {context['min_length']} or more"
    elif kind == "value_error":
        message = str(context["error"])
    else:
        message = _SENTENCES.get(kind, fault["msg"])
    return make_problem(document, path, message)


def find_empty_values(document: object, path: _Path = ()) -> Iterator[Problem]:
    """Find values that are null or empty, which a profile has nowhere (4.0)."""
    if document is None or document in ("", [], {}):
        yield Problem(write_pointer(path), "Profiles 4.0", "expected no empty value", excerpt(document))
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, child in items:
        yield from find_empty_values(child, (*path, key))


def find_faults(document: object, profile: Profile) -> Iterator[Problem]:
    """Find what is wrong with a profile as a whole, whose parts are sound."""
    yield from _find_version_faults(document, profile)
    yield from _find_reference_faults(document, profile)
    yield from _find_pattern_faults(document, profile)


def find_conflicts(document: object, profile: Profile, known: Iterable[Profile]) -> Iterator[Problem]:
    """Find where a profile contradicts the known ones, or names what neither it, they nor the vocabulary define.

    Words of namespaces in which the profile defines nothing are taken to be those of some public vocabulary.
    """
    known = tuple(known)
    owners = {iri: other for other in known for iri, _ in _list_ids(other)}
    for iri, path in _list_ids(profile):
        if iri in owners:
            yield make_problem(document, path, f"expected an id that {owners[iri].id} does not have already")
    concepts = {concept.id for each in (profile, *known) for concept in each.concepts}
    namespaces = {_namespace(concept.id) for concept in profile.concepts}
    public = _list_vocabulary()
    for iri, path in _list_words(profile):
        if iri not in concepts and iri not in public and _namespace(iri) in namespaces:
            yield make_problem(
                document, path, f"expected a word that is defined; {iri} is defined by no profile that is known here"
            )


def _list_words(profile: Profile) -> Iterator[tuple[str, _Path]]:
    """List the verbs, types and keys of extensions that templates and concepts refer to, with their places."""
    for index, template in enumerate(profile.templates):
        for name, iris in _determining(template).items():
            yield from ((iri, ("templates", index, name)) for iri in iris)
        for number, rule in enumerate(template.rules or ()):
            for found in _EXTENSION.finditer(rule.location):
                for single, double in _QUOTED.findall(found[1]):
                    yield single or double, ("templates", index, "rules", number, "location")
    for index, concept in enumerate(profile.concepts):
        for name in ("recommended_verbs", "recommended_activity_types"):
            for number, iri in enumerate(getattr(concept, name, None) or ()):
                yield iri, ("concepts", index, _camel(name), number)


def _determining(template: Template) -> Mapping[str, Sequence[str]]:
    single = {"verb": template.verb, "objectActivityType": template.object_activity_type}
    return {name: [iri] for name, iri in single.items() if iri} | {
        "contextGroupingActivityType": template.context_grouping_activity_type or (),
        "contextParentActivityType": template.context_parent_activity_type or (),
        "contextOtherActivityType": template.context_other_activity_type or (),
        "contextCategoryActivityType": template.context_category_activity_type or (),
        "attachmentUsageType": template.attachment_usage_type or (),
    }


def _list_ids(profile: Profile) -> Iterator[tuple[str, _Path]]:
    yield profile.id, ("id",)
    yield from ((version.id, ("versions", index, "id")) for index, version in enumerate(profile.versions))
    for name in _PARTS:
        yield from ((part.id, (name, index, "id")) for index, part in enumerate(getattr(profile, name)))


def _list_vocabulary() -> frozenset[str]:
    classes = (vocabulary.Verb, vocabulary.ActivityType, vocabulary.Extension)
    words = {value for each in classes for name, value in vars(each).items() if name.isupper()}
    return frozenset(words | set(vocabulary.VERB_ALIASES) | set(vocabulary.TYPE_ALIASES))


def _find_version_faults(document: object, profile: Profile) -> Iterator[Problem]:
    versions = {version.id for version in profile.versions}
    if len([version for version in profile.versions if not version.was_revision_of]) > 1:
        yield make_problem(document, ("versions",), "expected wasRevisionOf on all versions but the first")
    for name in _PARTS:
        for index, part in enumerate(getattr(profile, name)):
            if part.in_scheme is not None and part.in_scheme not in versions:
                yield make_problem(document, (name, index, "inScheme"), "expected the id of a version of this profile")
    places: dict[str, list[_Path]] = defaultdict(list)
    for iri, path in _list_ids(profile):
        places[iri].append(path)
    for first, *again in places.values():
        message = f"expected an id of its own; {write_pointer(first)} has this one"
        yield from (make_problem(document, path, message, "Profiles 6.0") for path in again)


def _find_reference_faults(document: object, profile: Profile) -> Iterator[Problem]:
    templates = {template.id for template in profile.templates}
    for index, template in enumerate(profile.templates):
        for name in ("object_statement_ref_template", "context_statement_ref_template"):
            for number, iri in enumerate(getattr(template, name) or ()):
                if iri not in templates:
                    path = ("templates", index, _camel(name), number)
                    yield make_problem(document, path, "expected the id of a template of this profile")
    kinds = {concept.id: concept.type for concept in profile.concepts}
    for index, concept in enumerate(profile.concepts):
        for name in ("broader", "narrower", "related"):
            for number, iri in enumerate(getattr(concept, name, None) or ()):
                if kinds.get(iri) != concept.type:
                    path = ("concepts", index, name, number)
                    yield make_problem(document, path, f"expected the id of a {concept.type} of this profile")


def _find_pattern_faults(document: object, profile: Profile) -> Iterator[Problem]:
    patterns = {pattern.id: pattern for pattern in profile.patterns}
    indexes = {pattern.id: index for index, pattern in enumerate(profile.patterns)}
    used = {member for pattern in profile.patterns for member in pattern.members}
    for index, pattern in enumerate(profile.patterns):
        for number, member in enumerate(pattern.alternates or ()):
            if member in patterns and (patterns[member].optional or patterns[member].zero_or_more):
                message = "expected no optional or zeroOrMore directly in alternates"
                yield make_problem(document, ("patterns", index, "alternates", number), message)
        if (
            pattern.sequence is not None
            and len(pattern.sequence) == 1
            and (pattern.id in used or pattern.sequence[0] in patterns)
        ):
            message = "expected two members or more, or one template in a primary pattern that is used nowhere else"
            yield make_problem(document, ("patterns", index, "sequence"), message)
    graph = {pattern.id: [member for member in pattern.members if member in patterns] for pattern in profile.patterns}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        for iri in sorted(set(error.args[1]), key=indexes.__getitem__):
            yield make_problem(document, ("patterns", indexes[iri]), "expected no pattern within itself")
        return
    yield from _find_large_patterns(document, order, patterns, indexes)


def _find_large_patterns(
    document: object, order: Iterable[str], patterns: Mapping[str, Pattern], indexes: Mapping[str, int]
) -> Iterator[Problem]:
    """Find patterns that would take too much to follow. `order` has every pattern after its members."""
    nesting: dict[str, int] = {}
    steps: dict[str, int] = {}
    for iri in order:
        members = patterns[iri].members
        nesting[iri] = 1 + max((nesting.get(member, 0) for member in members), default=0)
        steps[iri] = 1 + sum(steps.get(member, 1) for member in members)
        if nesting[iri] > MAX_NESTING or steps[iri] > MAX_STEPS:
            message = (
                f"expected patterns nested no deeper than {MAX_NESTING}, and no more than {MAX_STEPS} members in all"
            )
            yield make_problem(document, ("patterns", indexes[iri]), message)
            # Said once: what is made of it is too large as well, and its numbers need not grow.
            nesting[iri] = steps[iri] = 1


def _clean(location: tuple[str | int, ...]) -> _Path:
    """Return the place of a fault: what pydantic adds for unions and keys leaves its location."""
    path = (
        location[:2] + location[3:]
        if location[:1] == ("concepts",) and location[2:3] and location[2] in _TAGS
        else location
    )
    if path[:1] == ("@context",):
        return ("@context",)
    return path[:-1] if path[-1:] == ("[key]",) else path


def _rule_of(document: object, path: _Path) -> str:
    """Return the section of the specification that describes a place."""
    match path:
        case ("concepts", int() as index, *_):
            kind = value_at(document, ("concepts", index, "type"))
            return _RULES.get(kind, "7.0") if isinstance(kind, str) else "7.0"
        case ("templates", int(), "rules", *_):
            return "8.1"
        case (("templates" | "patterns" | "versions" | "author") as name, *_):
            return {"templates": "8.0", "patterns": "9.0", "versions": "6.1", "author": "6.2"}[name]
    return "6.0"


def _namespace(iri: str) -> str:
    return iri[: max(iri.rfind("/"), iri.rfind("#")) + 1]


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))
