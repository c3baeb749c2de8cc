import base64
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from identity import receipts
from identity.audit import AuditTrail, Event
from identity.database import reading, writing
from identity.errors import MasterKeyUnusable, VaultUnavailable
from identity.keys import MasterKey
from identity.master_key import KeyFile, KeyText
from identity.tables import TENANT_KEYS, VAULT_KEY
from identity.tenants import add_tenant
from identity.vault import Vault
from identity.vault_key import check_vault, inspect_vault, open_vault_key, replace_master_key

WHY = {"who": "operator:ada", "why": "yearly"}
PSEUDONYM = "a" * 32


@pytest.fixture
def source(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "master.key")


@pytest.fixture
def master(engine: Engine, source: KeyFile) -> MasterKey:
    return open_vault_key(engine, source)


def text_source() -> KeyText:
    return KeyText(base64.b64encode(secrets.token_bytes(32)).decode(), "NEW_KEY")


def read_wrapped(engine: Engine) -> bytes:
    with reading(engine) as connection:
        return bytes(connection.execute(select(VAULT_KEY.c.wrapped)).scalar_one())


def test_the_vaults_key_is_made_once_and_never_stored_in_clear(engine: Engine, source: KeyFile) -> None:
    first, again = open_vault_key(engine, source), open_vault_key(engine, source)
    assert first.derive("x") == again.derive("x")
    place = {"tenant": "", "purpose": "vault", "id": "1"}
    key = MasterKey(base64.b64decode(source.path.read_bytes())).unwrap(read_wrapped(engine), **place)
    assert MasterKey(key).derive("x") == first.derive("x")
    assert key not in read_wrapped(engine)


def test_those_who_make_the_vault_at_once_get_the_same_key(engine: Engine, source: KeyFile) -> None:
    with ThreadPoolExecutor(8) as threads:
        keys = list(threads.map(lambda _: open_vault_key(engine, source), range(16)))
    assert len({key.derive("x") for key in keys}) == 1


@pytest.mark.usefixtures("master")
def test_a_lost_master_key_is_told_and_not_made_anew(engine: Engine, source: KeyFile) -> None:
    source.path.unlink()
    with pytest.raises(MasterKeyUnusable, match="restore it from its backup"):
        open_vault_key(engine, source)
    assert not source.path.exists()


@pytest.mark.usefixtures("master")
def test_a_source_of_another_kind_is_told(engine: Engine) -> None:
    with pytest.raises(MasterKeyUnusable, match="JALON_MASTER_KEY_SOURCE=file"):
        open_vault_key(engine, text_source())


@pytest.mark.usefixtures("tenant")
def test_another_master_key_leaves_everything_as_it_was(engine: Engine, source: KeyFile, master: MasterKey) -> None:
    vault, trail = Vault(engine, master), AuditTrail(engine, master)
    keys, learners = vault.tenant_keys("acme"), vault.learner_keys("acme", [PSEUDONYM])
    trail.append(Event("acme", "operator:ada", "policy-changed"))
    receipt = receipts.sign(master, {"what": "subject-erased"})
    for new in (source, text_source()):
        before = read_wrapped(engine)
        replace_master_key(engine, source, new, **WHY)
        assert read_wrapped(engine) != before
        opened = open_vault_key(engine, new)
        assert Vault(engine, opened).tenant_keys("acme") == keys
        assert Vault(engine, opened).find_learner_keys("acme", [PSEUDONYM]) == learners
        assert receipts.read(opened, receipt) == {"what": "subject-erased"}
        # A process that opened the vault before goes on, and what it adds opens too.
        late = vault.learner_keys("acme", [new.kind.ljust(32, "0")])
        assert Vault(engine, opened).find_learner_keys("acme", late) == late
        AuditTrail(engine, opened).verify()
    assert [(entry.event.action, dict(entry.event.details)) for entry in trail.read()][-2:] == [
        ("master-key-replaced", {"from": "file", "to": "file"}),
        ("master-key-replaced", {"from": "file", "to": "environment"}),
    ]


@pytest.mark.usefixtures("master")
def test_a_renewed_file_no_longer_holds_the_old_key(engine: Engine, source: KeyFile) -> None:
    old = source.path.read_text()
    replace_master_key(engine, source, source, **WHY)
    assert old.strip() not in source.path.read_text()
    assert len(source.path.read_text().split()) == 1


def test_a_renewal_broken_off_at_any_moment_is_done_again(
    engine: Engine, source: KeyFile, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("wrap", "end_renewal"):
        monkeypatch.setattr(source, step, _break)
        with pytest.raises(RuntimeError):
            replace_master_key(engine, source, source, **WHY)
        monkeypatch.undo()
        assert open_vault_key(engine, source).derive("x") == master.derive("x")
        replace_master_key(engine, source, source, **WHY)
        assert open_vault_key(engine, source).derive("x") == master.derive("x")
        assert len(source.path.read_text().split()) == 1


def _break(*_: object) -> None:
    raise RuntimeError


def test_of_two_replacements_at_once_one_is_refused(engine: Engine, source: KeyFile, master: MasterKey) -> None:
    class Racing(KeyText):
        def wrap(self, key: bytes) -> bytes:
            replace_master_key(engine, source, source, **WHY)
            return super().wrap(key)

    new = Racing(base64.b64encode(secrets.token_bytes(32)).decode(), "NEW_KEY")
    with pytest.raises(VaultUnavailable, match="Another command"):
        replace_master_key(engine, source, new, **WHY)
    assert open_vault_key(engine, source).derive("x") == master.derive("x")


@pytest.mark.usefixtures("master")
def test_a_source_that_gives_back_something_else_changes_nothing(engine: Engine, source: KeyFile) -> None:
    class Lossy(KeyText):
        def unwrap(self, wrapped: bytes) -> bytes:
            return super().unwrap(wrapped)[::-1]

    before = read_wrapped(engine)
    with pytest.raises(MasterKeyUnusable, match="nothing was changed"):
        replace_master_key(engine, source, Lossy(base64.b64encode(bytes(32)).decode(), "NEW_KEY"), **WHY)
    assert read_wrapped(engine) == before


def test_a_check_opens_every_key_of_every_tenant(engine: Engine, source: KeyFile) -> None:
    with pytest.raises(MasterKeyUnusable, match="no vault yet"):
        check_vault(engine, source)
    assert inspect_vault(engine).source == ""
    master = open_vault_key(engine, source)
    for tenant in ("acme", "other"):
        add_tenant(engine, master, tenant, tenant)
    Vault(engine, master).learner_keys("acme", [PSEUDONYM])
    check_vault(engine, source)
    state = inspect_vault(engine)
    assert (state.source, state.tenants, state.learner_keys) == ("file", 2, 1)
    with writing(engine) as connection:
        connection.execute(update(TENANT_KEYS).where(TENANT_KEYS.c.tenant == "other").values(wrapped=b"damaged"))
    with pytest.raises(VaultUnavailable, match="'other'"):
        check_vault(engine, source)
