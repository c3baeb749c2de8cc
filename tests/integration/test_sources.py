"""Every source by its command, from the example of its format to rows and to a figure of a board.

Each run is broken off at its worst moment, when Kafka has the statements and no checkpoint says so, then run again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from grafana.dashboards.catalogue import BUILDERS
from jalon.cli import main
from producers.sinks import KafkaSink
from tests.contract.producers.reading import EXAMPLES
from tests.stack import Stack, TenantAccess
from tests.unit.producers.moodles import SmallMoodle
from tests.waiting import eventually
from xapi_profiles.vocabulary import canonical_verb

pytestmark = pytest.mark.integration

CONFORMANCE = str(next(panel["id"] for panel in BUILDERS["live"]("en")["panels"] if "onformance" in panel["title"]))
MOODLE = "MOODLE"
"""Stands for the address of the example database, which is made for the test."""

SOURCES: dict[str, Sequence[str | Path]] = {
    "gaia": ("gaia", EXAMPLES / "gaia"),
    "bigbluebutton": ("bigbluebutton", EXAMPLES / "bigbluebutton.jsonl"),
    "zoom": ("zoom", *sorted((EXAMPLES / "zoom").iterdir()), "--session", "S200"),
    "teams": ("teams", EXAMPLES / "teams" / "activities.csv", EXAMPLES / "teams" / "graph.json", "--session", "S200"),
    "moodle": ("moodle", "--database", MOODLE),
    "moodle-attendance": ("moodle-attendance", "--database", MOODLE),
    "openedx": ("openedx", EXAMPLES / "openedx" / "tracking.log", "--learners", EXAMPLES / "openedx" / "users.csv"),
    "sphinx": (
        *("sphinx", EXAMPLES / "sphinx" / "satisfaction.csv", "--survey", "E12"),
        *("--module-column", "Code module", "--rating", "Satisfaction globale"),
    ),
    "pix": ("pix", *sorted((EXAMPLES / "pix").iterdir())),
    "matomo": ("matomo", EXAMPLES / "matomo" / "visits.json"),
    "grr": ("grr", EXAMPLES / "grr" / "monday.csv"),
    # However long ago that Monday is when this runs.
    "icalendar": ("icalendar", "--days-before", "3650", EXAMPLES / "icalendar" / "monday.ics"),
    **{path.stem: ("map", path.stem, path) for path in sorted((EXAMPLES / "mapping").iterdir())},
}


@pytest.fixture(scope="module")
def institute(stack: Stack) -> Iterator[TenantAccess]:
    """A tenant that all the sources feed, as they would an institute."""
    with stack.add_tenant() as access:
        yield access


@pytest.fixture(scope="module")
def told() -> dict[str, int]:
    """How many statements each source has told so far."""
    return {}


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """What went to Kafka: the first delivery is followed by the end of the process."""
    seen: dict[str, list[dict[str, Any]]] = {"lost": [], "known": []}
    deliver = KafkaSink.deliver

    def die_the_first_time(self: KafkaSink, statements: list[dict[str, Any]]) -> None:
        deliver(self, statements)
        if seen["lost"]:
            seen["known"] += statements
            return
        seen["lost"] += statements
        raise SystemExit(137)

    monkeypatch.setattr(KafkaSink, "deliver", die_the_first_time)
    return seen


@pytest.mark.parametrize("name", SOURCES)
def test_an_example_becomes_rows_and_a_figure_once_although_its_run_was_broken_off(
    name: str,
    stack: Stack,
    institute: TenantAccess,
    delivered: dict[str, list[dict[str, Any]]],
    told: dict[str, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("JALON_DATA_DIR", str(stack.settings.data_dir))
    moodle = SmallMoodle(tmp_path / "moodle.sqlite").url
    arguments = ["produce", *(moodle if one == MOODLE else str(one) for one in SOURCES[name])]
    rejected = tmp_path / "rejected.jsonl"

    def produce() -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments, "--tenant", institute.id, "--rejected", str(rejected)])
        printed = capsys.readouterr()
        assert ended.value.code in {0, 137}, printed.err
        return int(ended.value.code or 0), printed.out

    assert produce()[0] == 137
    ended, printed = produce()
    report = json.loads(printed.splitlines()[-1])
    sent = {statement["id"]: statement for statement in delivered["known"]}
    assert ended == 0
    assert report["sent"] == len(sent) > 0
    assert {statement["id"] for statement in delivered["lost"]} <= sent.keys()
    assert report["rejected"] == (len(rejected.read_text().splitlines()) if rejected.exists() else 0)
    again = json.loads(produce()[1].splitlines()[-1])
    assert (again["sent"], again["rejected"]) == (0, report["rejected"])

    check_rows(institute, name, sent, replayed=len(delivered["lost"]))
    told[name] = len(sent)
    eventually(lambda: read_board(stack, institute) == sorted(told.values()))


def read_board(stack: Stack, tenant: TenantAccess) -> list[int]:
    """Return what the live board tells of the sources: of each how many statements keep the rules of their profile."""
    with stack.open_boards(tenant) as browser:
        answer = browser.get("/boards/live/data", params={"from": "now-1h", "to": "now"}).json()
    panel = answer["panels"][CONFORMANCE]
    columns = [column["name"] for column in panel["columns"]]
    rows = [dict(zip(columns, row, strict=True)) for row in panel["rows"]]
    assert all(row["nonconformant"] == row["unclaimed"] == 0 for row in rows)
    return sorted(row["conformant"] for row in rows)


def check_rows(tenant: TenantAccess, source: str, sent: dict[str, dict[str, Any]], *, replayed: int) -> None:
    """Every statement is stored once with its verb and instant, and the ledger accounts for those sent twice."""
    named = {"source": source}
    ledger = (
        "SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL WHERE source = {source:String}"
    )

    def accounted_for() -> bool:
        counts = tenant.reader.query(ledger, parameters=named).first_row
        assert counts == (len(sent) + replayed, len(sent), replayed, 0)
        return True

    eventually(accounted_for)
    rows = tenant.reader.query(
        "SELECT toString(id), verb, formatDateTime(timestamp, '%Y-%m-%dT%H:%i:%S', 'UTC') FROM statements FINAL "
        "WHERE source = {source:String}",
        parameters=named,
    ).result_rows
    assert {row[0]: row[1:] for row in rows} == {
        id_: (canonical_verb(one["verb"]["id"]), one["timestamp"][:19]) for id_, one in sent.items()
    }
    assert Counter(row[0] for row in rows).most_common(1)[0][1] == 1
