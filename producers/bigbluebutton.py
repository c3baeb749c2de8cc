"""BigBlueButton's webhooks, as its server posted them: who joined a meeting, who left it.

The meeting's external id is the session's id (with a prefix, where the platform that opens meetings adds one). Bodies
may come twice and in any order: a statement's key is the event itself.
"""

from __future__ import annotations

import os
import selectors
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from producers.errors import RowRejected, UnreadableInput
from producers.naming import Naming
from producers.rows import Agent, Draft, Milestone, Place, Rejected, Row
from producers.statements import is_email, join, learner_by_account, learner_by_email, leave_remote

STANDARD_INPUT: Final = "-"
_EVENTS: Final = {"user-joined": join, "user-left": leave_remote}
_TOLD_ONCE = ("external-user-id", "role")
_CONNECTIONS = 50_000
_LONGEST_LINE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Conventions:
    """How the institution opens its meetings.

    `prefix` stands before the session's id in a meeting's external id. `home_page` is that of accounts made of
    external user ids which are not e-mail addresses. Moderators (speakers, staff) are left out unless wanted.
    """

    home_page: str
    prefix: str = ""
    moderators: bool = False


class BigBlueButtonSource:
    """A file of webhook bodies, one a line, or standard input (`-`), followed until it closes."""

    name = "bigbluebutton"

    def __init__(self, path: str, conventions: Conventions) -> None:
        self._path, self._conventions = path, conventions
        # A leave may come without the external user id or the role: its connection's join has told them.
        self._users: dict[str, Mapping[str, Any]] = {}

    def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:  # noqa: ARG002 - nothing to keep
        """Yield a row per event; a Milestone whenever standard input falls silent, so that nothing waits."""
        number = 0
        for line in _follow() if self._path == STANDARD_INPUT else _lines(self._path):
            if line is None:
                yield Milestone()
                continue
            number += 1
            if line.strip():
                yield from parse_body(line, Place(Path(self._path).name, number))

    def map(self, row: Row, naming: Naming) -> Iterable[Draft]:
        """Return the join or the leave that an event tells, nothing for other events. Raises RowRejected."""
        data = row.fields
        build = _EVENTS.get(_text(data, "id"))
        if build is None:
            return []
        attributes = _object(data, "attributes")
        meeting, user = _object(attributes, "meeting"), _object(attributes, "user")
        connection = _required(user, "internal-user-id")
        user = self._complete(connection, user)
        if _text(user, "role").upper() == "MODERATOR" and not self._conventions.moderators:
            return []
        external = _required(meeting, "external-meeting-id")
        if not external.startswith(self._conventions.prefix):
            return []
        session = external.removeprefix(self._conventions.prefix)
        if not session:
            raise RowRejected("external-meeting-id holds nothing after the prefix.")
        at = _instant(_object(data, "event").get("ts"))
        learner = self._learner(user)
        key = "|".join((data["id"], _text(meeting, "internal-meeting-id"), external, connection, str(at)))
        return [Draft(key, build(naming, session, external, learner, connection, at=at))]

    def _learner(self, user: Mapping[str, Any]) -> Agent:
        identifier = _required(user, "external-user-id").strip()
        name = _text(user, "name")
        if is_email(identifier):
            return learner_by_email(identifier, name)
        # Never the display name: it is not an identifier.
        return learner_by_account(self._conventions.home_page, identifier, name)

    def _complete(self, connection: str, user: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the user with what an earlier event of the connection told of them: their external id, their role."""
        known = self._users.get(connection, {})
        complete = {**user, **{key: _text(user, key) or _text(known, key) for key in _TOLD_ONCE}}
        self._users[connection] = {key: complete[key] for key in _TOLD_ONCE}
        if len(self._users) > _CONNECTIONS:
            del self._users[next(iter(self._users))]
        return complete


def parse_body(line: bytes, place: Place) -> Iterator[Row | Rejected]:
    """Yield the events of one webhook body: an object, a list of them, or the form field `event` that holds either."""
    raw = line.decode("utf-8", "replace").strip()
    try:
        body = orjson.loads(_unwrap(line.strip()))
        if isinstance(body, dict) and "event" in body and "data" not in body:
            body = orjson.loads(body["event"]) if isinstance(body["event"], str) else body["event"]
    except orjson.JSONDecodeError:
        yield Rejected(place, "The line is not JSON.", raw)
        return
    for event in body if isinstance(body, list) else [body]:
        yield from parse_event(event, place, raw)


def parse_event(event: object, place: Place, raw: str) -> Iterator[Row | Rejected]:
    """Yield the row of one event, or its rejection when it is none."""
    data = event.get("data") if isinstance(event, dict) else None
    if isinstance(data, dict) and isinstance(data.get("id"), str):
        yield Row(place, data, raw)
    else:
        yield Rejected(place, "The body is not a webhook event: it has no data.id.", raw)


def _unwrap(body: bytes) -> bytes:
    if not body.startswith((b"event=", b"domain=", b"timestamp=")):
        return body
    return parse_qs(body.decode("utf-8", "replace")).get("event", [""])[0].encode()


def _instant(ts: object) -> datetime:
    if isinstance(ts, str) and ts.isdecimal():
        ts = int(ts)
    if not isinstance(ts, int) or isinstance(ts, bool) or not 0 < ts < 4_102_444_800_000:  # noqa: PLR2004 - the year 2100
        raise RowRejected("event.ts is not a time in milliseconds.")
    return datetime.fromtimestamp(ts / 1000, UTC)


def _object(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise RowRejected(f"{key} is missing or is not an object.")
    return value


def _text(parent: Mapping[str, Any], key: str) -> str:
    value = parent.get(key)
    return value if isinstance(value, str) else ""


def _required(parent: Mapping[str, Any], key: str) -> str:
    value = _text(parent, key)
    if not value.strip():
        raise RowRejected(f"{key} is missing.")
    return value


def _lines(path: str) -> Iterator[bytes]:
    try:
        with Path(path).open("rb") as file:
            yield from file
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}.") from error


def _follow() -> Iterator[bytes | None]:
    """Yield the lines of standard input as they come, and None whenever no further one is there yet."""
    descriptor, rest = sys.stdin.fileno(), b""
    try:
        selector: selectors.BaseSelector | None = selectors.DefaultSelector()
        assert selector is not None  # noqa: S101 - for the type checker
        selector.register(descriptor, selectors.EVENT_READ)
    except PermissionError:
        selector = None  # a plain file is always ready, and epoll refuses it
    while True:
        if selector is not None and not selector.select(0):
            yield None
            selector.select()
        chunk = os.read(descriptor, 65536)
        if not chunk:
            break
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise UnreadableInput("A line of standard input is longer than 4 MB: it is no webhook body.")
        yield from lines
    if rest:
        yield rest
