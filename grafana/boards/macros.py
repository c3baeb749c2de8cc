"""The macros of Grafana's ClickHouse data source, expanded as that data source does.

What is inserted is made here from a checked range: numbers only, never a text that came from a reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from grafana.boards.ranges import TimeRange
from grafana.errors import MacroError

_MACRO = re.compile(r"\$__(\w+)")


def expand(sql: str, span: TimeRange, interval_seconds: int) -> str:
    """Return the query with its macros replaced; raises MacroError for one that is unknown or wrongly used."""
    step = max(int(interval_seconds), 1)
    start, end = _seconds(span.start.timestamp()), _seconds(span.end.timestamp())
    start_ms, end_ms = _milliseconds(span.start.timestamp()), _milliseconds(span.end.timestamp())
    values = {"fromTime": start, "toTime": end, "fromTime_ms": start_ms, "toTime_ms": end_ms, "interval_s": str(step)}
    functions: dict[str, Callable[[str], str]] = {
        "timeFilter": lambda column: f"{column} >= {start} AND {column} <= {end}",
        "timeFilter_ms": lambda column: f"{column} >= {start_ms} AND {column} <= {end_ms}",
        "timeInterval": lambda column: f"toStartOfInterval(toDateTime({column}), INTERVAL {step} second)",
        "timeInterval_ms": lambda column: (
            f"toStartOfInterval(toDateTime64({column}, 3), INTERVAL {step * 1000} millisecond)"
        ),
    }
    pieces: list[str] = []
    position = 0
    while (found := _MACRO.search(sql, position)) is not None:
        pieces.append(sql[position : found.start()])
        name, position = found[1], found.end()
        if name in values:
            pieces.append(values[name])
        elif name in functions:
            argument, position = _read_argument(sql, position, name)
            pieces.append(functions[name](argument))
        else:
            raise MacroError(f"The macro $__{name} is not known.")
    pieces.append(sql[position:])
    return "".join(pieces)


def _read_argument(sql: str, position: int, name: str) -> tuple[str, int]:
    """Return the text between the brackets that open at `position`, and where it goes on after them."""
    if sql[position : position + 1] != "(":
        raise MacroError(f"The macro $__{name} needs a column in brackets.")
    depth = 0
    for index in range(position, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[index], 0)
        if depth == 0:
            argument = sql[position + 1 : index].strip()
            if not argument or "$__" in argument:
                raise MacroError(f"The macro $__{name} needs one column in its brackets.")
            return argument, index + 1
    raise MacroError(f"The brackets of the macro $__{name} are not closed.")


def _seconds(timestamp: float) -> str:
    return f"toDateTime({int(timestamp)})"


def _milliseconds(timestamp: float) -> str:
    return f"fromUnixTimestamp64Milli({round(timestamp * 1000)})"
