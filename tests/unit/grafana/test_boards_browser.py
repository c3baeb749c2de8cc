"""The boards as people see them: Chromium, the real pages and scripts, the real engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from grafana.boards.app import create_app
from identity.roles import Role
from identity.tenants import add_tenant
from jalon.ports import free_ports
from tests.people import MASTER, PASSWORD, open_house, serve_app
from tests.unit.grafana.conftest import EXPERIENCED, alpha, statement
from tests.unit.grafana.sessions import Group, write_rows

pytestmark = pytest.mark.browser

DAY = "from=2026-09-18T00:00&to=2026-09-18T23:59:59"
BOARDS = ("live", "attendance", "pathways")
SOME_SMALL = [
    Group(module=1, pathway=1, registered=16, in_room=12, remote=2),
    Group(module=1, pathway=1, registered=3, in_room=3, remote=0),
    Group(module=2, pathway=1, registered=26, in_room=14, remote=10),
    Group(module=3, pathway=2, registered=4, in_room=0, remote=4),
]
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def gamma(_engine):
    """A tenant of this module's own, with alpha's figures."""
    _engine.create("gamma")
    _engine.tell_all("gamma")
    _engine.insert("gamma", "statements", alpha())
    return _engine


@pytest.fixture(scope="module")
def delta(gamma):
    """A tenant with groups of fewer than five: two remote beside twelve in the room, sessions of three and four."""
    gamma.create("delta")
    gamma.insert("delta", "statements", write_rows(SOME_SMALL, readers=3))
    return gamma


@pytest.fixture(scope="module")
def address(delta, _people, tmp_path_factory) -> Iterator[str]:
    house = open_house(_people, tmp_path_factory.mktemp("people"))
    house.clock.now = datetime.now(UTC)
    add_tenant(house.engine, MASTER, "gamma", "Institut gamma")
    house.accounts.revoke("anne", Role("alpha", "viewer"), by="process:tests")
    house.accounts.grant("anne", Role("gamma", "viewer"), by="process:tests")
    add_tenant(house.engine, MASTER, "delta", "Institut delta")
    house.accounts.add("dora", {Role("delta", "viewer")}, by="process:tests", password=PASSWORD)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    app = create_app(people=house.people(), reader=delta, public_url=url, session_secret="s" * 40)
    with serve_app(app, port):
        yield url
    house.engine.dispose()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Closed with the module: while Playwright's synchronous interface is open, no asynchronous test can run."""
    from playwright.sync_api import expect, sync_playwright

    # A board asks every five seconds, on a machine that may be busy: patience costs nothing when all goes well.
    expect.set_options(timeout=60_000)
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Reader:
    """Somebody in front of a board, with what their browser complained of."""

    def __init__(self, context: Any, address: str) -> None:
        self.page = context.new_page()
        self.address = address
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in {"error", "warning"} else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def sign_in(self, name: str = "anne") -> None:
        self.page.goto(f"{self.address}/")
        self.page.get_by_label("Identifiant").fill(name)
        self.page.get_by_label("Mot de passe").fill(PASSWORD)
        self.page.get_by_role("button", name="Se connecter").click()
        self.page.wait_for_url("**/boards/live")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}/boards/{path}")
        self.wait_until_drawn()

    def wait_until_drawn(self) -> None:
        from playwright.sync_api import expect

        expect(self.page.locator("section[data-state=loading]")).to_have_count(0, timeout=60_000)
        expect(self.page.locator("#status")).to_have_attribute("data-state", "live", timeout=60_000)

    def figure(self, panel: int, field: str) -> Any:
        return self.page.locator(f'section[data-panel="{panel}"] output[data-field="{field}"]')

    def values(self, panel: int, field: str) -> list[str]:
        cells = self.page.locator(f'section[data-panel="{panel}"] td[data-field="{field}"]')
        return [cell.get_attribute("data-value") for cell in cells.all()]


@pytest.fixture(scope="module")
def context(chromium, address) -> Iterator[Any]:
    """A browser somewhere in America, signed in once: each test opens a page of its own in it."""
    context = chromium.new_context(
        viewport={"width": 1920, "height": 1080}, locale="fr-FR", timezone_id="America/New_York"
    )
    Reader(context, address).sign_in()
    yield context
    context.close()


@pytest.fixture
def reader(context, address) -> Iterator[Reader]:
    somebody = Reader(context, address)
    yield somebody
    somebody.page.evaluate("localStorage.clear()")
    somebody.page.close()


@pytest.fixture(autouse=True)
def _mended(gamma) -> Iterator[None]:
    yield
    gamma.failing.clear()


def test_figures_on_the_board_are_those_of_the_store(reader):
    from playwright.sync_api import expect

    reader.open(f"attendance?{DAY}")
    expect(reader.figure(4, "in_person")).to_have_text("≈ 6")
    expect(reader.figure(4, "remote")).to_have_text("≈ 4")
    expect(reader.figure(3, "registered")).to_have_text("5")
    reader.open("attendance?from=2026-09-18T12:00&to=2026-09-18T16:00")
    expect(reader.figure(1, "in_person")).to_have_text("1+")
    assert reader.values(6, "title") == ["Achats publics - 1", "Conduire le changement - 1"]
    assert [float(rate) for rate in reader.values(6, "rate")] == pytest.approx([1 / 2, 1 / 3])


def test_charts_carry_their_data_as_a_table(reader):
    reader.open(f"attendance?{DAY}")
    assert reader.values(7, "title") == ["Conduire le changement - 1", "Achats publics - 1"]
    assert [float(rate) for rate in reader.values(7, "rate")] == pytest.approx([2 / 3, 1 / 2])
    assert [float(hours) for hours in (*reader.values(9, "in_person"), *reader.values(9, "remote"))] == [5.5, 3.5]
    assert max(int(number) for number in reader.values(5, "in_person")) == 2
    for label in ("Présents au fil du temps", "Taux de présence par séance"):
        assert reader.page.get_by_role("table", name=f"Données du graphique : {label}").count() == 1


RANGE = "from=2026-09-17T00:00&to=2026-09-23T00:00"
SCREENS = {"screen": (1920, 1080), "tablet": (900, 1100), "phone": (390, 844)}


@pytest.mark.parametrize("board", BOARDS)
def test_every_board_draws_every_panel_without_a_complaint_on_every_screen(reader, address, tmp_path, board):
    page = reader.page
    reader.open(f"{board}?{RANGE}")
    for screen, (width, height) in SCREENS.items():
        page.set_viewport_size({"width": width, "height": height})
        check_panels(page, width)
        if width == 1920:
            assert page.evaluate("document.documentElement.scrollHeight") <= height
        page.screenshot(path=tmp_path / f"{board}-{screen}.png", full_page=True)
    reader.open(f"{board}?{RANGE}&wall=1")
    page.set_viewport_size({"width": 1920, "height": 1080})
    check_panels(page, 1920)
    # On a wall nothing is below the screen.
    assert page.evaluate("document.documentElement.scrollHeight") <= 1080
    page.screenshot(path=tmp_path / f"{board}-wall.png", full_page=True)
    assert reader.complaints == []
    assert [url for url in reader.requests if not url.startswith((f"{address}/", "data:"))] == []


def check_panels(page, width):
    """Every panel is drawn, at a size that can be read, and nothing is wider than the screen."""
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)
    for panel in page.locator("section[data-panel]").all():
        kind, state = panel.get_attribute("data-type"), panel.get_attribute("data-state")
        assert state in {"ready", "empty"}
        box = panel.bounding_box()
        assert box["width"] > 80
        assert box["height"] > 60
        if state == "ready" and kind in {"timeseries", "barchart", "heatmap", "piechart"}:
            assert panel.locator("svg.main-svg").count() >= 1


def test_a_new_statement_reaches_the_board_without_touching_it(reader, gamma):
    from playwright.sync_api import expect

    reader.open("live?from=now-1h&to=now")
    figure = reader.figure(1, "statements")
    before = int(figure.get_attribute("data-value"))
    gamma.insert("gamma", "statements", [statement(5000, EXPERIENCED, datetime.now(UTC), actor="a" * 32, source="lrs")])
    expect(figure).to_have_attribute("data-value", str(before + 1), timeout=60_000)
    expect(reader.figure(2, "age")).to_contain_text("s")


def test_english_is_one_click_away(reader):
    from playwright.sync_api import expect

    reader.open(f"attendance?{DAY}")
    reader.page.get_by_role("link", name="EN", exact=True).click()
    expect(reader.figure(4, "in_person")).to_have_text("≈ 6", timeout=60_000)
    expect(reader.page.get_by_role("heading", name="Attended hours")).to_be_visible()
    assert "from=2026-09-18" in reader.page.url
    reader.page.get_by_role("link", name="FR", exact=True).click()
    expect(reader.figure(4, "in_person")).to_have_text("≈ 6", timeout=60_000)


def test_times_are_the_tenants_wherever_the_browser_is(reader):
    reader.open(f"live?{DAY}")
    first = reader.page.locator('section[data-panel="9"] td[data-field="latest"]').first
    # 17:20 UTC, seen from New York: Paris time all the same.
    assert first.inner_text() == "18 sept. 19:20:00"


def test_when_the_server_is_away_the_last_figures_stay_and_come_back_alive(reader):
    from playwright.sync_api import expect

    reader.open(f"attendance?{DAY}")
    reader.page.route("**/data?*", lambda route: route.abort())
    expect(reader.page.locator("#banner")).to_have_text("Le serveur ne répond pas : nouvel essai…", timeout=60_000)
    expect(reader.figure(4, "in_person")).to_have_text("≈ 6")
    reader.page.unroute("**/data?*")
    expect(reader.page.locator("#status")).to_have_attribute("data-state", "live", timeout=60_000)
    expect(reader.page.locator("#banner")).to_be_hidden()


def test_a_panel_that_fails_says_why_and_keeps_what_it_showed(reader, gamma):
    from playwright.sync_api import expect

    reader.open(f"live?{DAY}")
    gamma.failing["dead_letters"] = "unreachable"
    problem = reader.page.locator('section[data-panel="3"] .problem')
    expect(problem).to_contain_text("La base ne répond pas", timeout=60_000)
    expect(reader.figure(3, "dead")).to_have_text("0")
    expect(reader.page.locator('section[data-panel="1"] .problem')).to_be_hidden()
    gamma.failing.clear()
    expect(problem).to_be_hidden(timeout=60_000)


def test_a_hidden_board_rests_and_wakes_up(reader):
    from playwright.sync_api import expect

    reader.open(f"live?{DAY}")
    hide = """value => {
        Object.defineProperty(document, 'hidden', {value, configurable: true});
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    reader.page.evaluate(hide, True)
    expect(reader.page.locator("#status")).to_have_attribute("data-state", "paused", timeout=60_000)
    asked = sum("/data?" in url for url in reader.requests)
    reader.page.evaluate(hide, False)
    expect(reader.page.locator("#status")).to_have_attribute("data-state", "live", timeout=60_000)
    assert sum("/data?" in url for url in reader.requests) == asked + 1


def test_a_range_is_chosen_from_the_list_or_by_hand_and_kept_in_the_address(reader):
    from playwright.sync_api import expect

    reader.open("live")
    reader.page.get_by_label("Période").select_option("now-30d|now")
    expect(reader.page).to_have_url(f"{reader.address}/boards/live?from=now-30d&to=now")
    reader.page.get_by_label("Période").select_option("")
    reader.page.get_by_label("Du", exact=True).fill("2026-09-18T00:00")
    reader.page.get_by_label("au", exact=True).fill("2026-09-18T23:59")
    reader.page.get_by_role("button", name="Afficher").click()
    expect(reader.figure(1, "statements")).to_have_attribute("data-value", "14", timeout=60_000)
    assert "from=2026-09-18T00%3A00&to=2026-09-18T23%3A59" in reader.page.url


def test_dark_and_wall_are_choices_that_last(reader):
    reader.open(f"live?{DAY}")
    reader.page.get_by_role("button", name="Thème clair ou sombre").click()
    reader.open(f"attendance?{DAY}")
    assert reader.page.locator("html").get_attribute("data-theme") == "dark"
    reader.page.get_by_role("button", name="Mode mural").click()
    reader.page.wait_for_url("**wall=1*")
    reader.wait_until_drawn()
    assert not reader.page.get_by_role("navigation", name="Tableaux de bord").is_visible()


def test_signing_out_leads_to_the_door(chromium, address):
    context = chromium.new_context(locale="fr-FR")
    somebody = Reader(context, address)
    somebody.sign_in()
    somebody.page.get_by_role("button", name="Se déconnecter").click()
    somebody.page.wait_for_url("**/sign-in")
    somebody.page.goto(f"{address}/boards/live")
    assert somebody.page.url.endswith("/sign-in")
    context.close()


def test_what_tells_of_too_few_is_drawn_as_such_and_explained(chromium, address, tmp_path):
    from playwright.sync_api import expect

    context = chromium.new_context(viewport={"width": 1920, "height": 1080}, locale="fr-FR")
    somebody = Reader(context, address)
    somebody.sign_in("dora")
    somebody.open("attendance?from=2026-09-18T00:00&to=2026-09-18T11:15")
    page = somebody.page
    page.screenshot(path=tmp_path / "attendance.png")
    sessions = page.locator('section[data-panel="6"]')
    assert [cell.inner_text() for cell in sessions.locator('td[data-field="remote"]').all()] == [
        "\N{EN DASH}",
        "< 5",
        "10+",
        "< 5",
    ]
    assert somebody.values(6, "remote") == ["-1", "", "10", ""]
    assert somebody.values(6, "present") == ["10", "", "20", ""]
    expect(sessions.locator(".few")).to_have_text("Moins de 5 apprenants : ni montré ni compté.")
    expect(somebody.figure(1, "in_person")).to_have_text("10+")
    expect(page.locator('section[data-panel="1"] .few')).to_be_hidden()
    # A bar without a length says why, an empty place on the grid too.
    expect(page.locator('section[data-panel="7"] text', has_text="< 5")).to_have_count(2)
    expect(page.locator('section[data-panel="8"] .annotation')).to_have_text("< 5")
    somebody.open("pathways?from=2026-09-17T00:00&to=2026-09-20T00:00")
    page.screenshot(path=tmp_path / "pathways.png")
    expect(page.locator('section[data-panel="4"] text', has_text="Pathway 2 (< 5)")).to_have_count(1)
    expect(page.locator('section[data-panel="5"] td[data-hidden]')).to_have_text("< 5")
    # Three readers of a film: a mark at the foot of the chart.
    expect(page.locator('section[data-panel="7"] .legendtext', has_text="< 5")).to_have_count(1)
    assert somebody.complaints == []
    context.close()
