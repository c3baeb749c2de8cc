from __future__ import annotations

import hashlib
import json
import stat
from pathlib import Path

import pytest

from clickhouse.embedded.access import Users
from clickhouse.embedded.access_statements import parse_change
from clickhouse.embedded.configuration import Limits, write_configuration
from clickhouse.embedded.entities import Change, Grant, Profile, Secret, User
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.quotas import Quota


@pytest.fixture
def users(tmp_path: Path) -> Users:
    return Users(tmp_path / "users.json", "jalon", "owner's")


def apply(users: Users, text: str, **parameters: str) -> bool:
    change = parse_change(text.encode(), parameters)
    assert change is not None
    return users.apply(change)


def test_the_forms_that_jalon_uses_are_read() -> None:
    assert parse_change(b"CREATE USER IF NOT EXISTS `r` IDENTIFIED WITH sha256_password BY 'it''s'", {}) == Change(
        "CREATE", ("r",), secret=Secret("it's"), lenient=True
    )
    assert parse_change(b"alter user r identified with sha256_password by {p:String};", {"p": "a\\\\b'"}) == Change(
        "ALTER", ("r",), secret=Secret("a\\b'")
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
        "GRANT SELECT ON t.* TO r WITH REPLACE",
        "CREATE ROLE x",
        "CREATE QUOTA q",
        "CREATE QUOTA q FOR INTERVAL 1 hour MAX queries = 1 TO r",
        "CREATE QUOTA q KEYED BY ip_address FOR INTERVAL 1 hour MAX queries = 1 TO r",
        "CREATE QUOTA q KEYED BY user_name FOR INTERVAL 1 year MAX queries = 1 TO r",
        "CREATE QUOTA q KEYED BY user_name FOR INTERVAL 1 hour MAX errors = 1 TO r",
        "CREATE SETTINGS PROFILE p",
        "CREATE SETTINGS PROFILE p SETTINGS max_threads = 1",
        "CREATE SETTINGS PROFILE p SETTINGS max_result_rows = 'x'",
        "ALTER USER r SETTINGS max_threads = 1",
        "CREATE USER r IDENTIFIED WITH sha256_password BY 'x' HOST IP '10.0.0.1'",
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
    assert stored["version"] == 2
    assert sorted(stored) == ["profiles", "quotas", "users", "version"]
    assert sorted(stored["users"]["r"]) == ["database", "grants", "hash", "locked", "presalt", "profile", "salt"]


def test_an_analyst_is_let_in_by_the_hash_and_not_by_what_it_was_made_of(users: Users) -> None:
    digest = hashlib.sha256(b"the wordsalt").hexdigest()
    apply(users, f"CREATE USER r IDENTIFIED WITH sha256_hash BY '{digest.upper()}' SALT 'salt'")
    assert users.authenticate("r", "the word") is not None
    for wrong in ("the wordsalt", digest, ""):
        with pytest.raises(ServerError):
            users.authenticate("r", wrong)


def test_a_user_without_a_host_is_refused_as_a_wrong_password_is(users: Users) -> None:
    apply(users, "CREATE USER r IDENTIFIED BY 'word'")
    assert users.authenticate("r", "word") is not None
    apply(users, "ALTER USER IF EXISTS r, nobody HOST NONE")
    with pytest.raises(ServerError, match="Authentication failed: password is incorrect") as refused:
        users.authenticate("r", "word")
    assert refused.value.number == 516
    apply(users, "ALTER USER r HOST ANY")
    assert users.authenticate("r", "word") is not None


def test_what_is_said_again_of_a_login_leaves_its_hash(users: Users, tmp_path: Path) -> None:
    apply(users, "CREATE USER r IDENTIFIED BY 'word'")
    before = (tmp_path / "users.json").read_text()
    apply(users, "ALTER USER r IDENTIFIED BY 'word' HOST ANY")
    assert (tmp_path / "users.json").read_text() == before


def test_a_profile_holds_for_its_users_and_outlives_the_process(users: Users, tmp_path: Path) -> None:
    apply(users, "CREATE SETTINGS PROFILE p SETTINGS readonly = 2 CONST, max_rows_to_read = 5 MIN 1 MAX 7")
    apply(users, "CREATE USER r IDENTIFIED BY 'word' DEFAULT DATABASE d SETTINGS PROFILE 'p'")
    limits = Profile((("max_rows_to_read", "5"), ("readonly", "2")), (("max_rows_to_read", 7),))
    for known in (users, Users(tmp_path / "users.json", "jalon", "owner's")):
        assert [(user.name, user.database, user.limits) for user in known.all()] == [("r", "d", limits)]
    apply(users, "ALTER SETTINGS PROFILE p SETTINGS max_rows_to_read = 6")
    assert users.all()[0].limits == Profile((("max_rows_to_read", "6"),))
    apply(users, "DROP SETTINGS PROFILE IF EXISTS p")
    assert users.all()[0].limits == Profile()


def test_a_quota_knows_its_logins_until_they_are_dropped(users: Users, tmp_path: Path) -> None:
    for name in ("r", "s"):
        apply(users, f"CREATE USER {name} IDENTIFIED BY 'word'")
    apply(users, "CREATE QUOTA q KEYED BY user_name FOR INTERVAL 2 minute MAX queries = 3, execution_time = 4 TO r")
    apply(users, "ALTER QUOTA IF EXISTS q TO r, s")
    limits = (("queries", 3.0), ("execution_time", 4.0))
    assert Users(tmp_path / "users.json", "jalon", "owner's").quotas() == [Quota("q", 120, limits, ("r", "s"))]
    apply(users, "DROP USER r")
    assert users.quotas() == [Quota("q", 120, limits, ("s",))]
    with pytest.raises(ServerError, match="no user"):
        apply(users, "ALTER QUOTA q TO nobody")
    apply(users, "DROP QUOTA q")
    with pytest.raises(ServerError) as refused:
        apply(users, "ALTER QUOTA q TO NONE")
    assert (refused.value.number, users.quotas()) == (492, [])


def test_a_grant_that_replaces_takes_back_what_was_granted_before(users: Users) -> None:
    apply(users, "CREATE USER r IDENTIFIED BY 'word'")
    apply(users, "GRANT SELECT ON a.* TO r")
    assert apply(users, "GRANT SELECT ON b.* TO r WITH REPLACE OPTION") is True
    assert users.all()[0].databases == ("b",)
    assert apply(users, "GRANT SELECT ON b.* TO r WITH REPLACE OPTION") is False
