"""The profile that comes with Jalon follows the xAPI Profiles specification, and says what the vocabulary says."""

from __future__ import annotations

import copy
from importlib import resources
from typing import Any

import jsonschema
import orjson
import pytest

from tests.statements import Path, remove, replace
from tests.unit.xapi_profiles.profiles import iris_of
from xapi_profiles.errors import InvalidProfile
from xapi_profiles.profile import check_profile, load_profile
from xapi_profiles.vocabulary import ActivityType, Category, Evidence, Extension, Modality, Verb

TRAINING: dict[str, Any] = orjson.loads(
    resources.files("xapi_profiles").joinpath("profiles", "training.jsonld").read_bytes()
)
VERSION = TRAINING["versions"][0]["id"]


def test_the_training_profile_is_sound_and_is_the_one_in_the_vocabulary() -> None:
    profile = load_profile("training")
    assert [version.id for version in profile.versions] == [Category.TRAINING]
    assert {template.id.rpartition("/")[2] for template in profile.templates} >= {
        "schedule", "cancel", "registered", "unregistered", "join", "checkin", "leave-room", "leave-virtual-room",
        "attended",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("extension", "good", "bad"),
    [
        (Extension.MODALITY, [each.value for each in Modality], ["In-person", "", None]),
        (Extension.EVIDENCE, [each.value for each in Evidence], ["rumour", 1]),
        (Extension.HALF_DAY, ["2026-11-22 am", "2026-11-22 pm"], ["2026-11-22", "22/11/2026 am", "2026-11-22 AM"]),
        (Extension.CONNECTION, ["w_4fyx"], ["", 7]),
        (Extension.ROOM, ["Amphithéâtre 1"], ["", {}]),
        (Extension.ORG_UNIT, ["Académie de Lyon"], [""]),
        (Extension.CORPS, ["Attachés"], [[]]),
    ],
)
def test_schemas_accept_what_the_vocabulary_means(extension: str, good: list[Any], bad: list[Any]) -> None:
    [schema] = [orjson.loads(concept["inlineSchema"]) for concept in TRAINING["concepts"] if concept["id"] == extension]
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    assert all(validator.is_valid(value) for value in good)
    assert not any(validator.is_valid(value) for value in bad)


@pytest.mark.parametrize(
    "path",
    [
        ("id",), ("@context",), ("type",), ("conformsTo",), ("prefLabel",), ("definition",), ("versions",), ("author",),
        ("versions", 0, "generatedAtTime"), ("author", "name"), ("concepts", 0, "inScheme"), ("concepts", 0, "type"),
        ("templates", 0, "prefLabel"), ("templates", 0, "rules", 0, "location"),
        ("templates", 0, "rules", 0, "presence"),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_required_cannot_be_left_out(path: Path) -> None:
    with pytest.raises(InvalidProfile):
        check_profile(remove(TRAINING, path))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("type",), "profile"),
        (("conformsTo",), "https://w3id.org/xapi/profiles"),
        (("@context",), ["https://example.org/context"]),
        (("definition",), {}),
        (("definition", "en"), ""),
        (("seeAlso",), None),
        (("unknown",), 1),
        (("versions", 0, "id"), TRAINING["id"]),
        (("versions", 0, "generatedAtTime"), "2026-11-22"),
        (("versions", 1), {"id": "https://example.org/v2", "generatedAtTime": "2026-11-23T00:00:00Z"}),
        (("author", "type"), "Group"),
        (("concepts", 0, "inScheme"), "https://example.org/other"),
        (("concepts", 0, "schema"), "https://example.org/schema"),
        (("concepts", 0, "inlineSchema"), "{"),
        (("concepts", 0, "inlineSchema"), "[]"),
        (("concepts", 0, "recommendedActivityTypes"), ["https://example.org/type"]),
        (("concepts", 0, "type"), "ActivityExtension"),
        (("concepts", 0, "type"), "Extension"),
        (("concepts", 0, "id"), TRAINING["concepts"][1]["id"]),
        (("templates", 0, "objectStatementRefTemplate"), [TRAINING["templates"][1]["id"]]),
        (("templates", 0, "verb"), "schedule"),
        (("templates", 0, "rules", 0, "presence"), "required"),
        (("templates", 0, "rules", 0, "any"), []),
        (("templates", 0, "rules", 0, "location"), "$.context[?(@.a)]"),
        (("templates", 0, "rules", 0, "location"), "$.context[(@.length-1)]"),
        (("templates", 0, "rules", 0, "selector"), "$.a | "),
    ],
    ids=str,
)
def test_what_breaks_the_specification_is_refused(path: Path, value: Any) -> None:
    document = copy.deepcopy(TRAINING)
    if path == ("versions", 1):
        document["versions"].append(value)
    else:
        document = replace(document, path, value)
    with pytest.raises(InvalidProfile) as caught:
        check_profile(document)
    assert caught.value.code == "invalid-profile"


@pytest.mark.parametrize(
    "location",
    ["$.result.score.raw", "context.contextActivities.grouping[*].id", "$.a['b','c'][0,1]|$.d", "$", "$.a.*", "$..id"],
)
def test_the_paths_of_the_specification_are_accepted(location: str) -> None:
    check_profile(replace(TRAINING, ("templates", 0, "rules", 0, "location"), location))


def test_properties_of_other_vocabularies_are_accepted_as_iris() -> None:
    check_profile({**TRAINING, "http://purl.org/dc/terms/license": "https://example.org", "@language": "en"})


def with_patterns(*patterns: dict[str, Any]) -> dict[str, Any]:
    made = [{"id": f"https://example.org/p{index}", "type": "Pattern", **each} for index, each in enumerate(patterns)]
    return {**TRAINING, "patterns": made}


JOIN, LEAVE = (template["id"] for template in TRAINING["templates"][4:6])
NAMED = {"primary": True, "prefLabel": {"en": "x"}, "definition": {"en": "x"}, "inScheme": VERSION}


@pytest.mark.parametrize(
    "patterns",
    [
        [{"sequence": [JOIN, LEAVE]}],
        [{**NAMED, "sequence": [JOIN]}],
        [{**NAMED, "oneOrMore": "https://example.org/p1"}, {"sequence": [JOIN, LEAVE]}],
        [{"alternates": [JOIN, LEAVE]}],
        [{"optional": JOIN}, {"zeroOrMore": "https://elsewhere.example/pattern"}],
    ],
)
def test_sound_patterns_are_accepted(patterns: list[dict[str, Any]]) -> None:
    assert len(check_profile(with_patterns(*patterns)).patterns) == len(patterns)


@pytest.mark.parametrize(
    "patterns",
    [
        [{}],
        [{"sequence": [JOIN, LEAVE], "optional": JOIN}],
        [{"sequence": [JOIN]}],
        [{"alternates": [JOIN]}],
        [{"primary": True, "sequence": [JOIN, LEAVE]}],
        [{"oneOrMore": "https://example.org/p0"}],
        [{"optional": "https://example.org/p1"}, {"sequence": [JOIN, "https://example.org/p0"]}],
        [{"alternates": [JOIN, "https://example.org/p1"]}, {"optional": LEAVE}],
        [{"sequence": [JOIN, LEAVE], "inScheme": "https://example.org/other"}],
    ],
)
def test_unsound_patterns_are_refused(patterns: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidProfile):
        check_profile(with_patterns(*patterns))


@pytest.mark.parametrize("document", [None, [], "profile", 7, {}])
def test_what_is_no_object_is_refused(document: Any) -> None:
    with pytest.raises(InvalidProfile):
        check_profile(document)


@pytest.mark.parametrize("cls", [Verb, ActivityType, Extension, Category])
def test_every_constant_is_an_iri_that_json_takes_as_a_key(cls: type) -> None:
    iris = iris_of(cls)
    assert orjson.loads(orjson.dumps(dict.fromkeys(iris, 1))) == dict.fromkeys(iris, 1)
    assert all(iri.startswith("http") and " " not in iri for iri in iris)
