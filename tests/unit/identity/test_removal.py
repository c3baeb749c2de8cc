from __future__ import annotations

import pytest
from sqlalchemy import Engine

from identity.accounts import Accounts
from identity.analysts import add_analyst
from identity.audit import AuditTrail
from identity.credentials import Authenticator, add_credential
from identity.errors import UnknownTenant, WrongCredential
from identity.keys import MasterKey
from identity.removal import begin_removal, count_rows, finish_removal, read_removal
from identity.roles import Role
from identity.tables import METADATA
from identity.tenants import Tenant, add_tenant, find_tenant
from identity.vault import Vault

BY = {"who": "operator:anne", "why": "the contract ended"}

OF_NO_TENANT = {"accounts", "sign_in_failures", "tenants", "vault_key"}
"""Tables without a column `tenant`: a removal leaves them alone, but for accounts that have no role any more."""


@pytest.fixture
def trail(engine: Engine, master: MasterKey, tenant: Tenant) -> AuditTrail:  # noqa: ARG001 (the trail begins with it)
    return AuditTrail(engine, master)


def fill(engine: Engine, master: MasterKey, trail: AuditTrail, tenant: str) -> str:
    Accounts(engine, master).add(f"viewer-{tenant}", {Role(tenant, "viewer")}, by=BY["who"])
    add_analyst(engine, trail, tenant, "anne", **BY)
    Vault(engine, master).learner_keys(tenant, ["ab" * 16, "cd" * 16])
    credential, _ = add_credential(engine, tenant, "platform", secret="a secret of it")
    return credential.key


def test_every_table_is_one_that_a_removal_empties_or_known_to_be_none() -> None:
    assert {table.name for table in METADATA.sorted_tables if "tenant" not in table.c} == OF_NO_TENANT


def test_nothing_stays_of_a_removed_tenant_but_its_tombstone_and_the_trail(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    add_tenant(engine, master, "other", "Other")
    key = fill(engine, master, trail, "acme")
    fill(engine, master, trail, "other")
    before = count_rows(engine, "other")
    assert count_rows(engine, "acme") == before
    assert before["learner_keys"] == 2
    begin_removal(engine, trail, "acme", {"statements": 7}, **BY)
    noted, head = finish_removal(engine, trail, "acme", {"export": "abc"}, **BY)
    assert (noted["statements"], noted["export"]) == (7, "abc")
    assert count_rows(engine, "acme") == {}
    assert count_rows(engine, "other") == before
    found = find_tenant(engine, "acme")
    assert found is not None
    assert (found.state, found.name) == ("removed", "")
    with pytest.raises(WrongCredential):
        Authenticator(engine).authenticate(key, "a secret of it")
    with pytest.raises(UnknownTenant):
        Vault(engine, master).tenant_keys("acme")
    assert trail.verify() == head
    assert [entry.event.action for entry in trail.read(tenant="acme")][-2:] == [
        "tenant-removal-begun",
        "tenant-removed",
    ]


def test_a_removal_that_is_taken_up_again_keeps_what_was_noted_first(engine: Engine, trail: AuditTrail) -> None:
    first = begin_removal(engine, trail, "acme", {"statements": 7}, **BY)
    assert begin_removal(engine, trail, "acme", {"statements": 0}, **BY) == first
    noted, _ = finish_removal(engine, trail, "acme", {}, **BY)
    assert begin_removal(engine, trail, "acme", {}, **BY) == noted
    again, _ = finish_removal(engine, trail, "acme", {"export": "x"}, **BY)
    assert again == noted == read_removal(engine, "acme")


def test_what_a_process_wrote_meanwhile_goes_when_it_is_removed_again(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    vault = Vault(engine, master)
    vault.learner_keys("acme", ["ab" * 16])
    begin_removal(engine, trail, "acme", {}, **BY)
    finish_removal(engine, trail, "acme", {}, **BY)
    vault.learner_keys("acme", ["cd" * 16])
    assert count_rows(engine, "acme") == {"learner_keys": 1}
    finish_removal(engine, trail, "acme", {}, **BY)
    assert count_rows(engine, "acme") == {}


def test_a_tenant_that_never_was_cannot_be_removed(engine: Engine, trail: AuditTrail) -> None:
    for remove in (begin_removal, finish_removal):
        with pytest.raises(UnknownTenant):
            remove(engine, trail, "nobody", {}, **BY)
