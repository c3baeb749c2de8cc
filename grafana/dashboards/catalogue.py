"""All dashboards, and their committed JSON: written from the code, checked for drift, read by whoever shows them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from grafana.dashboards.attendance import build_attendance
from grafana.dashboards.language import LANGUAGES, Language
from grafana.dashboards.live import build_live
from grafana.dashboards.pathways import build_pathways
from grafana.errors import DashboardError

Dashboard = dict[str, Any]

BUILDERS: dict[str, Callable[[Language], Dashboard]] = {
    "live": build_live,
    "attendance": build_attendance,
    "pathways": build_pathways,
}


def render(dashboard: Dashboard) -> str:
    """Return the JSON as committed: stable, readable in a diff."""
    return json.dumps(dashboard, ensure_ascii=False, indent=2) + "\n"


def render_all() -> Iterator[tuple[str, str]]:
    """Yield the path below the folder of JSON and the text of every dashboard in every language."""
    for language in LANGUAGES:
        for name, build in BUILDERS.items():
            yield f"{language}/{name}.json", render(build(language))


def write_all(folder: Path) -> list[str]:
    """Write every dashboard below `folder`; returns the paths written."""
    written = []
    for path, text in render_all():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def find_drift(folder: Path) -> list[str]:
    """Return, one sentence each, the files below `folder` that are not what the code says."""
    expected = dict(render_all())
    drift = []
    for path, text in expected.items():
        target = folder / path
        if not target.is_file():
            drift.append(f"{path} is missing")
        elif target.read_text(encoding="utf-8") != text:
            drift.append(f"{path} is not what the code says")
    known = {folder / path for path in expected}
    drift.extend(
        f"{found.relative_to(folder)} belongs to no dashboard"
        for found in sorted(folder.rglob("*.json"))
        if found not in known
    )
    return drift


def read_dashboard(name: str, language: Language) -> Dashboard:
    """Return a committed dashboard; raises DashboardError when it is not part of the installation."""
    if name not in BUILDERS:
        raise DashboardError(f"There is no dashboard {name!r}; there are {', '.join(BUILDERS)}.")
    try:
        text = files("grafana").joinpath("json", language, f"{name}.json").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DashboardError(f"{language}/{name}.json is missing: run `python -m grafana.dashboards`.") from error
    dashboard: Dashboard = json.loads(text)
    return dashboard
