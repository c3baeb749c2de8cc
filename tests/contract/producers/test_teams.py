"""Teams' attendance reports, from its client and from Graph, to the statements that we promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from producers.errors import UnreadableInput
from producers.meetings import Meetings
from producers.teams import TeamsSource
from tests.contract.producers.reading import EXAMPLES, NAMING, PARIS, outline, read, reasons, run_all

TEAMS = EXAMPLES / "teams"
CONNECTION = "https://w3id.org/jalon/xapi/extensions/connection"


def teams(*files: str | Path, **meetings: Any) -> TeamsSource:
    return TeamsSource([TEAMS / file for file in files], Meetings(PARIS, **meetings))


def day(clock: str) -> str:
    return f"2026-11-24T{clock}.000Z"


HELENE = [
    (day("08:29:00"), "helene.lefebvre", "join", "/virtual-rooms/S200"),
    (day("09:15:30"), "helene.lefebvre", "leave", "/virtual-rooms/S200"),
    (day("09:17:05"), "helene.lefebvre", "join", "/virtual-rooms/S200"),
    (day("11:03:00"), "helene.lefebvre", "leave", "/virtual-rooms/S200"),
]


def test_each_activity_becomes_a_join_and_a_leave() -> None:
    statements, _ = read(teams("activities.csv"))
    assert outline(statements) == [
        *HELENE,
        # Their address stands in the list of participants only: a principal name of this organisation.
        (day("08:40:00"), "desire.ndiaye", "join", "/virtual-rooms/S200"),
        (day("11:00:00"), "desire.ndiaye", "leave", "/virtual-rooms/S200"),
        (day("08:31:00"), "drawn", "join", "/virtual-rooms/S200"),
        (day("11:00:00"), "drawn", "leave", "/virtual-rooms/S200"),
    ]
    connections = [one["context"]["extensions"][CONNECTION] for one in statements[:4]]
    assert connections[0] == connections[1] != connections[2] == connections[3]
    first = statements[0]["context"]
    assert first["contextActivities"]["parent"][0]["id"] == NAMING.session("S200")
    ifi = {"mbox": "mailto:helene.lefebvre@academie.example.org"}
    assert first["registration"] == NAMING.registration("S200", ifi)


def test_broken_activities_are_rejected_with_their_reasons() -> None:
    _, rejected = read(teams("activities.csv"))
    assert reasons(rejected) == [
        ("activities.csv", 24, "The leave is before the join."),
        ("activities.csv", 25, "A time is not one of the calendar."),
        ("activities.csv", 26, "The e-mail address is malformed."),
        ("activities.csv", 27, "The row is cut: it lacks columns of its table."),
    ]


def test_the_organiser_counts_only_when_wanted() -> None:
    for file in ("activities.csv", "french.csv", "graph.json"):
        assert not any(line[1] == "eloi.maitre" for line in outline(read(teams(file, session="S200"))[0]))
        wanted = outline(read(teams(file, session="S200", host=True))[0])
        assert [line[2] for line in wanted if line[1] == "eloi.maitre"] == ["join", "leave"]


def test_a_french_report_in_utf_8_without_activities_falls_back_on_its_participants() -> None:
    statements, rejected = read(teams("french.csv"))
    assert outline(statements) == [
        HELENE[0],
        HELENE[3],
        (day("08:31:00"), "drawn", "join", "/virtual-rooms/S200"),
        (day("11:00:00"), "drawn", "leave", "/virtual-rooms/S200"),
    ]
    assert not rejected


def test_an_older_report_without_numbers_needs_its_session_where_the_title_has_none() -> None:
    with pytest.raises(UnreadableInput, match="--session"):
        read(teams("older.csv"))
    statements, rejected = read(teams("older.csv", session="S7"))
    assert outline(statements) == [
        ("2026-04-03T07:00:05.000Z", "helene.lefebvre", "join", "/virtual-rooms/S7"),
        ("2026-04-03T10:00:00.000Z", "helene.lefebvre", "leave", "/virtual-rooms/S7"),
    ]
    assert not rejected


def test_each_interval_of_a_graph_record_becomes_a_join_and_a_leave() -> None:
    statements, rejected = read(teams("graph.json", session="S200"))
    assert outline(statements) == [
        *HELENE,
        (day("08:31:00"), "drawn", "join", "/virtual-rooms/S200"),
        (day("11:00:00"), "drawn", "leave", "/virtual-rooms/S200"),
        (day("08:40:00"), "drawn", "join", "/virtual-rooms/S200"),
    ]
    assert statements[-1]["actor"]["account"]["name"] == "00000000-0000-4000-8000-00000000000c"
    assert reasons(rejected) == [
        ("graph.json", 5, "The leave is before the join."),
        ("graph.json", 6, "joinDateTime is not a date and time with its offset."),
        ("graph.json", 7, "attendanceIntervals is missing or is not a list of intervals."),
        ("graph.json", 8, "The record is not an object."),
    ]


def test_a_report_and_the_graph_records_of_one_meeting_give_the_same_statements() -> None:
    from_report = [one["id"] for one in read(teams("activities.csv"))[0][:4]]
    from_graph = [one["id"] for one in read(teams("graph.json", session="S200"))[0][:4]]
    assert from_report == from_graph


def test_the_same_report_twice_sends_nothing_more(tmp_path: Path) -> None:
    sink, (first, second) = run_all(tmp_path, [teams("activities.csv"), teams("activities.csv")])
    assert (first.sent, second.sent, second.skipped) == (8, 0, 8)
    assert len(sink.ids) == len(set(sink.ids)) == 8


def test_a_report_cut_anywhere_tells_nothing_that_the_whole_one_does_not(tmp_path: Path) -> None:
    whole = (TEAMS / "activities.csv").read_bytes()
    known = {one["id"] for one in read(teams("activities.csv"))[0]}
    # Cut just after the last participant, it is a report without activities: that cannot be told.
    participants = {whole.index("3. In".encode("utf-16-le")) - size for size in range(-1, 9)}
    path = tmp_path / "cut.csv"
    counts = set()
    for size in sorted({*range(len(whole))} - participants)[::7]:
        path.write_bytes(whole[:size])
        try:
            statements, _ = read(TeamsSource([path], Meetings(PARIS)))
        except UnreadableInput:
            continue
        counts.add(len(statements))
        assert {one["id"] for one in statements} <= known
    assert {2, 4, 8} <= counts


def test_no_reason_holds_anything_of_its_row() -> None:
    _, rejected = read(teams("activities.csv", "graph.json", session="S200"))
    assert not any(word in one.reason for one in rejected for word in ("Lo", "kerleo", "iPhone", "31/31"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "no attendance report"),
        ("Full Name\tUser Action\tTimestamp\nZoé\tJoined\t11/24/2026, 9:00:00 AM\n", "no attendance report"),
        ('{"value": [{"id": 1', "no whole JSON"),
        ('{"value": []}', "no attendance record"),
    ],
)
def test_what_is_no_report_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableInput, match=told):
        read(TeamsSource([path], Meetings(PARIS, session="S1")))
