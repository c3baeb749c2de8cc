"""Provisioning through the real grafana-client against a stand-in for Grafana's HTTP interface.

The stand-in answers as Grafana's published HTTP API says (organisations, data sources, folders, dashboards,
preferences; legacy `/api`), refuses what that API refuses, and keeps organisations apart. It is not a Grafana: nothing
here proves that a real one draws the dashboards.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from clickhouse.connection import ClickHouseAddress
from grafana.dashboards.catalogue import BUILDERS, read_dashboard
from grafana.errors import ProvisioningError
from grafana.provisioning import (
    GrafanaAddress,
    TenantBoards,
    find_organisation,
    provision,
    remove_organisation,
)

ADMIN = ("admin", "s3cret-of-admin")


@dataclass
class Organisation:
    number: int
    name: str
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    passwords: dict[str, str] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)
    preferences: dict[str, Any] = field(default_factory=lambda: {"theme": "", "timezone": "", "weekStart": ""})


class Refusal(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class StandIn:
    """What Grafana keeps, and how it answers."""

    def __init__(self) -> None:
        self.organisations = {1: Organisation(1, "Main Org.")}
        self.writes: list[str] = []
        self.dashboard_numbers = iter(range(1, 1000))

    def answer(self, method: str, path: str, headers: Any, body: Any) -> Any:
        expected = "Basic " + base64.b64encode(":".join(ADMIN).encode()).decode()
        if headers.get("Authorization") != expected:
            raise Refusal(401, "Invalid username or password")
        if method != "GET":
            self.writes.append(f"{method} {path}")
        number = int(headers.get("X-Grafana-Org-Id", "1"))
        if number not in self.organisations:
            raise Refusal(404, "organization not found")
        organisation = self.organisations[number]
        parts = path.removeprefix("/api/").split("/")
        handler = getattr(self, f"{method.lower()}_{parts[0]}", None)
        if not path.startswith("/api/") or handler is None:
            raise Refusal(404, "Not found")
        return handler(organisation, parts[1:], body)

    def get_orgs(self, _: Organisation, parts: list[str], __: Any) -> Any:
        for organisation in self.organisations.values():
            if parts == ["name", organisation.name]:
                return {"id": organisation.number, "name": organisation.name, "address": {"address1": ""}}
        raise Refusal(404, "Organization not found")

    def post_orgs(self, _: Organisation, __: list[str], body: Any) -> Any:
        if any(organisation.name == body["name"] for organisation in self.organisations.values()):
            raise Refusal(409, "Organization name taken")
        number = max(self.organisations) + 1
        self.organisations[number] = Organisation(number, body["name"])
        return {"orgId": number, "message": "Organization created"}

    def delete_orgs(self, _: Organisation, parts: list[str], __: Any) -> Any:
        if self.organisations.pop(int(parts[0]), None) is None:
            raise Refusal(404, "Organization not found")
        return {"message": "Organization deleted"}

    def get_datasources(self, organisation: Organisation, parts: list[str], _: Any) -> Any:
        if parts[0] != "uid" or parts[1] not in organisation.sources:
            raise Refusal(404, "Data source not found")
        return organisation.sources[parts[1]]

    def post_datasources(self, organisation: Organisation, _: list[str], body: Any) -> Any:
        if body["uid"] in organisation.sources:
            raise Refusal(409, "data source with the same uid already exists")
        return self._keep_source(organisation, body, "Datasource added", version=1)

    def put_datasources(self, organisation: Organisation, parts: list[str], body: Any) -> Any:
        known = self.get_datasources(organisation, parts, None)
        if body.get("version") != known["version"]:
            raise Refusal(409, "Datasource has already been updated by someone else. Please reload and try again")
        return self._keep_source(organisation, body, "Datasource updated", version=known["version"] + 1)

    def _keep_source(self, organisation: Organisation, body: Any, message: str, version: int) -> Any:
        secure = body.get("secureJsonData", {})
        organisation.passwords |= secure
        source = {key: value for key, value in body.items() if key != "secureJsonData"} | {
            "id": 1,
            "orgId": organisation.number,
            "version": version,
            "readOnly": False,
            "url": body.get("url", ""),
            "secureJsonFields": dict.fromkeys(secure, True),
        }
        organisation.sources[body["uid"]] = source
        return {"datasource": source, "id": 1, "message": message, "name": body["name"]}

    def get_folders(self, organisation: Organisation, parts: list[str], _: Any) -> Any:
        if parts[0] not in organisation.folders:
            raise Refusal(404, "folder not found")
        return organisation.folders[parts[0]]

    def post_folders(self, organisation: Organisation, _: list[str], body: Any) -> Any:
        if body["uid"] in organisation.folders:
            raise Refusal(409, "a folder with the same uid already exists")
        organisation.folders[body["uid"]] = {"id": 1, "version": 1, **body}
        return organisation.folders[body["uid"]]

    def get_dashboards(self, organisation: Organisation, parts: list[str], _: Any) -> Any:
        if parts[0] != "uid" or parts[1] not in organisation.dashboards:
            raise Refusal(404, "Dashboard not found")
        dashboard, folder = organisation.dashboards[parts[1]]
        return {
            "dashboard": dashboard,
            "meta": {"isStarred": False, "folderUid": folder, "version": dashboard["version"]},
        }

    def post_dashboards(self, organisation: Organisation, parts: list[str], body: Any) -> Any:
        dashboard = body["dashboard"]
        if parts != ["db"] or not dashboard.get("title") or len(dashboard["uid"]) > 40:
            raise Refusal(400, "bad request data")
        if body["folderUid"] not in organisation.folders:
            raise Refusal(400, "folder not found")
        known = organisation.dashboards.get(dashboard["uid"])
        if known and not body["overwrite"]:
            raise Refusal(412, "A dashboard with the same uid already exists")
        version = known[0]["version"] + 1 if known else 1
        number = known[0]["id"] if known else next(self.dashboard_numbers)
        organisation.dashboards[dashboard["uid"]] = ({**dashboard, "id": number, "version": version}, body["folderUid"])
        return {
            "id": number,
            "uid": dashboard["uid"],
            "status": "success",
            "version": version,
            "slug": "s",
            "url": "/d/x/s",
        }

    def get_org(self, organisation: Organisation, _: list[str], __: Any) -> Any:
        return organisation.preferences

    def patch_org(self, organisation: Organisation, _: list[str], body: Any) -> Any:
        organisation.preferences |= body
        return {"message": "Preferences updated"}


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn()


@pytest.fixture
def address(stand_in: StandIn) -> Iterator[GrafanaAddress]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            try:
                status, content = (
                    200,
                    stand_in.answer(self.command, self.path, self.headers, json.loads(raw) if raw else None),
                )
            except Refusal as refusal:
                status, content = refusal.status, {"message": refusal.message}
            payload = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=UTF-8")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815 (http.server's names)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield GrafanaAddress(f"http://127.0.0.1:{server.server_port}", *ADMIN)
    server.shutdown()
    thread.join()
    server.server_close()


def boards_of(tenant: str, language: Any = "fr", password: str = "reader-pass") -> TenantBoards:
    clickhouse = ClickHouseAddress("clickhouse", 8123, f"reader_{tenant}", password, f"tenant_{tenant}")
    return TenantBoards(tenant, "Europe/Paris", language, clickhouse)


def organisation_of(stand_in: StandIn, tenant: str) -> Organisation:
    return next(one for one in stand_in.organisations.values() if one.name == tenant)


def test_a_tenant_gets_an_organisation_with_its_own_reader_and_dashboards(stand_in, address):
    done = provision(address, boards_of("alpha"))
    organisation = organisation_of(stand_in, "alpha")
    assert done.organisation == organisation.number
    assert done.changes == (
        "organisation",
        "data source",
        "folder",
        "dashboard live",
        "dashboard attendance",
        "dashboard pathways",
        "preferences",
    )
    source = organisation.sources["jalon"]
    assert source["type"] == "grafana-clickhouse-datasource"
    assert source["jsonData"]["username"] == "reader_alpha"
    assert source["jsonData"]["defaultDatabase"] == "tenant_alpha"
    assert organisation.passwords == {"password": "reader-pass"}
    assert "password" not in json.dumps(source["jsonData"])
    assert {uid: folder for uid, (_, folder) in organisation.dashboards.items()} == {
        f"jalon-{name}": "jalon" for name in BUILDERS
    }
    assert organisation.preferences["timezone"] == "Europe/Paris"
    assert organisation.preferences["language"] == "fr-FR"
    assert stand_in.organisations[1].sources == {}


def test_again_changes_nothing_and_writes_the_secret_only(stand_in, address):
    provision(address, boards_of("alpha"))
    stand_in.writes.clear()
    assert provision(address, boards_of("alpha")).changes == ()
    assert stand_in.writes == ["PUT /api/datasources/uid/jalon"]


def test_a_new_password_reaches_the_data_source(stand_in, address):
    provision(address, boards_of("alpha"))
    provision(address, boards_of("alpha", password="another-pass"))
    assert organisation_of(stand_in, "alpha").passwords == {"password": "another-pass"}


def test_what_somebody_changed_by_hand_is_put_right(stand_in, address):
    provision(address, boards_of("alpha"))
    organisation = organisation_of(stand_in, "alpha")
    dashboard, folder = organisation.dashboards["jalon-live"]
    organisation.dashboards["jalon-live"] = (dashboard | {"title": "Mine"}, folder)
    organisation.sources["jalon"]["jsonData"]["username"] = "reader_beta"
    assert provision(address, boards_of("alpha")).changes == ("data source", "dashboard live")
    assert organisation.dashboards["jalon-live"][0]["title"] == read_dashboard("live", "fr")["title"]
    assert organisation.sources["jalon"]["jsonData"]["username"] == "reader_alpha"


def test_language_is_that_of_the_organisation_and_tenants_stay_apart(stand_in, address):
    provision(address, boards_of("alpha"))
    provision(address, boards_of("beta", "en"))
    titles = {
        name: organisation_of(stand_in, name).dashboards["jalon-attendance"][0]["title"] for name in ("alpha", "beta")
    }
    assert titles == {"alpha": "Présence et assiduité", "beta": "Attendance and presence"}
    assert organisation_of(stand_in, "beta").sources["jalon"]["jsonData"]["defaultDatabase"] == "tenant_beta"


def test_a_tenants_organisation_is_removed_once_and_others_stay(stand_in, address):
    provision(address, boards_of("alpha"))
    provision(address, boards_of("alpha-two"))
    assert find_organisation(address, "alpha") == organisation_of(stand_in, "alpha").number
    assert [remove_organisation(address, "alpha") for _ in range(2)] == [True, False]
    assert find_organisation(address, "alpha") is None
    assert [one.name for one in stand_in.organisations.values()] == ["Main Org.", "alpha-two"]


def test_a_wrong_administrator_is_told_so_without_the_password(address):
    wrong = GrafanaAddress(address.url, "admin", "not-the-password")
    with pytest.raises(ProvisioningError, match="name and password") as caught:
        provision(wrong, boards_of("alpha"))
    with pytest.raises(ProvisioningError, match="name and password"):
        remove_organisation(wrong, "alpha")
    assert "not-the-password" not in str(caught.value) + repr(wrong)


def test_a_grafana_that_is_not_there_is_told_in_a_sentence():
    with pytest.raises(ProvisioningError, match=r"does not answer at http://127\.0\.0\.1:9"):
        provision(GrafanaAddress("http://127.0.0.1:9", *ADMIN), boards_of("alpha"))


def test_an_address_without_scheme_is_refused():
    with pytest.raises(ProvisioningError, match="http://"):
        provision(GrafanaAddress("grafana:3000", *ADMIN), boards_of("alpha"))
