from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, insert

from identity.database import writing
from identity.forgetting import (
    count_documents,
    delete_documents,
    forget_learners,
    list_departing,
    list_owners,
    list_without_documents,
    note_departing,
)
from identity.keys import MasterKey
from identity.tables import DOCUMENTS
from identity.tenants import Tenant, add_tenant
from identity.vault import Vault

NOW = datetime.now(UTC)
ADA, GRACE, ALAN = ("a" * 32, "b" * 32, "c" * 32)


def put(engine: Engine, agent: str, days: int, *, resource: str = "state", tenant: str = "acme") -> None:
    name = f"{days:032}"
    row = {"tenant": tenant, "context": agent or "0" * 32, "registration": "", "name": name, "resource": resource}
    row |= {"agent": agent, "stored_at": NOW - timedelta(days=days), "label": b"12", "content": b"345"}
    with writing(engine) as connection:
        connection.execute(insert(DOCUMENTS).values(row))


def test_documents_go_by_resource_and_age(engine: Engine, master: MasterKey, tenant: Tenant) -> None:
    add_tenant(engine, master, "other", "Other")
    for agent, days in ((ADA, 10), (ADA, 40), (GRACE, 50)):
        put(engine, agent, days)
    put(engine, ADA, 60, resource="agent-profile")
    put(engine, ADA, 70, tenant="other")
    before = NOW - timedelta(days=30)
    old = count_documents(engine, tenant.id, "state", before)
    assert (old.count, old.bytes) == (2, 10)
    assert old.oldest_left == NOW - timedelta(days=10)
    assert list_owners(engine, tenant.id, "state", before) == [ADA, GRACE]
    assert delete_documents(engine, tenant.id, "state", before) == 2
    assert count_documents(engine, tenant.id, "state", NOW).count == 1
    assert count_documents(engine, tenant.id, "agent-profile", NOW).count == 1
    assert count_documents(engine, "other", "state", NOW).count == 1


def test_documents_of_who_is_held_stay(engine: Engine, tenant: Tenant) -> None:
    put(engine, ADA, 40)
    put(engine, GRACE, 50)
    put(engine, "", 60)
    before = NOW - timedelta(days=30)
    told = count_documents(engine, tenant.id, "state", before, {ADA})
    assert (told.count, told.oldest_left) == (2, NOW - timedelta(days=40))
    assert delete_documents(engine, tenant.id, "state", before, {ADA}) == 2
    assert count_documents(engine, tenant.id, "state", NOW).count == 1


def test_whoever_has_a_document_that_stays_is_not_gone(engine: Engine, tenant: Tenant) -> None:
    put(engine, ADA, 10)
    put(engine, GRACE, 40)
    everybody = [ADA, GRACE, ALAN]
    assert list_without_documents(engine, tenant.id, everybody, {}) == [ALAN]
    before = NOW - timedelta(days=30)
    assert list_without_documents(engine, tenant.id, everybody, {"state": before}) == [GRACE, ALAN]
    assert list_without_documents(engine, tenant.id, everybody, {"agent-profile": before}) == [ALAN]


def test_keys_of_who_is_gone_are_destroyed_and_no_others(engine: Engine, master: MasterKey, vault: Vault) -> None:
    add_tenant(engine, master, "other", "Other")
    for tenant in ("acme", "other"):
        vault.learner_keys(tenant, [ADA, GRACE, ALAN])
    put(engine, GRACE, 1)  # it came while the others were being counted
    note_departing(engine, "acme", [ADA, GRACE, ALAN])
    note_departing(engine, "acme", [ADA])
    assert list_departing(engine, "acme") == [ADA, GRACE, ALAN]
    assert forget_learners(engine, "acme", [ADA, GRACE], [ADA, GRACE, ALAN]) == 1
    assert list_departing(engine, "acme") == []
    left = Vault(engine, master)
    assert set(left.find_learner_keys("acme", [ADA, GRACE, ALAN])) == {GRACE, ALAN}
    assert set(left.find_learner_keys("other", [ADA, GRACE, ALAN])) == {ADA, GRACE, ALAN}
