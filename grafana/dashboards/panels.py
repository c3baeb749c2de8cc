"""One small pure function per Grafana panel type; what they share is said once.

The JSON follows Grafana's classic dashboard model and the query model of its official ClickHouse data source. The
built-in boards read the same JSON, so an option used here is one that both understand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

DATA_SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "jalon"}

COUNT = "locale"
AT_LEAST = "suffix:+"
ABOUT = "prefix:≈ "
SHARE = "percentunit"
SECONDS = "s"
HALF_DAY = "time:ddd D MMM A"
MOMENT = "time:D MMM HH:mm:ss"

BLUE = "#2f6fde"
ORANGE = "#e8792b"
GREEN = "#1f9d6b"
VIOLET = "#8458c9"
RED = "#d13b4a"
GREY = "#7b8794"

Panel = dict[str, Any]
_TIME_SERIES, _TABLE = 0, 1


@dataclass(frozen=True, slots=True)
class Column:
    """How a column of a panel's query is called and shown; `texts` puts words for values.

    `few` is shown where the query hides a figure (NULL) because it would tell of too few learners.
    """

    name: str
    title: str
    unit: str = ""
    decimals: int | None = None
    color: str = ""
    width: int | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    colors: Mapping[str, str] = field(default_factory=dict)
    steps: Sequence[tuple[float | None, str]] = ()
    bar: bool = False
    few: str = ""

    def to_override(self) -> dict[str, Any]:
        """Return the fieldConfig override that applies this to the column."""
        properties: list[dict[str, Any]] = [{"id": "displayName", "value": self.title}]
        if self.unit:
            properties.append({"id": "unit", "value": self.unit})
        if self.decimals is not None:
            properties.append({"id": "decimals", "value": self.decimals})
        if self.color:
            properties.append({"id": "color", "value": {"mode": "fixed", "fixedColor": self.color}})
        if self.width is not None:
            properties.append({"id": "custom.width", "value": self.width})
        if mappings := self.to_mappings():
            properties.append({"id": "mappings", "value": mappings})
        if self.steps:
            properties.append({"id": "thresholds", "value": _steps(self.steps)})
            properties.append({"id": "color", "value": {"mode": "thresholds"}})
        if self.bar:
            cell = {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}
            properties += [
                {"id": "custom.cellOptions", "value": cell},
                {"id": "min", "value": 0},
                {"id": "max", "value": 1},
            ]
        return {"matcher": {"id": "byName", "options": self.name}, "properties": properties}

    def to_mappings(self) -> list[dict[str, Any]]:
        """Return the words that stand for some of the column's values."""
        # What is told in steps is "at least" or an estimate, but nobody is nobody.
        texts = {"0": "0", **self.texts} if self.unit in {AT_LEAST, ABOUT} else self.texts
        mappings = [_map(texts, self.colors)] if texts else []
        if self.few:
            result = {"text": self.few, "index": len(texts)}
            mappings.append({"type": "special", "options": {"match": "null", "result": result}})
        return mappings


def stat(title: str, sql: str, columns: Sequence[Column], *, about: str = "") -> Panel:
    """Return big figures, one per column of the query's only row."""
    options = {
        "reduceOptions": {"values": False, "calcs": ["lastNotNull"], "fields": ""},
        "orientation": "vertical",
        "textMode": "value_and_name",
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "center",
        "wideLayout": True,
    }
    return _panel("stat", title, sql, columns, options, about=about)


def timeseries(
    title: str,
    sql: str,
    columns: Sequence[Column],
    *,
    bars: bool = False,
    stacked: bool = False,
    label: str = "",
    least_interval: str = "1m",
    about: str = "",
) -> Panel:
    """Return curves or bars over time: one per column, or one per value of the text column `label`."""
    defaults: dict[str, Any] = {
        "custom": {
            "drawStyle": "bars" if bars else "line",
            "lineInterpolation": "stepAfter",
            "lineWidth": 1 if bars else 2,
            "fillOpacity": 85 if bars else 18,
            "showPoints": "never",
            "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
        },
        "color": {"mode": "palette-classic"},
        "unit": COUNT,
        "min": 0,
    }
    if label:
        defaults["displayName"] = "${__field.labels." + label + "}"
    options = {
        "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    panel = _panel(
        "timeseries", title, sql, columns, options, defaults=defaults, query_format=_TIME_SERIES, about=about
    )
    return panel | {"interval": least_interval}


def barchart(
    title: str,
    sql: str,
    category: Column,
    columns: Sequence[Column],
    *,
    stacked: bool = False,
    most: float | None = None,
    about: str = "",
    empty: str = "",
) -> Panel:
    """Return horizontal bars: one line per row, named by `category`, with one bar per column.

    `empty` is said where there is nothing to show, instead of that there is no data.
    """
    defaults: dict[str, Any] = {
        "custom": {"fillOpacity": 85, "lineWidth": 0, "axisPlacement": "auto", "axisGridShow": False},
        "color": {"mode": "palette-classic"},
        "min": 0,
    }
    if most is not None:
        defaults["max"] = most
    if empty:
        defaults["noValue"] = empty
    options = {
        "orientation": "horizontal",
        "xField": category.name,
        "showValue": "always",
        "stacking": "normal" if stacked else "none",
        "barWidth": 0.8,
        "groupWidth": 0.8,
        "legend": {"showLegend": len(columns) > 1, "displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    }
    return _panel("barchart", title, sql, [category, *columns], options, defaults=defaults, about=about)


def table(title: str, sql: str, columns: Sequence[Column], *, about: str = "", empty: str = "") -> Panel:
    """Return rows and columns as the query gives them; `empty` is said where there are none."""
    defaults: dict[str, Any] = {"custom": {"align": "auto", "filterable": False, "cellOptions": {"type": "auto"}}}
    if empty:
        defaults["noValue"] = empty
    options = {"showHeader": True, "cellHeight": "sm"}
    return _panel("table", title, sql, columns, options, defaults=defaults, about=about)


def heatmap(
    title: str, sql: str, time: Column, value: Column, *, label: str, least_interval: str = "1m", about: str = ""
) -> Panel:
    """Return a grid of colours: time across, one line per value of the text column `label`."""
    options = {
        "calculate": False,
        "cellGap": 2,
        "color": {"mode": "scheme", "scheme": "Blues", "steps": 64, "exponent": 0.5, "reverse": False},
        "showValue": "auto",
        "legend": {"show": True},
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False},
        "rowsFrame": {"layout": "auto", "value": value.title},
    }
    defaults = {
        "displayName": "${__field.labels." + label + "}",
        "unit": value.unit,
        "mappings": value.to_mappings(),
        "custom": {"hideFrom": {}},
    }
    panel = _panel("heatmap", title, sql, [time], options, defaults=defaults, query_format=_TIME_SERIES, about=about)
    return panel | {"interval": least_interval}


def piechart(title: str, sql: str, columns: Sequence[Column], *, by_row: bool, about: str = "") -> Panel:
    """Return shares of a whole: one slice per row, named by its text column, or one per column of the only row."""
    options = {
        "pieType": "donut",
        "reduceOptions": {"values": by_row, "calcs": ["lastNotNull"], "fields": ""},
        "legend": {"showLegend": True, "displayMode": "table", "placement": "right", "values": ["value", "percent"]},
        "displayLabels": ["percent"],
        "tooltip": {"mode": "single", "sort": "none"},
    }
    defaults = {"color": {"mode": "palette-classic"}, "unit": COUNT}
    return _panel("piechart", title, sql, columns, options, defaults=defaults, about=about)


def _panel(
    kind: Literal["stat", "timeseries", "barchart", "table", "heatmap", "piechart"],
    title: str,
    sql: str,
    columns: Sequence[Column],
    options: dict[str, Any],
    *,
    defaults: Mapping[str, Any] | None = None,
    query_format: int = _TABLE,
    about: str,
) -> Panel:
    return {
        "type": kind,
        "title": title,
        "description": about,
        "datasource": DATA_SOURCE,
        "fieldConfig": {
            "defaults": dict(defaults or {}),
            "overrides": [column.to_override() for column in columns],
        },
        "options": options,
        "targets": [
            {
                "refId": "A",
                "datasource": DATA_SOURCE,
                "editorType": "sql",
                "queryType": "timeseries" if query_format == _TIME_SERIES else "table",
                "format": query_format,
                "rawSql": sql.strip(),
            }
        ],
    }


def _map(texts: Mapping[str, str], colors: Mapping[str, str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for index, (value, text) in enumerate(texts.items()):
        options[value] = {"text": text, "index": index} | ({"color": colors[value]} if value in colors else {})
    return {"type": "value", "options": options}


def _steps(steps: Sequence[tuple[float | None, str]]) -> dict[str, Any]:
    return {"mode": "absolute", "steps": [{"value": value, "color": color} for value, color in steps]}
