"""Words that circulate in two spellings are one word here, and a word that has one spelling keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.unit.xapi_profiles.profiles import iris_of
from xapi_profiles.vocabulary import (
    TYPE_ALIASES,
    VERB_ALIASES,
    ActivityType,
    Verb,
    canonical_type,
    canonical_verb,
    list_spellings,
)


@pytest.mark.parametrize(
    ("aliases", "cls", "canonical"),
    [(VERB_ALIASES, Verb, canonical_verb), (TYPE_ALIASES, ActivityType, canonical_type)],
)
def test_an_alias_leads_to_a_word_of_the_vocabulary_in_one_step(
    aliases: Mapping[str, str], cls: type, canonical: Callable[[str], str]
) -> None:
    known = iris_of(cls)
    assert known.isdisjoint(aliases)
    assert set(aliases.values()) <= known
    assert all(canonical(alias) == iri for alias, iri in aliases.items())
    assert all(canonical(iri) == iri for iri in known)
    assert canonical("https://example.org/other") == "https://example.org/other"


def test_all_spellings_of_a_word_are_listed_whichever_is_asked_for() -> None:
    asked = list_spellings(["https://adlnet.gov/expapi/verbs/completed"], VERB_ALIASES)
    assert asked == list_spellings([Verb.COMPLETED], VERB_ALIASES)
    assert asked[0] == Verb.COMPLETED
    assert {canonical_verb(iri) for iri in asked} == {Verb.COMPLETED}
    assert set(asked) >= {iri for iri, meant in VERB_ALIASES.items() if meant == Verb.COMPLETED}
    assert list_spellings(["https://example.org/other"], VERB_ALIASES) == ("https://example.org/other",)
    assert list_spellings([], VERB_ALIASES) == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        # Moodle's logstore_xapi, now and in earlier versions
        ("http://activitystrea.ms/schema/1.0/join", Verb.JOIN),
        ("http://activitystrea.ms/schema/1.0/submit", Verb.SUBMIT),
        ("https://w3id.org/xapi/tla/verbs/scored", Verb.SCORED),
        ("https://xapi.edlm/profiles/edlm-lms/concepts/verbs/login", Verb.LOGGED_IN),
        ("https://xapi.edlm/profiles/edlm-lms/concepts/verbs/enrolled", Verb.REGISTERED),
        ("https://w3id.org/xapi/dod-isd/verbs/edited", Verb.EDITED),
        ("https://brindlewaye.com/xAPITerms/verbs/loggedin/", Verb.LOGGED_IN),
        # what video players sent before the video profile
        ("http://activitystrea.ms/schema/1.0/play", Verb.PLAYED),
        ("http://id.tincanapi.com/verb/paused", Verb.PAUSED),
        # hand-written ones
        ("https://adlnet.gov/expapi/verbs/completed", Verb.COMPLETED),
        ("http://www.adlnet.gov/expapi/verbs/completed", Verb.COMPLETED),
    ],
)
def test_verbs_of_other_systems_are_known(written: str, meant: str) -> None:
    assert canonical_verb(written) == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://w3id.org/xapi/cmi5/activitytype/course", ActivityType.COURSE),
        ("http://lrs.learninglocker.net/define/type/moodle/course", ActivityType.COURSE),
        ("http://id.tincanapi.com/activitytype/lms/module", ActivityType.MODULE),
        ("http://id.tincanapi.com/activitytype/survey", ActivityType.SURVEY),
        ("http://id.tincanapi.com/activitytype/chat-message", ActivityType.MESSAGE),
        ("http://activitystrea.ms/file", ActivityType.FILE),
        ("http://activitystrea.ms/schema/1.0/video", ActivityType.VIDEO),
        ("http://activitystrea.ms/schema/1.0/event", ActivityType.EVENT),
        ("https://adlnet.gov/expapi/activities/cmi.interaction", ActivityType.INTERACTION),
    ],
)
def test_types_of_other_systems_are_known(written: str, meant: str) -> None:
    assert canonical_type(written) == meant


@pytest.mark.parametrize(
    "iri",
    [
        # What BigBlueButton, H5P, Articulate and Open edX write has one spelling, and it is the one used here.
        "http://activitystrea.ms/join",
        "http://adlnet.gov/expapi/verbs/attempted",
        "http://adlnet.gov/expapi/verbs/interacted",
        "https://w3id.org/xapi/video/verbs/played",
        # Near in meaning is not the same word.
        "https://w3id.org/xapi/tla/verbs/achieved",
        "http://activitystrea.ms/update",
        "https://w3id.org/xapi/acrossx/verbs/watched",
    ],
)
def test_other_words_stay_as_they_are(iri: str) -> None:
    assert canonical_verb(iri) == iri
