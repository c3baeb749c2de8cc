import secrets
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, select

from identity.audit import AuditTrail, Event
from identity.database import forget_deleted
from identity.erasures import (
    NOBODY,
    Erased,
    Tombstone,
    erase,
    find_erasure,
    keep_receipt,
    list_exports,
    list_numbers,
    list_targets,
    succeed,
)
from identity.keys import MasterKey, TenantKeys
from identity.linking import link, rotate_key
from identity.orders import Order
from identity.persons import list_pseudonyms, list_restricted_among, name_versions
from identity.restrictions import restrict
from identity.sealing import pseudonymise, restore
from identity.tables import DOCUMENTS, ERASURES, LEARNER_KEYS
from identity.vault import Vault

pytestmark = pytest.mark.usefixtures("tenant")

ADA = "a" * 32
GRACE = "b" * 32


@pytest.fixture
def audit(engine: Engine, master: MasterKey) -> AuditTrail:
    return AuditTrail(engine, master)


def order(engine: Engine, audit: AuditTrail, *pseudonyms: str, later: str = "refuse") -> int:
    return erase(engine, audit, "acme", pseudonyms, later=later, who="operator:o", why="asked")  # type: ignore[arg-type]


def count(engine: Engine, table: object) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0  # type: ignore[arg-type]


def add_document(engine: Engine, agent: str, content: bytes = b"sealed") -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(DOCUMENTS).values(
                tenant="acme",
                context=secrets.token_hex(16),
                registration="",
                name=secrets.token_hex(16),
                resource="state",
                agent=agent,
                stored_at=datetime.now(UTC),
                label=b"label",
                content=content,
            )
        )


def test_an_erased_persons_key_is_gone_for_a_process_that_had_it(
    engine: Engine, master: MasterKey, vault: Vault, audit: AuditTrail
) -> None:
    keys = vault.learner_keys("acme", [ADA, GRACE])
    writer = Vault(engine, master)
    writer.learner_keys("acme", [ADA])
    order(engine, audit, ADA)
    assert ADA in writer.erased("acme")
    assert writer.learner_keys("acme", [ADA]) != {ADA: keys[ADA]}
    assert vault.find_learner_keys("acme", [ADA, GRACE]) == {GRACE: keys[GRACE]}
    assert Vault(engine, master).find_learner_keys("acme", [ADA, GRACE]) == {GRACE: keys[GRACE]}


def test_no_process_makes_a_key_again_and_what_is_sealed_stays_noise(
    engine: Engine, master: MasterKey, vault: Vault, audit: AuditTrail, keys: TenantKeys
) -> None:
    learned = Vault(engine, master)
    learned.erased("acme")
    order(engine, audit, ADA)
    vault.learner_keys("acme", [GRACE])
    for one in (vault, learned, Vault(engine, master)):
        first, second = (one.learner_keys("acme", [ADA])[ADA] for _ in range(2))
        assert first != second
    assert count(engine, LEARNER_KEYS) == 1

    statement = {
        "actor": {"mbox": "mailto:ada@example.org"},
        "verb": {"id": "https://example.org/v"},
        "object": {"id": "https://example.org/a"},
    }
    (sealed,) = pseudonymise(
        [statement], keys, lambda names: vault.learner_keys("acme", names), rename=lambda _index, _names: ADA
    )
    assert sealed.actor == ADA
    assert restore(sealed.statement, sealed.sealed, vault.find_learner_keys("acme", [ADA])) == sealed.statement


def test_documents_go_with_the_key_and_nobody_elses(engine: Engine, audit: AuditTrail, vault: Vault) -> None:
    vault.learner_keys("acme", [ADA])
    for agent in (ADA, ADA, GRACE, ""):
        add_document(engine, agent)
    found = find_erasure(engine, audit, order(engine, audit, ADA))
    assert (found.keys, found.documents) == (1, 2)
    assert count(engine, DOCUMENTS) == 2
    assert found.pseudonyms == (ADA,)
    assert (found.who, found.why, found.later, found.receipt) == ("operator:o", "asked", "refuse", None)
    entry = audit.read()[-1]
    assert (entry.number, entry.event.action, entry.event.about) == (found.number, "subject-erased", ADA)


def test_an_erasure_that_fails_half_way_changes_nothing(
    engine: Engine, audit: AuditTrail, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = vault.learner_keys("acme", [ADA])
    add_document(engine, ADA)
    monkeypatch.setattr(audit, "append_to", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        order(engine, audit, ADA)
    assert vault.find_learner_keys("acme", [ADA]) == keys
    assert count(engine, DOCUMENTS) == 1
    assert count(engine, ERASURES) == 0


def test_erasing_again_keeps_number_and_moment(engine: Engine, audit: AuditTrail) -> None:
    number = order(engine, audit, ADA)
    before = find_erasure(engine, audit, number)
    assert order(engine, audit, ADA, later="new-person") == number
    assert find_erasure(engine, audit, number) == before
    assert [entry.number for entry in audit.read() if entry.event.action == "subject-erased"] == [number]
    assert list_numbers(engine, "acme", unfinished=True) == [number]
    keep_receipt(engine, number, "a receipt")
    assert list_numbers(engine, "acme", unfinished=True) == []
    assert list_numbers(engine, "acme", [ADA]) == [number]
    assert list_numbers(engine, "acme", [GRACE]) == []


def test_of_a_key_being_made_and_an_erasure_at_once_no_key_is_left(
    engine: Engine, master: MasterKey, audit: AuditTrail
) -> None:
    names = [secrets.token_hex(16) for _ in range(40)]
    ended = threading.Event()

    def make() -> None:
        while not ended.is_set():
            maker = Vault(engine, master)
            for name in names:
                maker.learner_keys("acme", [name])

    threads = [threading.Thread(target=make) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for name in names:
            order(engine, audit, name)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert Vault(engine, master).find_learner_keys("acme", names) == {}


def test_a_person_is_named_by_when_a_statement_was_accepted(keys: TenantKeys) -> None:
    once = Erased({ADA: Tombstone(100, "new-person")})
    successor = succeed(keys, ADA)
    assert once.name(keys, (ADA,), 99) == ADA
    assert once.name(keys, (ADA,), 100) == once.name(keys, (ADA,)) == successor
    assert once.name(keys, (GRACE,)) == GRACE
    assert not once.refuses(keys, (ADA,))

    twice = once.also({successor: Tombstone(200, "refuse")})
    assert twice.name(keys, (ADA,), 150) == successor
    assert twice.name(keys, (ADA,)) == succeed(keys, successor)
    assert [twice.refuses(keys, (ADA,), at) for at in (99, 150, 200)] == [False, False, True]
    assert NOBODY.name(keys, (ADA,)) == ADA
    assert len({ADA, successor, succeed(keys, successor), succeed(keys, GRACE)}) == 4


def test_a_person_who_came_back_is_erased_under_the_new_name(
    engine: Engine, audit: AuditTrail, vault: Vault, keys: TenantKeys
) -> None:
    assert list_targets(engine, keys, [ADA], vault.erased("acme")) == [ADA]
    order(engine, audit, ADA, later="new-person")
    assert list_targets(engine, keys, [ADA], vault.erased("acme")) == []
    successor = succeed(keys, ADA)
    vault.learner_keys("acme", [successor])
    assert list_targets(engine, keys, [ADA, GRACE], vault.erased("acme")) == sorted([successor, GRACE])


def test_what_is_deleted_can_be_given_up_while_others_write(
    engine: Engine, master: MasterKey, vault: Vault, audit: AuditTrail
) -> None:
    vault.learner_keys("acme", [ADA])
    order(engine, audit, ADA)
    forget_deleted(engine)
    Vault(engine, master).learner_keys("acme", [GRACE])
    forget_deleted(engine)
    assert count(engine, LEARNER_KEYS) == 1


def test_exports_that_may_hold_a_person_are_known(audit: AuditTrail) -> None:
    def tell(tenant: str, action: str, about: str = "") -> int:
        return audit.append(Event(tenant, "operator:o", action, about, "asked", {"sha256": "d"})).number

    told = [tell("acme", "subject-exported", f"{GRACE} {ADA}"), tell("acme", "tenant-exported")]
    tell("acme", "subject-exported", GRACE)
    tell("acme", "identities-read", ADA)
    tell("other", "tenant-exported")
    exports = list_exports(audit, "acme", [ADA])
    assert [one["number"] for one in exports] == told
    assert exports[0]["details"] == {"sha256": "d"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_of_a_destroyed_key_or_document_is_left_in_the_files(
    engine: Engine, vault: Vault, audit: AuditTrail
) -> None:
    content = secrets.token_bytes(20_000)
    vault.learner_keys("acme", [ADA, *(secrets.token_hex(16) for _ in range(500))])
    add_document(engine, ADA, content)
    with engine.connect() as connection:
        wrapped = connection.scalar(select(LEARNER_KEYS.c.wrapped).where(LEARNER_KEYS.c.pseudonym == ADA))
    assert wrapped is not None
    database = Path(str(engine.url.database))

    def read_files() -> bytes:
        return b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))

    assert wrapped in read_files()
    assert content[-500:] in read_files()
    order(engine, audit, ADA)
    forget_deleted(engine)
    assert wrapped not in read_files()
    assert content[-500:] not in read_files()


def test_a_key_that_was_read_just_before_the_erasure_is_not_remembered(
    engine: Engine, audit: AuditTrail, master: MasterKey, vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    Vault(engine, master).learner_keys("acme", [ADA])
    read = vault._read

    def read_late(tenant: str, pseudonyms: set[str]) -> dict[str, bytes]:
        keys = read(tenant, pseudonyms)
        order(engine, audit, ADA)
        vault.erased("acme")  # another thread learns of it
        return keys

    monkeypatch.setattr(vault, "_read", read_late)
    vault.find_learner_keys("acme", [ADA])
    assert vault.find_learner_keys("acme", [ADA]) == {}


def test_who_came_back_is_found_under_every_name_and_paused_under_the_new_one(
    engine: Engine, audit: AuditTrail, vault: Vault, keys: TenantKeys
) -> None:
    agent, other = ({"mbox": f"mailto:{name}@example.org"} for name in ("ada", "countess"))
    (first,) = list_pseudonyms(vault, "acme", [agent])
    order(engine, audit, first, later="new-person")
    successor = succeed(keys, first)
    assert list_pseudonyms(vault, "acme", [agent]) == {first, successor}
    restrict(vault, audit, Order("acme", "operator:o", "asked"), agent)
    assert list_restricted_among(engine, "acme", [first, successor]) == {successor}
    # Linked since to another identifier, and erased once more: both go.
    (further,) = list_pseudonyms(vault, "acme", [other])
    link(vault, audit, Order("acme", "operator:o", "asked"), [[other, agent]])
    assert list_pseudonyms(vault, "acme", [agent]) == {first, successor, further}
    names, erased = [first, successor, further], vault.erased("acme")
    assert list_targets(engine, keys, names, erased) == [further]  # nothing has come under the new name yet
    vault.learner_keys("acme", [successor])
    assert list_targets(engine, keys, names, erased) == sorted([successor, further])


@pytest.mark.parametrize("later", ["refuse", "new-person"])
def test_who_was_erased_stays_so_when_the_tenants_key_is_rotated(
    engine: Engine, master: MasterKey, audit: AuditTrail, vault: Vault, later: str
) -> None:
    agent = {"mbox": "mailto:ada@example.org"}
    (first,) = list_pseudonyms(vault, "acme", [agent])
    order(engine, audit, first, later=later)
    successor = succeed(vault.tenant_keys("acme"), first)
    rotate_key(vault, audit, Order("acme", "operator:o", "asked"))
    anew = Vault(engine, master)
    keys, erased = anew.tenant_keys("acme"), anew.erased("acme")
    versions = name_versions(keys, agent)
    assert versions[0] != first == versions[1]
    assert erased.name(keys, versions) == successor
    assert erased.refuses(keys, versions) == (later == "refuse")
    assert erased.name(keys, versions, accepted=0) == first
