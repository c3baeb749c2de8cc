"""Every stored statement says how it stands to the profiles that it claims, and none is lost for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from orjson import dumps
from sqlalchemy import Engine, insert

from clickhouse.statements import Row
from identity.audit import AuditTrail
from identity.database import open_database, upgrade, writing
from identity.errors import IdentityUnavailable
from identity.hiding import HIDDEN
from identity.keys import MasterKey
from identity.policy import Policy
from identity.profiles import add_profile, remove_profile
from identity.standing import Standing
from identity.tables import PROFILES
from identity.tenants import add_tenant
from identity.vault import Vault
from stream_processors.conformance import PROFILE_SECONDS, CheckersOfTenants
from stream_processors.processing import Processor
from tests.unit.stream_processors.conftest import TENANT
from tests.unit.stream_processors.doubles import MemoryStore
from tests.unit.stream_processors.test_processing import make_record, make_statement, tally
from tests.unit.xapi_profiles.profiles import PROFILE, TEMPLATE, VERSION, make_document, make_profile
from xapi_profiles.templates import ConformanceChecker
from xapi_profiles.vocabulary import Category, Verb

VERB = "http://adlnet.gov/expapi/verbs/experienced"
KIND = "http://activitystrea.ms/event"
RULE = {"location": "$.result.duration", "presence": "included"}
CHECKER = ConformanceChecker([make_profile({"verb": VERB, "objectActivityType": KIND, "rules": [RULE]})])


@pytest.fixture
def processor(store: MemoryStore, vault: Vault, master: MasterKey, engine: Engine) -> Processor:
    def find(tenant: str) -> ConformanceChecker:
        return {TENANT: CHECKER, "other": ConformanceChecker(())}[tenant]

    return Processor(store, vault, master, Standing(engine).find, find_checker=find)


def claim(*categories: str, **changes: Any) -> dict[str, Any]:
    activities = {"category": [{"id": category} for category in categories or (VERSION,)]}
    target = {"id": "https://example.org/s", "definition": {"type": KIND}}
    return make_statement(object=target, context={"contextActivities": activities}, **changes)


async def process(processor: Processor, store: MemoryStore, statement: dict[str, Any], tenant: str = TENANT) -> Row:
    await processor.process([make_record([statement], tenant=tenant)])
    return store.statements[tenant][uuid.UUID(statement["id"])]


def told(row: Row) -> tuple[str, str, str, str]:
    return row.conformance, row.profile, row.template, row.failed_rule


async def test_each_state_is_stored_with_what_it_is_founded_on(processor: Processor, store: MemoryStore) -> None:
    sound = claim(result={"duration": "PT1H"})
    assert told(await process(processor, store, sound)) == ("conformant", VERSION, TEMPLATE, "")
    expected = ("nonconformant", VERSION, TEMPLATE, "$.result.duration: expected a value")
    assert told(await process(processor, store, claim())) == expected
    other_verb = claim(verb={"id": "https://example.org/verbs/other"})
    state, profile, template, rule = told(await process(processor, store, other_verb))
    assert (state, profile, template) == ("nonconformant", VERSION, "")
    assert rule
    for statement in (claim("https://example.org/other"), make_statement()):
        assert told(await process(processor, store, statement)) == ("unclaimed", "", "", "")


async def test_the_version_is_claimed_by_the_profile_too_and_a_single_category_counts(
    processor: Processor, store: MemoryStore
) -> None:
    statement = claim(PROFILE)
    statement["context"]["contextActivities"]["category"] = {"id": PROFILE}
    assert told(await process(processor, store, statement))[:2] == ("nonconformant", VERSION)


async def test_a_nonconformant_statement_is_stored_and_counted_as_any_other(
    processor: Processor, store: MemoryStore
) -> None:
    record = make_record([claim(), claim(result={"duration": "PT1H"}), make_statement()])
    await processor.process([record])
    assert tally(store, record) == (3, 3, 0, 0)


async def test_profiles_are_those_of_the_tenant(processor: Processor, store: MemoryStore) -> None:
    assert told(await process(processor, store, claim(), tenant="other"))[0] == "unclaimed"


async def test_a_fault_of_the_check_loses_no_statement_and_tells_no_name(
    processor: Processor, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> NoReturn:
        raise RecursionError("camille.martin@example.org")

    monkeypatch.setattr(CHECKER, "check", fail)
    assert told(await process(processor, store, claim())) == ("", "", "", "")
    assert "conformance-not-checked" in caplog.text
    assert "camille" not in caplog.text + repr([vars(one) for one in caplog.records])


@pytest.mark.parametrize("field", ["verb.id", "activity.definition.type"])
async def test_no_template_tells_of_what_the_policy_hides(
    processor: Processor, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, field: Any
) -> None:
    monkeypatch.setattr(processor, "_find_policy", lambda _: Policy(fields={field: "hash"}))
    assert told(await process(processor, store, claim())) == ("nonconformant", VERSION, "", "")
    row = await process(processor, store, claim(result={"duration": "PT1H"}))
    assert told(row) == ("conformant", VERSION, "", "")
    assert HIDDEN in (row.verb if field == "verb.id" else row.activity_type)


async def test_hiding_anything_else_hides_nothing_of_this(processor: Processor, store: MemoryStore) -> None:
    row = await process(processor, store, claim(result={"response": "Camille", "duration": "PT1H"}))
    assert "[sealed]" in row.statement
    assert VERSION not in row.statement  # by its path it might be a person's
    assert told(row) == ("conformant", VERSION, TEMPLATE, "")


@pytest.fixture
def tenants(tmp_path: Path, master: MasterKey) -> Iterator[Engine]:
    """An identity database with two tenants and no profiles."""
    engine = open_database(f"sqlite:///{tmp_path}/profiles.db")
    upgrade(engine)
    for tenant in (TENANT, "other"):
        add_tenant(engine, master, tenant, tenant)
    yield engine
    engine.dispose()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self) -> None:
        self.now += PROFILE_SECONDS


def test_profiles_of_the_tenant_count_within_seconds_and_nothing_is_made_twice(
    tenants: Engine, master: MasterKey
) -> None:
    trail, clock, statement = AuditTrail(tenants, master), Clock(), claim()
    checkers = CheckersOfTenants(tenants, clock)
    shipped = checkers.find(TENANT)
    assert shipped is checkers.find("other")
    assert shipped.check(statement).state == "unclaimed"
    scored = claim(Category.ASSESSMENTS, verb={"id": Verb.SCORED})
    assert shipped.check(scored).state == "nonconformant"

    add_profile(tenants, trail, TENANT, dumps(make_document({"verb": VERB, "rules": [RULE]})), (), who="t", why="")
    assert checkers.find(TENANT) is shipped
    clock.pass_by()
    own = checkers.find(TENANT)
    assert own.check(statement).state == own.check(scored).state == "nonconformant"
    clock.pass_by()
    assert checkers.find(TENANT) is own
    assert checkers.find("other") is shipped

    add_profile(tenants, trail, TENANT, dumps(make_document({"verb": VERB})), (), who="t", why="")
    clock.pass_by()
    assert checkers.find(TENANT).check(statement).state == "conformant"
    remove_profile(tenants, trail, TENANT, PROFILE, who="t", why="")
    clock.pass_by()
    assert checkers.find(TENANT).check(statement).state == "unclaimed"


def test_while_the_database_does_not_answer_the_profiles_of_before_count(
    tenants: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    checkers = CheckersOfTenants(tenants, clock)
    known = checkers.find(TENANT)

    def fail(*_: object) -> NoReturn:
        raise IdentityUnavailable("down")

    monkeypatch.setattr("stream_processors.conformance.read_digests", fail)
    clock.pass_by()
    assert checkers.find(TENANT) is known
    with pytest.raises(IdentityUnavailable):
        checkers.find("other")


def test_a_profile_that_this_version_does_not_take_leaves_the_others(
    tenants: Engine, master: MasterKey, caplog: pytest.LogCaptureFixture
) -> None:
    trail = AuditTrail(tenants, master)
    add_profile(tenants, trail, TENANT, dumps(make_document({"verb": VERB})), (), who="t", why="")
    row = {"tenant": TENANT, "id": "https://e.org/p", "digest": "d", "content": "{}", "added_at": datetime.now(UTC)}
    with writing(tenants) as connection:
        connection.execute(insert(PROFILES).values(row))
    assert CheckersOfTenants(tenants).find(TENANT).check(claim()).state == "conformant"
    assert "profile-not-usable" in caplog.text
