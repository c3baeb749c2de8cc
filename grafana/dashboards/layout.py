"""A dashboard around its panels: identity, range, links to the others, and a grid of 24 columns without holes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana.dashboards.language import Language
from grafana.dashboards.panels import Panel

COLUMNS = 24
SCHEMA_VERSION = 41


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, `height` grid units high; each comes with its width, and the widths make up 24 columns."""

    height: int
    panels: Sequence[tuple[int, Panel]]


def arrange(rows: Sequence[Row]) -> list[Panel]:
    """Return the panels with their identifiers and places; raises ValueError when a row does not fill the width."""
    placed: list[Panel] = []
    top = 0
    for row in rows:
        left = 0
        for width, panel in row.panels:
            place = {"x": left, "y": top, "w": width, "h": row.height}
            placed.append({"id": len(placed) + 1, "gridPos": place} | panel)
            left += width
        if left != COLUMNS:
            raise ValueError(f"a row of panels is {left} columns wide instead of {COLUMNS}")
        top += row.height
    return placed


def build_dashboard(
    name: str,
    title: str,
    about: str,
    language: Language,
    rows: Sequence[Row],
    *,
    start: str,
    end: str = "now",
    refresh: str = "5s",
) -> dict[str, Any]:
    """Return a whole dashboard; `name` makes its uid, so links and provisioning are the same everywhere."""
    links = {
        "type": "dashboards",
        "title": "Jalon",
        "tags": ["jalon"],
        "asDropdown": False,
        "includeVars": False,
        "keepTime": False,
        "targetBlank": False,
        "icon": "external link",
        "tooltip": "",
        "url": "",
    }
    return {
        "id": None,
        "uid": f"jalon-{name}",
        "title": title,
        "description": about,
        "tags": ["jalon", language],
        "schemaVersion": SCHEMA_VERSION,
        "version": 0,
        "editable": False,
        "graphTooltip": 1,
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "timezone": "",
        "weekStart": "monday",
        "time": {"from": start, "to": end},
        "refresh": refresh,
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m", "15m", "1h"]},
        "templating": {"list": []},
        "annotations": {"list": []},
        "links": [links],
        "panels": arrange(rows),
    }
