"""Small profiles for tests."""

from __future__ import annotations

from typing import Any

from xapi_profiles.profile import CONFORMS_TO, CONTEXT, Profile, check_profile

PROFILE = "https://example.org/profile"
VERSION = f"{PROFILE}/v1"
TEMPLATE = f"{PROFILE}/templates/one"
WORDS = {"en": "words"}
NAMED = {"inScheme": VERSION, "prefLabel": WORDS, "definition": WORDS}


def iris_of(cls: type) -> set[str]:
    """Return the IRIs of a class of the vocabulary."""
    return {value for name, value in vars(cls).items() if name.isupper()}


def make_document(*templates: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the document of a profile of these templates, whose usual properties are filled in."""
    shared = {"type": "StatementTemplate", **NAMED}
    return {
        "@context": CONTEXT,
        "id": PROFILE,
        "type": "Profile",
        "conformsTo": CONFORMS_TO,
        "prefLabel": WORDS,
        "definition": WORDS,
        "versions": [{"id": VERSION, "generatedAtTime": "2026-11-26T00:00:00Z"}],
        "author": {"type": "Organization", "name": "Jalon"},
        "templates": [shared | {"id": TEMPLATE} | template for template in templates],
    } | more


def make_profile(*templates: dict[str, Any], **more: Any) -> Profile:
    """Return a profile of these templates, whose usual properties are filled in; the first one is TEMPLATE."""
    return check_profile(make_document(*templates, **more))
