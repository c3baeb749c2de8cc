"""The built-in boards through their HTTP interface, over the real engine."""

# ruff: noqa: RUF001 (typographic French)
from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
import zstandard

from grafana.boards.app import create_app
from identity.errors import IdentityUnavailable, WrongCredential
from identity.tenants import Tenant
from identity.viewers import Viewer

DAY = {"from": "2026-09-18T00:00", "to": "2026-09-18T23:59:59"}
VIEWERS = {"anne": Viewer("anne", "alpha", "fr"), "bob": Viewer("bob", "beta-x", "en")}
PASSWORD = "correct-horse"


def authenticate(name: str, password: str) -> Viewer:
    if name == "broken":
        raise IdentityUnavailable("the database is away")
    if password != PASSWORD or name not in VIEWERS:
        raise WrongCredential
    return VIEWERS[name]


def find_tenant(tenant: str) -> Tenant:
    return Tenant(tenant, f"Institut {tenant}", "Europe/Paris", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture
def app(engine):
    return create_app(authenticate=authenticate, find_tenant=find_tenant, reader=engine, session_secret="s" * 40)


@pytest.fixture
async def browser(app) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://boards") as client:
        yield client


async def read_token(browser: httpx.AsyncClient, path: str = "/sign-in") -> str:
    page = await browser.get(path)
    return re.search(r'name="token" value="([^"]+)"', page.text)[1]


async def sign_in(browser: httpx.AsyncClient, name: str = "anne", password: str = PASSWORD) -> httpx.Response:
    return await browser.post("/sign-in", data={"name": name, "password": password, "token": await read_token(browser)})


async def test_nothing_is_shown_before_signing_in(browser):
    for path in ("/", "/boards/live"):
        assert (await browser.get(path)).headers["location"] == "/sign-in"
    for path in ("/boards/live/data", "/boards/live/definition", "/boards/none/data"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.json()) == (401, {"error": "signed-out"})


async def test_signing_in_leads_to_the_first_board_of_the_viewers_tenant(browser):
    entered = await sign_in(browser)
    assert (entered.status_code, entered.headers["location"]) == (303, "/")
    assert (await browser.get("/")).headers["location"] == "/boards/live"
    page = await browser.get("/boards/live")
    assert page.status_code == 200
    assert "Institut alpha" in page.text
    assert '<html lang="fr">' in page.text
    assert "Traces reçues" in page.text


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(browser):
    cookie = (await sign_in(browser)).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie


async def test_over_https_the_cookie_stays_on_https(engine):
    app = create_app(
        authenticate=authenticate, find_tenant=find_tenant, reader=engine, session_secret="s" * 40, secure_cookies=True
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="https://boards") as browser:
        assert "; secure" in (await sign_in(browser)).headers["set-cookie"].lower()


@pytest.mark.parametrize(
    ("name", "password"), [("anne", "wrong"), ("nobody", PASSWORD), ("", ""), ("anne", "x" * 5000)]
)
async def test_failures_look_the_same_whatever_was_wrong(browser, name, password):
    answer = await sign_in(browser, name, password)
    assert answer.status_code == 401
    assert "Identifiant ou mot de passe incorrect." in answer.text
    assert (await browser.get("/boards/live")).status_code == 303


async def test_a_form_without_our_token_is_refused_even_with_the_right_password(browser):
    await browser.get("/sign-in")
    for token in ({}, {"token": "forged"}, {"token": ""}):
        answer = await browser.post("/sign-in", data={"name": "anne", "password": PASSWORD, **token})
        assert answer.status_code == 403
    assert (await browser.get("/boards/live")).status_code == 303


async def test_guessing_is_slowed_down_by_name_without_shutting_others_out(browser):
    for _ in range(5):
        assert (await sign_in(browser, "anne", "guess")).status_code == 401
    blocked = await sign_in(browser)
    assert blocked.status_code == 429
    assert int(blocked.headers["retry-after"]) <= 61
    assert (await sign_in(browser, "bob")).status_code == 303


async def test_an_identity_database_that_is_away_is_said_so(browser):
    answer = await sign_in(browser, "broken")
    assert answer.status_code == 503
    assert "the database is away" not in answer.text


async def test_signing_out_ends_the_session_and_needs_our_form(browser):
    await sign_in(browser)
    await browser.post("/sign-out", data={"token": "forged"})
    assert (await browser.get("/boards/live")).status_code == 200
    await browser.post("/sign-out", data={"token": await read_token(browser, "/boards/live")})
    assert (await browser.get("/boards/live/data")).status_code == 401


async def test_signing_in_gives_a_new_token(browser):
    before = await read_token(browser)
    await sign_in(browser)
    assert await read_token(browser, "/boards/live") != before


async def test_a_forged_or_foreign_cookie_opens_nothing(app, engine):
    other = create_app(authenticate=authenticate, find_tenant=find_tenant, reader=engine, session_secret="t" * 40)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=other), base_url="http://boards") as elsewhere:
        await sign_in(elsewhere)
        cookies = dict(elsewhere.cookies)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://boards", cookies=cookies
    ) as browser:
        assert (await browser.get("/boards/live/data")).status_code == 401


async def test_all_panels_of_a_board_come_in_one_answer(browser):
    await sign_in(browser)
    answer = (await browser.get("/boards/attendance/data", params=DAY)).json()
    assert sorted(answer["panels"], key=int) == [str(number) for number in range(1, 10)]
    hours = answer["panels"]["4"]
    assert [column["name"] for column in hours["columns"]] == ["in_person", "remote"]
    assert hours["rows"] == [[5.5, 3.5]]
    # The range is the tenant's: midnight in Paris.
    assert answer["from"] == 1789682400000


@pytest.mark.parametrize("extra", [{"tenant": "alpha"}, {"database": "tenant_alpha"}, {"org": "alpha"}])
async def test_no_request_reaches_another_tenants_data(browser, engine, extra):
    await sign_in(browser, "bob")
    engine.queries.clear()
    headers = {"x-tenant": "alpha", "x-clickhouse-database": "tenant_alpha", "x-grafana-org-id": "1"}
    for board in ("live", "attendance", "pathways"):
        answer = await browser.get(f"/boards/{board}/data", params=DAY | extra, headers=headers)
        assert answer.status_code == 200
        for trace in ("Encadrer", "Conduire", "film", "GAIA", "aaaaaaaa"):
            assert trace not in answer.text
    assert {tenant for tenant, _ in engine.queries} == {"beta-x"}


async def test_two_tenants_asking_for_the_same_at_once_get_each_their_own(app):
    async def look(name: str) -> dict:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://boards") as browser:
            await sign_in(browser, name)
            return (await browser.get("/boards/live/data", params=DAY)).json()["panels"]["1"]["rows"]

    assert await asyncio.gather(*(look(name) for name in ("anne", "bob", "anne", "bob"))) == [
        [[14, 4, 2]],
        [[7, 1, 1]],
        [[14, 4, 2]],
        [[7, 1, 1]],
    ]


async def test_a_tenant_sees_nothing_of_the_other_in_any_page_or_answer(browser):
    await sign_in(browser, "anne")
    for board in ("live", "attendance", "pathways"):
        for path in (f"/boards/{board}", f"/boards/{board}/definition", f"/boards/{board}/data?from=now-3000d&to=now"):
            assert "beta" not in (await browser.get(path)).text.lower()


async def test_no_identity_and_no_whole_pseudonym_leaves_the_boards(browser):
    await sign_in(browser)
    for board in ("live", "attendance", "pathways"):
        text = (await browser.get(f"/boards/{board}/data", params=DAY)).text
        assert not re.search(r"([a-f])\1{8}", text)


async def test_the_script_is_told_texts_and_panels_but_no_sql(browser):
    await sign_in(browser)
    answer = await browser.get("/boards/live/definition")
    assert "SELECT" not in answer.text
    assert answer.json()["refresh"] == "5s"
    assert answer.json()["texts"]["empty"] == "Aucune donnée sur cette période"


async def test_english_on_demand_is_kept(browser):
    await sign_in(browser)
    assert "Statements received" in (await browser.get("/boards/live?lang=en")).text
    assert "Statements received" in (await browser.get("/boards/live")).text
    assert (await browser.get("/boards/live?lang=xx")).text.count('<html lang="en">') == 1


async def test_the_viewers_own_language_comes_first(browser):
    await sign_in(browser, "bob")
    assert '<html lang="en">' in (await browser.get("/boards/live")).text


async def test_a_panel_that_fails_says_so_and_leaves_the_others(browser, engine):
    engine.failing["dead_letters"] = "unreachable"
    await sign_in(browser)
    panels = (await browser.get("/boards/live/data", params=DAY)).json()["panels"]
    assert panels["3"] == {"error": "unreachable"}
    assert panels["1"]["rows"] == [[14, 4, 2]]


async def test_ten_screens_cost_as_one(browser, engine):
    await sign_in(browser)
    engine.queries.clear()
    answers = await asyncio.gather(*(browser.get("/boards/attendance/data", params=DAY) for _ in range(10)))
    assert len({answer.text for answer in answers}) == 1
    # Nine panels, two of which ask the same.
    assert len(engine.queries) == 8


@pytest.mark.parametrize(
    "span", [{"from": "now", "to": "now-1h"}, {"from": "'; DROP", "to": "now"}, {"from": "now-99999d"}]
)
async def test_a_range_that_means_nothing_is_refused(browser, span):
    await sign_in(browser)
    answer = await browser.get("/boards/live/data", params=span)
    assert (answer.status_code, answer.json()["error"]) == (400, "range")


async def test_what_does_not_exist_is_said_so(browser):
    await sign_in(browser)
    for path in ("/boards/none", "/nothing", "/boards/live/other"):
        answer = await browser.get(path)
        assert answer.status_code == 404
        assert "Cette page n’existe pas." in answer.text
    for path in ("/boards/none/data", "/boards/none/definition", "/assets/0/board.js"):
        assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize("path", ["/sign-in", "/boards/live", "/boards/live/data", "/nothing", "/healthz"])
async def test_every_answer_carries_the_security_headers(browser, path):
    await sign_in(browser)
    headers = (await browser.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe-inline" not in policy
    assert "unsafe-eval" not in policy
    assert "http:" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"


async def test_pages_hold_no_inline_script_or_style_and_no_foreign_address(browser):
    await sign_in(browser)
    for path in ("/boards/live", "/sign-out", "/nothing"):
        text = (await browser.get(path)).text
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)
        assert not re.search(r"\s(style|on\w+)=", text)
        assert not re.search(r'(?:src|href|action)="(?:https?:)?//', text)


async def test_names_of_people_and_tenants_are_escaped(engine):
    hostile = Viewer("<script>alert(1)</script>", "alpha", "fr")
    app = create_app(
        authenticate=lambda name, password: hostile,
        find_tenant=lambda tenant: Tenant(tenant, '"><img src=x>', "Europe/Paris", datetime(2026, 1, 1, tzinfo=UTC)),
        reader=engine,
        session_secret="s" * 40,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://boards") as browser:
        await sign_in(browser)
        text = (await browser.get('/boards/live?from="><b>&to=now')).text
    assert "<script>alert" not in text
    assert "<img src=x>" not in text
    assert '"><b>' not in text


async def test_scripts_are_compressed_kept_for_ever_and_named_by_their_content(browser):
    await sign_in(browser)
    page = (await browser.get("/boards/live")).text
    plotly = re.search(r'src="(/assets/[0-9a-f]{20}/plotly\.min\.js)"', page)[1]
    sizes = {}
    for coding in ("identity", "gzip", "zstd"):
        async with browser.stream("GET", plotly, headers={"accept-encoding": coding}) as answer:
            raw = b"".join([piece async for piece in answer.aiter_raw()])
        assert answer.headers.get("content-encoding", "identity") == coding
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.headers["content-type"].startswith("text/javascript")
        sizes[coding] = (len(raw), {"gzip": gzip.decompress, "zstd": zstandard.decompress}.get(coding, bytes)(raw))
    assert len({content for _, content in sizes.values()}) == 1
    assert sizes["gzip"][0] < sizes["identity"][0] / 2


async def test_every_module_that_a_script_imports_is_served(browser):
    await sign_in(browser)
    page = (await browser.get("/boards/live")).text
    (board,) = re.findall(r'src="(/assets/[0-9a-f]{20}/)board\.js"', page)
    wanted, seen = ["board.js"], set()
    while wanted:
        name = wanted.pop()
        seen.add(name)
        answer = await browser.get(board + name)
        assert answer.status_code == 200
        wanted += [found for found in re.findall(r'from "\./([\w.]+)"', answer.text) if found not in seen]
    assert {"charts.js", "format.js", "figures.js", "fields.js", "controls.js", "locale.js"} < seen


def test_a_secret_that_could_be_guessed_is_refused(engine):
    for secret in ("", "short"):
        with pytest.raises(ValueError, match="32 characters"):
            create_app(authenticate=authenticate, find_tenant=find_tenant, reader=engine, session_secret=secret)


async def test_health_needs_no_sign_in(browser):
    assert (await browser.get("/healthz")).json() == {"status": "ok"}


async def test_texts_of_errors_exist_in_both_languages(browser):
    await sign_in(browser)
    for language in ("fr", "en"):
        texts = json.loads((await browser.get(f"/boards/live/definition?lang={language}")).text)["texts"]
        assert all(texts[f"error_{code}"] for code in ("unreachable", "refused", "slow", "query"))
