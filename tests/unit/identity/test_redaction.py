"""What a policy leaves of a statement, and that the originals come back byte for byte for who holds the keys."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, get_args

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.hiding import DROPPED_IRI, HIDDEN, hide_iri
from identity.keys import TenantKeys
from identity.policy import FieldName, Policy
from identity.sealing import Sealed, pseudonymise, pseudonyms_in, restore
from tests.statements import VERSIONS, find_problems, statements
from xapi_profiles.json_text import dump_json, parse_json
from xapi_profiles.vocabulary import Extension, Verb

KEYS = TenantKeys("acme", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)
OTHER = TenantKeys("other", 1, b"P" * 32, b"F" * 32, b"D" * 32, b"C" * 32)
ADA = {"objectType": "Agent", "name": "Ada Lovelace", "mbox": "mailto:ada.lovelace@example.org"}
BOB = {"account": {"homePage": "https://moodle.example.org", "name": "b-4711"}, "name": "Bob Durand"}
X = "https://example.org/x"
ADDRESS, PHONE, NAME = "camille.martin@example.org", "06 12 34 56 78", "Ada Lovelace"


class Learners(dict[str, bytes]):
    def __call__(self, pseudonyms: Iterable[str]) -> Mapping[str, bytes]:
        for name in pseudonyms:
            self.setdefault(name, hashlib.sha256(name.encode()).digest())
        return self


def make(**parts: Any) -> dict[str, Any]:
    return {
        "id": "9dc99b37-e920-4a68-a066-917faca28949",
        "actor": ADA,
        "verb": {"id": "https://example.org/verbs/did"},
        "object": {"id": "https://example.org/activities/1"},
        **parts,
    }


def redact(statement: dict[str, Any], policy: Policy | None = None, learners: Learners | None = None) -> Sealed:
    arguments = [] if policy is None else [policy]
    (sealed,) = pseudonymise([statement], KEYS, learners if learners is not None else Learners(), *arguments)
    assert orjson.loads(sealed.text) == sealed.statement
    return sealed


def everywhere(marker: str) -> dict[str, Any]:
    """A statement that holds a marker wherever the specification lets a sender write."""
    path = marker.replace(" ", "%20")
    texts = {"fr": f"avec {marker}", "en": marker}
    definition = {
        "name": texts,
        "description": texts,
        "type": f"https://example.org/types/{path}",
        "moreInfo": f"https://example.org/more?q={path}",
        "extensions": {f"{X}/{path}": {marker: [marker, {"a": [f"x, {marker}"]}]}},
        "interactionType": "choice",
        "correctResponsesPattern": [marker],
        "choices": [{"id": marker, "description": texts}, {"id": f"not {marker}"}],
    }
    activity = {"id": f"https://example.org/a/{path}", "definition": definition}
    return make(
        verb={"id": f"https://example.org/verbs/{path}", "display": texts},
        object=activity,
        result={"response": marker, "extensions": {X: marker}},
        context={
            "platform": marker,
            "revision": marker,
            "contextActivities": {name: [activity] for name in ("parent", "grouping", "category", "other")},
            "extensions": {f"{X}/2": [marker]},
        },
        attachments=[
            {
                "usageType": f"https://example.org/usage/{path}",
                "display": texts,
                "description": texts,
                "contentType": f'text/plain; name="{marker}"',
                "length": 3,
                "sha2": "0" * 64,
                "fileUrl": f"https://example.org/files/{path}.txt",
            }
        ],
    )


@pytest.mark.parametrize("marker", [ADDRESS, PHONE, NAME, "Lovelace, Ada", "+1 202 555 0143", "ada.lovelace"])
@pytest.mark.parametrize("nested", [False, True])
def test_an_address_a_number_and_a_name_are_found_in_every_field(marker: str, nested: bool) -> None:
    original = everywhere(marker)
    if nested:
        inner = {name: value for name, value in original.items() if name != "id"}
        original = make(object={"objectType": "SubStatement", **inner})
    learners = Learners()
    sealed = redact(original, learners=learners)
    for trace in (marker, marker.replace(" ", "%20"), "Lovelace", "martin", "lovelace"):
        assert trace not in sealed.text
    for version in VERSIONS:
        assert find_problems(sealed.statement, version) == ()
    assert dump_json(restore(parse_json(sealed.text.encode()), sealed.sealed, learners)) == dump_json(original)


@pytest.mark.parametrize("treatment", ["keep", "hash", "drop"])
@pytest.mark.parametrize("fields", [{}, dict.fromkeys(get_args(FieldName), "hash")])
def test_what_is_found_is_treated_as_the_policy_says_wherever_it_stands(treatment: Any, fields: Any) -> None:
    policy = Policy(detected=treatment, fields={"result.response": "inspect"} | fields)
    original, learners = everywhere(ADDRESS), Learners()
    sealed = redact(original, policy, learners)
    assert (ADDRESS in sealed.text) is (treatment == "keep")
    for version in VERSIONS:
        assert find_problems(sealed.statement, version) == ()
    restored = dump_json(restore(parse_json(sealed.text.encode()), sealed.sealed, learners))
    assert (restored == dump_json(original)) is (treatment != "drop")
    assert (ADDRESS.encode() in restored) is (treatment != "drop" or bool(fields))


@pytest.mark.parametrize("action", ["keep", "seal", "hash", "drop"])
@settings(max_examples=30)
@given(data=st.data())
def test_what_a_policy_leaves_is_valid_and_restoring_gives_back_every_byte(action: Any, data: st.DataObject) -> None:
    version = data.draw(st.sampled_from(VERSIONS))
    original = {"id": "9dc99b37-e920-4a68-a066-917faca28949", **data.draw(statements(version))}
    fields = dict.fromkeys(data.draw(st.lists(st.sampled_from(get_args(FieldName)), unique=True)), action)
    policy = Policy(detected=action, fields=fields, extensions={"*": action} if data.draw(st.booleans()) else {})
    before = copy.deepcopy(original)
    learners = Learners()
    sealed = redact(original, policy, learners)
    assert original == before
    assert find_problems(sealed.statement, version) == ()
    if action in ("keep", "seal", "hash") and policy.actions["result.response"] != "drop":
        assert dump_json(restore(parse_json(sealed.text.encode()), sealed.sealed, learners)) == dump_json(before)


def test_free_text_of_learners_is_sealed_by_default_and_nothing_else_without_cause() -> None:
    original = make(
        verb={"id": Verb.ANSWERED, "display": {"fr": "a répondu"}},
        object={
            "id": "https://example.org/sessions/0612/48213",
            "definition": {"name": {"fr": "Conduire une réunion, groupe 2 (01/02/2026 09:00)"}},
        },
        result={"response": "Je n'ai rien compris.", "duration": "PT3H", "extensions": {X: 612345678}},
        context={
            "registration": "06123456-7890-4123-8123-061234567890",
            "platform": "Moodle 4.5.0612345678",
            "extensions": {
                Extension.PLANNED_START_TIME: "2026-11-23T09:00:00+01:00",
                Extension.ROOM: "Amphithéâtre 1",
                X: ["06123456-7890-4123-8123-061234567890", "0.4720000000", "48.0612345678,2.35"],
            },
        },
    )
    expected = copy.deepcopy(original)
    expected["result"]["response"] = "[sealed]"
    sealed = redact(original)
    expected["actor"] = sealed.statement["actor"]
    assert sealed.statement == expected


def test_what_names_someone_else_is_gone_with_either_of_the_two() -> None:
    original = make(
        object={"id": "https://example.org/a", "definition": {"name": {"fr": "Entretien avec Bob Durand"}}},
        result={"response": "moi"},
        context={"instructor": BOB},
    )
    learners = Learners()
    sealed = redact(original, learners=learners)
    agents = sealed.statement["actor"], sealed.statement["context"]["instructor"]
    ada, bob = (agent["account"]["name"] for agent in agents)
    assert pseudonyms_in(sealed.sealed) == {ada, bob}
    without_bob = restore(sealed.statement, sealed.sealed, {ada: learners[ada]})
    assert without_bob["result"]["response"] == "moi"
    assert without_bob["object"]["definition"]["name"] == {"fr": "[sealed]"}
    without_ada = restore(sealed.statement, sealed.sealed, {bob: learners[bob]})
    assert without_ada["object"]["definition"]["name"] == {"fr": "[sealed]"}
    assert without_ada["result"]["response"] == "[sealed]"


def test_an_anonymous_groups_words_open_with_the_keys_of_all_its_members() -> None:
    original = make(actor={"objectType": "Group", "member": [ADA, BOB]}, result={"response": "nous"})
    learners = Learners()
    sealed = redact(original, learners=learners)
    assert restore(sealed.statement, sealed.sealed, learners) == original
    for name in list(learners):
        rest = {other: key for other, key in learners.items() if other != name}
        assert restore(sealed.statement, sealed.sealed, rest)["result"]["response"] == "[sealed]"


def test_a_system_that_our_producers_name_and_a_cohort_are_no_names() -> None:
    gaia = {"account": {"homePage": "https://w3id.org/jalon/tenants/demo/systems/gaia", "name": "gaia"}}
    original = make(
        actor=gaia,
        object={"id": "https://example.org/a", "definition": {"name": {"fr": "Utiliser GAIA, groupe 2"}}},
        context={"team": {"objectType": "Group", "name": "Groupe 2", "member": [ADA]}},
        authority={"account": {"homePage": "https://lrs.example.org", "name": "utiliser"}},
    )
    assert redact(original).redacted is False


def test_an_iri_that_stands_for_another_is_always_the_same_within_a_tenant_alone() -> None:
    iri = f"https://example.org/users/{ADDRESS}"
    first = redact(make(object={"id": iri})).statement["object"]["id"]
    again = redact(make(actor=BOB, object={"id": iri})).statement["object"]["id"]
    assert first == again == hide_iri(iri, KEYS)
    assert first.startswith(HIDDEN)
    assert hide_iri(first, KEYS) == first
    assert hide_iri(iri, OTHER) != first


def test_hashed_values_are_equal_where_the_originals_were() -> None:
    policy = Policy(extensions={f"{X}/*": "hash"})
    hashed = [
        redact(make(result={"extensions": {f"{X}/n": value}}), policy).statement["result"]["extensions"][f"{X}/n"]
        for value in ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "Durand", "Durand", 1)
    ]
    assert hashed[0] == hashed[1]
    assert hashed[2] == hashed[3]
    assert len(set(hashed)) == 3


def test_what_is_dropped_is_nowhere() -> None:
    policy = Policy(
        detected="drop",
        fields={"result.response": "drop", "activity.id": "drop", "activity.definition.name": "drop"},
        extensions={X: "drop"},
    )
    original = make(
        object={"id": f"{X}/a", "definition": {"name": {"fr": "Séance"}, "description": {"fr": ADDRESS}}},
        result={"response": "x", "extensions": {X: 1, f"{X}/2": [ADDRESS, {"a": PHONE, "b": 1}]}},
    )
    learners = Learners()
    sealed = redact(original, policy, learners)
    left = restore(sealed.statement, sealed.sealed, learners)
    assert left["object"] == {"id": DROPPED_IRI, "definition": {"description": {"fr": "[dropped]"}}}
    assert left["result"] == {"extensions": {f"{X}/2": ["[dropped]", {"b": 1}]}}


def test_the_longest_rule_that_fits_decides_and_a_rule_for_iris_comes_first() -> None:
    policy = Policy(
        extensions={"*": "seal", f"{X}/*": "keep", f"{X}/secret": "drop"},
        iris={"https://example.org/users/*": "keep", "https://example.org/activities/*": "hash"},
    )
    original = make(
        object={"id": "https://example.org/users/7/view"},
        result={"extensions": {X: 1, f"{X}/a": ADDRESS, f"{X}/secret": 2}},
        context={"contextActivities": {"parent": [{"id": "https://example.org/activities/1"}]}},
    )
    left = redact(original, policy).statement
    assert left["object"]["id"] == "https://example.org/users/7/view"
    assert left["result"]["extensions"] == {X: "[sealed]", f"{X}/a": ADDRESS}
    assert left["context"]["contextActivities"]["parent"][0]["id"].startswith(HIDDEN)


@pytest.mark.parametrize("key", ["firstName", "e-mail", f"{X}/nom", "Prénom", "login", "author", "phone"])
def test_a_key_that_says_so_has_its_value_sealed_at_every_depth(key: str) -> None:
    value = {"first": "Zoé", "years": [3], "here": True, "none": None}
    left = redact(make(result={"extensions": {X: {key: value, "modality": "remote"}}})).statement
    assert left["result"]["extensions"][X] == {
        key: {"first": "[sealed]", "years": ["[sealed]"], "here": True, "none": None},
        "modality": "remote",
    }


def test_a_voiding_and_a_signature_stay_what_they_are() -> None:
    usage = "http://adlnet.gov/expapi/attachments/signature"
    policy = Policy(fields={"verb.id": "seal", "attachments.usageType": "drop"}, iris={"*": "hash"})
    original = make(
        actor={"account": {"homePage": "https://example.org", "name": "signature"}, "name": "voided"},
        verb={"id": Verb.VOIDED},
        object={"objectType": "StatementRef", "id": "06123456-7890-4123-8123-061234567890"},
        attachments=[{"usageType": usage, "display": {"en": "s"}, "contentType": "a/b", "length": 1, "sha2": "0" * 64}],
    )
    for one in (policy, None):
        left = redact(original, one).statement
        assert left["verb"]["id"] == Verb.VOIDED
        assert left["attachments"][0]["usageType"] == usage


def test_a_name_in_a_language_tag_is_hidden_too() -> None:
    original = make(verb={"id": X, "display": {"fr-x-lovelace-ada": "a suivi"}})
    learners = Learners()
    sealed = redact(original, learners=learners)
    assert "lovelace" not in sealed.text
    assert find_problems(sealed.statement) == ()
    assert restore(sealed.statement, sealed.sealed, learners) == original


def test_numbers_that_no_double_holds_come_back_from_what_was_sealed() -> None:
    original = parse_json(
        dump_json(make(result={"extensions": {X: 0}})).replace(
            b'"https://example.org/x":0', b'"https://example.org/x":0.12345678901234567890123'
        )
    )
    learners = Learners()
    sealed = redact(original, Policy(extensions={"*": "seal"}), learners)
    assert b"0.12345678901234567890123" in dump_json(restore(sealed.statement, sealed.sealed, learners))
