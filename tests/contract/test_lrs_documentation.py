"""The page of the LRS in a browser: it shows the description, asks no other host, and sends what is tried out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.lrs_server import serve_in_thread
from tests.unit.lrs.world import SECRET, World

pytestmark = pytest.mark.browser

Served = tuple[World, str]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_in_thread(tmp_path_factory.mktemp("lrs")) as running:
        yield running


@pytest.fixture
def docs(page: Any, served: Served) -> Iterator[Any]:
    """The page, opened; whatever it asks elsewhere, and whatever its policy stops, fails the test."""
    _, address = served
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{address}/")
    page.locator("#operations-Statements-getStatements").wait_for()
    yield page
    assert [url for url in asked if not url.startswith((f"{address}/", "data:"))] == []
    assert said == []


def test_every_operation_is_shown_but_the_heads(docs: Any, served: Served) -> None:
    described = httpx.get(f"{served[1]}/openapi.json", trust_env=False).json()["paths"]
    names = {
        operation["operationId"]
        for item in described.values()
        for method, operation in item.items()
        if method != "head"
    }
    shown = docs.locator(".opblock").evaluate_all("blocks => blocks.map(block => block.id.split('-').pop())")
    assert set(shown) == names
    assert docs.url.endswith("/docs")


def test_what_is_tried_out_reaches_the_lrs(docs: Any, served: Served) -> None:
    world, _ = served
    credential, _ = world.credential("all", sees=True)
    docs.get_by_role("button", name="Authorize").first.click()
    docs.locator(".dialog-ux input[type=text], .dialog-ux input:not([type])").first.fill(credential.key)
    docs.locator(".dialog-ux input[type=password]").fill(SECRET)
    docs.locator(".dialog-ux button.authorize").click()
    docs.locator(".dialog-ux button.btn-done").click()

    assert _try_out(docs, "Statements", "postStatements") == "200"
    assert world.log.statements[-1]["actor"]["name"] == "Ada Lovelace"
    assert _try_out(docs, "Statements", "getStatements") == "200"
    assert "Ada Lovelace" in docs.locator("#operations-Statements-getStatements .live-responses-table").inner_text()
    assert _try_out(docs, "State", "putState") == "204"
    assert _try_out(docs, "Agent_profiles", "getAgentProfile") == "200"


def test_page_and_files_are_guarded_and_nothing_else_of_the_package_is_given(served: Served) -> None:
    with httpx.Client(base_url=served[1], trust_env=False) as client:
        for path in ("/docs", "/docs/page.js", "/docs/page.css", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"):
            answer = client.get(path)
            assert answer.status_code == 200
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'")
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
        for path in ("/docs/index.html", "/docs/swagger-initializer.js", "/docs/..%2Fpages.py", "/docs/"):
            assert client.get(path).status_code == 404
        assert client.get("/").headers["location"] == "docs"


def _try_out(docs: Any, tag: str, name: str) -> str:
    """Send an operation as the page fills it in, and return the status that it shows."""
    block = docs.locator(f"#operations-{tag}-{name}")
    block.locator(".opblock-summary-control").click()
    block.locator("button.try-out__btn").click()
    block.locator("button.execute").click()
    status = block.locator(".live-responses-table tr.response td.response-col_status").first
    status.wait_for()
    return str(status.inner_text().split()[0])
