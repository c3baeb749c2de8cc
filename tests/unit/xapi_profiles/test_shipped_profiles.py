"""The profiles that come with Jalon: sound alone and together, in both languages, and what their patterns mean."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from typing import Any

import jsonschema
import orjson
import pytest

from tests.unit.xapi_profiles.profile_schema import PROFILE
from tests.unit.xapi_profiles.profiles import iris_of
from xapi_profiles.patterns import Outcome, PatternMatcher
from xapi_profiles.profile import ExtensionConcept, Term, load_profile, load_profiles
from xapi_profiles.profile_problems import find_conflicts
from xapi_profiles.vocabulary import JALON, ActivityType, Category, Extension, Verb, canonical_type, canonical_verb

NAMES = (
    "assessments", "cmi5", "lms", "resources", "rooms", "surveys", "training", "video", "virtual-classroom",
)  # fmt: skip


def read(name: str) -> Any:
    return orjson.loads(resources.files("xapi_profiles").joinpath("profiles", f"{name}.jsonld").read_bytes())


def test_all_of_them_are_loaded_in_their_order() -> None:
    assert [profile.id for profile in load_profiles()] == [load_profile(name).id for name in NAMES]


def test_every_profile_that_the_vocabulary_names_is_there() -> None:
    versions = {version.id for profile in load_profiles() for version in profile.versions}
    ours = {iri for iri in iris_of(Category) if iri.startswith(JALON)}
    assert ours <= versions
    public = {Category.VIDEO, Category.VIRTUAL_CLASSROOM, Category.LMS, Category.CMI5}
    assert public <= {profile.id for profile in load_profiles()}


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_has_the_form_that_the_tables_of_the_specification_ask_for(name: str) -> None:
    errors = [error.message for error in jsonschema.Draft7Validator(PROFILE).iter_errors(read(name))]
    assert errors == []


def test_the_form_refuses_what_it_has_to() -> None:
    broken = read("training")
    del broken["concepts"][0]["inScheme"]
    broken["templates"][0]["rules"][0] = {"location": "$.id"}
    broken["patterns"][0]["optional"] = broken["templates"][0]["id"]
    broken["unknown"] = 1
    assert len(list(jsonschema.Draft7Validator(PROFILE).iter_errors(broken))) == 4


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_agrees_with_the_others(name: str) -> None:
    profile = load_profile(name)
    others = [other for other in load_profiles() if other.id != profile.id]
    assert list(find_conflicts(read(name), profile, others)) == []


def test_together_they_define_exactly_our_own_words() -> None:
    defined = [concept for profile in load_profiles() for concept in profile.concepts]
    extensions = {concept.id for concept in defined if isinstance(concept, ExtensionConcept)}
    terms = {concept.id for concept in defined if isinstance(concept, Term)}
    ours = {iri for cls in (Verb, ActivityType) for iri in iris_of(cls) if iri.startswith(JALON)}
    assert {iri for iri in extensions if iri.startswith(JALON)} == {
        iri for iri in iris_of(Extension) if iri.startswith(JALON)
    }
    assert {iri for iri in terms if iri.startswith(JALON)} == ours


def test_what_they_reuse_is_in_the_vocabulary_or_defined_by_one_of_them() -> None:
    defined = {concept.id for profile in load_profiles() for concept in profile.concepts}
    for profile in load_profiles():
        for template in profile.templates:
            assert template.verb in iris_of(Verb), template.id
            kinds = (template.object_activity_type, *(template.context_parent_activity_type or ()))
            assert {kind for kind in kinds if kind} - {AUDIO} <= iris_of(ActivityType) | defined, template.id
        for concept in profile.concepts:
            assert set(getattr(concept, "recommended_verbs", None) or ()) <= iris_of(Verb), concept.id


# Named by the platforms' profile alone, and nothing that we count.
AUDIO = "https://w3id.org/xapi/video/activity-type/audio"


def test_a_template_is_chosen_by_its_determining_properties_alone() -> None:
    for profile in load_profiles():
        chosen = [
            (canonical_verb(template.verb or ""), canonical_type(template.object_activity_type or ""))
            for template in profile.templates
        ]
        assert len(set(chosen)) == len(chosen), profile.id


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(child)


@pytest.mark.parametrize("name", NAMES)
def test_everything_is_said_in_english_and_in_french(name: str) -> None:
    said = [part[key] for part in walk(read(name)) for key in ("prefLabel", "definition", "scopeNote") if key in part]
    assert said
    assert all(set(words) == {"en", "fr"} for words in said)


@pytest.mark.parametrize("name", NAMES)
def test_the_schemas_of_extensions_are_schemas(name: str) -> None:
    for concept in load_profile(name).concepts:
        if isinstance(concept, ExtensionConcept):
            assert concept.inline_schema, concept.id
            jsonschema.Draft7Validator.check_schema(orjson.loads(concept.inline_schema))


def follow(name: str, pattern: str, said: str) -> Outcome:
    profile = load_profile(name)
    base = f"{JALON}profiles/{name}/"
    matcher = PatternMatcher(profile, f"{base}patterns/{pattern}")
    states = matcher.start
    for template in said.split():
        assert any(each.id == f"{base}templates/{template}" for each in profile.templates), template
        states = matcher.follow(states, {f"{base}templates/{template}"})
    return matcher.judge(states)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("registered", Outcome.PARTIAL),
        ("registered unregistered", Outcome.PARTIAL),
        ("registered join leave-virtual-room attended", Outcome.SUCCESS),
        ("registered attended join leave-virtual-room", Outcome.SUCCESS),
        ("checkin leave-room attended checkin leave-room attended", Outcome.SUCCESS),
        ("registered unregistered registered checkin attended leave-room", Outcome.SUCCESS),
        ("posted submitted attended shared", Outcome.SUCCESS),
        ("attended", Outcome.FAILURE),
        ("leave-room attended", Outcome.FAILURE),
    ],
)
def test_training_leads_from_registration_to_attendance(said: str, outcome: Outcome) -> None:
    assert follow("training", "attendance", said) is outcome


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("launched initialized completed passed terminated", Outcome.SUCCESS),
        ("launched initialized failed terminated launched initialized passed satisfied terminated", Outcome.SUCCESS),
        ("satisfied launched abandoned waived satisfied", Outcome.SUCCESS),
        ("launched initialized passed", Outcome.PARTIAL),
        ("launched", Outcome.PARTIAL),
        ("initialized passed terminated", Outcome.FAILURE),
        ("launched completed", Outcome.FAILURE),
        ("launched initialized terminated passed", Outcome.FAILURE),
    ],
)
def test_cmi5_sessions_follow_one_another(said: str, outcome: Outcome) -> None:
    assert follow("cmi5", "registration", said) is outcome


@pytest.mark.parametrize(
    ("name", "pattern", "said", "outcome"),
    [
        ("video", "viewing", "initialized played seeked paused completed terminated", Outcome.SUCCESS),
        ("video", "viewing", "initialized played", Outcome.PARTIAL),
        ("video", "viewing", "played paused", Outcome.FAILURE),
        ("virtual-classroom", "meeting", "initialized join raise-hand lower-hand leave terminated", Outcome.SUCCESS),
        ("virtual-classroom", "meeting", "start-room join", Outcome.PARTIAL),
        ("virtual-classroom", "participation", "join start-camera post-message leave", Outcome.SUCCESS),
        ("assessments", "judged", "initialized progressed submitted scored passed", Outcome.SUCCESS),
        ("assessments", "judged", "initialized progressed", Outcome.PARTIAL),
        ("assessments", "judged", "scored initialized scored", Outcome.SUCCESS),
    ],
)
def test_other_sequences_mean_what_they_are_called(name: str, pattern: str, said: str, outcome: Outcome) -> None:
    assert follow(name, pattern, said) is outcome
