"""The systems whose webhooks are understood: how each signs, and how its bodies become statements.

Mapping is the producers' own, so a webhook and a file of the same events give the same statements, under the same ids.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import orjson

from identity.connections import Connections
from identity.webhooks import Webhook
from producers.bigbluebutton import BigBlueButtonSource, Conventions, parse_body
from producers.errors import RowRejected
from producers.meetings import Meetings
from producers.naming import Naming
from producers.rows import Draft, Place, Rejected, Row
from producers.titles import SESSION_PATTERN
from producers.zoom.events import Arrival, draft_arrival, draft_leave, parse_event
from producers.zoom.source import ZoomSource
from receivers.errors import JoinNotSeen
from receivers.signatures import Sent, answer_challenge, check_bigbluebutton, check_zoom

PLACE: Final = Place("webhook", 1)
PATIENCE: Final = timedelta(minutes=3)
"""How long after a leave its join is waited for: Zoom sends what was refused again after five minutes."""


@dataclass(slots=True)
class Mapped:
    """What a body says: statements with their ids, rows that cannot be mapped, and how many events say nothing."""

    statements: list[dict[str, Any]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    ignored: int = 0


class Receiver(Protocol):
    """One webhook at work. Safe to use from several threads."""

    webhook: Webhook

    def check(self, sent: Sent) -> dict[str, str] | None:
        """Return what answers a challenge, None for what is to be mapped. Raises WrongSignature."""
        ...

    def map(self, sent: Sent) -> Mapped:
        """Return what a body says; may ask the identity database. Raises JoinNotSeen, IdentityUnavailable."""
        ...


class BigBlueButtonReceiver:
    """The webhooks of bbb-webhooks."""

    def __init__(self, webhook: Webhook, naming: Naming, connections: Connections) -> None:
        options = webhook.options
        self.webhook = webhook
        self._naming, self._connections = naming, connections
        page = options.get("home_page") or naming.system(BigBlueButtonSource.name)
        self._moderators = bool(options.get("moderators"))
        self._source = BigBlueButtonSource(
            "-", Conventions(page, str(options.get("prefix", "")), moderators=self._moderators)
        )
        self._lock = threading.Lock()

    def check(self, sent: Sent) -> dict[str, str] | None:
        """Check checksum or token; see Receiver."""
        check_bigbluebutton(sent, self.webhook.secret)
        return None

    def map(self, sent: Sent) -> Mapped:
        """Map a body of one event or several; see Receiver."""
        return _map(self._naming, self._source.name, parse_body(sent.body, PLACE), self._draft)

    def _draft(self, row: Row) -> Iterable[Draft]:
        if not self._moderators:
            self._recall_role(row.fields)
        with self._lock:
            return list(self._source.map(row, self._naming))

    def _recall_role(self, data: dict[str, Any]) -> None:
        """Have a moderator's leave, which does not tell the role, know what its join told."""
        attributes = data.get("attributes")
        user = attributes.get("user") if isinstance(attributes, dict) else None
        name = user.get("internal-user-id") if isinstance(user, dict) else None
        if not isinstance(user, dict) or not isinstance(name, str):
            return  # which the source will say
        connection, role = f"{self._source.name}|{name}", user.get("role")
        if data["id"] == "user-joined" and isinstance(role, str) and role.upper() == "MODERATOR":
            self._connections.note(self.webhook.tenant, connection, {"role": role})
        elif data["id"] == "user-left" and not role:
            user.update(self._connections.recall(self.webhook.tenant, connection) or {})


class ZoomReceiver:
    """The webhooks of a Zoom app."""

    def __init__(
        self,
        webhook: Webhook,
        naming: Naming,
        connections: Connections,
        clock: Callable[[], float] = time.time,
    ) -> None:
        options = webhook.options
        self.webhook = webhook
        self._naming, self._connections, self._clock = naming, connections, clock
        self._meetings = Meetings(
            ZoneInfo("UTC"),  # its events tell their offset
            str(options.get("session", "")),
            str(options.get("topic_pattern") or SESSION_PATTERN),
            host=bool(options.get("host")),
        )

    def check(self, sent: Sent) -> dict[str, str] | None:
        """Check the signature, or answer the challenge, which may come without one; see Receiver."""
        body = _parse(sent.body)
        challenge = None
        if isinstance(body, dict) and body.get("event") == "endpoint.url_validation":
            payload = body.get("payload")
            token = payload.get("plainToken") if isinstance(payload, dict) else None
            challenge = answer_challenge(token, self.webhook.secret)
        if challenge is None or "x-zm-signature" in sent.headers:
            check_zoom(sent, self.webhook.secret, self._clock())
        return challenge

    def map(self, sent: Sent) -> Mapped:
        """Map a body, which is one event; see Receiver."""
        raw = sent.body.decode("utf-8", "replace")
        body = _parse(sent.body)
        if body is None:
            return Mapped(rejected=[Rejected(PLACE, "The body is not JSON.", raw)])
        return _map(self._naming, ZoomSource.name, [Row(PLACE, body, raw)], self._draft)

    def _draft(self, row: Row) -> Iterable[Draft]:
        event = parse_event(row.fields, self._meetings)
        if event is None:
            return []
        connection = f"{ZoomSource.name}|{event.connection}"
        if event.joined:
            join, arrival = draft_arrival(event, self._naming)
            self._connections.note(self.webhook.tenant, connection, arrival.dump())
            return [join]
        facts = self._connections.recall(self.webhook.tenant, connection)
        if facts is not None:
            return [draft_leave(event, Arrival.load(facts), self._naming)]
        if self._clock() - event.sent.timestamp() < PATIENCE.total_seconds():
            raise JoinNotSeen(int(PATIENCE.total_seconds()))
        raise RowRejected("The join of this leave has not been seen: the meeting's participant report tells both.")


RECEIVERS: Final = {BigBlueButtonSource.name: BigBlueButtonReceiver, ZoomSource.name: ZoomReceiver}


def _map(
    naming: Naming, source: str, rows: Iterable[Row | Rejected], draft: Callable[[Row], Iterable[Draft]]
) -> Mapped:
    mapped = Mapped()
    for row in rows:
        if isinstance(row, Rejected):
            mapped.rejected.append(row)
            continue
        try:
            drafts = list(draft(row))
        except RowRejected as rejection:
            mapped.rejected.append(Rejected(row.place, str(rejection), row.raw))
            continue
        mapped.ignored += not drafts
        mapped.statements += _name(naming, source, drafts)
    return mapped


def _name(naming: Naming, source: str, drafts: Iterable[Draft]) -> Iterator[dict[str, Any]]:
    for key, statement in drafts:
        yield {"id": naming.statement_id(source, key), **statement}


def _parse(body: bytes) -> Any:  # noqa: ANN401 - what JSON holds; None for what is none
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
