"""Signing in to the boards with a password: sessions, forms, the brake on guessing, and whose boards one sees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from grafana.boards.app import create_app
from identity.errors import IdentityError, IdentityUnavailable, UnknownTenant
from identity.roles import Role
from identity.tenants import add_tenant
from tests.people import MASTER, PUBLIC, House
from tests.unit.grafana.browsing import open_browser, read_token, sign_in

DATA = "/boards/live/data"


@pytest.fixture
def app(engine, house):
    return create_app(people=house.people(), reader=engine, public_url=PUBLIC, session_secret="s" * 40)


@pytest.fixture
async def browser(app) -> AsyncIterator[httpx.AsyncClient]:
    async with open_browser(app) as client:
        yield client


async def is_signed_in(browser: httpx.AsyncClient) -> bool:
    return (await browser.get(DATA)).status_code == 200


async def test_nothing_is_shown_before_signing_in(browser):
    for path in ("/", "/boards/live", "/tenants", "/boards/none"):
        assert (await browser.get(path)).headers["location"] == "/sign-in"
    for path in (DATA, "/boards/live/definition", "/boards/none/data"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()) == (401, {"error": "signed-out"})


async def test_signing_in_leads_to_the_first_board_of_the_persons_tenant(browser):
    entered = await sign_in(browser)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert (await browser.get("/")).headers["location"] == "/boards/live"
    page = await browser.get("/boards/live")
    assert page.status_code == 200
    assert "Institut alpha" in page.text
    assert '<html lang="fr">' in page.text
    assert "Traces reçues" in page.text
    assert (await browser.get("/sign-in")).headers["location"] == "/"


async def test_the_cookie_of_a_session_is_out_of_reach_of_scripts_and_of_other_sites(browser):
    cookies = (await sign_in(browser)).headers.get_list("set-cookie")
    session = next(cookie for cookie in cookies if cookie.startswith("jalon_session="))
    assert session.partition("; ")[2] == "HttpOnly; Max-Age=604800; Path=/; SameSite=lax"


async def test_over_https_cookies_stay_on_it_and_browsers_are_told_to(engine, house):
    app = create_app(people=house.people(), reader=engine, public_url="https://boards", session_secret="s" * 40)
    async with open_browser(app, "https://boards") as browser:
        page = await browser.get("/sign-in")
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        entered = await sign_in(browser)
        for cookie in (*page.headers.get_list("set-cookie"), *entered.headers.get_list("set-cookie")):
            assert cookie.startswith("__Host-")
            assert "; secure" in cookie.lower()
            assert "domain=" not in cookie.lower()
        assert await is_signed_in(browser)


async def test_without_https_browsers_are_not_told_to_use_it(browser):
    assert "strict-transport-security" not in (await browser.get("/sign-in")).headers


@pytest.mark.parametrize(
    ("name", "password"), [("anne", "wrong"), ("nobody", "correct-horse"), ("", ""), ("anne", "x" * 5000), ("\0", "x")]
)
async def test_failures_look_the_same_whatever_was_wrong(browser, name, password):
    answer = await sign_in(browser, name, password)
    assert answer.status_code == 401
    assert "Identifiant ou mot de passe incorrect." in answer.text
    assert not await is_signed_in(browser)


async def test_a_disabled_account_is_refused_like_a_wrong_password(browser, house):
    house.accounts.disable("anne", by="process:tests")
    assert (await sign_in(browser)).status_code == 401


async def test_a_form_without_our_token_is_refused_even_with_the_right_password(browser):
    await browser.get("/sign-in")
    for token in ({}, {"token": "forged"}, {"token": ""}):
        answer = await browser.post("/sign-in", data={"name": "anne", "password": "correct-horse", **token})
        assert answer.status_code == 403
    assert not await is_signed_in(browser)


async def test_a_form_that_is_too_large_is_not_read_to_its_end(browser):
    token = await read_token(browser)
    for form in ({"name": "x" * 20_000}, {f"field{number}": "x" for number in range(20)}):
        assert (await browser.post("/sign-in", data={"token": token, **form})).status_code == 400


FOREIGN = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://boards:81"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "origin": PUBLIC},
)


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("path", ["/sign-in", "/sign-out", "/tenants", "/boards/live"])
async def test_a_page_of_another_site_changes_nothing_even_with_our_token(browser, headers, path):
    token = await read_token(browser)
    form = {"name": "anne", "password": "correct-horse", "token": token}
    answer = await browser.post(path, data=form, headers=headers)
    assert answer.status_code == 403
    assert answer.headers["content-security-policy"]
    assert not await is_signed_in(browser)


@pytest.mark.parametrize(
    "headers", [{"origin": PUBLIC}, {"origin": "http://inside:8081", "host": "inside:8081"}, {"sec-fetch-site": "none"}]
)
async def test_our_own_pages_are_known_by_either_address(browser, headers):
    token = await read_token(browser)
    form = {"name": "anne", "password": "correct-horse", "token": token}
    assert (await browser.post("/sign-in", data=form, headers=headers)).status_code == 303


async def test_guessing_makes_a_name_wait_longer_each_time_wherever_it_comes_from(app, house):
    async with open_browser(app) as here, open_browser(app, address="198.51.100.7") as there:
        for number in range(5):
            assert (await sign_in((here, there)[number % 2], "anne", "guess")).status_code == 401
        for browser in (here, there):
            blocked = await sign_in(browser)
            assert (blocked.status_code, blocked.headers["retry-after"]) == (429, "60")
            assert "patientez (1 min)" in blocked.text
        assert (await sign_in(here, "bob")).status_code == 303
        house.clock.go_on(seconds=60)
        assert (await sign_in(there, "anne", "guess")).status_code == 401
        assert 110 < int((await sign_in(there)).headers["retry-after"]) <= 120
        house.clock.go_on(seconds=120)
        assert (await sign_in(there)).status_code == 303


async def test_a_name_that_nobody_has_is_blocked_like_any_other(browser):
    for _ in range(5):
        await sign_in(browser, "nobody", "guess")
    assert (await sign_in(browser, "nobody")).status_code == 429


async def test_an_operator_lets_somebody_in_who_was_locked_out(browser, house):
    for _ in range(5):
        await sign_in(browser, "anne", "guess")
    assert house.accounts.enable("anne", by="process:tests")
    assert (await sign_in(browser)).status_code == 303


async def test_an_identity_database_that_is_away_is_said_so(engine, house):
    def fail(*_: object) -> None:
        raise IdentityUnavailable("the database is away")

    app = create_app(people=house.people(), reader=engine, public_url=PUBLIC, session_secret="s" * 40)
    async with open_browser(app) as browser:
        await sign_in(browser)
        token = await read_token(browser, "/boards/live")
        house.sessions.find = house.sessions.close = house.accounts.authenticate = fail
        for path in ("/", "/boards/live", "/sign-in", "/tenants"):
            answer = await browser.get(path)
            assert answer.status_code == 503
            assert "the database is away" not in answer.text
        for path in ("/sign-out", "/tenants"):
            assert (await browser.post(path, data={"token": token, "tenant": "alpha"})).status_code == 503
        answer = await browser.get(DATA)
        assert (answer.status_code, answer.json()) == (503, {"error": "unavailable"})
        browser.cookies.delete("jalon_session")
        assert (await sign_in(browser)).status_code == 503


async def test_signing_out_ends_the_session_for_whoever_holds_its_cookie_and_needs_our_form(app, browser):
    await sign_in(browser)
    stolen = dict(browser.cookies)
    await browser.post("/sign-out", data={"token": "forged"})
    assert await is_signed_in(browser)
    await browser.post("/sign-out", data={"token": await read_token(browser, "/boards/live")})
    assert not await is_signed_in(browser)
    async with open_browser(app, cookies=stolen) as thief:
        assert not await is_signed_in(thief)


async def test_each_sign_in_gives_a_new_session_and_new_tokens_and_ends_the_one_before(app, browser):
    before = await read_token(browser)
    await sign_in(browser)
    first, token = browser.cookies["jalon_session"], await read_token(browser, "/boards/live")
    assert token != before
    async with open_browser(app) as fresh:
        form = {"name": "anne", "password": "correct-horse", "token": await read_token(fresh)}
        door = fresh.cookies["jalon_door"]
        fresh.cookies.clear()
        await fresh.post("/sign-in", data=form, headers={"cookie": f"jalon_door={door}; jalon_session={first}"})
        assert await read_token(fresh, "/boards/live") != token
    assert not await is_signed_in(browser)


async def test_a_form_from_before_signing_in_serves_no_second_time(browser):
    before = await read_token(browser)
    await sign_in(browser)
    await browser.post("/sign-out", data={"token": await read_token(browser, "/boards/live")})
    form = {"name": "anne", "password": "correct-horse", "token": before}
    assert (await browser.post("/sign-in", data=form)).status_code == 403


async def test_a_forged_cookie_opens_nothing(app, house):
    from sqlalchemy import select

    from identity.tables import SESSIONS

    async with open_browser(app) as browser:
        await sign_in(browser)
        with house.engine.connect() as connection:
            digest = connection.scalar(select(SESSIONS.c.digest))
        assert digest not in browser.cookies["jalon_session"]
    # What the database holds is no cookie.
    for cookie in (digest, "x" * 43, "", "x" * 5000):
        async with open_browser(app, cookies={"jalon_session": cookie}) as browser:
            assert not await is_signed_in(browser)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda house: house.accounts.disable("anne", by="process:tests"), 401),
        (lambda house: house.accounts.set_password("anne", by="process:tests"), 401),
        (lambda house: house.accounts.revoke("anne", Role("alpha", "viewer"), by="process:tests"), 403),
    ],
    ids=["disabled", "password", "role"],
)
async def test_what_an_operator_changes_is_so_at_the_next_request(browser, house, change, status):
    await sign_in(browser)
    assert await is_signed_in(browser)
    change(house)
    assert (await browser.get(DATA)).status_code == status


async def test_a_session_ends_when_nothing_was_asked_for_long_and_after_a_week_anyway(browser, house):
    await sign_in(browser)
    house.clock.go_on(hours=11.9)
    assert await is_signed_in(browser)
    house.clock.go_on(hours=11.9)
    assert await is_signed_in(browser)
    house.clock.go_on(hours=12.1)
    assert not await is_signed_in(browser)
    await sign_in(browser)
    for _ in range(16):
        house.clock.go_on(hours=10)
        assert await is_signed_in(browser)
    house.clock.go_on(hours=8.1)
    assert not await is_signed_in(browser)


async def test_who_has_one_tenant_is_offered_no_other(browser):
    await sign_in(browser)
    assert 'href="/tenants"' not in (await browser.get("/boards/live")).text
    page = (await browser.get("/tenants")).text
    assert "Institut alpha" in page
    assert "beta" not in page


async def test_who_has_several_tenants_chooses_and_changes(browser, engine, house):
    house.accounts.grant("anne", Role("beta-x", "analyst"), by="process:tests")
    await sign_in(browser)
    assert (await browser.get("/")).headers["location"] == "/tenants"
    assert (await browser.get(DATA)).json() == {"error": "no-tenant"}
    token = await read_token(browser, "/tenants")
    for tenant in ("beta-x", "alpha"):
        await browser.post("/tenants", data={"token": token, "tenant": tenant})
        page = await browser.get("/boards/live")
        assert f"Institut {tenant}" in page.text
        assert 'href="/tenants"' in page.text
        engine.queries.clear()
        assert await is_signed_in(browser)
        assert {asked for asked, _ in engine.queries} == {tenant}


async def test_a_tenant_is_chosen_only_with_a_role_there_and_our_form(browser, house):
    add_tenant(house.engine, MASTER, "gamma", "Institut gamma")
    house.accounts.grant("anne", Role("beta-x", "viewer"), by="process:tests")
    await sign_in(browser)
    token = await read_token(browser, "/tenants")
    await browser.post("/tenants", data={"token": "forged", "tenant": "alpha"})
    assert (await browser.get(DATA)).json() == {"error": "no-tenant"}
    refused = await browser.post("/tenants", data={"token": token, "tenant": "gamma"})
    assert (refused.status_code, "gamma" in refused.text) == (403, False)
    assert (await browser.post("/tenants", data={"token": token, "tenant": "nowhere"})).text == refused.text
    assert (await browser.get(DATA)).json() == {"error": "no-tenant"}


async def test_a_chosen_tenant_is_left_when_the_role_there_ends(browser, engine, house):
    house.accounts.grant("anne", Role("beta-x", "viewer"), by="process:tests")
    await sign_in(browser)
    await browser.post("/tenants", data={"token": await read_token(browser, "/tenants"), "tenant": "beta-x"})
    house.accounts.revoke("anne", Role("beta-x", "viewer"), by="process:tests")
    engine.queries.clear()
    assert await is_signed_in(browser)
    assert {asked for asked, _ in engine.queries} == {"alpha"}


async def test_a_page_made_for_one_tenant_gets_no_figures_of_the_other(browser, house):
    house.accounts.grant("anne", Role("beta-x", "viewer"), by="process:tests")
    await sign_in(browser)
    await browser.post("/tenants", data={"token": await read_token(browser, "/tenants"), "tenant": "beta-x"})
    assert (await browser.get(f"{DATA}?shown=beta-x")).status_code == 200
    answer = await browser.get(f"{DATA}?shown=alpha")
    assert (answer.status_code, answer.json()) == (409, {"error": "another-tenant"})


async def test_the_operator_sees_every_tenant(browser):
    await sign_in(browser, "otto")
    page = (await browser.get("/tenants")).text
    assert page.index("Institut alpha") < page.index("Institut beta-x")


async def test_who_has_no_role_is_told_so_and_can_leave(browser):
    assert (await sign_in(browser, "nora")).status_code == 303
    for path in ("/", "/boards/live", "/tenants"):
        page = await browser.get(path)
        assert page.status_code == 403
        assert "aucun établissement" in page.text
        assert "Institut" not in page.text
    assert (await browser.get(DATA)).json() == {"error": "no-role"}
    await browser.post("/sign-out", data={"token": await read_token(browser, "/")})
    assert (await browser.get("/")).headers["location"] == "/sign-in"


class Suspended(IdentityError):
    code = "suspended"


@pytest.mark.parametrize("error", [UnknownTenant("alpha"), Suspended("the tenant is suspended")])
async def test_a_tenant_that_identity_refuses_is_closed_to_everybody(engine, house, error):
    def refuse(_: str) -> None:
        raise error

    people = house.people(find_tenant=refuse)
    app = create_app(people=people, reader=engine, public_url=PUBLIC, session_secret="s" * 40)
    async with open_browser(app) as browser:
        await sign_in(browser)
        engine.queries.clear()
        page = await browser.get("/boards/live")
        assert (page.status_code, "alpha" in page.text) == (403, False)
        assert "Établissement fermé" in page.text
        assert (await browser.get(DATA)).json() == {"error": "closed"}
        assert engine.queries == []


async def test_a_choice_of_language_at_the_door_is_kept_behind_it(browser):
    assert "Sign in" in (await browser.get("/sign-in?lang=en")).text
    await sign_in(browser)
    assert '<html lang="en">' in (await browser.get("/boards/live")).text


async def test_many_attempts_at_once_get_no_further_than_one_after_the_other(app):
    async with open_browser(app) as browser:
        token = await read_token(browser)
        form = {"name": "anne", "password": "guess", "token": token}
        answers = await asyncio.gather(*(browser.post("/sign-in", data=form) for _ in range(12)))
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(401), statuses.count(429)) == (5, 7)


def test_a_secret_that_could_be_guessed_is_refused(engine, house: House):
    for secret in ("", "short"):
        with pytest.raises(ValueError, match="32 characters"):
            create_app(people=house.people(), reader=engine, public_url=PUBLIC, session_secret=secret)


@pytest.mark.parametrize("path", ["/sign-in", "/tenants", "/", "/sign-in/back", "/sign-in/provider"])
async def test_pages_of_the_door_are_kept_nowhere(browser, path):
    await sign_in(browser, "otto")
    headers = (await browser.get(path)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-frame-options"] == "DENY"


async def test_pages_of_the_door_hold_no_inline_script_or_style_and_no_foreign_address(browser):
    import re

    pages = [(await browser.get("/sign-in")).text]
    await sign_in(browser, "otto")
    pages.append((await browser.get("/tenants")).text)
    for text in pages:
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)
        assert not re.search(r"\s(style|on\w+)=", text)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)
