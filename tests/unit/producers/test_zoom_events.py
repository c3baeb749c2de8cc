"""Zoom's webhooks tell what its report tells, under the same ids."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.errors import RowRejected
from producers.meetings import Meetings
from producers.naming import Naming
from producers.production import map_rows
from producers.zoom import ZoomSource
from producers.zoom.events import Arrival, draft_arrival, draft_leave, parse_event

MEETINGS = Meetings(ZoneInfo("Europe/Paris"))
NAMING = Naming("institut", secret=b"of the tenant")
ZOE = {"user_id": "16778240", "user_name": "Zoé", "email": "Z@example.org", "id": "u1", "participant_uuid": "P"}


def tell(kind: str, at: str, participant: dict[str, Any] | None = None, **meeting: Any) -> dict[str, Any]:
    field = "join_time" if kind == "joined" else "leave_time"
    return {
        "event": f"meeting.participant_{kind}",
        "event_ts": 1_795_507_200_123,
        "payload": {
            "account_id": "A",
            "object": {
                "uuid": "4444AAAiAAAAAiAiAiiAii==",
                "id": "82000000001",
                "host_id": "h1",
                "topic": "Négocier [S200]",
                "type": 2,
                "start_time": "2026-11-24T08:20:11Z",
                **meeting,
                "participant": {**(ZOE if participant is None else participant), field: at},
            },
        },
    }


def read(body: object, meetings: Meetings = MEETINGS) -> Any:
    return parse_event(body, meetings)


def map_stay(joined: dict[str, Any], left: dict[str, Any]) -> list[dict[str, Any]]:
    join, arrival = draft_arrival(read(joined), NAMING)
    leave = draft_leave(read(left), Arrival.load(arrival.dump()), NAMING)
    return [{"id": NAMING.statement_id("zoom", draft.key), **draft.statement} for draft in (join, leave)]


@pytest.mark.parametrize("email", ["Z@example.org", ""])
def test_events_and_report_of_a_connection_are_the_same_statements(tmp_path: Path, email: str) -> None:
    path = tmp_path / "report.csv"
    path.write_text(
        "Meeting ID,Topic\n820 0000 0001,Négocier [S200]\n\nName (original name),Email,Join time,Leave time\n"
        f"Zoé,{email},24/11/2026 09:29:00,24/11/2026 10:15:30\n",
        encoding="utf-8",
    )
    source = ZoomSource([path], MEETINGS)
    reported = list(map_rows(source, source.read(None), NAMING))
    participant = {**ZOE, "email": email}
    told = map_stay(
        tell("joined", "2026-11-24T08:29:00Z", participant), tell("left", "2026-11-24T08:15:30-01:00", participant)
    )
    assert len(reported) == 2
    assert told == reported


def test_a_guest_is_known_by_the_join_when_the_leave_has_no_name() -> None:
    guest = {"user_id": 7, "user_name": "iPhone de Zoé", "email": ""}
    join, leave = map_stay(
        tell("joined", "2026-11-24T08:29:00Z", guest),
        tell("left", "2026-11-24T09:00:00Z", {**guest, "user_name": ""}),
    )
    assert join["actor"]["account"] == leave["actor"]["account"]
    assert "iPhone" not in str(draft_arrival(read(tell("joined", "2026-11-24T08:29:00Z", guest)), NAMING)[1].dump())


def test_what_says_nothing_for_us_is_left_alone() -> None:
    assert read({"event": "meeting.started", "payload": {}}) is None
    assert read({"event": "endpoint.url_validation", "payload": {"plainToken": "x"}}) is None
    assert read(tell("joined", "2026-11-24T08:29:00Z", topic="Réunion de service")) is None
    host = tell("joined", "2026-11-24T08:29:00Z", {**ZOE, "id": "h1"})
    assert read(host) is None
    assert read(host, Meetings(MEETINGS.zone, host=True)).session == "S200"
    assert read(tell("joined", "2026-11-24T08:29:00Z", topic=""), Meetings(MEETINGS.zone, "S9")).session == "S9"


def test_two_connections_of_one_person_are_told_apart() -> None:
    first = read(tell("joined", "2026-11-24T08:29:00Z"))
    second = read(tell("joined", "2026-11-24T08:40:00Z", {**ZOE, "user_id": "16778241"}))
    elsewhere = read(tell("joined", "2026-11-24T08:29:00Z", uuid="other=="))
    assert len({first.connection, second.connection, elsewhere.connection}) == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ([], "no event"),
        ({"event": 1}, "no event"),
        ({"event": "meeting.participant_joined"}, "payload is missing"),
        (tell("joined", "yesterday"), "join_time is not a time"),
        (tell("left", "2026-11-24T08:29:00"), "leave_time is not a time with its offset"),
        (tell("joined", "2026-11-24T08:29:00Z", {"user_name": "Zoé"}), "user_id is missing"),
        (tell("joined", "2026-11-24T08:29:00Z", uuid=None), "uuid is missing"),
        ({**tell("joined", "2026-11-24T08:29:00Z"), "event_ts": "x"}, "event_ts"),
    ],
)
def test_a_broken_event_is_rejected_with_nothing_of_it_in_the_reason(body: object, reason: str) -> None:
    with pytest.raises(RowRejected, match=reason) as caught:
        read(body)
    assert "Zoé" not in str(caught.value)


@pytest.mark.parametrize(
    ("participant", "reason"),
    [
        ({**ZOE, "email": "not an address"}, "malformed"),
        ({**ZOE, "email": "", "user_name": ""}, "neither an e-mail address nor a name"),
    ],
)
def test_a_participant_who_is_nobody_is_rejected(participant: dict[str, Any], reason: str) -> None:
    with pytest.raises(RowRejected, match=reason):
        draft_arrival(read(tell("joined", "2026-11-24T08:29:00Z", participant)), NAMING)


def test_a_leave_that_does_not_fit_its_join_is_rejected() -> None:
    arrival = Arrival(datetime(2026, 11, 24, 9, tzinfo=UTC))
    with pytest.raises(RowRejected, match="before the join"):
        draft_leave(read(tell("left", "2026-11-24T08:59:59Z")), arrival, NAMING)
    with pytest.raises(RowRejected, match="no e-mail address"):
        draft_leave(read(tell("left", "2026-11-24T09:30:00Z", {**ZOE, "email": ""})), arrival, NAMING)
