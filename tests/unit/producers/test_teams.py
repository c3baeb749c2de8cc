from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.errors import UnreadableInput
from producers.meetings import Meetings
from producers.naming import Naming
from producers.production import map_rows
from producers.teams import TeamsSource
from producers.teams.reports import Attendance, find_address, read_attendance
from producers.texts import decode, split_lines

PARIS = ZoneInfo("Europe/Paris")
PARTICIPANTS = "Name\tFirst Join\tLast Leave\tDuration\tEmail\tParticipant ID (UPN)\tRole"
ACTIVITIES = "Name\tJoin Time\tLeave Time\tDuration\tEmail\tRole"


def read(*lines: str) -> Attendance:
    return read_attendance(split_lines("\n".join(lines)), Path("report.csv"))


def participant(name: str, principal: str = "", email: str = "") -> str:
    return f"{name}\t24/11/2026 09:00:00\t24/11/2026 10:00:00\t1h\t{email}\t{principal}\tAttendee"


def activity(name: str, email: str = "", role: str = "Attendee") -> str:
    return f"{name}\t24/11/2026 09:00:00\t24/11/2026 10:00:00\t1h\t{email}\t{role}"


def statements(path: Path, **meetings: Any) -> list[Any]:
    source = TeamsSource([path], Meetings(PARIS, **{"session": "S1", **meetings}))
    return list(map_rows(source, source.read(None), Naming("institut")))


def test_an_empty_line_within_a_table_does_not_hide_what_stands_before_it() -> None:
    report = read("3. Activities", ACTIVITIES, activity("A"), "", activity("B"))
    assert [line.cells["name"] for line in report.lines] == ["A", "B"]


def test_columns_are_found_in_a_language_that_nobody_foresaw() -> None:
    header = "Nimi\tLiittyi\tPoistui\tKesto\tSähköposti\tRooli"
    report = read(
        "1. Yhteenveto", "Otsikko\tKokous [S3]", "", "2. Osallistujat", header, activity("A", "a@example.org")
    )
    assert report.titles == ["Kokous [S3]"]
    assert report.lines[0].cells["email"] == "a@example.org"
    assert not report.month_first


def test_an_address_is_not_lent_to_a_name_that_two_participants_bear() -> None:
    twins = participant("A", "a1@example.org"), participant("A", "a2@example.org"), participant("B", "b@example.org")
    report = read("2. Participants", PARTICIPANTS, *twins, "", "3. Activities", ACTIVITIES, activity("A"))
    assert report.addresses == {"B": "b@example.org"}


@pytest.mark.parametrize(
    ("cells", "address"),
    [
        ({"email": "a@example.org", "upn": "b@example.org"}, "a@example.org"),
        ({"email": "", "upn": "b@example.org"}, "b@example.org"),
        ({"email": "", "upn": "b_example.org#EXT#@tenant.example.org"}, ""),
        ({"email": "", "upn": "00000000-0000"}, ""),
        ({}, ""),
    ],
)
def test_the_address_is_the_e_mail_else_a_principal_name_of_this_organisation(
    cells: dict[str, str], address: str
) -> None:
    assert find_address(cells) == address


@pytest.mark.parametrize("role", ["Organizer", "Co-organizer", "Organisateur", "Coorganisatrice"])
def test_whoever_organises_is_left_out_in_english_and_french(tmp_path: Path, role: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\n".join([ACTIVITIES, activity("A", "a@example.org", role)]), encoding="utf-8")
    assert statements(path) == []
    assert len(statements(path, host=True)) == 2


def test_utf_16_is_read_without_its_mark_too() -> None:
    assert decode("Nom\tRôle\n".encode("utf-16-le")) == "Nom\tRôle\n"


def test_a_meeting_titled_by_a_number_is_not_taken_for_cut() -> None:
    summary = ("1. Summary", "Meeting title\t2026", "Attended participants\t1", "")
    assert len(read(*summary, "2. Participants", PARTICIPANTS, participant("A")).lines) == 1


def test_participants_without_the_activities_that_were_announced_are_refused() -> None:
    with pytest.raises(UnreadableInput, match="cut short"):
        read("2. Participants", PARTICIPANTS, participant("A"), "", "3. In-Meeting Activities", ACTIVITIES)
    with pytest.raises(UnreadableInput, match="cut short"):
        read("Meeting title\tx", "Attended participants\t2", "", PARTICIPANTS, participant("A"))
