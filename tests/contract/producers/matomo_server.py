"""A Matomo on loopback that answers one method of its reporting API as published, and refuses all else.

What it holds to: the parameters of Live.getLastVisitsDetails and those that all methods share, paging by
`filter_limit` and `filter_offset`, the latest visit first, errors as a JSON object, tokens in the body alone (as a
token made for "only secure requests" demands).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

TOKEN = "0123456789abcdef0123456789abcdef"
ZONE = ZoneInfo("Europe/Paris")
PARAMETERS = {
    *("module", "method", "format", "token_auth", "language", "filter_limit", "filter_offset", "filter_sort_order"),
    *("idSite", "period", "date", "segment", "countVisitorsToFetch", "minTimestamp", "flat", "doNotFetchActions"),
}


class Matomo:
    """Its visits, and the requests that it was asked."""

    def __init__(self, visits: list[dict[str, Any]]) -> None:
        self.visits, self.asked, self.url = visits, list[dict[str, str]](), ""

    def answer(self, form: dict[str, str]) -> tuple[int, Any]:
        self.asked.append(form)
        if unknown := form.keys() - PARAMETERS:
            return 400, _error(f"Unknown parameters: {', '.join(sorted(unknown))}")
        if (form["module"], form["method"], form["format"].lower()) != ("API", "Live.getLastVisitsDetails", "json"):
            return 400, _error("The method does not exist or is not available.")
        if form.get("token_auth") != TOKEN:
            return 200, _error("Unable to authenticate with the provided token.")
        if form["idSite"] != "1":
            return 200, _error("You can't access this resource as it requires 'view' access for the website id = 9.")
        start = datetime.combine(date.fromisoformat(form["date"]), datetime.min.time(), ZONE)
        end = start + timedelta(days=1)
        found = [one for one in self.visits if start <= datetime.fromtimestamp(one["serverTimestamp"], UTC) < end]
        found.sort(key=lambda one: -one["serverTimestamp"])
        offset = int(form.get("filter_offset", 0))
        return 200, found[offset : offset + int(form.get("filter_limit", 10))]


def _error(message: str) -> dict[str, str]:
    return {"result": "error", "message": message}


@contextmanager
def running(visits: list[dict[str, Any]]) -> Iterator[Matomo]:
    """Run a Matomo with these visits until the block ends."""
    matomo = Matomo(visits)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            parts = urlsplit(self.path)
            form = {name: values[-1] for name, values in parse_qs(body).items()}
            good = parts.path == "/matomo/index.php" and not parts.query
            self._send(*(matomo.answer(form) if good else (404, _error("not here"))))

        def do_GET(self) -> None:
            self._send(403, _error("This token must be sent as a POST parameter."))

        def _send(self, status: int, document: object) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        matomo.url = f"http://127.0.0.1:{server.server_port}/matomo"
        try:
            yield matomo
        finally:
            server.shutdown()
            thread.join()
