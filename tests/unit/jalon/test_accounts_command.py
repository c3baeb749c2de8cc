"""`jalon account`: what an operator sees and does with the people who sign in."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from identity.errors import LockedOut, WrongCredential
from jalon.installation import Installation

COMMAND = "account"

HERE = "192.0.2.1"


def test_a_new_account_is_shown_with_its_password_once(installation: Installation, run: Any) -> None:
    _, out, err = run("add", "anne", "institut:viewer")
    shown = dict(line.split() for line in out.splitlines())
    assert list(shown) == ["boards", "name", "password"]
    assert err.strip() == "The password is not shown again."
    account = installation.accounts.authenticate("anne", shown["password"], HERE)
    assert [str(role) for role in account.roles] == ["institut:viewer"]


@pytest.mark.usefixtures("installation")
def test_accounts_are_listed_with_their_roles_and_without_secrets(run: Any) -> None:
    added = json.loads(run("add", "anne", "institut:viewer", "institut:dpo", "--language", "en", "--json")[1])
    run("add", "otto", "operator")
    run("add", "sue", "institut:analyst", "--subject", "s-1")
    run("add", "nora")
    _, out, _ = run("list", "--json")
    assert [(each["name"], each["roles"], each["password"], each["subject"]) for each in json.loads(out)] == [
        ("anne", ["institut:dpo", "institut:viewer"], True, None),
        ("nora", [], True, None),
        ("otto", ["operator"], True, None),
        ("sue", ["institut:analyst"], False, "s-1"),
    ]
    assert added["password"] not in out
    shown = run("list", "--tenant", "institut")[1]
    # A row may take two lines where the terminal is narrow.
    names = [line.split()[0] for line in shown.splitlines() if not line.startswith(" ")]
    assert names == ["name", "anne", "otto", "sue"]
    assert "identity provider" in shown


@pytest.mark.usefixtures("installation")
def test_roles_are_given_and_taken_and_said_so(run: Any) -> None:
    run("add", "anne")
    assert run("grant", "anne", "institut:dpo")[2] == "anne is institut:dpo.\n"
    assert run("grant", "anne", "institut:dpo")[2] == "anne was institut:dpo already.\n"
    assert run("revoke", "anne", "institut:dpo")[2] == "anne is no longer institut:dpo.\n"
    assert run("revoke", "anne", "institut:dpo")[0] == 2


def test_an_account_is_ended_and_let_in_again(installation: Installation, run: Any) -> None:
    password = json.loads(run("add", "anne", "--json")[1])["password"]
    assert run("disable", "anne", "--why", "left")[0] == 0
    with pytest.raises(WrongCredential):
        installation.accounts.authenticate("anne", password, HERE)
    assert json.loads(run("list", "--json")[1])[0]["disabled"]
    assert run("disable", "anne")[0] == 2
    assert run("enable", "anne")[0] == 0
    for _ in range(5):
        with pytest.raises((WrongCredential, LockedOut)):
            installation.accounts.authenticate("anne", "guess", HERE)
    assert run("enable", "anne")[0] == 0
    assert installation.accounts.authenticate("anne", password, HERE)
    assert run("enable", "anne")[0] == 2
    whys = [entry.event.why for entry in installation.audit.read() if entry.event.action == "account-disabled"]
    assert whys == ["left"]


def test_a_password_is_drawn_or_read(installation: Installation, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run("add", "anne")
    drawn = json.loads(run("set-password", "anne", "--json")[1])["password"]
    assert installation.accounts.authenticate("anne", drawn, HERE)
    monkeypatch.setattr("sys.stdin", io.StringIO("a password of my own\n"))
    _, out, err = run("set-password", "anne", "--stdin")
    assert "of my own" not in out + err
    assert installation.accounts.authenticate("anne", "a password of my own", HERE)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "anne", "institut"), "A role is written TENANT:ROLE"),
        (("add", "anne", "institut:operator"), "A role is written TENANT:ROLE"),
        (("add", "anne", "nowhere:viewer"), "no tenant 'nowhere'"),
        (("add", "an ne"), "no spaces"),
        (("grant", "anne", "institut:viewer"), "no account of that name"),
        (("disable", "anne"), "no account of that name"),
        (("set-password", "anne"), "no account of that name"),
    ],
)
@pytest.mark.usefixtures("installation")
def test_what_cannot_be_done_is_told(run: Any, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*arguments)
    assert code != 0
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
