import copy
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.errors import UnidentifiedAgent, VaultUnavailable
from identity.keys import TenantKeys
from identity.pseudonyms import identify, pseudonym
from identity.sealing import (
    PSEUDONYM_HOME,
    Sealed,
    name_authority,
    pseudonymise,
    pseudonyms_in,
    replace_authority,
    restore,
)

KEYS = TenantKeys("acme", 1, b"p" * 32, b"f" * 32, b"d" * 32, b"c" * 32)
ADA = {"objectType": "Agent", "name": "Ada Lovelace", "mbox": "mailto:ada@example.org"}
BOB = {"account": {"homePage": "https://moodle.example.org", "name": "bob-4711"}, "name": "Bob"}
EVE = {"openid": "https://id.example.org/eve"}
ID = "9dc99b37-e920-4a68-a066-917faca28949"


class Learners:
    """A vault's worth of keys in a dictionary; counts how often it is asked."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.asked: list[set[str]] = []

    def __call__(self, pseudonyms: Iterable[str]) -> Mapping[str, bytes]:
        wanted = set(pseudonyms)
        self.asked.append(wanted)
        for name in wanted:
            self.keys.setdefault(name, hashlib.sha256(name.encode()).digest())
        return {name: self.keys[name] for name in wanted}


def name_of(agent: dict[str, Any]) -> str:
    identifier = identify(agent)
    assert identifier is not None
    return pseudonym(KEYS, identifier)


def account_of(agent: dict[str, Any], kind: str = "Agent") -> dict[str, Any]:
    return {"objectType": kind, "account": {"homePage": PSEUDONYM_HOME, "name": name_of(agent)}}


def statement(**properties: Any) -> dict[str, Any]:
    return {
        "id": ID,
        "actor": ADA,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended"},
        "object": {"id": "https://example.org/sessions/1"},
        **properties,
    }


def seal(one: dict[str, Any], learners: Learners | None = None) -> Sealed:
    (sealed,) = pseudonymise([one], KEYS, learners or Learners())
    return sealed


# Markers that no other part of a statement contains, and no base64 either.
marker = st.integers(0, 40).map(lambda number: f"zq-marker-{number:04d}")
identifiers = st.one_of(
    marker.map(lambda value: {"mbox": f"mailto:{value}@example.org"}),
    marker.map(lambda value: {"mbox_sha1sum": hashlib.sha1(value.encode()).hexdigest()}),
    marker.map(lambda value: {"openid": f"https://id.example.org/{value}"}),
    marker.map(lambda value: {"account": {"homePage": "https://moodle.example.org", "name": value}}),
)
named = st.one_of(st.just({}), marker.map(lambda value: {"name": f"{value} é☃\u0000"}))


@st.composite
def agents(draw: st.DrawFn, kind: str | None = None) -> dict[str, Any]:
    parts = [
        draw(identifiers),
        draw(named),
        {"objectType": kind} if kind else draw(st.sampled_from([{}, {"objectType": "Agent"}])),
    ]
    return {name: value for part in draw(st.permutations(parts)) for name, value in part.items()}


@st.composite
def groups(draw: st.DrawFn) -> dict[str, Any]:
    anonymous = draw(st.booleans())
    members = {"member": draw(st.lists(agents(), min_size=1, max_size=3))}
    identifier = {} if anonymous else draw(identifiers)
    if not anonymous and draw(st.booleans()):
        members = {}
    parts = [{"objectType": "Group"}, identifier, members, draw(named)]
    return {name: value for part in draw(st.permutations(parts)) for name, value in part.items()}


anyone = st.one_of(agents(), groups())
contexts = st.fixed_dictionaries(
    {},
    optional={
        "registration": st.just(ID),
        "instructor": anyone,
        "team": groups(),
        "contextAgents": st.lists(
            agents().map(lambda one: {"objectType": "contextAgent", "agent": one, "relevantTypes": ["http://x.org/r"]}),
            max_size=2,
        ),
        "contextGroups": st.lists(groups().map(lambda one: {"objectType": "contextGroup", "group": one}), max_size=2),
        "contextActivities": st.just({"parent": [{"id": "https://example.org/p"}]}),
    },
)
activities = st.just({"id": "https://example.org/a", "definition": {"name": {"fr": "Séance"}}})
with_kind = st.one_of(agents(kind="Agent"), groups())
sub_statements = st.fixed_dictionaries(
    {
        "objectType": st.just("SubStatement"),
        "actor": anyone,
        "verb": st.just({"id": "http://v"}),
        "object": st.one_of(activities, with_kind),
    },
    optional={"context": contexts},
)
statements = st.fixed_dictionaries(
    {"actor": anyone, "verb": st.just({"id": "http://v"}), "object": st.one_of(activities, with_kind, sub_statements)},
    optional={
        "id": st.just(ID),
        "context": contexts,
        "authority": anyone,
        "result": st.just({"score": {"scaled": 1.0}}),
    },
)


@given(st.lists(statements, max_size=4))
def test_restoring_gives_back_every_byte(originals: list[dict[str, Any]]) -> None:
    before = orjson.dumps(originals)
    learners = Learners()
    results = pseudonymise(originals, KEYS, learners)
    stored = [(orjson.loads(orjson.dumps(one.statement)), one.sealed) for one in results]
    restored = [restore(one, sealed, learners.keys) for one, sealed in stored]
    assert orjson.dumps(restored) == before
    assert orjson.dumps(originals) == before  # nothing that was given has changed
    assert [one for one, _ in stored] == [one.statement for one in results]
    assert set().union(*(pseudonyms_in(sealed) for _, sealed in stored)) == learners.keys.keys()


def texts(value: Any) -> set[str]:
    """Every string that says who an agent is: names and identifiers."""
    found: set[str] = set()
    if isinstance(value, dict):
        for name, item in value.items():
            if name in ("mbox", "mbox_sha1sum", "openid", "name") and isinstance(item, str):
                found.add(item)
            else:
                found |= texts(item)
    elif isinstance(value, list):
        found = set().union(*map(texts, value))
    return found


@given(st.lists(statements, max_size=4))
def test_no_identifier_and_no_name_is_left(originals: list[dict[str, Any]]) -> None:
    output = "".join(
        json.dumps(one.statement, ensure_ascii=False) + one.sealed + one.actor
        for one in pseudonymise(originals, KEYS, Learners())
    )
    assert "zq-marker" not in output
    for text in texts(originals):
        assert text.removeprefix("mailto:") not in output


@given(statements)
def test_without_keys_only_pseudonyms_are_read(original: dict[str, Any]) -> None:
    sealed = seal(original)
    assert restore(sealed.statement, sealed.sealed, {}) == sealed.statement


def agents_in(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        if identify(node) is not None:
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from agents_in(item)


@given(statements, st.data())
def test_once_a_key_is_destroyed_no_seal_shows_that_learner(original: dict[str, Any], data: st.DataObject) -> None:
    learners = Learners()
    sealed = seal(original, learners)
    erased = data.draw(st.sampled_from(sorted(learners.keys)))
    del learners.keys[erased]
    read = restore(sealed.statement, sealed.sealed, learners.keys)
    assert erased in {name_of(agent) for agent in agents_in(original)}
    assert erased not in {name_of(agent) for agent in agents_in(read)}


def test_every_position_of_an_agent_is_replaced() -> None:
    original = statement(
        actor={"objectType": "Group", "member": [ADA, BOB]},
        authority={"objectType": "Group", "member": [BOB, EVE]},
        object={
            "objectType": "SubStatement",
            "actor": EVE,
            "verb": {"id": "http://v"},
            "object": {"objectType": "Agent", **ADA},
            "context": {"instructor": BOB},
        },
        context={
            "instructor": ADA,
            "team": {"objectType": "Group", **BOB, "member": [EVE]},
            "contextAgents": [{"objectType": "contextAgent", "agent": EVE, "relevantTypes": ["http://t"]}],
            "contextGroups": [{"objectType": "contextGroup", "group": {"objectType": "Group", "member": [ADA]}}],
            "language": "fr",
        },
    )
    ada, bob, eve = (account_of(one) for one in (ADA, BOB, EVE))
    assert seal(original).statement == statement(
        actor={"objectType": "Group", "member": [ada, bob]},
        authority={"objectType": "Group", "member": [bob, eve]},
        object={
            "objectType": "SubStatement",
            "actor": eve,
            "verb": {"id": "http://v"},
            "object": ada,
            "context": {"instructor": bob},
        },
        context={
            "instructor": ada,
            "team": {**account_of(BOB, "Group"), "member": [eve]},
            "contextAgents": [{"objectType": "contextAgent", "agent": eve, "relevantTypes": ["http://t"]}],
            "contextGroups": [{"objectType": "contextGroup", "group": {"objectType": "Group", "member": [ada]}}],
            "language": "fr",
        },
    )


def test_the_actor_is_named_by_its_pseudonym() -> None:
    assert seal(statement()).actor == name_of(ADA)
    assert seal(statement(actor={"objectType": "Group", **BOB})).actor == name_of(BOB)
    assert seal(statement(actor={"objectType": "Group", "member": [ADA]})).actor == ""


def test_the_sealed_originals_are_compact_json_that_names_place_and_owner() -> None:
    sealed = seal(statement(authority=BOB)).sealed
    assert [entry[:2] for entry in json.loads(sealed)] == [["/actor", name_of(ADA)], ["/authority", name_of(BOB)]]
    assert sealed == orjson.dumps(orjson.loads(sealed)).decode()


def test_an_account_that_looks_like_a_pseudonym_is_replaced_all_the_same() -> None:
    original = statement(actor=account_of(ADA))
    learners = Learners()
    sealed = seal(original, learners)
    assert sealed.actor == name_of(account_of(ADA)) != name_of(ADA)
    assert restore(sealed.statement, sealed.sealed, learners.keys) == original


def test_a_batch_asks_for_keys_once_and_for_each_learner_once() -> None:
    learners = Learners()
    pseudonymise([statement(authority=BOB) for _ in range(50)], KEYS, learners)
    assert learners.asked == [{name_of(ADA), name_of(BOB)}]
    assert pseudonymise([], KEYS, learners) == []


def test_the_same_agent_is_sealed_differently_each_time() -> None:
    tokens = {json.loads(one.sealed)[0][2] for one in pseudonymise([statement()] * 5, KEYS, Learners())}
    assert len(tokens) == 5


def test_parts_without_agents_are_shared_not_copied() -> None:
    original = statement(result={"extensions": {"https://example.org/x": "x"}})
    sealed = seal(original).statement
    assert sealed["result"] is original["result"]
    assert sealed["object"] is original["object"]


def test_a_destroyed_key_leaves_the_pseudonym_and_the_others() -> None:
    learners = Learners()
    sealed = seal(statement(authority=BOB), learners)
    del learners.keys[name_of(ADA)]
    assert restore(sealed.statement, sealed.sealed, learners.keys) == statement(actor=account_of(ADA), authority=BOB)


def test_a_key_made_after_the_erasure_opens_nothing_from_before() -> None:
    learners = Learners()
    sealed = seal(statement(), learners)
    learners.keys[name_of(ADA)] = b"n" * 32
    assert restore(sealed.statement, sealed.sealed, learners.keys) == sealed.statement


def test_a_member_erased_from_an_identified_group_is_not_found_in_the_groups_own_seal() -> None:
    group = {"objectType": "Group", "name": "Équipe", **EVE, "member": [ADA, BOB]}
    learners = Learners()
    sealed = seal(statement(actor=group), learners)
    del learners.keys[name_of(ADA)]
    read = restore(sealed.statement, sealed.sealed, learners.keys)
    assert read["actor"] == {**group, "member": [account_of(ADA), BOB]}


def test_an_anonymous_groups_name_is_gone_with_the_first_member_erased() -> None:
    group = {"objectType": "Group", "name": "Ada and Bob", "member": [ADA, BOB]}
    learners = Learners()
    sealed = seal(statement(actor=group), learners)
    assert restore(sealed.statement, sealed.sealed, learners.keys)["actor"] == group
    del learners.keys[name_of(ADA)]
    read = restore(sealed.statement, sealed.sealed, learners.keys)
    assert read["actor"] == {"objectType": "Group", "member": [account_of(ADA), BOB]}


@pytest.mark.parametrize("other", [{"id": "11111111-1111-4111-8111-111111111111"}, {}])
def test_a_seal_moved_to_another_statement_or_place_does_not_open(other: dict[str, str]) -> None:
    learners = Learners()
    sealed = seal(statement(authority=ADA), learners)
    entries = json.loads(sealed.sealed)
    if other:
        moved = {**sealed.statement, **other}
    else:
        moved = sealed.statement
        entries[0][2], entries[1][2] = entries[1][2], entries[0][2]
    assert restore(moved, json.dumps(entries), learners.keys) == moved


@pytest.mark.parametrize(
    ("bad", "pointer"),
    [
        (statement(actor={"name": "Zq-marker"}), "/1/actor"),
        (statement(actor="Zq-marker"), "/1/actor"),
        (statement(authority={"objectType": "Group", "name": "Zq-marker"}), "/1/authority"),
        (statement(actor={"objectType": "Group", "name": "Zq-marker", "member": []}), "/1/actor"),
        (statement(actor={"objectType": "Group", "member": [{"name": "Zq-marker"}]}), "/1/actor/member/0"),
        (statement(actor={"objectType": "Group", "member": "Zq-marker"}), "/1/actor/member"),
        (statement(context={"team": "Zq-marker"}), "/1/context/team"),
        (statement(context={"contextAgents": [{"agent": {"name": "Zq-marker"}}]}), "/1/context/contextAgents/0/agent"),
        (statement(object={"objectType": "Agent", "name": "Zq-marker"}), "/1/object"),
    ],
)
def test_an_agent_that_cannot_be_replaced_is_refused_and_not_shown(bad: dict[str, Any], pointer: str) -> None:
    learners = Learners()
    with pytest.raises(UnidentifiedAgent) as caught:
        pseudonymise([statement(), bad], KEYS, learners)
    assert str(caught.value).startswith(f"{pointer}: expected")
    assert "Zq-marker" not in str(caught.value)
    assert (caught.value.index, f"/1{caught.value.pointer}") == (1, pointer)
    assert learners.asked == []


def test_without_a_key_nothing_is_written() -> None:
    with pytest.raises(VaultUnavailable):
        pseudonymise([statement()], KEYS, lambda _: {})

    def down(_: Iterable[str]) -> dict[str, bytes]:
        raise VaultUnavailable("down")

    with pytest.raises(VaultUnavailable, match="down"):
        pseudonymise([statement()], KEYS, down)


def test_a_deep_copy_is_not_needed_to_keep_the_original() -> None:
    original = statement(context={"team": {"objectType": "Group", "member": [ADA, {**BOB}]}})
    before = copy.deepcopy(original)
    learners = Learners()
    sealed = seal(original, learners)
    kept = copy.deepcopy(sealed.statement)
    restored = restore(sealed.statement, sealed.sealed, learners.keys)
    restored["context"]["team"]["member"][0]["name"] = "changed"
    assert original == before
    assert sealed.statement == kept


def test_authority_is_named_after_application_and_user_together() -> None:
    application = {"account": {"homePage": "https://idp.example.org", "name": "moodle"}}
    alone = name_authority(replace_authority(application, KEYS))
    assert alone == name_of(application)
    pairs = [
        name_authority(replace_authority({"objectType": "Group", "member": [application, user]}, KEYS))
        for user in (ADA, BOB, ADA)
    ]
    assert pairs[0] == pairs[2]
    assert len({alone, *pairs}) == 3
    assert all(len(name) == len(alone) for name in pairs)
