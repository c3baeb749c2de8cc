"""The master key in a key service that speaks the transit API: what is asked of it, and what its refusals become."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from identity.database import open_database, reading, upgrade
from identity.errors import MasterKeyUnusable, VaultUnavailable
from identity.master_key import KeyFile
from identity.tables import VAULT_KEY
from identity.transit import Transit
from identity.vault_key import open_vault_key, replace_master_key
from tests.contract.transit_server import TransitKey, TransitServer, run_transit_server

KEY = b"k" * 32
WHY = {"who": "operator:ada", "why": "the transit key was rotated"}


@pytest.fixture
def server() -> Iterator[TransitServer]:
    with run_transit_server() as server:
        yield server


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/identity.db")
    upgrade(engine)
    yield engine
    engine.dispose()


def transit(server: TransitServer, **changes: Any) -> Transit:
    given = {"mount": "transit", "key": "jalon", "token": lambda: server.token, "seconds": 2.0} | changes
    return Transit(given.pop("address", server.address), **given)


def test_what_the_service_wrapped_it_unwraps(server: TransitServer) -> None:
    wrapped = transit(server).wrap(KEY)
    assert wrapped.startswith(b"vault:v1:")
    assert KEY not in wrapped
    assert transit(server).unwrap(wrapped) == KEY
    assert server.requests == ["/v1/transit/encrypt/jalon", "/v1/transit/decrypt/jalon"]


def test_mount_key_and_namespace_are_those_of_the_settings() -> None:
    with run_transit_server(mount="engines/learning", namespace="institute/prod", keys={"k.1": TransitKey()}) as server:
        source = transit(server, mount="/engines/learning/", namespace="institute/prod", key="k.1")
        assert source.unwrap(source.wrap(KEY)) == KEY
        with pytest.raises(MasterKeyUnusable, match="404"):
            transit(server, mount="engines/learning", key="k.1").wrap(KEY)


def test_only_ciphertext_is_stored_and_a_start_asks_once(server: TransitServer, engine: Engine) -> None:
    first = open_vault_key(engine, transit(server))
    server.requests.clear()
    again = open_vault_key(engine, transit(server))
    assert first.derive("x") == again.derive("x")
    assert server.requests == ["/v1/transit/decrypt/jalon"]
    with reading(engine) as connection:
        assert connection.execute(select(VAULT_KEY.c.wrapped)).scalar_one().startswith(b"vault:v1:")


def test_a_rotated_transit_key_opens_until_old_versions_are_forbidden(server: TransitServer, engine: Engine) -> None:
    first = open_vault_key(engine, transit(server))
    server.keys["jalon"].rotate()
    assert open_vault_key(engine, transit(server)).derive("x") == first.derive("x")
    replace_master_key(engine, transit(server), transit(server), **WHY)
    server.keys["jalon"].min_decryption_version = 2
    assert open_vault_key(engine, transit(server)).derive("x") == first.derive("x")
    server.keys["jalon"].min_decryption_version = 3
    with pytest.raises(MasterKeyUnusable, match=r"disallowed by policy \(too old\)"):
        open_vault_key(engine, transit(server))


def test_a_vault_moves_from_a_file_to_the_service_and_back(
    server: TransitServer, engine: Engine, tmp_path: Path
) -> None:
    file = KeyFile(tmp_path / "master.key")
    first = open_vault_key(engine, file)
    replace_master_key(engine, file, transit(server), **WHY)
    assert open_vault_key(engine, transit(server)).derive("x") == first.derive("x")
    replace_master_key(engine, transit(server), file, **WHY)
    assert open_vault_key(engine, file).derive("x") == first.derive("x")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sealed": True}, "is sealed or under maintenance"),
        ({"token": "s.another"}, "refuses the token"),
        ({"answer": (429, {}, b"")}, "is asked too often"),
        ({"answer": (473, {}, b"")}, "standby"),
        ({"answer": (500, {}, b"<html>")}, "has failed"),
        ({"answer": (502, {}, b"")}, "has failed"),
    ],
)
def test_what_may_pass_is_unavailable(server: TransitServer, change: dict[str, Any], told: str) -> None:
    source = transit(server, token=lambda: "s.a-token")
    wrapped = source.wrap(KEY)
    for name, value in change.items():
        setattr(server, name, value)
    with pytest.raises(VaultUnavailable, match=told):
        source.unwrap(wrapped)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"key": "other"}, "cipher: message authentication failed"),
        ({"key": "absent"}, "encryption key not found"),
        ({"mount": "elsewhere"}, "404"),
    ],
)
def test_what_does_not_pass_is_unusable(server: TransitServer, changes: dict[str, str], told: str) -> None:
    server.keys["other"] = TransitKey()
    wrapped = transit(server).wrap(KEY)
    with pytest.raises(MasterKeyUnusable, match=told):
        transit(server, **changes).unwrap(wrapped)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b"<html>a login page</html>"),
        (200, {}, b'{"data": []}'),
        (200, {}, b'{"data": {"plaintext": 7}}'),
        (200, {}, b'{"data": {"plaintext": "no base64"}}'),
        (200, {}, b"[]"),
    ],
)
def test_an_answer_of_something_else_is_unusable(server: TransitServer, answer: Any) -> None:
    server.answer = answer
    with pytest.raises(MasterKeyUnusable, match="does not speak the transit API"):
        transit(server).unwrap(b"vault:v1:abc")


def test_no_redirect_is_followed_with_the_token(server: TransitServer) -> None:
    server.answer = (307, {"Location": f"{server.address}/v1/transit/decrypt/jalon"}, b"")
    with pytest.raises(MasterKeyUnusable, match="sends on to another address"):
        transit(server).unwrap(b"vault:v1:abc")
    assert len(server.requests) == 1


def test_a_service_that_is_down_is_unavailable(server: TransitServer) -> None:
    with pytest.raises(VaultUnavailable, match="does not answer"):
        transit(server, address="http://127.0.0.1:1").wrap(KEY)


def test_the_token_is_read_anew_each_time(server: TransitServer) -> None:
    tokens = iter(["s.a-token", "s.renewed"])
    source = transit(server, token=lambda: next(tokens))
    wrapped = source.wrap(KEY)
    server.token = "s.renewed"
    assert source.unwrap(wrapped) == KEY


def test_no_error_shows_token_or_key(server: TransitServer) -> None:
    source = transit(server, token=lambda: "s.SECRET")
    for change in ({"token": "s.other"}, {"token": "s.SECRET", "keys": {}}, {"sealed": True}):
        for name, value in change.items():
            setattr(server, name, value)
        with pytest.raises((VaultUnavailable, MasterKeyUnusable)) as caught:
            source.wrap(KEY)
        shown = "".join(traceback.format_exception(caught.value)) + repr(source) + str(source)
        assert "SECRET" not in shown
        assert "a2tra2tr" not in shown
