from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from producers.bigbluebutton import BigBlueButtonSource, Conventions, parse_body
from producers.checkpoint import Checkpoint
from producers.errors import UnreadableInput
from producers.naming import Naming
from producers.production import map_rows, produce
from producers.rows import Milestone, Place, Rejected, Row
from tests.unit.producers.doubles import MemorySink

CONVENTIONS = Conventions("https://formation.example.org")
PLACE = Place("log", 1)


def body(kind: str = "user-joined", ts: Any = 1_795_507_200_000, **user: Any) -> bytes:
    user = {"internal-user-id": "w_1", "external-user-id": "u-1", "name": "Zoé", "role": "VIEWER", **user}
    meeting = {"internal-meeting-id": "m", "external-meeting-id": "S1"}
    attributes = {"meeting": meeting, "user": user}
    data = {"type": "event", "id": kind, "attributes": attributes, "event": {"ts": ts}}
    return orjson.dumps({"data": data})


def statements(*bodies: bytes, conventions: Conventions = CONVENTIONS) -> list[Any]:
    source = BigBlueButtonSource("-", conventions)
    rows = (row for line in bodies for row in parse_body(line, PLACE))
    return list(map_rows(source, rows, Naming("institut")))


@pytest.mark.parametrize("identifier", ["Zoe.Vaisse@Example.org", "zoe.vaisse@example.org"])
def test_an_address_is_one_learner_in_whatever_case(identifier: str) -> None:
    (statement,) = statements(body(**{"external-user-id": identifier}))
    assert statement["actor"]["mbox"] == "mailto:zoe.vaisse@example.org"


def test_the_display_name_is_never_the_identifier() -> None:
    (statement,) = statements(body())
    assert statement["actor"]["account"] == {"homePage": "https://formation.example.org", "name": "u-1"}
    (rejected,) = statements(body(**{"external-user-id": ""}))
    assert rejected.reason == "external-user-id is missing."


def test_an_event_posted_again_has_the_same_id_and_another_event_has_another() -> None:
    first, again, left, later = statements(body(), body(), body("user-left"), body(ts=1_795_507_200_001))
    assert first == again
    assert len({first["id"], left["id"], later["id"]}) == 3


def test_other_events_and_other_meetings_say_nothing() -> None:
    assert statements(body("user-audio-voice-enabled")) == []
    assert statements(body(), conventions=Conventions("https://f.example.org", prefix="ih-")) == []


def test_a_role_told_at_the_join_holds_for_the_leave() -> None:
    assert statements(body(role="MODERATOR"), body("user-left", role=None)) == []


@pytest.mark.parametrize("ts", [None, "soon", -1, 1.5, True, 10**15])
def test_a_time_that_is_none_is_rejected(ts: Any) -> None:
    (rejected,) = statements(body(ts=ts))
    assert rejected.reason == "event.ts is not a time in milliseconds."


@pytest.mark.parametrize(
    "line",
    [b"{", b"[]x", b'"text"', b"[1, 2]", b'{"data": []}', b'{"data": {"id": 4}}', b"event=nothing", b"\xff\xfe"],
)
def test_a_line_that_is_no_webhook_is_rejected_whole(line: bytes) -> None:
    outcome = list(parse_body(line, PLACE))
    assert outcome
    assert all(isinstance(one, Rejected) for one in outcome)


@pytest.mark.parametrize("path", ["attributes", "meeting", "user", "event"])
def test_a_body_without_one_of_its_parts_is_rejected(path: str) -> None:
    document = orjson.loads(body())
    data = document["data"]
    del (data if path in data else data["attributes"])[path]
    (rejected,) = statements(orjson.dumps(document))
    assert rejected.reason == f"{path} is missing or is not an object."


def test_a_missing_file_is_told() -> None:
    with pytest.raises(UnreadableInput):
        list(BigBlueButtonSource("absent.jsonl", CONVENTIONS).read(None))


def test_standard_input_is_delivered_as_soon_as_it_falls_silent(
    monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(os.fdopen(reading, "rb", buffering=0)))
    delivered: list[int] = []
    sink = MemorySink()

    class Watched(BigBlueButtonSource):
        def read(self, state: str | None) -> Iterator[Row | Rejected | Milestone]:
            for item in super().read(state):
                yield item
                if isinstance(item, Milestone):
                    delivered.append(len(sink.statements))
                    if len(delivered) == 1:
                        # Half a line now, the rest with the end of the input.
                        line = body("user-left") + b"\n" + body("user-left", ts=1_795_507_300_000)
                        os.write(writing, line)
                        os.close(writing)

    os.write(writing, body() + b"\n")
    produce(Watched("-", CONVENTIONS), Naming("institut"), sink, checkpoint, tmp_path / "rejected.jsonl")
    sys.stdin.close()
    assert delivered[0] == 1
    assert len(sink.statements) == 3


def test_a_plain_file_as_standard_input_is_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(body() + b"\n\n" + body("user-left"))
    sink = MemorySink()
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        source = BigBlueButtonSource("-", CONVENTIONS)
        report = produce(source, Naming("institut"), sink, checkpoint, tmp_path / "rejected.jsonl")
    assert (report.read, report.sent) == (2, 2)
