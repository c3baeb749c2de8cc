"""A panel's figures as a table of texts, as they leave for a file: with titles, times and what is hidden, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from grafana.boards.macros import expand
from grafana.boards.ranges import TimeRange, choose_interval
from grafana.dashboards.disclosure import INSIDE, publish
from grafana.dashboards.panels import ABOUT, AT_LEAST
from grafana.errors import DashboardError

_INEXACT = {AT_LEAST: "{}+", ABOUT: "≈ {}"}


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """What a panel asks for a range, cut for those who will see it."""

    title: str
    sql: str


def prepare_query(dashboard: Mapping[str, Any], number: int, span: TimeRange, *, published: bool) -> PanelQuery:
    """Return the query of the panel of this number, cut for publication or for the institution's own people.

    Raises DashboardError for a panel that does not exist, or that cannot be published: it tells of systems.
    """
    panel = find_panel(dashboard, number)
    sql = panel["targets"][0]["rawSql"]
    if published:
        if not sql.startswith(INSIDE):
            raise DashboardError(
                f"Panel {number} ({panel['title']}) tells of systems, to those who run them: it is not for publication."
            )
        sql = publish(sql)
    return PanelQuery(panel["title"], expand(sql, span, choose_interval(span, panel.get("interval", "1s"))))


def find_panel(dashboard: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    """Return the panel of this number. Raises DashboardError, which names those there are."""
    panels: Sequence[Mapping[str, Any]] = dashboard["panels"]
    for panel in panels:
        if panel["id"] == number:
            return panel
    listed = ", ".join(f"{panel['id']} ({panel['title']})" for panel in panels)
    raise DashboardError(f"There is no panel {number} on this board; there are {listed}.")


def tabulate(
    panel: Mapping[str, Any],
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    fewest: int,
    zone: tzinfo,
) -> list[list[str]]:
    """Return a head of titles and a line of texts for each row: times in `zone`, `<k` for what is hidden."""
    overrides = {
        one["matcher"]["options"]: {each["id"]: each["value"] for each in one["properties"]}
        for one in panel["fieldConfig"]["overrides"]
    }
    properties = [overrides.get(name, panel["fieldConfig"]["defaults"]) for name in names]
    head = [str(each.get("displayName", name)) for name, each in zip(names, properties, strict=True)]
    head = [
        name if title.startswith("${") else title for name, title in zip(names, head, strict=True)
    ]  # a label of Grafana's
    body = [[_tell(value, each, fewest, zone) for value, each in zip(row, properties, strict=True)] for row in rows]
    return [head, *body]


def _tell(value: Any, properties: Mapping[str, Any], fewest: int, zone: tzinfo) -> str:  # noqa: ANN401 (a cell)
    mappings = properties.get("mappings", [])
    if value is None:
        return f"<{fewest}" if any(each["type"] == "special" for each in mappings) else ""
    if isinstance(value, datetime):
        aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value
        return aware.astimezone(zone).isoformat(timespec="seconds")
    inexact = _INEXACT.get(properties.get("unit", ""))
    words: Mapping[str, Any] = next((each["options"] for each in mappings if each["type"] == "value"), {})
    if str(value) in words:
        return str(words[str(value)]["text"])
    text = f"{value:g}" if isinstance(value, float) and value == int(value) else str(value)
    return inexact.format(text) if inexact and value else text
