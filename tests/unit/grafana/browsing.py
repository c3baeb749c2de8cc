"""A browser without a window, for tests of the boards' pages."""

from __future__ import annotations

import re
from typing import Any

import httpx
from starlette.applications import Starlette

from tests.people import PASSWORD, PUBLIC


def open_browser(app: Starlette, url: str = PUBLIC, address: str = "192.0.2.1", **more: Any) -> httpx.AsyncClient:
    """Return a browser that keeps cookies, at an address of its own."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, client=(address, 1)), base_url=url, **more)


async def read_token(browser: httpx.AsyncClient, path: str = "/sign-in") -> str:
    page = await browser.get(path)
    return re.search(r'name="token" value="([^"]+)"', page.text)[1]


async def sign_in(browser: httpx.AsyncClient, name: str = "anne", password: str = PASSWORD) -> httpx.Response:
    return await browser.post("/sign-in", data={"name": name, "password": password, "token": await read_token(browser)})
