"""The tablet's page as learners use it: Chromium, by keyboard and by touch, with nothing from elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from identity.audit import AuditTrail
from identity.codes import Holder, make_codes
from identity.database import open_database
from identity.keys import MasterKey, draw_key
from identity.tablets import TabletSession, add_tablet
from identity.tenants import add_tenant
from identity.vault import Vault
from jalon.ports import free_ports
from producers.naming import Naming
from receivers.app import Parts, create_app
from tests.people import serve_app
from tests.unit.lrs.doubles import MemoryLog
from tests.waiting import eventually

pytestmark = pytest.mark.browser

BY = {"who": "process:tests", "why": ""}
TOUCH = {"viewport": {"width": 800, "height": 1180}, "has_touch": True, "is_mobile": True, "locale": "fr-FR"}


@dataclass
class House:
    """The receivers on a socket, with a clock of their own: it is always morning.

    Who came at eleven in the evening leaves on another day, and is not asked about that one.
    """

    url: str
    engine: Any
    master: MasterKey
    log: MemoryLog = field(default_factory=MemoryLog)
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(hour=8) + timedelta(days=1))

    def add_tablet(self, room: str, *sessions: TabletSession, emails: bool = False) -> str:
        trail = AuditTrail(self.engine, self.master)
        token = add_tablet(self.engine, self.master, trail, "acme", room, sessions, emails=emails, **BY)
        return f"{self.url}/rooms/{token}"

    def give_code(self, email: str, name: str = "") -> str:
        vault, trail = Vault(self.engine, self.master), AuditTrail(self.engine, self.master)
        days = {"since": self.now - timedelta(days=1), "until": self.now + timedelta(days=1)}
        holder = Holder({"mbox": f"mailto:{email}"}, name)
        (code,) = make_codes(vault, self.master, trail, "acme", "S1", [holder], **days, **BY)
        assert code is not None
        return code

    def verbs_of(self, email: str) -> list[str]:
        records = sorted(self.log.records, key=lambda record: record.stamp)
        said = [one for record in records for one in record.statements if one["actor"]["mbox"] == f"mailto:{email}"]
        return [one["verb"]["id"].rpartition("/")[2] for one in said]


@pytest.fixture(scope="module")
def house(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("receivers")
    engine = open_database(f"sqlite:///{shutil.copy(migrated_sqlite, folder / 'identity.db')}")
    (port,) = free_ports(1)
    house = House(f"http://127.0.0.1:{port}", engine, MasterKey(draw_key()))
    add_tenant(engine, house.master, "acme", "Acme")
    parts = Parts(
        log=house.log,
        engine=engine,
        master=house.master,
        name_tenant=lambda tenant, home: Naming(tenant, home or None),
        folder=folder,
        public_url=house.url,
        now=lambda: house.now,
    )
    with serve_app(create_app(parts), port):
        yield house
    engine.dispose()


@pytest.fixture
def touch(chromium: Any) -> Iterator[Any]:
    """A page of a tablet that is touched and has no keyboard."""
    context = chromium.new_context(**TOUCH)
    yield context.new_page()
    context.close()


def open_tablet(page: Any, address: str, title: str = "Émargement") -> list[str]:
    """Open a tablet's page, as soon as its process has heard of it; returns where to note what goes wrong."""
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request", lambda request: wrong.append(request.url) if not request.url.startswith(origin(address)) else None
    )
    eventually(lambda: page.goto(address).status == 200)
    assert page.locator("h1").inner_text() == title
    wrong.clear()  # the answers before it was known
    return wrong


def origin(address: str) -> str:
    return address.partition("/rooms/")[0]


def test_by_touch_one_comes_and_leaves_after_being_asked(house: House, touch: Any) -> None:
    address = house.add_tablet("Salle 12", TabletSession("S1", "Conduire une réunion"))
    code = house.give_code("zoe@example.org", "Zoé")
    wrong = open_tablet(touch, address)
    assert "Salle 12" in touch.locator("main").inner_text()
    assert "Conduire une réunion" in touch.locator("main").inner_text()
    press(touch, code[:3] + "9")
    touch.locator("[data-erase]").tap()
    press(touch, code[3:])
    assert touch.locator("#code").input_value() == f"{code[:4]} {code[4:]}"
    touch.locator(".keypad [type=submit]").tap()
    touch.wait_for_selector("[data-page=arrival]")
    assert touch.get_by_role("status").inner_text() == "Bienvenue Zoé"
    assert house.verbs_of("zoe@example.org") == ["checkin"]
    touch.locator(".next").tap()
    touch.wait_for_selector("[data-page=start]")
    assert touch.locator("#code").input_value() == "", "nothing of who came before"
    house.now += timedelta(hours=2)
    press(touch, code)
    touch.locator(".keypad [type=submit]").tap()
    touch.wait_for_selector("[data-page=inside]")
    touch.get_by_text("Non, je reste").tap()
    touch.wait_for_selector("[data-page=start]")
    press(touch, code)
    touch.locator(".keypad [type=submit]").tap()
    touch.get_by_text("Oui, je pars").tap()
    touch.wait_for_selector("[data-page=leave]")
    assert touch.get_by_role("status").inner_text() == "Au revoir Zoé"
    assert house.verbs_of("zoe@example.org") == ["checkin", "leave"]
    assert wrong == []


def test_by_keyboard_in_english_with_an_address_and_a_choice_of_session(house: House, page: Any) -> None:
    sessions = TabletSession("S1"), TabletSession("S2", "Évaluer")
    address = house.add_tablet("Salle 13", *sessions, emails=True)
    wrong = open_tablet(page, address)
    page.get_by_role("link", name="EN").press("Enter")
    page.wait_for_selector("html[lang=en]")
    assert page.locator("#code").evaluate("one => one === document.activeElement"), "ready for a code at once"
    page.get_by_label("S1").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("loic@example.org")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-page=arrival]")
    assert page.get_by_role("status").inner_text() == "Welcome"
    assert page.locator("html").get_attribute("lang") == "en"
    statement = next(one for one in house.log.statements if one["actor"]["mbox"] == "mailto:loic@example.org")
    assert statement["context"]["contextActivities"]["parent"][0]["id"].endswith("/sessions/S2")
    assert wrong == []


def test_a_wrong_code_is_said_so_to_a_screen_reader_and_can_be_typed_again(house: House, page: Any) -> None:
    address = house.add_tablet("Salle 14")
    code = house.give_code("ines@example.org")
    open_tablet(page, address)
    page.keyboard.type("1234567890")
    assert page.locator("#code").input_value() == "1234 5678"
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "pas valable ici" in page.get_by_role("alert").inner_text()
    page.keyboard.type(code)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-page=arrival]")


def test_without_scripts_the_form_works_all_the_same(house: House, chromium: Any) -> None:
    address = house.add_tablet("Salle 15")
    code = house.give_code("rose@example.org")
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    eventually(lambda: page.goto(address).status == 200)
    assert not page.locator(".keypad").is_visible()
    page.fill("#code", code)
    page.locator("button.plain").click()
    page.wait_for_selector("[data-page=arrival]")
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "8; url=?lang=fr"
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_can_be_read_and_pressed_with_a_finger(house: House, chromium: Any, scheme: str) -> None:
    address = house.add_tablet(f"Salle {scheme}", TabletSession("S1"), emails=True)
    context = chromium.new_context(**TOUCH, color_scheme=scheme)
    page = context.new_page()
    open_tablet(page, address)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    pressed = page.locator("button:visible, a:visible, input:visible").all()
    assert len(pressed) >= 17
    for each in pressed:
        box = each.bounding_box()
        assert min(box["width"], box["height"]) >= 44, each.evaluate("one => one.outerHTML")
    for each in page.locator("h1, label:visible, p:visible, button:visible").all():
        assert each.evaluate(CONTRAST) >= 4.5, each.evaluate("one => one.outerHTML")
    context.close()


def press(page: Any, digits: str) -> None:
    for digit in digits:
        page.locator(f"[data-digit='{digit}']").tap()


CONTRAST = """one => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let ground = one;
  while (/, 0\\)$|transparent/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement;
  const [a, b] = [getComputedStyle(one).color, getComputedStyle(ground).backgroundColor].map(light);
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
