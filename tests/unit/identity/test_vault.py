import secrets
import traceback
from typing import Any

import pytest
from sqlalchemy import Engine, delete, event, func, select, update

from identity.database import writing
from identity.errors import UnknownTenant, VaultUnavailable
from identity.keys import MasterKey, TenantKeys
from identity.tables import LEARNER_KEYS, TENANT_KEYS
from identity.tenants import Tenant, add_tenant
from identity.vault import CACHED_SECONDS, Vault

pytestmark = pytest.mark.usefixtures("tenant")


def draw(count: int) -> list[str]:
    return [secrets.token_hex(16) for _ in range(count)]


def test_tenant_keys_are_distinct_and_the_same_for_every_process(
    engine: Engine, master: MasterKey, keys: TenantKeys
) -> None:
    add_tenant(engine, master, "other", "Other")
    other = Vault(engine, master).tenant_keys("other")
    drawn = {part for one in (keys, other) for part in (one.pseudonym, one.fingerprint, one.dead_letter, one.content)}
    assert len(drawn) == 8
    assert {len(part) for part in drawn} == {32}
    assert Vault(engine, master).tenant_keys("acme") == keys


def test_a_tenant_from_before_a_purpose_gets_the_key_it_lacks(
    engine: Engine, master: MasterKey, keys: TenantKeys
) -> None:
    with engine.begin() as connection:
        connection.execute(delete(TENANT_KEYS).where(TENANT_KEYS.c.purpose == "content"))
    anew = Vault(engine, master).tenant_keys("acme")
    assert anew.content != keys.content
    assert anew.pseudonym == keys.pseudonym
    assert Vault(engine, master).tenant_keys("acme") == anew


def test_the_database_secret_is_stable_and_the_tenants_own(engine: Engine, master: MasterKey, vault: Vault) -> None:
    add_tenant(engine, master, "other", "Other")
    assert Vault(engine, master).database_secret("acme") == vault.database_secret("acme")
    assert vault.database_secret("acme") != vault.database_secret("other")
    assert len(vault.database_secret("acme")) == 43


def test_an_unknown_tenant_has_no_keys(vault: Vault) -> None:
    for ask in (vault.tenant_keys, vault.database_secret, lambda tenant: vault.learner_keys(tenant, draw(1))):
        with pytest.raises(UnknownTenant):
            ask("nobody")


def test_a_learner_keeps_one_key_in_every_process(engine: Engine, master: MasterKey, vault: Vault) -> None:
    pseudonyms = draw(3)
    first = vault.learner_keys("acme", pseudonyms)
    assert set(first) == set(pseudonyms)
    assert len(set(first.values())) == 3
    assert {len(key) for key in first.values()} == {32}
    assert Vault(engine, master).learner_keys("acme", pseudonyms) == first
    assert Vault(engine, master).find_learner_keys("acme", pseudonyms) == first


def test_finding_makes_no_key(engine: Engine, vault: Vault) -> None:
    assert vault.find_learner_keys("acme", draw(2)) == {}
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(LEARNER_KEYS)) == 0


def test_the_same_pseudonym_in_two_tenants_has_two_keys(engine: Engine, master: MasterKey, vault: Vault) -> None:
    add_tenant(engine, master, "other", "Other")
    pseudonyms = draw(1)
    ours = vault.learner_keys("acme", pseudonyms)
    assert vault.find_learner_keys("other", pseudonyms) == {}
    assert vault.learner_keys("other", pseudonyms) != ours


def test_a_worker_that_lost_the_race_takes_the_winners_key(
    engine: Engine, master: MasterKey, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between our look-up and our insert another worker adds some of the same learners."""
    pseudonyms = draw(4)
    winner = Vault(engine, master)
    won: dict[str, bytes] = {}
    create = vault._create

    def create_late(tenant: str, lacking: list[str], *under: Any) -> dict[str, bytes]:
        won.update(winner.learner_keys(tenant, pseudonyms[:2]))
        return create(tenant, lacking, *under)

    monkeypatch.setattr(vault, "_create", create_late)
    keys = vault.learner_keys("acme", pseudonyms)
    assert len(won) == 2
    assert keys | won == keys
    assert Vault(engine, master).find_learner_keys("acme", pseudonyms) == keys


def test_twenty_five_thousand_learners_are_made_in_one_transaction(
    engine: Engine, master: MasterKey, vault: Vault
) -> None:
    commits: list[object] = []
    event.listen(engine, "commit", commits.append)
    pseudonyms = draw(25_000)
    vault.tenant_keys("acme")
    commits.clear()
    keys = vault.learner_keys("acme", pseudonyms)
    assert len(commits) == 2  # one for looking, one for making
    assert len(set(keys.values())) == 25_000
    assert Vault(engine, master).find_learner_keys("acme", pseudonyms) == keys


def test_known_learners_need_no_database_and_memory_is_bounded(engine: Engine, master: MasterKey) -> None:
    vault = Vault(engine, master, cached_learners=10)
    pseudonyms = draw(30)
    keys = vault.learner_keys("acme", pseudonyms)
    assert len(keys) == 30
    assert len(vault._learners) == 10
    recent = [pseudonym for _, pseudonym in vault._learners]
    LEARNER_KEYS.drop(engine)
    assert vault.learner_keys("acme", recent) == {name: keys[name] for name in recent}
    with pytest.raises(VaultUnavailable):
        vault.learner_keys("acme", pseudonyms)


def test_the_keys_longest_unused_are_forgotten_first(engine: Engine, master: MasterKey) -> None:
    vault = Vault(engine, master, cached_learners=2)
    first, second, third = draw(3)
    for one in (first, second, first, third):
        vault.learner_keys("acme", [one])
    assert [pseudonym for _, pseudonym in vault._learners] == [first, third]


def test_no_key_lies_in_clear_in_the_database(engine: Engine, vault: Vault, keys: TenantKeys) -> None:
    learners = vault.learner_keys("acme", draw(5))
    with engine.connect() as connection:
        stored = b"".join(
            row.wrapped for table in (LEARNER_KEYS, TENANT_KEYS) for row in connection.execute(select(table))
        )
    assert len(stored) == (5 + 5) * (12 + 32 + 16)
    for key in (*learners.values(), keys.pseudonym, keys.fingerprint, keys.dead_letter, keys.content):
        assert key not in stored


def test_a_learners_wrapped_key_cannot_stand_in_for_anothers(engine: Engine, master: MasterKey, vault: Vault) -> None:
    one, two = draw(2)
    vault.learner_keys("acme", [one, two])
    with engine.begin() as connection:
        wrapped = connection.scalar(select(LEARNER_KEYS.c.wrapped).where(LEARNER_KEYS.c.pseudonym == one))
        connection.execute(update(LEARNER_KEYS).where(LEARNER_KEYS.c.pseudonym == two).values(wrapped=wrapped))
    with pytest.raises(VaultUnavailable):
        Vault(engine, master).find_learner_keys("acme", [two])


def test_a_destroyed_key_is_gone_for_a_process_that_did_not_hold_it(
    engine: Engine, master: MasterKey, vault: Vault
) -> None:
    pseudonyms = draw(1)
    vault.learner_keys("acme", pseudonyms)
    with engine.begin() as connection:
        connection.execute(delete(LEARNER_KEYS))
    assert Vault(engine, master).find_learner_keys("acme", pseudonyms) == {}


def test_another_master_key_opens_nothing(engine: Engine) -> None:
    stranger = Vault(engine, MasterKey(secrets.token_bytes(32)))
    for ask in (stranger.tenant_keys, stranger.database_secret, lambda tenant: stranger.learner_keys(tenant, draw(1))):
        with pytest.raises(VaultUnavailable, match="does not open under this vault's key"):
            ask("acme")


def test_a_database_that_fails_makes_the_vault_unavailable(engine: Engine, vault: Vault) -> None:
    vault.tenant_keys("acme")
    LEARNER_KEYS.drop(engine)
    pseudonyms = draw(1)
    for ask in (vault.learner_keys, vault.find_learner_keys):
        with pytest.raises(VaultUnavailable) as caught:
            ask("acme", pseudonyms)
        assert pseudonyms[0] not in "".join(traceback.format_exception(caught.value))


def test_a_destroyed_key_is_not_used_for_longer_than_an_hour(engine: Engine, master: MasterKey, tenant: Tenant) -> None:
    now = 0.0
    vault = Vault(engine, master, clock=lambda: now)
    name = "0" * 32
    first = vault.learner_keys(tenant.id, [name])
    with writing(engine) as connection:
        connection.execute(delete(LEARNER_KEYS))
    now = CACHED_SECONDS - 1
    assert vault.learner_keys(tenant.id, [name]) == first
    now = CACHED_SECONDS
    second = vault.learner_keys(tenant.id, [name])
    assert second != first
    assert vault.learner_keys(tenant.id, [name]) == second
