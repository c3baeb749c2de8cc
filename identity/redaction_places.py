"""What becomes of the text, the IRIs, the language maps and the extensions of one statement under a policy.

Every method returns its argument itself where that stays, so that unchanged parts are shared, and GONE where it is to
be left out; what is to be sealed is collected in `patches`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from identity.hiding import DROPPED_IRI, DROPPED_TEXT, SEALED_TEXT, hash_value, hide_iri, hide_tag
from identity.keys import TenantKeys
from identity.policy import Action, FieldName, Policy
from identity.redaction_mentions import Mention, find_mentioned
from identity.redaction_patches import Patch, Path
from identity.redaction_patterns import detect, detect_in_iri, detect_in_term, tells_person
from xapi_profiles import vocabulary
from xapi_profiles.json_text import dump_json

Json = dict[str, Any]
Tell = Callable[[str, str], None]

GONE: Final = object()
_NOBODY: Final[frozenset[str]] = frozenset()
_PLAIN_TAG: Final = len("fr-FR")
_SIGNATURE: Final = "http://adlnet.gov/expapi/attachments/signature"
# What the product itself goes by: hidden, a voiding would void nothing and a signature would be given to anybody.
_NEVER_HIDDEN: Final = frozenset({vocabulary.Verb.VOIDED, _SIGNATURE})
_VOCABULARY: Final = _NEVER_HIDDEN | frozenset(
    value
    for kind in (vocabulary.Verb, vocabulary.ActivityType, vocabulary.Extension, vocabulary.Category)
    for name, value in vars(kind).items()
    if name.isupper()
)


class Places:
    """The places of one statement, by their kind."""

    __slots__ = (
        "_actions",
        "_extensions",
        "_iris",
        "_is_plain",
        "_keys",
        "_mentions",
        "_policy",
        "_region",
        "_sound",
        "_tell",
        "patches",
    )

    def __init__(self, policy: Policy, keys: TenantKeys, mentions: Sequence[Mention], tell: Tell | None) -> None:
        self._policy = policy
        self._actions = policy.actions
        self._extensions = policy.extension_rules
        self._iris = policy.iri_rules
        self._region = policy.region
        self._keys = keys
        self._mentions = mentions
        self._tell = tell
        # Whether what is said of one statement holds for all; then most of it is known from those before.
        self._is_plain = not mentions and tell is None
        self._sound = policy.sound
        self.patches: list[Patch] = []

    # Places of one kind.

    def text(self, field: FieldName, text: str, path: Path, stand_in: Callable[[], str] | None = None) -> Any:  # noqa: ANN401 (a text or GONE)
        """Return a text; `stand_in` gives what stands for it where that has a form of its own."""
        action = self._actions[field]
        about = _NOBODY
        if action == "inspect":
            found = self._find(text)
            if found is None:
                return self._keep(field, text)
            about, action = found, self._policy.detected
        if action == "keep" or not text:
            return self._keep(field, text)
        return self._treat(field, action, text, path, stand_in or self._stand_in(action, text), about)

    def iri(self, field: FieldName, iri: str, path: Path, *, is_term: bool = False) -> str:
        """Return an IRI, another one where it does not stay. One that `is_term` names a concept: its path no person."""
        if iri in _NEVER_HIDDEN:
            return iri
        action: Action = (self._iris.find(iri) if self._iris.are_any else None) or self._actions[field]
        about = _NOBODY
        if action == "inspect":
            found = self._find_in_iri(iri, is_term=is_term)
            if found is None:
                action = "keep"
            else:
                about, action = found, self._policy.detected
        if action == "keep":
            self._keep(field, iri)
            return iri
        hidden = self._treat(field, action, iri, path, functools.partial(hide_iri, iri, self._keys), about)
        return DROPPED_IRI if hidden is GONE else str(hidden)

    def language_map(self, field: FieldName, texts: Json, path: Path) -> Any:  # noqa: ANN401 (a language map or GONE)
        """Return a language map with the same tags, except those that hold a name: their subtags are free text."""
        action = self._actions[field]
        if action == "keep" or not texts:
            return self._keep(field, texts)
        if action != "inspect":
            hidden = {tag: self._stand_in(action, text)() for tag, text in texts.items()}
            return self._treat(field, action, texts, path, lambda: hidden, _NOBODY)
        treatment = self._policy.detected
        if treatment == "keep":
            return self._keep(field, texts)
        about, hits = _NOBODY, 0
        new: dict[str, str] = {}
        for tag, text in texts.items():
            found, found_in_tag = self._find(text), self._find(tag) if len(tag) > _PLAIN_TAG else None
            shown = text if found is None else self._stand_in(treatment, text)()
            new[tag if found_in_tag is None else hide_tag(tag, self._keys)] = shown
            if found is not None or found_in_tag is not None:
                about, hits = about | (found or _NOBODY) | (found_in_tag or _NOBODY), hits + 1
        if not hits:
            return self._keep(field, texts)
        replaced = self._treat(field, treatment, texts, path, lambda: new, about)
        return new if replaced is GONE else replaced

    def extensions(self, extensions: Json, path: Path) -> Json:
        """Return extensions: a rule rules a whole value, and what none rules is inspected at every depth."""
        new: Json = {}
        changed = False
        for key, value in extensions.items():
            if self._is_plain and self._sound.holds("key", key) and self._is_plainly_sound(value):
                new[key] = value
                continue
            action: Action = (self._extensions.find(key) if self._extensions.are_any else None) or "inspect"
            shown_key = self._extension_key(key, path)
            if action == "inspect" and shown_key is key and self._is_plain and not tells_person(key):
                self._sound.add("key", key)
            if shown_key is GONE:
                changed = True
                continue
            place = f"extensions {shown_key}" if self._tell else ""
            if action == "inspect":
                shown = self._value(value, (*path, shown_key), place, is_told=tells_person(key))
            elif action == "keep":
                shown = self._keep(place, value)
            else:
                stand_in = self._stand_in(action, value)
                shown = self._treat(place, action, value, (*path, shown_key), stand_in, _NOBODY)
            changed = changed or shown is not value or shown_key is not key
            if shown is not GONE:
                new[shown_key] = shown
        return new if changed else extensions

    def _is_plainly_sound(self, value: object) -> bool:
        if isinstance(value, str):
            return detect(value, self._region) is None
        return isinstance(value, float | int)

    def _extension_key(self, key: str, path: Path) -> Any:  # noqa: ANN401 (a key or GONE)
        action = (self._iris.find(key) if self._iris.are_any else None) or "inspect"
        about = _NOBODY
        if action == "inspect":
            found = self._find_in_iri(key, is_term=True)
            if found is None:
                return key
            about, action = found, self._policy.detected
        return self._rename(key, action, path, hide_iri(key, self._keys), about)

    def _rename(self, key: str, action: Action, path: Path, hidden: str, about: frozenset[str]) -> Any:  # noqa: ANN401 (a key or GONE)
        if action == "keep":
            return key
        if self._tell:
            self._tell("extensions, their keys", action)
        if action == "drop":
            return GONE
        self.patches.append(Patch((*path, hidden), key, True, about))
        return hidden

    def _value(self, value: Any, path: Path, place: str, *, is_told: bool) -> Any:  # noqa: ANN401 (any JSON)
        """Return a value of an extension. `is_told`: a key above it says that it is a person."""
        if isinstance(value, str):
            found = self._find(value)
            if found is None and is_told and value:
                found = _NOBODY
        elif isinstance(value, dict):
            return self._object(value, path, place, is_told=is_told)
        elif isinstance(value, list):
            of = functools.partial(self._value, place=place, is_told=is_told)
            return self.each(value, path, of)
        else:
            found = _NOBODY if is_told and value is not None and not isinstance(value, bool) else None
        action = self._policy.detected
        if found is None or action == "keep":
            return self._keep(place, value)
        return self._treat(place, action, value, path, self._stand_in(action, value), found)

    def _object(self, value: Json, path: Path, place: str, *, is_told: bool) -> Json:
        new: Json = {}
        changed = False
        for key, member in value.items():
            shown_key: Any = key
            found = self._find(key)
            if found is not None:
                shown_key = self._rename(key, self._policy.detected, path, hash_value(key, self._keys), found)
            if shown_key is GONE:
                changed = True
                continue
            shown = self._value(member, (*path, shown_key), place, is_told=is_told or tells_person(key))
            changed = changed or shown is not member or shown_key is not key
            if shown is not GONE:
                new[shown_key] = shown
        return new if changed else value

    def hash(self, value: object) -> Callable[[], str]:
        """Return what makes the text that stands for a value and for equal ones."""
        return functools.partial(hash_value, value, self._keys)

    # Judging and treating.

    def _find(self, text: str) -> frozenset[str] | None:
        """Return whom a text names beside the actor, None where nothing was found in it."""
        kind = detect(text, self._region)
        if self._mentions and (mentioned := find_mentioned(text, self._mentions)):
            return frozenset(mentioned)
        return None if kind is None else _NOBODY

    def _find_in_iri(self, iri: str, *, is_term: bool) -> frozenset[str] | None:
        if iri in _VOCABULARY:
            return None
        kind = detect_in_term(iri, self._region) if is_term else detect_in_iri(iri, self._region)
        if self._mentions and (mentioned := find_mentioned(iri, self._mentions)):
            return frozenset(mentioned)
        return None if kind is None else _NOBODY

    def _stand_in(self, action: Action, value: object) -> Callable[[], str]:
        return self.hash(value) if action == "hash" else _TEXT_OF[action]

    def _keep(self, place: str, value: Any) -> Any:  # noqa: ANN401 (any JSON)
        if self._tell and value not in ("", {}, []):
            self._tell(place, "keep")
        return value

    def _treat(
        self,
        place: str,
        action: Action,
        original: Any,  # noqa: ANN401 (any JSON)
        path: Path,
        stand_in: Callable[[], Any],
        about: frozenset[str],
    ) -> Any:  # noqa: ANN401 (any JSON, or GONE)
        if self._tell:
            self._tell(place, action)
        if action == "drop":
            return GONE
        self.patches.append(Patch(path, original, False, about))
        return stand_in()

    def each(self, items: list[Any], path: Path, of: Callable[[Any, Path], Any]) -> list[Any]:
        """Return a list with each item redacted by `of`."""
        new, changed = [], False
        for place, item in enumerate(items):
            shown = of(item, (*path, place))
            changed = changed or shown is not item
            new.append(DROPPED_TEXT if shown is GONE else shown)
        return new if changed else items

    def once(self, kind: str, value: Json, path: Path, of: Callable[[Json, Path], Json]) -> Json:
        """Redact a value of which many statements have the same, and remember those that stay as they are."""
        if not self._is_plain:
            return of(value, path)
        content = dump_json(value)
        if self._sound.holds(kind, content):
            return value
        new = of(value, path)
        if new is value:
            self._sound.add(kind, content)
        return new


_TEXT_OF: Final[Mapping[str, Callable[[], str]]] = {"seal": lambda: SEALED_TEXT, "drop": lambda: DROPPED_TEXT}


def replace_member(found: Json, name: str, value: Any) -> Json:  # noqa: ANN401 (any JSON, or GONE)
    """Return the object with a member replaced or taken out; itself where that changes nothing."""
    if value is found[name]:
        return found
    if value is GONE:
        return {key: member for key, member in found.items() if key != name}
    return {**found, name: value}
