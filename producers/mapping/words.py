"""The short names that a mapping file may use for the IRIs of our vocabulary."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from pydantic_core import PydanticCustomError

from producers import assessments, statements
from xapi_profiles.datatypes import check_iri
from xapi_profiles.vocabulary import ActivityType, Category, Extension, Verb


def _shorten(vocabulary: type) -> Mapping[str, str]:
    names = {name: iri for name, iri in vars(vocabulary).items() if name.isupper()}
    return MappingProxyType({name.lower().replace("_", "-"): iri for name, iri in names.items()})


VERBS: Final = _shorten(Verb)
TYPES: Final = _shorten(ActivityType)
EXTENSIONS: Final = _shorten(Extension)
PROFILES: Final = MappingProxyType(
    {
        "training": Category.TRAINING,
        "virtual-classroom": Category.VIRTUAL_CLASSROOM_PROFILE,
        "surveys": Category.SURVEYS,
        "resources": Category.RESOURCES,
        "rooms": Category.ROOMS,
        "assessments": Category.ASSESSMENTS,
    }
)
VERB_NAMES: Final = MappingProxyType(
    {
        **statements.VERB_NAMES,
        **assessments.VERB_NAMES,
        Verb.ATTENDED: "a suivi",
        Verb.TAUGHT: "a enseigné dans",
        Verb.RATED: "a évalué",
        Verb.COMMENTED: "a commenté",
        Verb.ACCESSED: "a consulté",
        Verb.VIEWED: "a vu",
        Verb.DOWNLOADED: "a téléchargé",
        Verb.LOGGED_IN: "s'est connecté à",
        Verb.LOGGED_OUT: "s'est déconnecté de",
        Verb.CREATED: "a créé",
        Verb.POSTED: "a publié",
        Verb.SHARE: "a partagé",
        Verb.UNSHARE: "ne partage plus",
        Verb.SUBMIT: "a remis",
    }
)
"""French names of verbs, for their display."""


def find_iri(word: str, names: Mapping[str, str], what: str) -> str:
    """Return the IRI of a short name, or the IRI that is given itself. Raises ValueError with a suggestion."""
    if word in names:
        return names[word]
    if ":" in word:
        try:
            return check_iri(word)
        except PydanticCustomError:
            raise ValueError(f"{word} is no IRI") from None
    raise ValueError(f"{word!r} is no {what}{suggest(word, names)}; give one of our vocabulary, or an IRI")


def suggest(word: str, names: Collection[str]) -> str:
    """Return `: did you mean X?` for the name that is closest to a word, '' when none is close."""
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
