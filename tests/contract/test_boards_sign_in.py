"""Signing in to the boards at a real OpenID Connect provider, a process of its own: over HTTP, and in Chromium."""

# ruff: noqa: RUF001 (typographic French)

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Error as PlaywrightError

from grafana.boards.app import create_app
from grafana.boards.data import FEWEST
from grafana.boards.provider import ProviderRules
from grafana.boards.reading import Answer
from identity.roles import Role
from jalon.ports import free_ports
from tests.oidc_provider import provide
from tests.people import House, build, open_house, serve_app

USERS = (
    {"sub": "u-ada", "preferred_username": "ada", "jalon_roles": "alpha:viewer"},
    {"sub": "u-ben", "preferred_username": "ben", "jalon_roles": "alpha:viewer beta-x:dpo"},
    {"sub": "u-eve", "preferred_username": "eve", "jalon_roles": "nowhere:viewer something"},
    {"sub": "u-ann", "preferred_username": "anne", "jalon_roles": "beta-x:viewer"},
)


class NoFigures:
    """A store without rows; it notes whose it was asked for."""

    def __init__(self) -> None:
        self.tenants: set[str] = set()

    async def read(self, tenant: str, sql: str) -> Answer:
        self.tenants.add(tenant)
        return Answer((), [[5]] if sql == FEWEST else [])

    async def close(self) -> None:
        """Nothing is held."""


@dataclass
class Site:
    """The boards and the provider, both serving."""

    address: str
    issuer: str
    house: House
    reader: NoFigures


@contextmanager
def serve_site(template: Path, folder: Path, *, roles_claim: str = "jalon_roles") -> Iterator[Site]:
    port, issuer_port = free_ports(2)
    address, issuer = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{issuer_port}"
    house, reader = open_house(template, folder), NoFigures()
    people = house.people(provider=ProviderRules(issuer, "boards", "secret"), roles_claim=roles_claim)
    app = create_app(people=people, reader=reader, public_url=address, session_secret="s" * 40)
    with provide(issuer_port, *USERS), serve_app(app, port):
        yield Site(address, issuer, house, reader)
    house.engine.dispose()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("people") / "template.sqlite3")


@pytest.fixture(scope="module")
def site(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with serve_site(template, tmp_path_factory.mktemp("site")) as site:
        yield site


@contextmanager
def browse(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, trust_env=False, timeout=30) as browser:
        yield browser


def sign_in(browser: httpx.Client, user: str) -> httpx.Response:
    """Go the way of a browser: to the provider, through its form, and back."""
    away = browser.get("/sign-in/provider").headers["location"]
    back = httpx.post(away, data={"sub": user}, trust_env=False).headers["location"]
    return browser.get(back)


def test_a_person_with_a_claimed_role_sees_the_boards_of_that_tenant(site: Site) -> None:
    with browse(site.address) as browser:
        entered = sign_in(browser, "u-ada")
        assert (entered.status_code, entered.headers["location"]) == (303, "/")
        assert "Institut alpha" in browser.get("/boards/live").text
        site.reader.tenants.clear()
        assert browser.get("/boards/live/data").status_code == 200
    assert site.reader.tenants == {"alpha"}
    listed = site.house.accounts.find("ada")
    assert (listed.subject, listed.has_password, listed.account.roles) == (
        "u-ada",
        False,
        frozenset({Role("alpha", "viewer")}),
    )


def test_a_person_with_several_tenants_chooses_one(site: Site) -> None:
    with browse(site.address) as browser:
        sign_in(browser, "u-ben")
        assert browser.get("/").headers["location"] == "/tenants"


def test_a_person_without_a_role_here_is_told_so_and_kept_nowhere(site: Site) -> None:
    with browse(site.address) as browser:
        page = sign_in(browser, "u-eve")
        assert page.status_code == 403
        assert "Votre compte d’établissement n’a pas accès" in page.text
        assert 'href="/sign-in?lang=en"' in page.text
        assert browser.get("/boards/live/data").status_code == 401
    assert "eve" not in {each.account.name for each in site.house.accounts.list_all()}


def test_a_name_at_the_provider_is_not_the_account_of_that_name(site: Site) -> None:
    with browse(site.address) as browser:
        sign_in(browser, "u-ann")
        assert "Institut beta-x" in browser.get("/boards/live").text
    assert site.house.accounts.find("anne").subject is None
    assert site.house.accounts.find("u-ann").account.roles == {Role("beta-x", "viewer")}


def test_a_way_back_serves_once_and_only_the_browser_that_left(site: Site) -> None:
    with browse(site.address) as browser, browse(site.address) as other:
        away = browser.get("/sign-in/provider").headers["location"]
        back = httpx.post(away, data={"sub": "u-ada"}, trust_env=False).headers["location"]
        assert other.get(back).status_code == 403
        assert other.get("/boards/live/data").status_code == 401
        assert browser.get(back).status_code == 303
        again = browser.get(back)
        assert (again.status_code, "La connexion n’a pas abouti" in again.text) == (403, True)


def test_a_person_who_gives_up_at_the_provider_is_led_back_to_the_door(site: Site) -> None:
    with browse(site.address) as browser:
        away = browser.get("/sign-in/provider").headers["location"]
        back = httpx.post(away, data={"action": "deny"}, trust_env=False).headers["location"]
        assert parse_qs(urlsplit(back).query)["error"] == ["access_denied"]
        assert browser.get(back).status_code == 403


def test_a_disabled_person_does_not_come_back_through_the_provider(site: Site) -> None:
    with browse(site.address) as browser:
        sign_in(browser, "u-ada")
        site.house.accounts.disable("ada", by="process:tests")
        assert browser.get("/boards/live/data").status_code == 401
        assert sign_in(browser, "u-ada").status_code == 403
    site.house.accounts.enable("ada", by="process:tests")


def test_without_the_claim_roles_are_the_operators_to_give(template: Path, tmp_path: Path) -> None:
    with serve_site(template, tmp_path, roles_claim="absent") as site, browse(site.address) as browser:
        assert sign_in(browser, "u-ada").status_code == 403
        site.house.accounts.add_subject("ada", "u-ada", {Role("beta-x", "analyst")}, by="process:tests")
        assert sign_in(browser, "u-ada").status_code == 303
        assert "Institut beta-x" in browser.get("/boards/live").text


def test_a_provider_that_is_away_is_said_so_and_passwords_still_work(template: Path, tmp_path: Path) -> None:
    port, nobody = free_ports(2)
    address = f"http://127.0.0.1:{port}"
    people = open_house(template, tmp_path).people(provider=ProviderRules(f"http://127.0.0.1:{nobody}", "boards"))
    app = create_app(people=people, reader=NoFigures(), public_url=address, session_secret="s" * 40)
    with serve_app(app, port), browse(address) as browser:
        page = browser.get("/sign-in/provider")
        assert page.status_code == 503
        assert "Le service d’identité" in page.text
        assert 'name="password"' in page.text


@pytest.mark.browser
def test_chromium_goes_to_the_provider_and_comes_back_signed_in(site: Site, page: Any) -> None:
    complaints: list[str] = []

    def note(message: Any) -> None:
        # The provider's own page wants a style sheet from elsewhere.
        if message.type == "error" and message.location["url"].startswith(site.address):
            complaints.append(message.text)

    page.on("console", note)
    page.goto(f"{site.address}/")
    page.get_by_role("link", name="Se connecter via l’établissement").click()
    page.wait_for_url(f"{site.issuer}/**")
    page.get_by_role("button", name="u-ben").click()
    page.wait_for_url(f"{site.address}/tenants")
    page.get_by_role("button", name="Institut beta-x").click()
    page.wait_for_url("**/boards/live")
    assert page.locator("[data-tenant-name]").inner_text() == "Institut beta-x"
    # Another window goes on to another tenant: this one follows with its next request, name and figures together.
    other = page.context.new_page()
    other.goto(f"{site.address}/boards/live")
    other.get_by_role("link", name="Autre établissement").click()
    other.get_by_role("button", name="Institut alpha").click()
    other.wait_for_url("**/boards/live")
    with suppress(PlaywrightError):  # it may be going on by itself at this moment
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.locator("[data-tenant-name]", has_text="Institut alpha").wait_for()
    page.get_by_role("button", name="Se déconnecter").click()
    page.wait_for_url("**/sign-in")
    assert [text for text in complaints if "409" not in text] == []
