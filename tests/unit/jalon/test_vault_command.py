"""`jalon vault`: whether the vault opens, and another master key for it."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

import pytest

from identity.errors import MasterKeyUnusable
from identity.tenants import add_tenant
from identity.vault import Vault
from jalon.installation import Installation
from jalon.settings import Settings
from tests.contract.transit_server import run_transit_server

COMMAND = "vault"

PSEUDONYMS = ["a" * 32, "b" * 32]


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    installation = Installation.of(Settings.load())
    add_tenant(installation.engine, installation.master, "institut", "Institut")
    installation.vault.learner_keys("institut", PSEUDONYMS)
    return installation


def read_learner_keys() -> dict[str, bytes]:
    installation = Installation.of(Settings.load())
    return Vault(installation.engine, installation.master).find_learner_keys("institut", PSEUDONYMS)


def test_a_check_tells_where_the_key_is_and_what_the_vault_holds(installation: Installation, run: Any) -> None:
    code, out, _ = run("check", "--json")
    found = json.loads(out)
    assert (code, found["opens"], found["problem"]) == (0, True, "")
    assert (found["tenants"], found["learner_keys"]) == (1, 2)
    assert found["schema"] == found["newest_schema"]
    assert found["master_key"] == f"the file {installation.settings.master_key_path}"
    code, out, _ = run("check")
    assert "yes" in out
    assert installation.settings.master_key_path.read_text().strip() not in out


def test_a_check_without_the_key_says_so_and_changes_nothing(installation: Installation, run: Any) -> None:
    installation.settings.master_key_path.unlink()
    code, out, _ = run("check")
    assert code == 1
    assert "restore it from its backup" in out
    assert not installation.settings.master_key_path.exists()


def test_a_check_before_there_is_a_vault_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any) -> None:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path))
    code, _, err = run("check")
    assert code == 1
    assert "up to date" in err


def test_the_key_file_gets_another_key(installation: Installation, run: Any) -> None:
    before, keys = installation.settings.master_key_path.read_text(), read_learner_keys()
    code, _, err = run("rewrap", "--why", "yearly")
    assert (code, "opens with the master key in the file" in err) == (0, True)
    assert installation.settings.master_key_path.read_text() != before
    assert read_learner_keys() == keys
    last = installation.audit.read()[-1].event
    assert (last.action, last.why, last.who.startswith("operator:")) == ("master-key-replaced", "yearly", True)


@pytest.mark.usefixtures("installation")
def test_the_master_key_moves_into_the_environment_and_into_a_key_service(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = read_learner_keys()
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    monkeypatch.setenv("NEXT_KEY", key)
    code, _, err = run("rewrap", "--to", "environment", "--name", "NEXT_KEY", "--why", "no file")
    assert (code, "Set JALON_MASTER_KEY_SOURCE=environment" in err, key in err) == (0, True, False)
    with pytest.raises(MasterKeyUnusable, match="JALON_MASTER_KEY_SOURCE=environment"):
        read_learner_keys()
    monkeypatch.setenv("JALON_MASTER_KEY_SOURCE", "environment")
    monkeypatch.setenv("JALON_MASTER_KEY", key)
    assert read_learner_keys() == keys
    with run_transit_server() as server:
        monkeypatch.setenv("JALON_TRANSIT_URL", server.address)
        monkeypatch.setenv("JALON_TRANSIT_TOKEN", server.token)
        assert run("rewrap", "--to", "transit", "--why", "a key service")[0] == 0
        monkeypatch.setenv("JALON_MASTER_KEY_SOURCE", "transit")
        monkeypatch.delenv("JALON_MASTER_KEY")
        assert read_learner_keys() == keys
        server.sealed = True
        code, out, _ = run("check")
        assert (code, "is sealed" in out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--to", "file"], "--to file needs --file"),
        (["--file", "/key"], "--to file needs --file"),
        (["--to", "environment"], "needs --name"),
        (["--to", "environment", "--name", "JALON_MASTER_KEY"], "does not begin with JALON_"),
        (["--to", "environment", "--name", "UNSET"], "UNSET is not set"),
        (["--to", "transit"], "needs JALON_TRANSIT_URL"),
        (["--name", "X"], "--name goes with"),
    ],
)
@pytest.mark.usefixtures("installation")
def test_a_place_that_cannot_be_is_refused(run: Any, arguments: list[str], told: str) -> None:
    code, _, err = run("rewrap", "--why", "yearly", *arguments)
    assert code != 0
    assert told in err
