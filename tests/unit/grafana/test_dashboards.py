from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from grafana.dashboards.__main__ import JSON_FOLDER, main
from grafana.dashboards.catalogue import BUILDERS, find_drift, read_dashboard, write_all
from grafana.dashboards.language import LANGUAGES
from grafana.dashboards.layout import Row, arrange
from grafana.errors import DashboardError

BOTH = [(name, language) for name in BUILDERS for language in LANGUAGES]
MACROS = {
    "timeFilter",
    "timeFilter_ms",
    "fromTime",
    "toTime",
    "fromTime_ms",
    "toTime_ms",
    "timeInterval",
    "timeInterval_ms",
    "interval_s",
}


def test_the_committed_json_is_what_the_code_says():
    assert find_drift(JSON_FOLDER) == []


def test_drift_is_found_and_named(tmp_path, capsys):
    write_all(tmp_path)
    assert main(["--check", "--folder", str(tmp_path)]) == 0
    live = tmp_path / "fr" / "live.json"
    live.write_text(live.read_text().replace("Fraîcheur", "Fraicheur"))
    (tmp_path / "en" / "pathways.json").unlink()
    (tmp_path / "en" / "old.json").write_text("{}")
    assert main(["--check", "--folder", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert "fr/live.json is not what the code says" in told
    assert "en/pathways.json is missing" in told
    assert "en/old.json belongs to no dashboard" in told


def test_the_command_checks_the_installed_json():
    done = subprocess.run(
        [sys.executable, "-m", "grafana.dashboards", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", BUILDERS)
def test_both_languages_ask_the_same_and_differ_in_words_only(name):
    french, english = (BUILDERS[name](language) for language in ("fr", "en"))
    assert french["title"] != english["title"]
    assert [panel["targets"] for panel in french["panels"]] == [panel["targets"] for panel in english["panels"]]
    assert [panel["gridPos"] for panel in french["panels"]] == [panel["gridPos"] for panel in english["panels"]]
    same = [a["title"] for a, b in zip(french["panels"], english["panels"], strict=True) if a["title"] == b["title"]]
    assert same == []


@pytest.mark.parametrize(("name", "language"), BOTH)
def test_dashboards_have_what_grafana_needs(name, language):
    dashboard = read_dashboard(name, language)
    assert dashboard["uid"] == f"jalon-{name}"
    assert dashboard["id"] is None
    assert language in dashboard["tags"]
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in dashboard["panels"]:
        assert panel["type"] in {"stat", "timeseries", "barchart", "table", "heatmap", "piechart"}
        assert panel["datasource"] == {"type": "grafana-clickhouse-datasource", "uid": "jalon"}
        (target,) = panel["targets"]
        assert target["editorType"] == "sql"
        assert target["format"] == (0 if panel["type"] in {"timeseries", "heatmap"} else 1)
        assert set(re.findall(r"\$__(\w+)", target["rawSql"])) <= MACROS


@pytest.mark.parametrize("name", BUILDERS)
def test_panels_fill_the_grid_without_overlap_or_hole(name):
    cells: dict[tuple[int, int], int] = {}
    for panel in BUILDERS[name]("fr")["panels"]:
        place = panel["gridPos"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                assert cells.setdefault((x, y), panel["id"]) == panel["id"]
    height = max(y for _, y in cells) + 1
    assert len(cells) == 24 * height
    assert height <= 30


@pytest.mark.parametrize("name", BUILDERS)
def test_no_query_names_a_tenant_or_an_identity(name):
    for panel in BUILDERS[name]("fr")["panels"]:
        sql = panel["targets"][0]["rawSql"]
        assert "tenant" not in sql
        assert not re.search(r"\b(sealed|payload|statement)\b", sql)


def test_every_language_has_the_whole_set():
    assert sorted(path.relative_to(JSON_FOLDER).as_posix() for path in JSON_FOLDER.rglob("*.json")) == sorted(
        f"{language}/{name}.json" for name, language in BOTH
    )
    assert json.loads((JSON_FOLDER / "fr" / "live.json").read_text())["title"] == "Activité en direct"


def test_an_unknown_dashboard_is_refused_by_name():
    with pytest.raises(DashboardError, match="live, attendance, pathways"):
        read_dashboard("../../secrets", "fr")


def test_a_row_that_does_not_fill_the_width_is_refused():
    with pytest.raises(ValueError, match="23 columns"):
        arrange([Row(4, [(12, {}), (11, {})])])
