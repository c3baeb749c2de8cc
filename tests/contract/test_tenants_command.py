"""`jalon tenant` and `jalon analyst` over a real ClickHouse engine, an object store and a stand-in for Grafana."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from identity.receipts import read
from jalon import removal
from jalon.cli import main
from jalon.installation import Installation
from jalon.settings import Settings
from tests.contract.test_grafana_provisioning import (  # noqa: F401 (fixtures)
    ADMIN,
    GrafanaAddress,
    StandIn,
    address,
    organisation_of,
    stand_in,
)
from tests.embedded_clickhouse import OWNER, PASSWORD, EmbeddedServer

WHY = ("--why", "a test")


@pytest.fixture
def installation(
    server: EmbeddedServer,
    address: GrafanaAddress,  # noqa: F811 (a fixture)
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Installation:
    for name, value in {
        "DATA_DIR": str(tmp_path),
        "RUNTIME": "external",
        "KAFKA_BOOTSTRAP": "127.0.0.1:9",
        "CLICKHOUSE_PORT": str(server.port),
        "CLICKHOUSE_USER": OWNER,
        "CLICKHOUSE_PASSWORD": PASSWORD,
        "GRAFANA_URL": address.url,
        "GRAFANA_USER": ADMIN[0],
        "GRAFANA_PASSWORD": ADMIN[1],
    }.items():
        monkeypatch.setenv(f"JALON_{name}", value)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(removal, "SECONDS", 0)
    return Installation.of(Settings.load())


@pytest.fixture
def run(installation: Installation, capsys: pytest.CaptureFixture[str]) -> Any:  # noqa: ARG001 (its settings)
    def run(*arguments: str, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        captured = capsys.readouterr()
        assert (end.value.code or 0) == code, captured.err
        return captured.out if code == 0 else captured.err

    return run


def ask(shown: dict[str, str], text: str) -> httpx.Response:
    return httpx.post(shown["url"], content=text.encode(), auth=(shown["login"], shown["password"]), timeout=30)


def test_a_tenant_from_its_first_command_to_its_last(
    run: Any,
    installation: Installation,
    stand_in: StandIn,  # noqa: F811 (a fixture)
    tmp_path: Path,
) -> None:
    for _ in range(2):
        run("tenant", "add", "north-sea", "--name", "North Sea")
    analyst = json.loads(run("analyst", "add", "north-sea", "anne", "--json"))
    assert (analyst["database"], analyst["login"]) == ("tenant_north_sea", "analyst_north_sea__anne")
    assert ask(analyst, "SELECT count() FROM statements").text == "0\n"
    assert "analyst_north_sea__anne" in run("analyst", "list", "north-sea")
    assert analyst["password"] not in run("analyst", "list", "north-sea", "--json")
    key = json.loads(run("credential", "add", "north-sea", "--json"))["key"]
    run("credential", "disable", key, *WHY)

    shown = json.loads(run("tenant", "show", "north-sea", "--json"))
    assert (shown["state"], shown["analysts"]) == ("active", ["analyst_north_sea__anne"])
    assert shown["grafana"] == organisation_of(stand_in, "north-sea").number
    assert shown["ledger"] == {"accepted": 0, "stored": 0, "duplicate": 0, "dead": 0}
    assert "limits.query_seconds            30\n" in run("tenant", "show", "north-sea")

    run("tenant", "limit", "north-sea", "--query-rows", "5")
    assert "max_rows_to_read" in ask(analyst, "SELECT sum(number) FROM numbers(6)").text
    run("tenant", "suspend", "north-sea", *WHY)
    assert ask(analyst, "SELECT 1").status_code == 403
    assert json.loads(run("tenant", "list", "--json"))[0]["state"] == "suspended"
    # Whoever adds it again, or starts the product anew, does not let anybody in.
    run("tenant", "add", "north-sea", "--name", "North Sea")
    assert ask(analyst, "SELECT 1").status_code == 403
    run("tenant", "resume", "north-sea", *WHY)
    assert ask(analyst, "SELECT 1").text == "1\n"
    run("analyst", "remove", "north-sea", "anne")
    assert ask(analyst, "SELECT 1").status_code == 403

    exported = json.loads(run("tenant", "export", "north-sea", str(tmp_path / "all.zip"), *WHY))
    assert (tmp_path / "all.zip").stat().st_mode & 0o777 == 0o600
    assert "add --yes" in run("tenant", "remove", "north-sea", *WHY, code=2)
    receipt = read(installation.master, run("tenant", "remove", "north-sea", "--yes", *WHY))
    assert (receipt["tenant"], receipt["held"]["statements"]) == ("north-sea", 0)
    assert "Grafana organisation" in receipt["removed"]
    assert [one.name for one in stand_in.organisations.values()] == ["Main Org."]
    assert run("tenant", "list", "--json") == "[]\n"
    assert "removed" in run("tenant", "list", "--removed")
    assert json.loads(run("tenant", "show", "north-sea", "--json"))["removal"]["held"] == receipt["held"]
    assert "was removed" in run("tenant", "add", "north-sea", code=1)

    entries = installation.audit.read(tenant="north-sea")
    assert [entry.event.action for entry in entries] == [
        "tenant-added",
        "analyst-added",
        "credential-added",
        "credential-disabled",
        "tenant-limits-changed",
        "tenant-suspended",
        "tenant-resumed",
        "analyst-removed",
        "tenant-exported",
        "tenant-suspended",
        "tenant-removal-begun",
        "tenant-removed",
    ]
    assert all(entry.event.who.startswith("operator:") for entry in entries)
    assert entries[8].event.about == f"sha256:{exported['sha256']}"
    installation.audit.verify()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("tenant", "show", "nowhere"), "no tenant"),
        (("tenant", "suspend", "nowhere", *WHY), "no tenant"),
        (("tenant", "limit", "nowhere"), "at least one limit"),
        (("tenant", "export", "nowhere", "x.zip", *WHY), "no tenant"),
        (("tenant", "remove", "nowhere", "--yes", *WHY), "no tenant"),
        (("analyst", "add", "nowhere", "anne"), "no tenant"),
        (("analyst", "add", "nowhere", "Anne"), "lower-case"),
        (("analyst", "list", "nowhere"), "no tenant"),
        (("analyst", "remove", "nowhere", "anne"), "no tenant"),
    ],
)
@pytest.mark.usefixtures("installation")
def test_what_cannot_be_done_is_told_in_a_sentence(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    told = capsys.readouterr()
    assert end.value.code in {1, 2}
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert said in told.err
