from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from identity import passwords
from identity.credentials import SCOPES, Authenticator, add_credential, disable_credential, list_credentials
from identity.errors import AlreadyExists, IdentityUnavailable, InvalidValue, UnknownTenant, WrongCredential
from identity.tables import CREDENTIALS

pytestmark = pytest.mark.usefixtures("tenant")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What slow checks were made, in order: the hash that was given, None for an unknown key."""
    made: list[str | None] = []
    real = passwords.verify_secret

    def counted(stored: str | None, secret: str) -> bool:
        made.append(stored)
        return real(stored, secret)

    monkeypatch.setattr("identity.credentials.verify_secret", counted)
    return made


def test_a_credential_is_recognised_by_its_secret(engine: Engine) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle", scopes={"all"}, sees_identities=True)
    assert Authenticator(engine).authenticate(credential.key, secret) == credential
    assert credential.tenant == "acme"
    assert credential.scopes == {"all"}
    assert credential.sees_identities


def test_keys_and_secrets_are_drawn_anew_each_time(engine: Engine) -> None:
    drawn = [add_credential(engine, "acme", "Moodle") for _ in range(3)]
    assert len({credential.key for credential, _ in drawn} | {secret for _, secret in drawn}) == 6
    assert all(len(secret) >= 43 for _, secret in drawn)


def test_the_secret_is_kept_as_an_argon2id_hash_only(engine: Engine) -> None:
    _, secret = add_credential(engine, "acme", "Moodle", secret="correct horse")
    with engine.connect() as connection:
        row = connection.execute(select(CREDENTIALS)).one()
    assert row.secret_hash.startswith("$argon2id$")
    assert secret not in str(row)


@pytest.mark.parametrize("wrong", ["", "secret-two", "SECRET-ONE", "secret-one ", "\ud800", "é" * 10_000])
def test_a_wrong_secret_is_refused(engine: Engine, wrong: str) -> None:
    add_credential(engine, "acme", "Moodle", key="moodle", secret="secret-one")
    with pytest.raises(WrongCredential):
        Authenticator(engine).authenticate("moodle", wrong)


@pytest.mark.parametrize("key", ["unknown", "", "a\0b", "\ud800", "key:colon"])
def test_an_unknown_key_costs_the_same_check_as_a_wrong_secret(
    engine: Engine, checks: list[str | None], key: str
) -> None:
    add_credential(engine, "acme", "Moodle", key="moodle", secret="secret-one")
    authenticator = Authenticator(engine)
    messages = set()
    for sought in ("moodle", key):
        with pytest.raises(WrongCredential) as caught:
            authenticator.authenticate(sought, "secret-two")
        messages.add(str(caught.value))
    assert len(messages) == 1
    assert checks[0] is not None
    assert checks[1:] == [None]


def test_no_secret_opens_an_unknown_key(engine: Engine) -> None:
    assert not passwords.verify_secret(None, "")
    with pytest.raises(WrongCredential):
        Authenticator(engine).authenticate("unknown", "")


def test_a_verified_secret_is_not_hashed_again_until_its_time_is_over(engine: Engine, checks: list[str | None]) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle")
    clock = Clock()
    authenticator = Authenticator(engine, ttl=60, clock=clock)
    assert authenticator.recall(credential.key, secret) is None
    for now in (0.0, 30.0, 59.9):
        clock.now = now
        assert authenticator.authenticate(credential.key, secret) == credential
        assert authenticator.recall(credential.key, secret) == credential
    assert len(checks) == 1
    clock.now = 60.0
    assert authenticator.recall(credential.key, secret) is None
    authenticator.authenticate(credential.key, secret)
    assert len(checks) == 2


def test_a_pair_that_was_verified_is_renewed_by_a_look_at_its_row(engine: Engine, checks: list[str | None]) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle")
    clock = Clock()
    authenticator = Authenticator(engine, ttl=60, clock=clock)
    assert authenticator.renew(credential.key, secret) is None
    authenticator.authenticate(credential.key, secret)
    clock.now = 1_000.0
    assert authenticator.renew(credential.key, secret) == credential
    assert authenticator.recall(credential.key, secret) == credential
    assert authenticator.renew(credential.key, secret + "x") is None
    assert len(checks) == 1


def test_a_pair_that_stood_is_trusted_on_while_it_cannot_be_looked_up_but_not_for_ever(engine: Engine) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle")
    clock = Clock()
    authenticator = Authenticator(engine, ttl=60, outage_ttl=3600, clock=clock)
    assert authenticator.endure(credential.key, secret) is None
    authenticator.authenticate(credential.key, secret)
    assert authenticator.endure(credential.key, secret + "x") is None
    clock.now = 100.0
    assert authenticator.recall(credential.key, secret) is None
    assert authenticator.endure(credential.key, secret) == credential
    assert authenticator.recall(credential.key, secret) == credential
    # However often it is trusted on, its time runs from when its row was last seen.
    clock.now = 3590.0
    assert authenticator.endure(credential.key, secret) == credential
    clock.now = 3600.0
    assert authenticator.recall(credential.key, secret) is None
    assert authenticator.endure(credential.key, secret) is None


def test_a_pair_found_disabled_is_not_trusted_on(engine: Engine) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle")
    authenticator = Authenticator(engine)
    authenticator.authenticate(credential.key, secret)
    disable_credential(engine, credential.key)
    assert authenticator.renew(credential.key, secret) is None
    assert authenticator.endure(credential.key, secret) is None


@pytest.mark.parametrize("change", [{"disabled_at": datetime.now(UTC)}, {"secret_hash": "another"}])
def test_a_pair_whose_row_has_changed_is_not_renewed(engine: Engine, change: dict[str, Any]) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle")
    authenticator = Authenticator(engine)
    authenticator.authenticate(credential.key, secret)
    with engine.begin() as connection:
        connection.execute(update(CREDENTIALS).values(change))
    assert authenticator.renew(credential.key, secret) is None
    assert authenticator.recall(credential.key, secret) is None


def test_credentials_are_listed_with_those_that_are_disabled(engine: Engine) -> None:
    first, _ = add_credential(engine, "acme", "Moodle")
    second, _ = add_credential(engine, "acme", "Export", scopes={"all/read"}, sees_identities=True)
    assert disable_credential(engine, first.key)
    assert not disable_credential(engine, first.key)
    assert not disable_credential(engine, "unknown")
    listed = list_credentials(engine, "acme")
    assert [each.credential for each in listed] == [first, second]
    assert [each.disabled_at is not None for each in listed] == [True, False]
    with pytest.raises(UnknownTenant):
        list_credentials(engine, "nobody")


def test_a_disabled_credential_is_refused_once_its_time_is_over(engine: Engine) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle")
    clock = Clock()
    authenticator = Authenticator(engine, ttl=60, clock=clock)
    authenticator.authenticate(credential.key, secret)
    disable_credential(engine, credential.key)
    clock.now = 60.0
    with pytest.raises(WrongCredential):
        authenticator.authenticate(credential.key, secret)
    with pytest.raises(AlreadyExists):
        add_credential(engine, "acme", "Moodle", key=credential.key, secret=secret)


def test_a_refusal_is_not_remembered(engine: Engine) -> None:
    authenticator = Authenticator(engine)
    with pytest.raises(WrongCredential):
        authenticator.authenticate("moodle", "secret-one")
    credential, _ = add_credential(engine, "acme", "Moodle", key="moodle", secret="secret-one")
    assert authenticator.authenticate("moodle", "secret-one") == credential


def test_a_remembered_pair_opens_for_that_very_pair_only(engine: Engine) -> None:
    add_credential(engine, "acme", "Moodle", key="moodle", secret="secret-one")
    authenticator = Authenticator(engine)
    authenticator.authenticate("moodle", "secret-one")
    assert authenticator.recall("moodles", "ecret-one") is None
    assert authenticator.recall("moodle", "secret-on") is None


def test_memory_of_verified_pairs_is_bounded_and_holds_no_secret(engine: Engine) -> None:
    pairs = [(credential.key, secret) for credential, secret in (add_credential(engine, "acme", "M") for _ in range(3))]
    authenticator = Authenticator(engine, capacity=2)
    for key, secret in pairs:
        authenticator.authenticate(key, secret)
    assert [authenticator.recall(key, secret) is not None for key, secret in pairs] == [False, True, True]
    assert not any(secret in repr(vars(authenticator)) for _, secret in pairs)


def test_adding_the_same_credential_again_changes_nothing(engine: Engine) -> None:
    first = add_credential(engine, "acme", "Moodle", key="moodle", secret="secret-one")
    assert add_credential(engine, "acme", "Moodle", key="moodle", secret="secret-one") == first
    for change in ({"secret": "secret-two"}, {"scopes": {"all"}}, {"sees_identities": True}):
        with pytest.raises(AlreadyExists):
            add_credential(engine, "acme", "Moodle", **{"key": "moodle", "secret": "secret-one", **change})  # type: ignore[arg-type]
    assert Authenticator(engine).authenticate("moodle", "secret-one") == first[0]


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": {"statements/delete"}},
        {"scopes": ()},
        {"key": "with:colon"},
        {"key": "with space"},
        {"key": ""},
        {"secret": "short"},
        {"name": " "},
    ],
)
def test_a_credential_that_cannot_work_is_refused(engine: Engine, change: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        add_credential(engine, "acme", **{"name": "Moodle", **change})  # type: ignore[arg-type]


def test_every_scope_of_the_specification_is_accepted(engine: Engine) -> None:
    credential, secret = add_credential(engine, "acme", "Moodle", scopes=SCOPES)
    assert Authenticator(engine).authenticate(credential.key, secret).scopes == SCOPES
    assert len(SCOPES) == 8


def test_a_credential_belongs_to_a_tenant_that_exists(engine: Engine) -> None:
    with pytest.raises(UnknownTenant):
        add_credential(engine, "nobody", "Moodle")


def test_a_database_that_fails_is_not_taken_for_a_wrong_secret(engine: Engine) -> None:
    CREDENTIALS.drop(engine)
    with pytest.raises(IdentityUnavailable):
        Authenticator(engine).authenticate("moodle", "secret-one")
