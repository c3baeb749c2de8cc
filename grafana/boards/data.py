"""What a dashboard shows at a moment: all its panels' queries at once, shared by everybody who looks at the same thing.

Ten wall screens of a tenant cost as one: an answer is kept for about a second, and whoever asks while it is being made
waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from grafana.boards.macros import expand
from grafana.boards.ranges import TimeRange, choose_interval, read_range
from grafana.boards.reading import Reader
from grafana.errors import QueryFailed

_LOG = logging.getLogger(__name__)

_MOST_KEPT = 512

FEWEST = "SELECT inside FROM thresholds"


@dataclass(frozen=True, slots=True)
class Query:
    """One panel's query, with the least interval at which its macros may cut time."""

    panel: int
    sql: str
    least_interval: str


def list_queries(dashboard: Mapping[str, Any]) -> list[Query]:
    """Return the queries of a dashboard's panels, in the order of the panels."""
    return [
        Query(panel["id"], panel["targets"][0]["rawSql"], panel.get("interval", "1s")) for panel in dashboard["panels"]
    ]


class BoardData:
    """Answers for dashboards, kept for `seconds` per tenant, dashboard and range."""

    def __init__(
        self,
        reader: Reader,
        dashboards: Mapping[str, Mapping[str, Any]],
        *,
        seconds: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._queries = {name: list_queries(dashboard) for name, dashboard in dashboards.items()}
        self._seconds = seconds
        self._now = now
        self._clock = clock
        self._kept: dict[tuple[str, ...], tuple[float, asyncio.Task[dict[str, Any]]]] = {}

    async def load(self, tenant: str, name: str, start: str, end: str, zone: tzinfo) -> dict[str, Any]:
        """Return range and panels of a dashboard for a tenant; raises RangeError. A failed panel holds its `error`."""
        span = read_range(start, end, now=self._now(), zone=zone)
        key = (tenant, name, start, end, str(zone))
        kept = self._kept.get(key)
        if kept is None or (kept[1].done() and self._clock() >= kept[0]):
            self._make_room()
            kept = (self._clock() + self._seconds, asyncio.create_task(self._read_all(tenant, name, span)))
            self._kept[key] = kept
        return await asyncio.shield(kept[1])

    def _make_room(self) -> None:
        now = self._clock()
        for key in [key for key, (until, task) in self._kept.items() if task.done() and now >= until]:
            del self._kept[key]
        while len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _read_all(self, tenant: str, name: str, span: TimeRange) -> dict[str, Any]:
        queries = self._queries[name]
        # Two panels may draw the same figures in two ways: they are asked for once.
        distinct = {(query.sql, query.least_interval): query for query in queries}
        fewest, *answers = await asyncio.gather(
            self._read_fewest(tenant), *(self._read_one(tenant, name, query, span) for query in distinct.values())
        )
        by_sql = dict(zip(distinct, answers, strict=True))
        return {
            "board": name,
            "from": round(span.start.timestamp() * 1000),
            "to": round(span.end.timestamp() * 1000),
            "at": round(self._now().timestamp() * 1000),
            "fewest": fewest,
            "panels": {str(query.panel): by_sql[query.sql, query.least_interval] for query in queries},
        }

    async def _read_fewest(self, tenant: str) -> int | None:
        """Return from how many learners on a figure is shown, for the reader to know; the queries see to it."""
        try:
            ((fewest,),) = (await self._reader.read(tenant, FEWEST)).rows
        except QueryFailed:  # so did the panels', which tell it
            return None
        return int(fewest)

    async def _read_one(self, tenant: str, name: str, query: Query, span: TimeRange) -> dict[str, Any]:
        interval = choose_interval(span, query.least_interval)
        try:
            answer = await self._reader.read(tenant, expand(query.sql, span, interval))
        except QueryFailed as error:
            _LOG.warning(
                "panel-failed", extra={"tenant": tenant, "board": name, "panel": query.panel, "code": error.code}
            )
            return {"error": error.code}
        return {"interval": interval, **answer.to_json()}
