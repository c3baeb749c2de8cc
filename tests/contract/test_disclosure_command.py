"""`jalon disclosure`: thresholds and exported figures, over the embedded server."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clickhouse.databases import name_tenant_database
from identity.audit import Entry
from jalon.cli import main
from jalon.installation import Installation
from jalon.settings import Settings
from tests.embedded_clickhouse import OWNER, PASSWORD, EmbeddedServer, serve_embedded
from tests.unit.grafana.sessions import Group, write_rows

TENANT = "institut"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    with serve_embedded(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture
def installation(server: EmbeddedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("JALON_CLICKHOUSE_PORT", str(server.port))
    monkeypatch.setenv("JALON_CLICKHOUSE_USER", OWNER)
    monkeypatch.setenv("JALON_CLICKHOUSE_PASSWORD", PASSWORD)
    installation = Installation.of(Settings.load())
    installation.add_tenant(TENANT, "Institut", "Europe/Paris")
    rows = write_rows([Group(1, 1, 12, 6, 2), Group(2, 1, 8, 0, 0), Group(3, 1, 2, 2, 0)])
    database = name_tenant_database(TENANT)
    for table in ("statements", "disclosure"):
        server.run(f"TRUNCATE TABLE {database}.{table}")
    server.run(f"INSERT INTO {database}.statements FORMAT JSONEachRow\n" + "\n".join(map(json.dumps, rows)))
    yield installation
    installation.close()


@pytest.fixture
def run(
    installation: Installation,  # noqa: ARG001 (what the command finds)
    capsys: pytest.CaptureFixture[str],
) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(["disclosure", *arguments])
        captured = capsys.readouterr()
        return end.value.code or 0, captured.out, captured.err  # type: ignore[return-value]  # an int where it is one

    return run


def read_trail(installation: Installation) -> list[Entry]:
    """What the commands told the trail, after the tenant's addition."""
    return installation.audit.read(tenant=TENANT)[1:]


def test_thresholds_are_shown_changed_and_told_to_the_audit_trail(installation: Installation, run: Run) -> None:
    assert json.loads(run("show", TENANT, "--json")[1]) == {"tenant": TENANT, "inside": 5, "published": 11}
    assert run("set", TENANT, "--inside", "8", "--why", "small departments")[0] == 0
    assert json.loads(run("show", TENANT, "--json")[1]) == {"tenant": TENANT, "inside": 8, "published": 11}
    (entry,) = read_trail(installation)
    assert (entry.event.action, entry.event.why) == ("disclosure-changed", "small departments")
    assert entry.event.details == {"inside": [5, 8], "published": [11, 11]}


@pytest.mark.parametrize("wrong", [("--inside", "2"), ("--inside", "0"), ("--published", "4"), ("--inside", "12")])
def test_thresholds_that_protect_nobody_are_refused(
    installation: Installation, run: Run, wrong: tuple[str, str]
) -> None:
    status, _, said = run("set", TENANT, *wrong, "--why", "a try")
    assert (status, "cannot be" in said) == (2, True)
    assert json.loads(run("show", TENANT, "--json")[1])["inside"] == 5
    assert read_trail(installation) == []


def test_figures_leave_cut_for_publication_unless_they_stay_inside(installation: Installation, run: Run) -> None:
    span = ("--from", "2026-09-18T00:00", "--to", "2026-09-18T11:15", "--language", "en", "--why", "yearly report")

    def export(*more: str) -> list[list[str]]:
        status, told, said = run("export", TENANT, "attendance", "6", *span, *more)
        assert (status, said) == (0, "")
        return list(csv.reader(io.StringIO(told)))

    head, *rows = export()
    assert [row[:1] + row[3:] for row in (head, *rows)] == [
        ["Session", "Registered", "Present", "In the room", "Remote", "Rate, at least"],
        ["Session 0", "12", "<11", "<11", "<11", "<11"],
        ["Session 1", "<11", "0", "0", "0", "<11"],
        ["Session 2", "<11", "<11", "<11", "<11", "<11"],
    ]
    assert [row[3:] for row in export("--inside")[1:]] == [
        ["12", "5+", "\N{EN DASH}", "\N{EN DASH}", str(5 / 12)],
        ["8", "0", "0", "0", "0"],
        ["<5", "<5", "<5", "<5", "<5"],
    ]
    first, second = (entry.event for entry in read_trail(installation))
    assert (first.action, first.about, first.details["for"], first.details["fewest"]) == (
        "figures-exported",
        "attendance/6",
        "publication",
        11,
    )
    assert (second.details["for"], second.details["fewest"]) == ("inside", 5)
    assert datetime.fromisoformat(first.details["to"]) == datetime(2026, 9, 18, 9, 15, tzinfo=UTC)


def test_what_cannot_be_exported_is_refused_with_what_can(installation: Installation, run: Run) -> None:
    status, _, said = run("export", TENANT, "attendance", "77", "--why", "a try")
    assert (status, "1 (Présents maintenant)" in said) == (1, True)
    status, _, said = run("export", TENANT, "live", "6", "--why", "a try")
    assert (status, "not for publication" in said) == (1, True)
    assert read_trail(installation) == []
