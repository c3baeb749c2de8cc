"""A room's tablet: who signs in is told so once it is durable, and who guesses is told nothing."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from identity.codes import Holder, make_codes
from identity.tablets import TabletSession, add_tablet, remove_tablet
from identity.tenants import suspend_tenant
from identity.vault import Vault
from lrs.errors import LogUnavailable
from producers.rows import Agent
from producers.statements import check_in, leave_room
from receivers.checkin.endpoint import SOURCE
from receivers.checkin.failures import MOST
from receivers.checkin.tickets import VALID
from tests.unit.receivers.world import World, name_tenant, open_world
from xapi_profiles.record import parse_headers
from xapi_profiles.validation import check_statements

BY = {"who": "process:tests", "why": ""}
ROOM = "Amphithéâtre <1>"
MORNING = datetime(2026, 11, 24, 8, 2, 3, 456_789, UTC)
AT = MORNING.replace(microsecond=456_000)
ZOE = Holder({"mbox": "mailto:zoe@example.org"}, "Zoé")


class Clock:
    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def database(migrated_sqlite: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'identity.db')}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def world(database: str, tmp_path: Path, clock: Clock) -> AsyncIterator[World]:
    async with open_world(database, tmp_path / "producers", now=clock) as world:
        yield world


def add(world: World, *sessions: str, tenant: str = "", room: str = ROOM, **options: Any) -> tuple[str, str]:
    """Add a tablet; return its tenant and the path of its page."""
    tenant = tenant or world.add_tenant()
    given = [TabletSession(session, f"Nom de {session}") for session in sessions]
    token = add_tablet(
        world.engine, world.master, world.trail, tenant, room, given, **{"emails": False, **BY} | options
    )
    return tenant, f"/rooms/{token}"


def give_code(world: World, tenant: str, holder: Holder = ZOE, session: str = "S1") -> str:
    since = MORNING.replace(hour=0)
    (code,) = make_codes(
        Vault(world.engine, world.master),
        world.master,
        world.trail,
        tenant,
        session,
        [holder],
        since=since,
        until=since + timedelta(days=2),
        now=lambda: MORNING,
        **BY,
    )
    assert code is not None
    return code


def page_of(answer: Any) -> str:
    return re.search(r'data-page="(\w+)"', answer.text)[1]


def reason_of(answer: Any) -> str:
    found = re.search(r'data-reason="([\w-]+)"', answer.text)
    return found[1] if found else ""


async def enter(world: World, path: str, **fields: str) -> Any:
    return await world.http.post(path, data=fields)


async def test_a_code_checks_in_and_the_second_time_asks_before_it_leaves(world: World, clock: Clock) -> None:
    tenant, path = add(world)
    code = give_code(world, tenant)
    arrived = await enter(world, path, code=f"{code[:4]} {code[4:]}")
    assert (arrived.status_code, page_of(arrived)) == (200, "arrival")
    assert "Bienvenue Zoé" in arrived.text
    assert "<time>09:02</time>" in arrived.text
    clock.now += timedelta(hours=3)
    asked = await enter(world, path, code=code)
    assert page_of(asked) == "inside"
    assert len(world.log.statements) == 1, "asked, and nothing said yet"
    ticket = re.search(r'name="ticket" value="([^"]+)"', asked.text)[1]
    left = await enter(world, path, ticket=ticket)
    assert (left.status_code, page_of(left)) == (200, "leave")
    assert page_of(await enter(world, path, ticket=ticket)) == "leave"
    naming = name_tenant(tenant, "")
    learner = Agent({"mbox": "mailto:zoe@example.org"}, "Zoé")
    statements = sorted(world.log.statements, key=lambda one: one["timestamp"])
    assert [{key: value for key, value in one.items() if key != "id"} for one in statements] == [
        check_in(naming, "S1", ROOM, learner, at=AT),
        leave_room(naming, "S1", ROOM, learner, at=AT + timedelta(hours=3)),
    ]
    check_statements(statements)
    origin = parse_headers(world.log.records[0].headers)
    assert (origin.tenant, origin.source) == (tenant, SOURCE)


async def test_a_finger_that_presses_twice_is_one_arrival(world: World, clock: Clock) -> None:
    tenant, path = add(world)
    code = give_code(world, tenant)
    for _ in range(3):
        assert page_of(await enter(world, path, code=code)) == "arrival"
        clock.now += timedelta(seconds=5)
    assert len(world.log.statements) == 1


async def test_every_wrong_code_is_told_the_same(world: World) -> None:
    tenant, path = add(world, "S1")
    add(world, tenant=tenant, room="Salle 2")
    other, _ = add(world)
    elsewhere, foreign = give_code(world, tenant, session="S2"), give_code(world, other)
    answers = [await enter(world, path, code=code) for code in ("00000000", elsewhere, foreign, "1", "", "²" * 8)]
    assert {(answer.status_code, reason_of(answer)) for answer in answers} == {(422, "unknown-code")}
    assert len({re.sub(r"<html.*", "", answer.text) for answer in answers}) == 1
    assert world.log.records == []


async def test_guessing_is_held_up_and_a_right_code_costs_nothing(world: World) -> None:
    tenant, path = add(world)
    _, other = add(world, tenant=tenant, room="Salle 2")
    code = give_code(world, tenant)
    for _ in range(3 * MOST):
        assert page_of(await enter(world, path, code=code)) == "arrival"
    tried = [await enter(world, path, code=f"{number:08}") for number in range(MOST + 2)]
    assert [answer.status_code for answer in tried] == [422] * MOST + [429] * 2
    assert "retry-after" in tried[-1].headers
    assert reason_of(await enter(world, path, code=code)) == "too-many", "nor is a right one taken then"
    assert page_of(await enter(world, other, code=code)) == "arrival", "another tablet goes on"


async def test_an_address_signs_in_where_that_is_allowed_only(world: World) -> None:
    tenant, path = add(world, "S1", emails=True)
    _, strict = add(world, "S1", tenant=tenant, room="Salle 2")
    assert page_of(await enter(world, path, email=" Zoe@Example.org ")) == "arrival"
    [statement] = world.log.statements
    assert statement["actor"] == {"objectType": "Agent", "mbox": "mailto:zoe@example.org"}
    assert reason_of(await enter(world, path, email="zoe")) == "wrong-email"
    assert 'type="email"' not in (await world.http.get(strict)).text
    assert reason_of(await enter(world, strict, email="zoe@example.org")) == "unknown-code"
    # The same person by code: not a second arrival.
    code = give_code(world, tenant)
    await enter(world, path, code=code)
    assert len(world.log.statements) == 1


async def test_of_several_sessions_one_is_chosen_and_a_code_chooses_by_itself(world: World) -> None:
    tenant, path = add(world, "S1", "S2", emails=True)
    page = (await world.http.get(path)).text
    assert "Nom de S1" in page
    assert "Nom de S2" in page
    for session in ("", "S3"):
        assert reason_of(await enter(world, path, email="zoe@example.org", session=session)) == "no-session"
    await enter(world, path, email="zoe@example.org", session="S2")
    await enter(world, path, code=give_code(world, tenant, Holder({"mbox": "mailto:loic@example.org"}), "S1"))
    parents = {
        one["actor"]["mbox"]: one["context"]["contextActivities"]["parent"][0]["id"].rpartition("/")[2]
        for one in world.log.statements
    }
    assert parents == {"mailto:zoe@example.org": "S2", "mailto:loic@example.org": "S1"}


async def test_a_ticket_is_good_for_its_tablet_and_for_minutes(world: World, clock: Clock) -> None:
    tenant, path = add(world)
    _, other = add(world, tenant=tenant, room="Salle 2")
    code = give_code(world, tenant)
    await enter(world, path, code=code)
    clock.now += timedelta(hours=1)
    ticket = re.search(r'name="ticket" value="([^"]+)"', (await enter(world, path, code=code)).text)[1]
    assert "zoe" not in ticket
    for place, wrong in ((other, ticket), (path, ""), (path, "AAAA"), (path, "é"), (path, ticket[:-4] + "AAAA")):
        assert reason_of(await enter(world, place, ticket=wrong)) == "expired"
    clock.now += VALID + timedelta(seconds=1)
    assert reason_of(await enter(world, path, ticket=ticket)) == "expired"
    assert len(world.log.statements) == 1


async def test_nobody_is_told_that_they_arrived_before_it_is_durable(world: World, clock: Clock) -> None:
    tenant, path = add(world)
    code = give_code(world, tenant)
    world.log.failure = LogUnavailable("Kafka cannot be reached now.")
    refused = await enter(world, path, code=code)
    assert (refused.status_code, reason_of(refused)) == (503, "unavailable")
    world.log.failure = None
    clock.now += timedelta(minutes=5)
    assert page_of(await enter(world, path, code=code)) == "arrival"
    [statement] = world.log.statements
    assert statement["timestamp"] == "2026-11-24T08:02:03.456Z", "when they came, not when it could be written"


async def test_an_identity_database_that_does_not_answer_is_told(world: World) -> None:
    tenant, path = add(world)
    code = give_code(world, tenant)
    await world.http.get(path)
    with world.engine.begin() as connection:
        connection.execute(text("ALTER TABLE codes RENAME TO elsewhere"))
    assert (await enter(world, path, code=code)).status_code == 503


async def test_a_removed_tablet_and_a_suspended_tenant_are_closed(database: str, tmp_path: Path) -> None:
    async with open_world(database, tmp_path) as world:
        tenant, path = add(world)
        _, removed = add(world, tenant=tenant, room="Salle 2")
        remove_tablet(world.engine, world.trail, tenant, "Salle 2", **BY)
        for place in (removed, "/rooms/" + "x" * 43):
            assert (await world.http.get(place)).status_code == 404
            assert (await enter(world, place, code="1")).status_code == 404
        suspend_tenant(world.engine, world.trail, tenant, **BY)
        async with open_world(database, tmp_path, world) as later:
            assert (await later.http.get(path)).status_code == 403


@pytest.mark.parametrize(("query", "language", "word"), [("", "fr", "Émargement"), ("?lang=en", "en", "Sign in")])
async def test_pages_speak_both_languages_and_take_nothing_from_elsewhere(
    world: World, query: str, language: str, word: str
) -> None:
    _, path = add(world, "S1")
    answer = await world.http.get(path + query)
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert word in answer.text
    assert "Amphithéâtre &lt;1&gt;" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert "strict-transport-security" in answer.headers
    # What a page names is under the address as browsers see it, which a proxy may have put a prefix before.
    links = re.findall(r'(?:src|href)="([^"]+)"', answer.text)
    assert links
    for link in links:
        assert link.startswith(("/in/assets/", "?lang="))
        if link.startswith("/in/"):
            assert (await world.http.get(link.removeprefix("/in"))).status_code == 200


@pytest.mark.parametrize("body", [b"\xff", b"code=" + b"1" * 2_000_000, b"&".join([b"a=1"] * 50)])
async def test_a_body_that_is_no_form_of_ours_is_refused(world: World, body: bytes) -> None:
    _, path = add(world)
    answer = await world.http.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert reason_of(answer) == "unknown-code"
