from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.errors import UnreadableInput
from producers.meetings import Meetings
from producers.naming import Naming
from producers.production import map_rows
from producers.zoom import ZoomSource
from producers.zoom.reports import read_report

PARIS = ZoneInfo("Europe/Paris")
HEADER = "Name (original name),Email,Join time,Leave time,Duration (minutes),Guest,In waiting room"


def report(path: Path, *rows: str, header: str = HEADER, preamble: str = "") -> Path:
    path.write_text("\n".join(filter(None, [preamble, header, *rows])), encoding="utf-8")
    return path


def statements(path: Path, **meetings: Any) -> list[Any]:
    source = ZoomSource([path], Meetings(PARIS, **{"session": "S1", **meetings}))
    return list(map_rows(source, source.read(None), Naming("institut")))


def test_a_guest_is_one_learner_within_a_session_and_another_elsewhere(tmp_path: Path) -> None:
    row = "iPhone,,24/11/2026 {}:00,24/11/2026 {}:30,30,Yes,No"
    path = report(tmp_path / "a.csv", row.format(9, 9), row.format(10, 10).replace("iPhone", "IPHONE "))
    here = {one["actor"]["account"]["name"] for one in statements(path)}
    there = {one["actor"]["account"]["name"] for one in statements(path, session="S2")}
    assert len(here) == len(there) == 1
    assert here != there


def test_a_report_drawn_again_gives_the_same_statements(tmp_path: Path) -> None:
    american = report(tmp_path / "a.csv", "Zoé,z@example.org,11/24/2026 09:00:00 AM,11/24/2026 10:00:00 AM,60,No,No")
    french = report(tmp_path / "b.csv", "Zoé,Z@example.org,24/11/2026 09:00:00,24/11/2026 10:00:00,60,No,No")
    assert statements(american) == statements(french)


def test_a_leave_told_later_adds_to_the_join(tmp_path: Path) -> None:
    (join,) = statements(report(tmp_path / "a.csv", "Zoé,z@example.org,24/11/2026 09:00:00,,,No,No"))
    both = statements(report(tmp_path / "a.csv", "Zoé,z@example.org,24/11/2026 09:00:00,24/11/2026 10:00:00,60,No,No"))
    assert both[0] == join
    assert both[1]["verb"]["id"] == "http://activitystrea.ms/leave"


def test_the_host_counts_only_when_wanted(tmp_path: Path) -> None:
    preamble = "Topic,Host email\nMon cours [S9],H@example.org"
    row = "Hôte,h@example.org,24/11/2026 09:00:00,24/11/2026 10:00:00,60,No,No"
    path = report(tmp_path / "a.csv", row, preamble=preamble)
    assert statements(path) == []
    assert len(statements(path, host=True)) == 2


def test_the_topic_tells_the_session_by_a_pattern(tmp_path: Path) -> None:
    row = "Zoé,z@example.org,24/11/2026 09:00:00,24/11/2026 10:00:00,60,No,No"
    path = report(tmp_path / "a.csv", row, preamble='Topic,Meeting ID\n"Cours, suite #S77",123 456')
    (join, _) = statements(path, session="", topic_pattern=r"#(\w+)")
    naming = Naming("institut")
    assert join["context"]["contextActivities"]["parent"][0]["id"] == naming.session("S77")
    assert join["object"]["id"] == naming.virtual_room("123456")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "Name,Email\nZoé,z@example.org\n"])
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableInput, match="no participant report"):
        read_report(path)


def test_reports_are_read_in_utf_16_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"{HEADER}\nZoé,,24/11/2026 09:00,,,,\n".replace(",", "\t").encode("utf-16"))
    assert read_report(path).lines[0].cells["name"] == "Zoé"
