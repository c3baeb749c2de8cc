from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from clickhouse.embedded.access import Change, Grant, User, Users
from clickhouse.embedded.access_statements import parse_change
from clickhouse.embedded.configuration import Limits, write_configuration
from clickhouse.embedded.errors import ServerError


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "users.json", "jalon", "owner's")


def apply(users: Users, text: str, **parameters: str) -> bool:
    change = parse_change(text.encode(), parameters)
    assert change is not None
    return users.apply(change)


def test_the_forms_that_jalon_uses_are_read() -> None:
    assert parse_change(b"CREATE USER IF NOT EXISTS `r` IDENTIFIED WITH sha256_password BY 'it''s'", {}) == Change(
        "CREATE", ("r",), "it's", lenient=True
    )
    assert parse_change(b"alter user r identified with sha256_password by {p:String};", {"p": "a\\\\b'"}) == Change(
        "ALTER", ("r",), "a\\b'"
    )
    assert parse_change(b"GRANT SELECT ON t.* TO r, s", {}) == Change("GRANT", ("r", "s"), grants=(Grant("t"),))
    assert parse_change(b"REVOKE SELECT ON t.x FROM r", {}) == Change("REVOKE", ("r",), grants=(Grant("t", "x"),))
    assert parse_change(b"DROP USER IF EXISTS r", {}) == Change("DROP", ("r",), lenient=True)
    assert parse_change(b"SELECT 'CREATE USER x'", {}) is None


@pytest.mark.parametrize(
    "text",
    [
        "CREATE USER r",
        "CREATE USER r IDENTIFIED WITH no_password",
        "GRANT ALL ON *.* TO r",
        "GRANT SELECT ON *.* TO r",
        "GRANT SELECT ON system.* TO r",
        "GRANT INSERT ON t.* TO r",
        "GRANT SELECT ON t.* TO r WITH GRANT OPTION",
        "CREATE ROLE x",
        "CREATE QUOTA q",
    ],
)
def test_other_forms_are_refused_clearly(text: str) -> None:
    with pytest.raises(ServerError) as refused:
        parse_change(text.encode(), {})
    assert refused.value.name in {"NOT_IMPLEMENTED", "SYNTAX_ERROR"}


def test_a_login_outlives_the_process_and_only_its_hash_is_kept(users: Users, tmp_path: Path) -> None:
    assert apply(users, "CREATE USER r IDENTIFIED WITH sha256_password BY 'hidden word'") is False
    assert apply(users, "GRANT SELECT ON tenant_a.* TO r") is True
    path = tmp_path / "users.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "hidden word" not in path.read_text()
    again = Users(path, "jalon", "owner's")
    user = again.authenticate("r", "hidden word")
    assert user is not None
    assert user.databases == ("tenant_a",)


@pytest.mark.parametrize(("name", "password"), [("r", "wrong"), ("nobody", "right"), ("jalon", "right"), ("r", "")])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(users: Users, name: str, password: str) -> None:
    apply(users, "CREATE USER r IDENTIFIED BY 'right'")
    with pytest.raises(ServerError, match=f"{name}: Authentication failed") as refused:
        users.authenticate(name, password)
    assert refused.value.number == 516


def test_a_changed_password_and_a_dropped_user_take_effect_at_once(users: Users) -> None:
    apply(users, "CREATE USER r IDENTIFIED BY 'one'")
    assert users.authenticate("r", "one") is not None
    assert users.is_verified("r", "one")
    apply(users, "ALTER USER r IDENTIFIED BY 'two'")
    assert not users.is_verified("r", "one")
    with pytest.raises(ServerError):
        users.authenticate("r", "one")
    assert users.authenticate("r", "two") is not None
    apply(users, "DROP USER r")
    with pytest.raises(ServerError):
        users.authenticate("r", "two")


def test_repeating_a_change_is_an_error_unless_said_otherwise(users: Users) -> None:
    apply(users, "CREATE USER r IDENTIFIED BY 'one'")
    with pytest.raises(ServerError, match="already exists"):
        apply(users, "CREATE USER r IDENTIFIED BY 'two'")
    apply(users, "CREATE USER IF NOT EXISTS r IDENTIFIED BY 'two'")
    assert users.authenticate("r", "one") is not None
    with pytest.raises(ServerError, match="no user"):
        apply(users, "GRANT SELECT ON t.* TO nobody")
    apply(users, "DROP USER IF EXISTS nobody")


def test_only_a_change_of_grants_concerns_the_engine(users: Users) -> None:
    assert apply(users, "CREATE USER r IDENTIFIED BY 'one'") is False
    assert apply(users, "GRANT SELECT ON t.* TO r") is True
    assert apply(users, "GRANT SELECT ON t.* TO r") is False
    assert apply(users, "ALTER USER r IDENTIFIED BY 'two'") is False
    assert apply(users, "REVOKE SELECT ON t.* FROM r") is True
    assert apply(users, "DROP USER r") is False


def test_the_engines_files_hold_grants_and_no_hash(tmp_path: Path) -> None:
    user = User("r", "5a17", "feedbeef", (Grant("a`b&<"), Grant("t", "x")))
    main = write_configuration(tmp_path, [user], Limits())
    text = (main.parent / "users.xml").read_text()
    assert "GRANT SELECT ON `a\\`b&amp;&lt;`.*" in text
    assert "GRANT SELECT ON `t`.`x`" in text
    assert "feedbeef" not in text
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in main.parent.iterdir())


def test_the_stored_form_is_stable(users: Users, tmp_path: Path) -> None:
    apply(users, "CREATE USER r IDENTIFIED BY 'one'")
    stored = json.loads((tmp_path / "users.json").read_text())
    assert stored["version"] == 1
    assert sorted(stored["users"]["r"]) == ["grants", "hash", "salt"]
