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
from grafana.boards.data import FEWEST
from identity.roles import Role
from identity.tenants import Tenant
from tests.people import PASSWORD, PUBLIC
from tests.unit.grafana.browsing import open_browser, sign_in

DAY = {"from": "2026-09-18T00:00", "to": "2026-09-18T23:59:59"}


@pytest.fixture
def app(engine, house):
    return create_app(people=house.people(), reader=engine, public_url=PUBLIC, session_secret="s" * 40)


@pytest.fixture
async def browser(app) -> AsyncIterator[httpx.AsyncClient]:
    async with open_browser(app) as client:
        yield client


async def test_all_panels_of_a_board_come_in_one_answer(browser):
    await sign_in(browser)
    answer = (await browser.get("/boards/attendance/data", params=DAY)).json()
    assert sorted(answer["panels"], key=int) == [str(number) for number in range(1, 10)]
    hours = answer["panels"]["4"]
    assert [column["name"] for column in hours["columns"]] == ["in_person", "remote", "together"]
    assert hours["rows"] == [[5.5, 3.5, 0]]
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
        async with open_browser(app) as browser:
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


async def test_ten_screens_cost_as_one(engine, house):
    app = create_app(
        people=house.people(), reader=engine, public_url=PUBLIC, session_secret="s" * 40, shared_seconds=600
    )
    async with open_browser(app) as browser:
        await sign_in(browser)
        engine.queries.clear()
        answers = await asyncio.gather(*(browser.get("/boards/attendance/data", params=DAY) for _ in range(10)))
    assert len({answer.text for answer in answers}) == 1
    # Nine panels, two of which ask the same.
    assert len([sql for _, sql in engine.queries if sql != FEWEST]) == 8


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


async def test_names_of_people_and_tenants_are_escaped(engine, house):
    hostile = "<script>alert(1)</script>"
    house.accounts.add(hostile, {Role("alpha", "viewer")}, by="process:tests", password=PASSWORD)
    named = Tenant("alpha", '"><img src=x>', "Europe/Paris", datetime(2026, 1, 1, tzinfo=UTC))
    app = create_app(
        people=house.people(find_tenant=lambda _: named), reader=engine, public_url=PUBLIC, session_secret="s" * 40
    )
    async with open_browser(app) as browser:
        await sign_in(browser, hostile)
        text = (await browser.get('/boards/live?from="><b>&to=now')).text
    assert "alert(1)" in text
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


async def test_health_needs_no_sign_in(browser):
    assert (await browser.get("/healthz")).json() == {"status": "ok"}


async def test_texts_of_errors_exist_in_both_languages(browser):
    await sign_in(browser)
    for language in ("fr", "en"):
        texts = json.loads((await browser.get(f"/boards/live/definition?lang={language}")).text)["texts"]
        assert all(texts[f"error_{code}"] for code in ("unreachable", "refused", "slow", "query"))
