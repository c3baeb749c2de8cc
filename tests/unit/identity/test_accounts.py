from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, select

from identity.accounts import Account, Accounts, remove_people
from identity.audit import AuditTrail
from identity.database import writing
from identity.errors import (
    AlreadyExists,
    InvalidValue,
    NoRole,
    UnknownAccount,
    UnknownTenant,
    WrongCredential,
)
from identity.keys import MasterKey
from identity.roles import Role
from identity.sessions import Sessions
from identity.tables import ACCOUNTS
from identity.tenants import add_tenant

pytestmark = pytest.mark.usefixtures("tenant")

BY: dict[str, Any] = {"by": "operator:tests"}
HERE = "192.0.2.1"
VIEWER, DPO, OPERATOR = Role("acme", "viewer"), Role("acme", "dpo"), Role("", "operator")


@pytest.fixture
def accounts(engine: Engine, master: MasterKey) -> Accounts:
    return Accounts(engine, master)


@pytest.fixture
def audit(engine: Engine, master: MasterKey) -> AuditTrail:
    return AuditTrail(engine, master)


def test_somebody_signs_in_with_the_password_that_was_drawn(accounts: Accounts) -> None:
    account, password = accounts.add("claire", {VIEWER}, **BY)
    assert account == Account("claire", "fr", frozenset({VIEWER}))
    assert accounts.authenticate("claire", password, HERE) == account


@pytest.mark.parametrize(
    ("name", "password"), [("claire", "password-two"), ("claire", ""), ("nobody", ""), ("\0", "x"), ("sue", "")]
)
def test_every_failure_is_refused_alike(accounts: Accounts, name: str, password: str) -> None:
    accounts.add("claire", {VIEWER}, password="password-one", **BY)
    accounts.add_subject("sue", "s-1", {VIEWER}, **BY)
    with pytest.raises(WrongCredential, match=r"^The key and the secret do not belong together"):
        accounts.authenticate(name, password, HERE)


def test_a_name_that_nobody_has_costs_as_much_as_a_wrong_password(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.add("claire", password="password-one", **BY)
    accounts.add("zoe", password="password-one", **BY)
    accounts.add_subject("sue", "s-1", **BY)
    accounts.disable("zoe", **BY)
    verified: list[str] = []
    verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", lambda *given: (verified.append(given[1]), verify(*given))[1])
    for number, name in enumerate(("claire", "nobody", "zoe", "sue", "two words"), start=1):
        with pytest.raises(WrongCredential):
            accounts.authenticate(name, "guess", HERE)
        assert len(verified) == number
    # Each against a hash of the same cost.
    assert len({hashed.rpartition("$")[0].rpartition("$")[0] for hashed in verified}) == 1


def test_the_password_is_kept_as_an_argon2id_hash_only(engine: Engine, accounts: Accounts) -> None:
    accounts.add("claire", password="password-one", **BY)
    with engine.connect() as connection:
        row = connection.execute(select(ACCOUNTS)).one()
    assert row.password_hash.startswith("$argon2id$")
    assert "password-one" not in str(row)


def test_adding_again_changes_nothing_and_a_difference_is_refused(accounts: Accounts, audit: AuditTrail) -> None:
    first = accounts.add("claire", {VIEWER}, password="password-one", **BY)
    told = audit.head()
    assert accounts.add("claire", {VIEWER}, password="password-one", **BY) == first
    for roles, password in (({VIEWER}, "password-two"), ({DPO}, "password-one"), ({VIEWER}, None)):
        with pytest.raises(AlreadyExists):
            accounts.add("claire", roles, password=password, **BY)
    with pytest.raises(AlreadyExists):
        accounts.add_subject("claire", "s-1", {VIEWER}, **BY)
    assert audit.head() == told
    assert accounts.authenticate("claire", "password-one", HERE) == first[0]


def test_a_subject_is_one_account(accounts: Accounts) -> None:
    sue = accounts.add_subject("sue", "s-1", {VIEWER}, **BY)
    assert accounts.add_subject("sue", "s-1", {VIEWER}, **BY) == sue
    for name, subject in (("susan", "s-1"), ("sue", "s-2")):
        with pytest.raises(AlreadyExists):
            accounts.add_subject(name, subject, {VIEWER}, **BY)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("two words", {}),
        ("", {}),
        ("x" * 129, {}),
        ("claire", {"password": "too-short"}),
        ("claire", {"password": "x" * 513}),
        ("claire", {"language": "de"}),
    ],
)
def test_an_account_that_cannot_work_is_refused(accounts: Accounts, name: str, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        accounts.add(name, **more, **BY)
    assert accounts.list_all() == []


def test_what_is_unknown_is_refused_and_leaves_nothing(accounts: Accounts) -> None:
    with pytest.raises(UnknownTenant):
        accounts.add("claire", {Role("nowhere", "viewer")}, **BY)
    with pytest.raises(UnknownAccount):
        accounts.find("claire")
    for change in (accounts.disable, accounts.enable, accounts.set_password):
        with pytest.raises(UnknownAccount):
            change("claire", **BY)
    for change_role in (accounts.grant, accounts.revoke):
        with pytest.raises(UnknownAccount):
            change_role("claire", VIEWER, **BY)
    accounts.add("claire", **BY)
    with pytest.raises(UnknownTenant):
        accounts.grant("claire", Role("nowhere", "viewer"), **BY)


def test_roles_are_given_and_taken(accounts: Accounts) -> None:
    accounts.add("claire", {VIEWER}, **BY)
    assert (accounts.grant("claire", DPO, **BY), accounts.grant("claire", DPO, **BY)) == (True, False)
    assert accounts.find("claire").account.roles == {VIEWER, DPO}
    assert (accounts.revoke("claire", VIEWER, **BY), accounts.revoke("claire", VIEWER, **BY)) == (True, False)
    assert accounts.find("claire").account.roles == {DPO}


def test_accounts_are_listed_by_name_and_by_tenant(engine: Engine, master: MasterKey, accounts: Accounts) -> None:
    add_tenant(engine, master, "other", "Other")
    for name, roles in (("zoe", {VIEWER}), ("abe", {Role("other", "viewer")}), ("otto", {OPERATOR}), ("nora", set())):
        accounts.add(name, roles, **BY)
    accounts.disable("zoe", **BY)
    assert [each.account.name for each in accounts.list_all()] == ["abe", "nora", "otto", "zoe"]
    listed = accounts.list_all("acme")
    assert [(each.account.name, each.disabled_at is None) for each in listed] == [("otto", True), ("zoe", False)]


def test_every_change_is_in_the_audit_trail_with_who_and_why(accounts: Accounts, audit: AuditTrail) -> None:
    told = {"by": "operator:ana", "why": "ticket 7"}
    accounts.add("claire", {VIEWER}, password="password-one", **told)
    accounts.grant("claire", OPERATOR, **told)
    accounts.revoke("claire", VIEWER, **told)
    accounts.set_password("claire", **told)
    accounts.disable("claire", **told)
    accounts.enable("claire", **told)
    events = [entry.event for entry in audit.read() if entry.event.action != "tenant-added"]
    assert [(event.action, event.tenant, dict(event.details)) for event in events] == [
        ("account-added", "", {}),
        ("role-granted", "acme", {"role": "viewer"}),
        ("role-granted", "", {"role": "operator"}),
        ("role-revoked", "acme", {"role": "viewer"}),
        ("password-set", "", {}),
        ("account-disabled", "", {}),
        ("account-enabled", "", {}),
    ]
    assert {(event.who, event.why, event.about) for event in events} == {("operator:ana", "ticket 7", "person:claire")}
    assert "password-" not in str([event for event in events if event.action != "password-set"])


def test_a_disabled_account_cannot_sign_in_until_it_is_enabled(accounts: Accounts) -> None:
    account, password = accounts.add("claire", {VIEWER}, **BY)
    assert (accounts.disable("claire", **BY), accounts.disable("claire", **BY)) == (True, False)
    with pytest.raises(WrongCredential):
        accounts.authenticate("claire", password, HERE)
    assert (accounts.enable("claire", **BY), accounts.enable("claire", **BY)) == (True, False)
    assert accounts.authenticate("claire", password, HERE) == account


def test_a_new_password_takes_the_place_of_the_old(accounts: Accounts) -> None:
    account, old = accounts.add("claire", {VIEWER}, **BY)
    new = accounts.set_password("claire", **BY)
    with pytest.raises(WrongCredential):
        accounts.authenticate("claire", old, HERE)
    assert accounts.authenticate("claire", new, HERE) == account


def test_a_subject_with_a_claimed_role_gets_an_account(accounts: Accounts, audit: AuditTrail) -> None:
    account = accounts.admit_subject("s-1", ["sue", "s-1"], {VIEWER})
    assert account == Account("sue", "fr", frozenset({VIEWER}))
    assert accounts.admit_subject("s-1", ["another name"], {VIEWER}) == account
    events = [entry.event for entry in audit.read() if entry.event.action != "tenant-added"]
    assert [(event.who, event.action) for event in events] == [
        ("process:boards", "account-added"),
        ("process:boards", "role-granted"),
    ]


@pytest.mark.parametrize("claimed", [set(), {Role("nowhere", "viewer")}])
def test_a_subject_without_a_role_here_gets_no_account(accounts: Accounts, claimed: set[Role]) -> None:
    with pytest.raises(NoRole):
        accounts.admit_subject("s-1", ["sue"], claimed)
    assert accounts.list_all() == []


def test_a_name_at_the_provider_never_opens_the_account_of_that_name(accounts: Accounts) -> None:
    accounts.add("sue", {OPERATOR}, **BY)
    assert accounts.admit_subject("s-1", ["sue", "two words", "s-1"], {VIEWER}).name == "s-1"
    assert accounts.find("sue").subject is None
    with pytest.raises(AlreadyExists):
        accounts.admit_subject("s-2", ["sue", "s-1"], {VIEWER})


def test_claimed_roles_follow_the_provider_and_granted_ones_stay(accounts: Accounts, audit: AuditTrail) -> None:
    accounts.add_subject("sue", "s-1", {DPO}, **BY)
    assert accounts.admit_subject("s-1", ["x"], {VIEWER, DPO}).roles == {VIEWER, DPO}
    assert accounts.admit_subject("s-1", ["x"], {Role("acme", "analyst")}).roles == {Role("acme", "analyst"), DPO}
    assert accounts.admit_subject("s-1", ["x"], set()).roles == {DPO}
    told = audit.head()
    assert accounts.admit_subject("s-1", ["x"], set()).roles == {DPO}
    assert audit.head() == told
    accounts.admit_subject("s-1", ["x"], {VIEWER})
    assert accounts.grant("sue", VIEWER, **BY)
    assert accounts.admit_subject("s-1", ["x"], set()).roles == {DPO, VIEWER}


def test_a_disabled_subject_is_refused(accounts: Accounts) -> None:
    accounts.add_subject("sue", "s-1", {VIEWER}, **BY)
    accounts.disable("sue", **BY)
    with pytest.raises(WrongCredential):
        accounts.admit_subject("s-1", ["sue"], {OPERATOR})
    assert accounts.find("sue").account.roles == {VIEWER}


def test_a_removed_tenant_leaves_no_role_behind_and_nobody_who_had_no_other(
    engine: Engine, master: MasterKey, accounts: Accounts
) -> None:
    add_tenant(engine, master, "other", "Other")
    accounts.add("claire", {VIEWER, DPO, Role("other", "viewer")}, **BY)
    accounts.add("zoe", {VIEWER}, **BY)
    sessions = Sessions(engine, master)
    gone = sessions.open("zoe")
    with writing(engine) as connection:
        remove_people(connection, "acme")
    assert [listed.account.name for listed in accounts.list_all()] == ["claire"]
    assert accounts.find("claire").account.roles == {Role("other", "viewer")}
    assert sessions.find(gone) is None


def test_changes_end_the_sessions_of_that_account_alone(engine: Engine, master: MasterKey, accounts: Accounts) -> None:
    sessions = Sessions(engine, master)
    for name in ("claire", "zoe"):
        accounts.add(name, {VIEWER}, **BY)
    other = sessions.open("zoe")
    for change in (accounts.set_password, accounts.disable):
        token = sessions.open("claire")
        assert sessions.find(token)
        change("claire", **BY)
        assert sessions.find(token) is None
    with pytest.raises(WrongCredential):
        sessions.open("claire")
    accounts.enable("claire", **BY)
    assert sessions.find(token) is None
    assert sessions.find(other)
