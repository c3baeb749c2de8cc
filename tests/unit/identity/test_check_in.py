"""Tablets, codes and stays: found by keyed digests, good for as long as they should be, and nobody's after that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from identity.audit import AuditTrail
from identity.codes import CodeFound, Holder, find_code, make_codes
from identity.erasures import erase
from identity.errors import AlreadyExists, InvalidValue, UnknownTenant
from identity.keys import MasterKey, draw_key
from identity.pseudonyms import identify, pseudonym
from identity.stays import GRACE, KEPT, Stays
from identity.tablets import Tablets, TabletSession, add_tablet, list_tablets, remove_tablet
from identity.tenants import Tenant, add_tenant
from identity.vault import Vault

BY = {"who": "operator:anne", "why": "the day"}
ROOM = "Salle 12"
SESSION = TabletSession("48213", "Conduire une réunion")
MORNING = datetime(2026, 11, 24, 9, tzinfo=UTC)
TODAY, TOMORROW = datetime(2026, 11, 24, tzinfo=UTC), datetime(2026, 11, 25, tzinfo=UTC)
ZOE = Holder({"mbox": "mailto:zoe@example.org"}, "Zoé")
LOIC = Holder({"mbox": "mailto:loic@example.org"})


@pytest.fixture
def trail(engine: Engine, master: MasterKey, tenant: Tenant) -> AuditTrail:  # noqa: ARG001 (the trail begins with it)
    return AuditTrail(engine, master)


@pytest.fixture
def make(vault: Vault, master: MasterKey, trail: AuditTrail) -> Any:
    def make(*holders: Holder, session: str = "48213", now: datetime = MORNING, **changes: Any) -> list[str | None]:
        given = {"since": TODAY, "until": TOMORROW, "now": lambda: now, **BY, **changes}
        return make_codes(vault, master, trail, "acme", session, holders, **given)

    return make


def test_a_tablet_is_found_by_its_address_until_it_is_removed(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    token = add_tablet(engine, master, trail, "acme", ROOM, [SESSION], emails=True, **BY)
    found = Tablets(engine, master).find(token)
    assert found is not None
    assert (found.tenant, found.room, found.sessions, found.emails) == ("acme", ROOM, (SESSION,), True)
    assert list_tablets(engine, "acme") == [found]
    with engine.connect() as connection:
        assert token not in str(connection.execute(text("SELECT * FROM tablets")).all())
    with pytest.raises(AlreadyExists):
        add_tablet(engine, master, trail, "acme", ROOM, [], emails=False, **BY)
    assert remove_tablet(engine, trail, "acme", ROOM, **BY)
    assert not remove_tablet(engine, trail, "acme", ROOM, **BY)
    assert Tablets(engine, master).find(token) is None
    assert [entry.event.action for entry in trail.read(tenant="acme")][1:] == ["tablet-added", "tablet-removed"]


def test_what_cannot_be_a_tablet_is_refused(engine: Engine, master: MasterKey, trail: AuditTrail) -> None:
    for room, sessions, emails in ((" ", [SESSION], False), ("x" * 201, [SESSION], False), (ROOM, [], True)):
        with pytest.raises(InvalidValue):
            add_tablet(engine, master, trail, "acme", room, sessions, emails=emails, **BY)
    with pytest.raises(UnknownTenant):
        add_tablet(engine, master, trail, "nobody", ROOM, [], emails=False, **BY)


def test_a_code_tells_whose_it_is_and_the_database_alone_does_not(
    engine: Engine, master: MasterKey, make: Any, trail: AuditTrail
) -> None:
    zoe, loic = make(ZOE, LOIC)
    assert zoe is not None
    assert loic is not None
    assert len(zoe) == len(loic) == 8
    assert (zoe + loic).isdigit()
    assert find_code(engine, master, "acme", zoe, now=MORNING) == CodeFound("48213", ZOE)
    found = find_code(engine, master, "acme", loic, now=MORNING)
    assert found is not None
    assert (found.holder.ifi, found.holder.name) == ({"mbox": "mailto:loic@example.org"}, "")
    with engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM codes")).all())
    assert not [word for word in (zoe, loic, "zoe", "loic", "Zoé") if word in rows]
    assert find_code(engine, MasterKey(draw_key()), "acme", zoe, now=MORNING) is None
    told = str(trail.read(tenant="acme"))
    assert "'codes': 2" in told
    assert "zoe" not in told


def test_a_code_is_good_in_its_days_and_tenant_only(engine: Engine, master: MasterKey, make: Any) -> None:
    add_tenant(engine, master, "other", "Other")
    (code,) = make(ZOE)
    for moment, good in (
        (TODAY - timedelta(milliseconds=1), False),
        (TODAY, True),
        (TOMORROW - timedelta(milliseconds=1), True),
        (TOMORROW, False),
    ):
        assert (find_code(engine, master, "acme", code, now=moment) is not None) == good
    assert find_code(engine, master, "other", code, now=MORNING) is None
    for wrong in ("", "0", code[::-1] if code != code[::-1] else "x", code + "0", "\ud800"):
        assert find_code(engine, master, "acme", wrong, now=MORNING) is None


def test_who_has_a_code_keeps_it_unless_given_another(engine: Engine, master: MasterKey, make: Any) -> None:
    (first,) = make(ZOE)
    again = make(ZOE, LOIC, ZOE)
    assert [code is None for code in again] == [True, False, True]
    (elsewhere,) = make(ZOE, session="other")
    assert find_code(engine, master, "acme", first, now=MORNING) is not None
    (anew,) = make(ZOE, anew=True)
    assert find_code(engine, master, "acme", first, now=MORNING) is None
    for code in (anew, elsewhere):
        assert find_code(engine, master, "acme", code, now=MORNING) is not None


def test_old_codes_are_deleted_when_others_are_made(engine: Engine, make: Any) -> None:
    make(ZOE, LOIC)
    make(ZOE, now=TOMORROW, since=TOMORROW, until=TOMORROW + timedelta(days=1))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM codes")) == 1


def test_codes_for_no_time_or_nobody_are_refused(make: Any) -> None:
    for changes in ({"until": TODAY}, {"now": TOMORROW}, {"session": " "}):
        with pytest.raises(InvalidValue):
            make(ZOE, **changes)
    with pytest.raises(InvalidValue):
        make(Holder({}))


def test_an_erasure_takes_a_learners_codes(
    engine: Engine, master: MasterKey, make: Any, vault: Vault, trail: AuditTrail
) -> None:
    zoe, loic = make(ZOE, LOIC)
    name = pseudonym(vault.tenant_keys("acme"), identify(dict(ZOE.ifi)) or "")
    erase(engine, trail, "acme", [name], later="refuse", **BY)
    assert find_code(engine, master, "acme", zoe, now=MORNING) is None
    assert find_code(engine, master, "acme", loic, now=MORNING) is not None


PLACE = ("48213", ROOM, "mbox:zoe@example.org")


@pytest.fixture
def stays(engine: Engine, master: MasterKey, tenant: Tenant) -> Stays:  # noqa: ARG001 (its rows are of it)
    return Stays(engine, master)


def enter(stays: Stays, now: datetime, place: tuple[str, ...] = PLACE) -> tuple[str, datetime, bool]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    step = stays.enter("acme", place, now=now, today=today)
    if not step.told:
        stays.tell("acme", place, step)
    return step.kind, step.at, step.told


def leave(stays: Stays, now: datetime) -> tuple[str, datetime, bool]:
    step = stays.leave("acme", PLACE, now=now)
    if not step.told:
        stays.tell("acme", PLACE, step)
    return step.kind, step.at, step.told


def test_one_comes_is_asked_leaves_and_comes_again(stays: Stays) -> None:
    noon = MORNING + timedelta(hours=3)
    assert enter(stays, MORNING) == ("arrival", MORNING, False)
    assert enter(stays, MORNING + GRACE / 2) == ("arrival", MORNING, True), "a finger that pressed twice"
    assert enter(stays, noon) == ("inside", MORNING, True)
    assert leave(stays, noon) == ("leave", noon, False)
    assert leave(stays, noon) == ("nothing", noon, True)
    back = noon + timedelta(hours=1)
    assert enter(stays, back) == ("arrival", back, False)


def test_who_forgot_to_leave_yesterday_arrives_today(stays: Stays) -> None:
    enter(stays, MORNING)
    again = MORNING + timedelta(hours=23)
    assert enter(stays, again) == ("arrival", again, False)


def test_others_and_other_rooms_are_stays_of_their_own(stays: Stays, engine: Engine) -> None:
    later = MORNING + timedelta(hours=1)
    enter(stays, MORNING)
    for place in ((PLACE[0], PLACE[1], "mbox:loic@example.org"), (PLACE[0], "Salle 13", PLACE[2]), ("1", *PLACE[1:])):
        assert enter(stays, later, place) == ("arrival", later, False)
    with engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM stays")).all())
    assert "zoe" not in rows
    assert ROOM not in rows


def test_what_could_not_be_told_is_told_the_next_time_as_it_was(stays: Stays) -> None:
    later = MORNING + timedelta(hours=1)
    first = stays.enter("acme", PLACE, now=MORNING, today=TODAY)
    assert enter(stays, later) == (first.kind, first.at, False) == ("arrival", MORNING, False)
    assert enter(stays, later) == ("inside", MORNING, True)
    gone = stays.leave("acme", PLACE, now=later)
    assert gone.kind == "leave"
    evening = later + timedelta(hours=5)
    assert enter(stays, evening) == ("leave", later, False)
    assert enter(stays, evening) == ("arrival", evening, False)


def test_a_stay_is_forgotten_after_a_day(stays: Stays, engine: Engine) -> None:
    enter(stays, MORNING)
    enter(stays, MORNING + KEPT + timedelta(minutes=1), ("other", ROOM, PLACE[2]))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM stays")) == 1
