from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from identity.audit import AuditTrail
from identity.errors import UnknownProfile, UnknownTenant
from identity.keys import MasterKey
from identity.profiles import (
    LONGEST_ID,
    MOST_LOOKUPS,
    MOST_PROFILES,
    StoredProfile,
    add_profile,
    get_profile,
    list_profiles,
    read_digests,
    remove_profile,
)
from identity.removal import begin_removal, count_rows, finish_removal
from identity.tenants import Tenant, add_tenant
from tests.unit.xapi_profiles.profiles import PROFILE, TEMPLATE, VERSION, make_document, make_profile
from xapi_profiles.errors import InvalidProfile

VERB = "http://adlnet.gov/expapi/verbs/attended"
SHIPPED_ID = "https://shipped.example.org"
SHIPPED = [
    make_profile(
        {"id": f"{SHIPPED_ID}/t", "inScheme": f"{SHIPPED_ID}/v1", "verb": VERB},
        id=SHIPPED_ID,
        versions=[{"id": f"{SHIPPED_ID}/v1", "generatedAtTime": "2026-11-26T00:00:00Z"}],
    )
]
RULE = {"location": "$.result.duration", "presence": "included"}


@pytest.fixture(autouse=True)
def other(engine: Engine, master: MasterKey, tenant: Tenant) -> Tenant:  # noqa: ARG001 (two tenants, one database)
    return add_tenant(engine, master, "other", "Other")


class Adding:
    def __init__(self, engine: Engine, master: MasterKey) -> None:
        self.engine, self.trail = engine, AuditTrail(engine, master)

    def add(self, document: dict[str, Any] | bytes, tenant: str = "acme") -> StoredProfile:
        raw = document if isinstance(document, bytes) else orjson.dumps(document)
        return add_profile(self.engine, self.trail, tenant, raw, SHIPPED, who="operator:tests", why="a test")

    def refuse(self, document: dict[str, Any]) -> list[tuple[str, str]]:
        before = read_digests(self.engine, "acme")
        with pytest.raises(InvalidProfile) as caught:
            self.add(document)
        assert read_digests(self.engine, "acme") == before
        return [(problem.pointer, problem.found) for problem in caught.value.problems]

    def told(self) -> list[tuple[str, str, Any]]:
        events = [entry.event for entry in self.trail.read() if entry.event.action.startswith("profile-")]
        return [(event.action, event.about, event.details) for event in events]


@pytest.fixture
def adding(engine: Engine, master: MasterKey) -> Adding:
    return Adding(engine, master)


def make(name: str, *rules: dict[str, Any], verb: str = VERB) -> dict[str, Any]:
    """Return a profile whose ids are all of its own."""
    base = f"https://own.example.org/{name}"
    version = {"id": f"{base}/v1", "generatedAtTime": "2026-11-26T00:00:00Z"}
    template = {"id": f"{base}/t", "inScheme": f"{base}/v1", "verb": verb, **({"rules": list(rules)} if rules else {})}
    return make_document(template, id=base, versions=[version])


def test_a_profile_is_kept_as_the_file_that_came_for_its_tenant_alone(adding: Adding, engine: Engine) -> None:
    raw = b"\xef\xbb\xbf" + orjson.dumps(make_document({"verb": VERB}), option=orjson.OPT_INDENT_2)
    added = adding.add(raw)
    assert added.id == PROFILE
    assert get_profile(engine, "acme", PROFILE) == added
    assert added.content.encode() == raw[3:]
    assert added.read().templates[0].id == TEMPLATE
    assert list_profiles(engine, "other") == []
    with pytest.raises(UnknownProfile, match="jalon profile list other"):
        get_profile(engine, "other", PROFILE)
    assert adding.told() == [("profile-added", PROFILE, {"sha256": added.digest, "versions": [VERSION]})]


def test_another_file_of_a_profile_takes_its_place_and_the_same_one_changes_nothing(
    adding: Adding, engine: Engine
) -> None:
    first = adding.add(make_document({"verb": VERB}))
    assert adding.add(make_document({"verb": VERB})) == first
    second = adding.add(make_document({"verb": VERB, "rules": [RULE]}))
    assert list_profiles(engine, "acme") == [second]
    assert read_digests(engine, "acme") == {PROFILE: second.digest}
    assert [details.get("replaced") for _, _, details in adding.told()] == [None, first.digest]


def test_a_profile_that_was_removed_is_gone_and_the_trail_says_so(adding: Adding, engine: Engine) -> None:
    adding.add(make_document({"verb": VERB}))
    kept = adding.add(make_document({"verb": VERB}), "other")
    remove_profile(engine, adding.trail, "acme", PROFILE, who="operator:tests", why="a test")
    assert list_profiles(engine, "acme") == []
    assert list_profiles(engine, "other") == [kept]
    assert adding.told()[-1][:2] == ("profile-removed", PROFILE)
    with pytest.raises(UnknownProfile):
        remove_profile(engine, adding.trail, "acme", PROFILE, who="operator:tests", why="a test")


def test_nobody_s_profiles_are_refused(adding: Adding, engine: Engine) -> None:
    with pytest.raises(UnknownTenant):
        adding.add(make_document({"verb": VERB}), "nobody")
    with pytest.raises(UnknownTenant):
        list_profiles(engine, "nobody")
    assert read_digests(engine, "nobody") == {}


def test_all_that_is_wrong_with_a_file_is_told_and_nothing_kept(adding: Adding) -> None:
    document = make_document({"verb": "completed", "rules": [{"location": "$.a[?(@)]", "presence": "must"}]})
    places = [pointer for pointer, _ in adding.refuse(document)]
    assert places == ["/templates/0/verb", "/templates/0/rules/0/location", "/templates/0/rules/0/presence"]


def test_ids_of_shipped_profiles_and_of_the_tenant_s_others_are_taken(adding: Adding) -> None:
    assert adding.refuse(make_document({"verb": VERB}, id=SHIPPED_ID)) == [("/id", f'"{SHIPPED_ID}"')]
    adding.add(make_document({"verb": VERB}))
    intruder = make("intruder")
    intruder["templates"][0]["id"] = TEMPLATE
    assert adding.refuse(intruder) == [("/templates/0/id", f'"{TEMPLATE}"')]
    adding.add(intruder, "other")


def test_what_all_profiles_of_a_tenant_ask_of_one_statement_is_bounded(adding: Adding) -> None:
    descending = {"location": "$..id", "presence": "included"}
    adding.add(make("one", *[descending] * 3))
    assert adding.refuse(make("two", *[descending] * 3)) == [("/templates", "151")]
    adding.add(make("two", *[descending] * 2))
    # The same one again, smaller or as large, weighs what it weighs and not twice.
    adding.add(make("one", *[descending] * 3, RULE))
    many = [{"location": f"$.context.extensions['e{number}']", "presence": "included"} for number in range(50)]
    assert adding.refuse(make("three", *many)) == [("/templates", "51")]
    assert MOST_LOOKUPS == 300


def test_a_tenant_has_so_many_profiles_with_ids_of_some_length(adding: Adding) -> None:
    for number in range(MOST_PROFILES):
        adding.add(make(str(number)))
    assert adding.refuse(make("more")) == [("", f"{MOST_PROFILES} others")]
    adding.add(make("0", RULE))
    ((pointer, found), *_) = adding.refuse(make("x" * LONGEST_ID))
    assert pointer == "/id"
    assert found.endswith("characters")


def test_profiles_go_with_their_tenant(adding: Adding, engine: Engine) -> None:
    adding.add(make_document({"verb": VERB}))
    assert count_rows(engine, "acme")["profiles"] == 1
    begin_removal(engine, adding.trail, "acme", {}, who="operator:tests", why="a test")
    with pytest.raises(UnknownTenant):
        adding.add(make("late"))
    finish_removal(engine, adding.trail, "acme", {}, who="operator:tests", why="a test")
    assert read_digests(engine, "acme") == {}
