"""Matomo's visits (`Live.getLastVisitsDetails`): which pages of a site were opened, which files were downloaded.

By default nobody is told from anybody else: each visit is an actor of its own, which no other visit and no learner is
ever joined to. That is the mode in which Matomo needs no consent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

import httpx
import orjson

from producers.errors import RowRejected, UnreadableInput
from producers.naming import Naming
from producers.resources import Place as Within
from producers.resources import Resource, accessed, downloaded
from producers.rows import Agent, Draft, Milestone, Place, Rejected, Row
from producers.statements import is_email, learner_by_account, learner_by_email
from producers.texts import decode, read_bytes
from producers.web import fetch, find_host
from xapi_profiles.vocabulary import ActivityType

PAGE: Final = 200
"""Visits asked for at once."""

_UNDER_WAY: Final = timedelta(hours=1)
_LATEST: Final = 4_102_444_800
_LONGEST_STAY: Final = 86_400
_READ: Final = (
    "idSite",
    "idVisit",
    "siteName",
    "userId",
    "serverTimestamp",
    "lastActionTimestamp",
    "actionDetails",
)
_KINDS: Final = frozenset({"action", "download"})
# What an IRI may hold as it is; a percent sign stands for what is escaped already.
_SAFE: Final = "/:@!$&'()*+,;=~-._%?"
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[\w.-]+|[0-9a-f:.]+")


@dataclass(frozen=True, slots=True)
class Habits:
    """How visits become statements.

    `identified`: a visit whose userId is an e-mail address is that learner's. `keep_query`: a page's address keeps what
    stands behind `?`; what stands behind `#` is always dropped.
    """

    identified: bool = False
    keep_query: bool = False


class Visit(NamedTuple):
    """A visit as Matomo tells it, and where that was read."""

    place: Place
    raw: str
    fields: object


class _Action(NamedTuple):
    site: str
    number: str
    visit: Mapping[str, Any]
    fields: Mapping[str, Any]


class MatomoSource:
    """Some visits, seen at the moment `at`. A visit that may still go on is left for the next run."""

    name = "matomo"

    def __init__(self, read_visits: Callable[[], Iterable[Visit]], habits: Habits, *, at: datetime) -> None:
        self._read_visits, self._habits, self._at = read_visits, habits, at

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield a row for each action of each visit. Raises UnreadableInput."""
        for place, raw, fields in self._read_visits():
            visit = fields if isinstance(fields, dict) else {}
            site, number, actions = visit.get("idSite"), visit.get("idVisit"), visit.get("actionDetails")
            if not site or not number or not isinstance(actions, list):
                yield Rejected(place, "It is no visit: it lacks idSite, idVisit or actionDetails.", raw)
                continue
            for action in actions:
                text = orjson.dumps(action).decode()
                if isinstance(action, dict):
                    yield Row(place, _Action(str(site), str(number), visit, action), text)
                else:
                    yield Rejected(place, "An action is not an object.", text)

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the statement of a page or a download, none of other actions. Raises RowRejected."""
        site, number, visit, action = row.fields
        kind = action.get("type")
        if kind not in _KINDS:
            return []
        last = visit.get("lastActionTimestamp") or visit.get("serverTimestamp")
        if last and _instant(last, "lastActionTimestamp") > self._at - _UNDER_WAY:
            return []
        at = _instant(action.get("timestamp"), "timestamp")
        iri = trim(_text(action, "url"), keep_query=self._habits.keep_query)
        key = "|".join((site, number, str(action.get("pageId") or f"{at.isoformat()} {iri}")))
        who, within = self._actor(visit, site, number, naming), Within(platform=_text(visit, "siteName"))
        if kind == "download":
            return [Draft(key, downloaded(naming, who, Resource(iri, ActivityType.FILE), within, at=at))]
        page = Resource(iri, ActivityType.WEBPAGE, _text(action, "pageTitle"))
        return [Draft(key, accessed(naming, who, page, within, at=at, spent=_spent(action)))]

    def _actor(self, visit: Mapping[str, Any], site: str, number: str, naming: Naming) -> Agent:
        user = _text(visit, "userId")
        if self._habits.identified and is_email(user):
            return learner_by_email(user)
        return learner_by_account(naming.system(self.name), naming.derive("matomo-visit", site, number))


def read_export(path: Path) -> Iterator[Visit]:
    """Yield the visits of a saved answer: a JSON array, or JSON Lines. Raises UnreadableInput."""
    text = decode(read_bytes(path))
    if text.lstrip()[:1] == "[":
        for number, fields in enumerate(_load(text, path.name), start=1):
            yield _to_visit(Place(path.name, number), fields)
    elif text.lstrip()[:1] == "{":
        yield from _read_lines(text, path)
    else:
        raise UnreadableInput(
            f"{path} is no export of visits: neither a JSON array nor JSON Lines. Ask for format=JSON."
        )


def read_api(client: httpx.Client, address: str, token: str, site: int, first: date, last: date) -> Iterator[Visit]:
    """Yield the visits of a site on some days, asked of the reporting API page by page. Raises UnreadableInput.

    The token goes in the body of the requests, never in their address.
    """
    url = address if address.endswith(".php") else address.rstrip("/") + "/index.php"
    for day in (first + timedelta(days=number) for number in range((last - first).days + 1)):
        offset = 0
        # Matomo may leave visits out of a page, so that a short one need not be the last.
        while visits := _ask(client, url, token, site, day, offset):
            for number, fields in enumerate(visits, start=offset + 1):
                yield _to_visit(Place(day.isoformat(), number), fields)
            offset += PAGE


def trim(url: str, *, keep_query: bool = False) -> str:
    """Return a page's address as its IRI, without the fragment and, unless wanted, the query. Raises RowRejected."""
    try:
        parts = urlsplit(url.strip())
        host = parts.hostname or ""
        port = parts.port
    except ValueError:
        host, port = "", None
    if not _HOST.fullmatch(host) or parts.scheme not in {"http", "https"}:
        raise RowRejected("url is no address of a page.")
    # Without what may stand before the host: a name and a password.
    place = f"[{host}]" if ":" in host else host
    place = place if port is None else f"{place}:{port}"
    return urlunsplit((parts.scheme, place, _escape(parts.path), _escape(parts.query) if keep_query else "", ""))


def _escape(text: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=_SAFE)


def _ask(client: httpx.Client, url: str, token: str, site: int, day: date, offset: int) -> list[Any]:
    form = {
        "module": "API",
        "method": "Live.getLastVisitsDetails",
        "idSite": str(site),
        "period": "day",
        "date": day.isoformat(),
        "format": "JSON",
        "filter_limit": str(PAGE),
        "filter_offset": str(offset),
        "token_auth": token,
    }
    return _load(fetch(client, url, form).decode("utf-8", "replace"), find_host(url))


def _load(text: str, name: str) -> list[Any]:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UnreadableInput(f"{name} gives no whole JSON document: it may be cut short.") from error
    if isinstance(document, dict) and document.get("result") == "error":
        raise UnreadableInput(f"{name} refuses: {' '.join(str(document.get('message')).split())[:300]}")
    if not isinstance(document, list):
        raise UnreadableInput(f"{name} gives no list of visits.")
    return document


def _read_lines(text: str, path: Path) -> Iterator[Visit]:
    lines = text.splitlines()
    if len(lines) == 1:
        _refuse_error(lines[0], path)
    for number, raw in enumerate(lines, start=1):
        if raw.strip():
            try:
                yield _to_visit(Place(path.name, number), orjson.loads(raw))
            except orjson.JSONDecodeError:
                yield Visit(Place(path.name, number), raw, None)


def _refuse_error(line: str, path: Path) -> None:
    """Refuse a saved answer that is an error."""
    try:
        document = orjson.loads(line)
    except orjson.JSONDecodeError:
        return
    if isinstance(document, dict) and document.get("result") == "error":
        _load(line, path.name)


def _to_visit(place: Place, fields: object) -> Visit:
    """Return a visit with what is read of it: no address, no place, no device."""
    if isinstance(fields, dict):
        fields = {name: fields[name] for name in _READ if name in fields}
    return Visit(place, orjson.dumps(fields).decode(), fields)


def _instant(value: object, name: str) -> datetime:
    text = str(value)
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal() and 0 < int(text) < _LATEST):
        raise RowRejected(f"{name} is not a time in seconds since 1970.")
    return datetime.fromtimestamp(int(text), UTC)


def _spent(action: Mapping[str, Any]) -> timedelta | None:
    """Return how long a page was looked at; None for the last of a visit, of which Matomo cannot know."""
    text = str(action.get("timeSpent") or "")
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _LONGEST_STAY):
        return None
    return timedelta(seconds=int(text))


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return " ".join(value.split()) if isinstance(value, str) else ""
