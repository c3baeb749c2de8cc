from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select, update

from identity.accounts import Account, Accounts
from identity.database import writing
from identity.errors import WrongCredential
from identity.keys import MasterKey
from identity.roles import Role
from identity.sessions import Limits, Sessions
from identity.tables import ACCOUNTS, SESSIONS
from tests.people import Clock

pytestmark = pytest.mark.usefixtures("tenant")

VIEWER = Role("acme", "viewer")
LIMITS = Limits(idle=timedelta(hours=1), longest=timedelta(hours=5))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(engine: Engine, master: MasterKey) -> Accounts:
    accounts = Accounts(engine, master)
    accounts.add("claire", {VIEWER}, by="operator:tests", language="en")
    return accounts


@pytest.fixture
def sessions(engine: Engine, master: MasterKey, clock: Clock, accounts: Accounts) -> Sessions:  # noqa: ARG001
    return Sessions(engine, master, LIMITS, now=clock)


def test_a_session_knows_its_account_as_it_is_now(sessions: Sessions, accounts: Accounts) -> None:
    token = sessions.open("claire")
    found = sessions.find(token)
    assert found is not None
    assert (found.account, found.tenant) == (Account("claire", "en", frozenset({VIEWER})), "")
    accounts.revoke("claire", VIEWER, by="operator:tests")
    sessions.choose_tenant(token, "acme")
    found = sessions.find(token)
    assert found is not None
    assert (found.account.roles, found.tenant) == (frozenset(), "acme")


def test_a_session_of_an_account_that_is_disabled_is_none_even_if_it_is_still_there(
    engine: Engine, sessions: Sessions
) -> None:
    token = sessions.open("claire")
    with writing(engine) as connection:
        connection.execute(update(ACCOUNTS).values(disabled_at=datetime.now(UTC)))
    assert sessions.find(token) is None


def test_the_database_holds_nothing_that_opens_a_session(engine: Engine, sessions: Sessions) -> None:
    token = sessions.open("claire")
    with engine.connect() as connection:
        row = connection.execute(select(SESSIONS)).one()
    assert token not in str(row)
    assert sessions.find(row.digest) is None
    elsewhere = Sessions(engine, MasterKey(b"x" * 32), LIMITS)
    assert elsewhere.find(token) is None


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 10_000, "\0", "\udcff"])
def test_what_is_no_token_is_no_session(sessions: Sessions, token: str) -> None:
    sessions.open("claire")
    assert sessions.find(token) is None


def test_every_session_and_its_forms_have_a_token_of_their_own(sessions: Sessions) -> None:
    tokens = [sessions.open("claire") for _ in range(3)]
    found = [sessions.find(token) for token in tokens]
    forms = {session.form_token for session in found if session}
    assert len({*tokens, *forms}) == 6


def test_a_session_ends_after_idleness_and_after_its_longest(sessions: Sessions, clock: Clock) -> None:
    token = sessions.open("claire")
    for _ in range(6):
        clock.go_on(minutes=50)
        assert sessions.find(token)
    clock.go_on(minutes=1)
    assert sessions.find(token) is None
    token = sessions.open("claire")
    clock.go_on(minutes=61)
    assert sessions.find(token) is None


def test_being_looked_up_often_writes_rarely(engine: Engine, sessions: Sessions, clock: Clock) -> None:
    token = sessions.open("claire")
    seen = set()
    for _ in range(60):
        clock.go_on(seconds=5)
        sessions.find(token)
        with engine.connect() as connection:
            seen.add(connection.scalar(select(SESSIONS.c.seen_at)))
    assert len(seen) == 6


def test_closing_ends_one_session(sessions: Sessions) -> None:
    one, other = sessions.open("claire"), sessions.open("claire")
    sessions.close(one)
    sessions.close("nothing")
    assert (sessions.find(one), sessions.find(other) is None) == (None, False)


def test_sessions_that_are_over_are_cleared_away(engine: Engine, sessions: Sessions, clock: Clock) -> None:
    for _ in range(5):
        sessions.open("claire")
    clock.go_on(hours=2)
    sessions.open("claire")
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(SESSIONS)) == 1


def test_nobody_who_has_no_account_gets_a_session(sessions: Sessions) -> None:
    with pytest.raises(WrongCredential):
        sessions.open("nobody")


def test_the_text_of_a_session_shows_no_token(sessions: Sessions) -> None:
    found = sessions.find(sessions.open("claire"))
    assert found is not None
    assert found.form_token not in repr(found)
