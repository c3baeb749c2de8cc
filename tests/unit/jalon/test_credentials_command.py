"""`jalon credential`: what an operator sees and does with a tenant's credentials."""

from __future__ import annotations

import json
from typing import Any

import pytest

from identity.credentials import DEFAULT_SCOPES, Authenticator
from identity.errors import WrongCredential
from jalon.installation import Installation

COMMAND = "credential"


def test_a_credential_has_what_a_platform_needs_unless_told_otherwise(installation: Installation, run: Any) -> None:
    _, out, _ = run("add", "institut", "--json")
    plain = json.loads(out)
    _, out, _ = run("add", "institut", "--name", "export", "--scope", "all/read", "--sees-identities", "--json")
    export = json.loads(out)
    authenticator = Authenticator(installation.engine)
    assert authenticator.authenticate(plain["key"], plain["secret"]).scopes == set(DEFAULT_SCOPES)
    assert authenticator.authenticate(export["key"], export["secret"]).scopes == {"all/read"}
    _, out, _ = run("list", "institut", "--json")
    listed = json.loads(out)
    assert [(each["key"], each["name"], each["sees_identities"]) for each in listed] == [
        (plain["key"], "platform", False),
        (export["key"], "export", True),
    ]
    assert "secret" not in out


def test_a_new_credential_is_shown_to_a_person_once(installation: Installation, run: Any) -> None:
    _, out, err = run("add", "institut")
    shown = dict(line.split() for line in out.splitlines())
    assert Authenticator(installation.engine).authenticate(shown["key"], shown["secret"]).tenant == "institut"
    assert list(shown) == ["endpoint", "key", "secret"]
    assert err.strip() == "The secret is not shown again."


def test_a_disabled_credential_is_refused_and_listed_as_such(installation: Installation, run: Any) -> None:
    _, out, _ = run("add", "institut", "--json")
    added = json.loads(out)
    code, _, err = run("disable", added["key"])
    assert (code, added["key"] in err) == (0, True)
    with pytest.raises(WrongCredential):
        Authenticator(installation.engine).authenticate(added["key"], added["secret"])
    assert json.loads(run("list", "institut", "--json")[1])[0]["disabled"]
    assert added["key"] in run("list", "institut")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("disable", "unknown"), "No credential of that key"),
        (("list", "nowhere"), "no tenant 'nowhere'"),
        (("add", "institut", "--scope", "everything"), "scopes are one or more of"),
    ],
)
@pytest.mark.usefixtures("installation")
def test_what_cannot_be_done_is_told(run: Any, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*arguments)
    assert code != 0
    assert (out, err.count("\n")) == ("", 1)
    assert said in err
