"""Takes out of a statement what its tenant's policy does not keep, and tells what there is to seal.

It works on statements whose agents are pseudonyms already (identity/sealing.py). What stands in the place of an
original keeps the statement valid: a language map keeps its tags, an IRI becomes one of ours, an enumeration is left
alone. What nothing was found in is shared with the argument, which is never touched.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from identity.keys import TenantKeys
from identity.policy import FieldName, Policy
from identity.redaction_mentions import Mention
from identity.redaction_patches import Patch, Path
from identity.redaction_places import GONE, Json, Places, Tell, replace_member

_COMPONENT_LISTS: Final = ("choices", "scale", "source", "target", "steps")
_INTERACTION: Final = frozenset({"correctResponsesPattern", *_COMPONENT_LISTS})
_RELATIONS: Final = ("parent", "grouping", "category", "other")
_DEFINITION_MAPS: Final[tuple[tuple[str, FieldName], ...]] = (
    ("name", "activity.definition.name"),
    ("description", "activity.definition.description"),
)

_CONTEXT_TEXTS: Final[tuple[tuple[str, FieldName], ...]] = (
    ("revision", "context.revision"),
    ("platform", "context.platform"),
)


class Redacted(NamedTuple):
    """A statement without what its policy does not keep, and the originals of what is to be sealed."""

    statement: Json
    patches: list[Patch]


def redact(
    statement: Json, policy: Policy, keys: TenantKeys, mentions: Sequence[Mention] = (), tell: Tell | None = None
) -> Redacted:
    """Return a valid, pseudonymised statement as the policy has it.

    `mentions` is what its agents are called (list_mentions). `tell` is called for every place that the policy rules
    with its name and what was done there: keep, seal, hash or drop.
    """
    places = Places(policy, keys, mentions, tell)
    return Redacted(_Walk(places).of_body(statement, ()), places.patches)


class _Walk:
    """Goes to every place of a statement that a policy rules."""

    __slots__ = ("_places",)

    def __init__(self, places: Places) -> None:
        self._places = places

    def of_body(self, body: Json, path: Path) -> Json:
        new = replace_member(body, "verb", self._places.once("verb", body["verb"], (*path, "verb"), self._verb))
        target = body["object"]
        kind = target.get("objectType", "Activity")
        if kind == "Activity":
            new = replace_member(
                new, "object", self._places.once("activity", target, (*path, "object"), self._activity)
            )
        elif kind == "SubStatement":
            new = replace_member(new, "object", self.of_body(target, (*path, "object")))
        if "result" in body:
            new = replace_member(new, "result", self._result(body["result"], (*path, "result")))
        if "context" in body:
            new = replace_member(new, "context", self._context(body["context"], (*path, "context")))
        if "attachments" in body:
            found = self._places.each(body["attachments"], (*path, "attachments"), self._attachment)
            new = replace_member(new, "attachments", found)
        return new

    def _verb(self, verb: Json, path: Path) -> Json:
        new = replace_member(verb, "id", self._places.iri("verb.id", verb["id"], (*path, "id"), is_term=True))
        if "display" in verb:
            new = replace_member(
                new, "display", self._places.language_map("verb.display", verb["display"], (*path, "display"))
            )
        return new

    def _activity(self, activity: Json, path: Path) -> Json:
        new = replace_member(activity, "id", self._places.iri("activity.id", activity["id"], (*path, "id")))
        if "definition" in activity:
            definition = self._definition(activity["definition"], (*path, "definition"))
            new = replace_member(new, "definition", definition)
        return new

    def _activities(self, activities: Any, path: Path) -> Any:  # noqa: ANN401 (a list)
        return self._places.each(activities, path, self._activity)

    def _definition(self, definition: Json, path: Path) -> Json:
        new = definition
        for name, field in _DEFINITION_MAPS:
            if name in definition:
                new = replace_member(new, name, self._places.language_map(field, definition[name], (*path, name)))
        if "type" in definition:
            kind = self._places.iri("activity.definition.type", definition["type"], (*path, "type"), is_term=True)
            new = replace_member(new, "type", kind)
        if "moreInfo" in definition:
            more = self._places.iri("activity.definition.moreInfo", definition["moreInfo"], (*path, "moreInfo"))
            new = replace_member(new, "moreInfo", more)
        if "extensions" in definition:
            new = replace_member(
                new, "extensions", self._places.extensions(definition["extensions"], (*path, "extensions"))
            )
        if not _INTERACTION.isdisjoint(definition):
            new = self._interaction(definition, new, path)
        return new

    def _interaction(self, definition: Json, new: Json, path: Path) -> Json:
        if "correctResponsesPattern" in definition:
            field: FieldName = "activity.definition.correctResponsesPattern"
            patterns = definition["correctResponsesPattern"]
            found = self._places.each(
                patterns, (*path, "correctResponsesPattern"), functools.partial(self._places.text, field)
            )
            new = replace_member(new, "correctResponsesPattern", found)
        for name in _COMPONENT_LISTS:
            if name in definition:
                new = replace_member(new, name, self._places.each(definition[name], (*path, name), self._component))
        return new

    def _component(self, component: Json, path: Path) -> Json:
        field: FieldName = "activity.definition.components"
        # Hashed, not sealed: the components of an activity are told apart by their ids.
        hashed = self._places.hash(component["id"])
        name = self._places.text(field, component["id"], (*path, "id"), hashed)
        new = replace_member(component, "id", hashed() if name is GONE else name)
        if "description" in component:
            new = replace_member(
                new, "description", self._places.language_map(field, component["description"], (*path, "description"))
            )
        return new

    def _result(self, result: Json, path: Path) -> Json:
        new = result
        if "response" in result:
            new = replace_member(
                new, "response", self._places.text("result.response", result["response"], (*path, "response"))
            )
        if "extensions" in result:
            new = replace_member(
                new, "extensions", self._places.extensions(result["extensions"], (*path, "extensions"))
            )
        return new

    def _context(self, context: Json, path: Path) -> Json:
        new = context
        related = context.get("contextActivities")
        if related:
            changed = related
            for relation in _RELATIONS:
                if relation in related:
                    place = (*path, "contextActivities", relation)
                    # Everything that completion has passed is an array; what another wrote may be an object still.
                    one = isinstance(related[relation], dict)
                    of = self._activity if one else self._activities
                    changed = replace_member(
                        changed, relation, self._places.once(relation, related[relation], place, of)
                    )
            new = replace_member(new, "contextActivities", changed)
        for name, field in _CONTEXT_TEXTS:
            if name in context:
                new = replace_member(new, name, self._places.text(field, context[name], (*path, name)))
        if "language" in context:
            spoken = self._places.text("context.language", context["language"], (*path, "language"), lambda: "und")
            new = replace_member(new, "language", spoken)
        for name in ("contextAgents", "contextGroups"):
            if name in context:
                new = replace_member(new, name, self._places.each(context[name], (*path, name), self._relevance))
        if "extensions" in context:
            new = replace_member(
                new, "extensions", self._places.extensions(context["extensions"], (*path, "extensions"))
            )
        return new

    def _relevance(self, entry: Json, path: Path) -> Json:
        if "relevantTypes" not in entry:
            return entry
        of = functools.partial(self._places.iri, "context.relevantTypes", is_term=True)
        return replace_member(
            entry, "relevantTypes", self._places.each(entry["relevantTypes"], (*path, "relevantTypes"), of)
        )

    def _attachment(self, attachment: Json, path: Path) -> Json:
        usage = self._places.iri("attachments.usageType", attachment["usageType"], (*path, "usageType"), is_term=True)
        new = replace_member(attachment, "usageType", usage)
        display = self._places.language_map("attachments.display", attachment["display"], (*path, "display"))
        new = replace_member(new, "display", {} if display is GONE else display)
        if "description" in attachment:
            field: FieldName = "attachments.description"
            new = replace_member(
                new, "description", self._places.language_map(field, attachment["description"], (*path, "description"))
            )
        told = attachment["contentType"]
        media = self._places.text(
            "attachments.contentType", told, (*path, "contentType"), lambda: "application/octet-stream"
        )
        new = replace_member(new, "contentType", "application/octet-stream" if media is GONE else media)
        if "fileUrl" in attachment:
            # Never taken away: with it goes the mark that keeps others' contents from being fetched by their hash.
            url = self._places.iri("attachments.fileUrl", attachment["fileUrl"], (*path, "fileUrl"))
            new = replace_member(new, "fileUrl", url)
        return new
