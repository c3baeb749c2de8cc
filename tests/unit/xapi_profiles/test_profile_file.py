"""A profile that a tenant brings: taken when it is sound, else refused with every place, rule and what was found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.unit.xapi_profiles.profiles import NAMED, PROFILE, TEMPLATE, VERSION, WORDS, make_document
from xapi_profiles import profile_file
from xapi_profiles.errors import InvalidProfile, Problem
from xapi_profiles.profile import load_profile, load_profiles
from xapi_profiles.profile_file import read_profile
from xapi_profiles.profile_problems import MAX_NESTING, MAX_STEPS
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.vocabulary import Extension, Verb

OWN_VERB = {"id": f"{PROFILE}/verbs/simulated", "type": "Verb", **NAMED}


def write(folder: Path, document: Any) -> Path:
    path = folder / "own.jsonld"
    path.write_bytes(document if isinstance(document, bytes) else orjson.dumps(document))
    return path


def refuse(folder: Path, document: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidProfile) as caught:
        read_profile(write(folder, document), load_profiles())
    assert str(caught.value).startswith("This is no xAPI profile: ")
    return [(problem.pointer, problem.rule, problem.found) for problem in caught.value.problems]


def make_patterns(*patterns: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": f"{PROFILE}/patterns/{index}", "type": "Pattern", **each} for index, each in enumerate(patterns)]


def test_a_sound_profile_is_taken_with_public_words_and_its_own(tmp_path: Path) -> None:
    document = make_document(
        {
            "verb": OWN_VERB["id"],
            "rules": [{"location": f"$.context.extensions['{Extension.ROOM}']", "presence": "included"}],
        },
        {"id": f"{PROFILE}/templates/two", "verb": Verb.ATTENDED},
        {"id": f"{PROFILE}/templates/three", "verb": "https://example.com/somebody-elses/verbs/rested"},
        concepts=[OWN_VERB],
        patterns=make_patterns({"primary": True, **NAMED, "sequence": [TEMPLATE, f"{PROFILE}/templates/two"]}),
    )
    profile = read_profile(write(tmp_path, document), load_profiles())
    assert [template.verb for template in profile.templates][:2] == [OWN_VERB["id"], Verb.ATTENDED]


def test_the_example_of_the_page_is_a_sound_profile_that_statements_can_follow(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "profiles.md").read_text("utf-8")
    [example] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    profile = read_profile(write(tmp_path, example.encode()), load_profiles())
    scenario = {profile.concepts[0].id: "A lesson goes wrong"}
    statement = {
        "verb": {"id": Verb.COMPLETED},
        "object": {"id": "https://example.org/1", "definition": {"type": profile.templates[0].object_activity_type}},
        "result": {"duration": "PT5M"},
        "context": {"contextActivities": {"category": [{"id": profile.versions[0].id}]}, "extensions": scenario},
    }
    checker = ConformanceChecker([*load_profiles(), profile])
    assert checker.check(statement).state == "conformant"
    del statement["result"]
    assert checker.check(statement).rule == "$.result.duration: expected a value"


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert read_profile(write(tmp_path, b"\xef\xbb\xbf" + orjson.dumps(make_document({})))).id == PROFILE


def test_all_problems_of_its_parts_are_told_at_once(tmp_path: Path) -> None:
    document = make_document(
        {"verb": "simulated", "rules": [{"location": "$.a[?(@.b)]", "presence": "must"}, {"location": "$.a"}]},
        concepts=[{**OWN_VERB, "type": "Word"}, {**OWN_VERB, "type": "ContextExtension", "inlineSchema": "["}],
        seeAlso="",
        author={"type": "Person"},
    )
    assert refuse(tmp_path, document) == [
        ("/seeAlso", "Profiles 4.0", '""'),
        ("/author/name", "Profiles 6.2", "nothing"),
        ("/concepts/0/type", "Profiles 7.0", '"Word"'),
        ("/concepts/1/inlineSchema", "Profiles 7.2", '"["'),
        ("/templates/0/verb", "Profiles 8.0", '"simulated"'),
        ("/templates/0/rules/0/location", "Profiles 8.1", '"$.a[?(@.b)]"'),
        ("/templates/0/rules/0/presence", "Profiles 8.1", '"must"'),
        ("/templates/0/rules/1", "Profiles 8.1", "an object"),
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (make_document({}, type="profile"), "expected 'Profile'"),
        (make_document({}, author=7), "expected an object"),
        (make_document({}, templates="x"), "expected an array"),
        (make_document({}, **{"@context": "https://example.org"}), "expected https://w3id.org/xapi/profiles/context"),
        (make_document({"prefLabel": {"en": 7}}), "expected a text"),
        (make_document({"deprecated": "yes"}), "expected true or false"),
        (make_document({}, concepts=[{**OWN_VERB, "type": "Word"}]), "expected one of Verb, ActivityType,"),
        (make_document({}, patterns=make_patterns({"alternates": [TEMPLATE]})), "expected 2 or more"),
    ],
)
def test_a_problem_is_told_in_a_sentence(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(InvalidProfile) as caught:
        read_profile(write(tmp_path, document))
    assert caught.value.problems[0].message.startswith(message)
    assert caught.value.problems[0].message in str(caught.value)


def test_what_it_names_has_to_exist(tmp_path: Path) -> None:
    document = make_document(
        {"verb": f"{PROFILE}/verbs/simulted", "contextParentActivityType": [f"{PROFILE}/verbs/none"]},
        {
            "id": f"{PROFILE}/templates/two",
            "objectStatementRefTemplate": [f"{PROFILE}/templates/four"],
            "rules": [
                {"location": f"$.context.extensions['{PROFILE}/verbs/a', '{PROFILE}/verbs/b']", "presence": "included"}
            ],
        },
        {"id": f"{PROFILE}/templates/three", "inScheme": f"{PROFILE}/v2"},
        concepts=[{**OWN_VERB, "broader": [f"{PROFILE}/verbs/other"]}],
        patterns=make_patterns({"optional": f"{PROFILE}/templates/missing"}),
    )
    assert [pointer for pointer, *_ in refuse(tmp_path, document)] == [
        "/templates/2/inScheme", "/templates/1/objectStatementRefTemplate/0", "/concepts/0/broader/0",
    ]  # fmt: skip
    del document["templates"][1]["objectStatementRefTemplate"], document["concepts"][0]["broader"]
    document["templates"][2]["inScheme"] = VERSION
    assert [pointer for pointer, *_ in refuse(tmp_path, document)] == [
        "/patterns/0", "/templates/0/verb", "/templates/0/contextParentActivityType",
        "/templates/1/rules/0/location", "/templates/1/rules/0/location",
    ]  # fmt: skip


def test_a_broader_word_is_of_the_same_type(tmp_path: Path) -> None:
    kind = {**OWN_VERB, "id": f"{PROFILE}/types/simulator", "type": "ActivityType"}
    document = make_document({}, concepts=[{**OWN_VERB, "broader": [kind["id"]]}, kind])
    assert [pointer for pointer, *_ in refuse(tmp_path, document)] == ["/concepts/0/broader/0"]
    kind["type"] = "Verb"
    assert read_profile(write(tmp_path, document)).concepts


def test_it_may_not_take_the_ids_of_others(tmp_path: Path) -> None:
    training = load_profile("training")
    taken = [{**OWN_VERB, "id": Extension.ROOM, "type": "ContextExtension"}]
    document = make_document({"id": training.templates[0].id}, concepts=taken, id=training.id)
    problems = refuse(tmp_path, document)
    assert [pointer for pointer, *_ in problems] == ["/id", "/concepts/0/id", "/templates/0/id"]


def test_an_id_is_given_once(tmp_path: Path) -> None:
    assert refuse(tmp_path, make_document({}, {}, {"id": VERSION})) == [
        ("/templates/2/id", "Profiles 6.0", f'"{VERSION}"'),
        ("/templates/1/id", "Profiles 6.0", f'"{TEMPLATE}"'),
    ]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"id": 1} x', b"\xff\xfe{\x00", b'{"id": 1, "id": 2}', b"[" * 5000])
def test_what_is_no_json_is_refused_with_its_place(tmp_path: Path, raw: bytes) -> None:
    [(pointer, rule, found)] = refuse(tmp_path, raw)
    assert (pointer, rule) == ("", "Profiles 2.0")
    assert found.startswith("line 1, column ")


@pytest.mark.parametrize("raw", [b"[]", b"null", b"7", b'"profile"', b"{}"])
def test_what_is_no_object_is_refused(tmp_path: Path, raw: bytes) -> None:
    assert refuse(tmp_path, raw)


def test_a_file_that_is_too_large_is_not_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = orjson.dumps(make_document({}))
    monkeypatch.setattr(profile_file, "MAX_BYTES", len(raw))
    assert read_profile(write(tmp_path, raw)).id == PROFILE
    assert refuse(tmp_path, raw + b" ") == [("", "Jalon limits", "more")]


def test_deep_values_are_refused(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(profile_file.MAX_DEPTH + 1):
        deep = [deep]
    document = make_document({"rules": [{"location": "$.a", "any": deep}]})
    assert refuse(tmp_path, document) == [("", "Jalon limits", "deeper")]


@pytest.mark.parametrize("path", ["$" + ".a" * 500, "$..a..b", "$..a | $..b"])
def test_paths_that_cost_too_much_are_refused(tmp_path: Path, path: str) -> None:
    document = make_document({"rules": [{"location": "$.a", "selector": path, "presence": "excluded"}]})
    [(pointer, rule, _)] = refuse(tmp_path, document)
    assert (pointer, rule) == ("/templates/0/rules/0/selector", "Jalon limits")


def test_too_many_templates_are_refused(tmp_path: Path) -> None:
    templates = [{"id": f"{PROFILE}/templates/{index}"} for index in range(profile_file.MAX_TEMPLATES + 1)]
    assert refuse(tmp_path, make_document(*templates)) == [("/templates", "Jalon limits", "an array")]
    assert read_profile(write(tmp_path, make_document(*templates[1:]))).id == PROFILE


def test_too_many_rules_are_refused(tmp_path: Path) -> None:
    rules = [{"location": "$.id", "presence": "included"}] * profile_file.MAX_RULES
    assert read_profile(write(tmp_path, make_document({"rules": rules}))).id == PROFILE
    more = {"id": f"{PROFILE}/templates/two", "rules": rules[:1]}
    assert refuse(tmp_path, make_document({"rules": rules}, more)) == [("/templates", "Jalon limits", "an array")]


def nest(depth: int, kind: str, times: int) -> list[dict[str, Any]]:
    """Return patterns of which each is made of the next one, `times` times, and the last of a template."""
    inner = [f"{PROFILE}/patterns/{index + 1}" for index in range(depth - 1)] + [TEMPLATE]
    return make_patterns(*({kind: [iri] * times if times > 1 else iri} for iri in inner))


@pytest.mark.parametrize(
    "patterns", [nest(MAX_NESTING + 1, "oneOrMore", 1), nest(15, "sequence", 2), nest(5000, "optional", 1)]
)
def test_patterns_that_would_grow_without_bound_are_refused(tmp_path: Path, patterns: list[dict[str, Any]]) -> None:
    problems = refuse(tmp_path, make_document({}, patterns=patterns))
    assert {rule for _, rule, _ in problems} == {"Profiles 9.0"}


def test_large_patterns_within_the_limits_are_taken(tmp_path: Path) -> None:
    assert MAX_STEPS > 2**13
    for patterns in (nest(MAX_NESTING, "oneOrMore", 1), nest(12, "sequence", 2)):
        assert read_profile(write(tmp_path, make_document({}, patterns=patterns))).patterns


def test_a_pattern_within_itself_is_told_once_for_each_that_is_in_it(tmp_path: Path) -> None:
    first, second = f"{PROFILE}/patterns/0", f"{PROFILE}/patterns/1"
    patterns = make_patterns({"optional": second}, {"sequence": [TEMPLATE, first]}, {"oneOrMore": TEMPLATE})
    assert [pointer for pointer, *_ in refuse(tmp_path, make_document({}, patterns=patterns))] == [
        "/patterns/0", "/patterns/1",
    ]  # fmt: skip


def test_the_number_of_problems_is_bounded(tmp_path: Path) -> None:
    document = make_document({}, concepts=[{**OWN_VERB, "type": "Word"}] * 500)
    assert len(refuse(tmp_path, document)) == InvalidProfile.most
    document = make_document({}, concepts=[{"id": 1}] * 1000)
    assert refuse(tmp_path, document) == [("", "Profiles 6.0", "an object")]


def test_a_missing_file_is_the_callers_to_tell(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_profile(tmp_path / "none.jsonld")


def test_a_profiles_activity_has_a_definition_that_statements_allow(tmp_path: Path) -> None:
    activity = {"id": f"{PROFILE}/activities/1", "type": "Activity", "inScheme": VERSION}
    definition = {
        "@context": "https://w3id.org/xapi/profiles/activity-context",
        "type": "https://example.org/t",
        "name": WORDS,
    }
    document = make_document({}, concepts=[{**activity, "activityDefinition": definition}])
    assert read_profile(write(tmp_path, document)).concepts
    definition["moreInfo"] = "nowhere"
    assert refuse(tmp_path, document) == [("/concepts/0/activityDefinition/moreInfo", "Profiles 7.4", '"nowhere"')]


def test_a_report_names_the_first_problem_and_counts_the_others() -> None:
    problems = tuple(Problem(f"/{index}", "Profiles 4.0", "expected no empty value", "null") for index in range(3))
    assert str(InvalidProfile(problems)) == (
        "This is no xAPI profile: /0: expected no empty value [Profiles 4.0] (2 further problems)"
    )
