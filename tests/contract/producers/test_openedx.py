"""A tracking log as Open edX writes it, to the statements that we promise."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from producers.errors import UnreadableInput
from producers.openedx import OpenEdxSource
from producers.openedx.learners import read_learners
from producers.openedx.source import Conventions
from producers.rows import Milestone, Row
from tests.contract.producers.reading import EXAMPLES, NAMING, outline, read, reasons, run_all
from xapi_profiles.vocabulary import ActivityType, Category, Extension

FOLDER = EXAMPLES / "openedx"
LOG = FOLDER / "tracking.log"
SITE = "https://mooc.example.org"
HELENE, DESIRE = "helene.lefebvre", "desire.ndiaye"
COURSE, BLOCK = "/courses/course-v1:IH2EF+PERDIR+2026", "/xblock/block-v1:IH2EF+PERDIR+2026+type@"
SESSION = "/sessions/course-v1%3AIH2EF%2BPERDIR%2B2026"
SENT = 18


def openedx(*paths: Path, **different: Any) -> OpenEdxSource:
    learners = read_learners(FOLDER / "users.csv")
    return OpenEdxSource(
        paths or (LOG,), Conventions(**{"name": "openedx", "site": SITE, "learners": learners, **different})
    )


def test_a_log_becomes_statements() -> None:
    statements, _ = read(openedx())
    video, problem = f"{BLOCK}video+block@0b9e39477cf34507a7a48f74be381fdd", f"{BLOCK}problem+block@p1"
    assert [(at[11:19], who, verb, what.removeprefix(SITE)) for at, who, verb, what in outline(statements)] == [
        ("08:00:00", HELENE, "registered", SESSION),
        # Enrolled by somebody of the staff.
        ("08:00:01", DESIRE, "registered", SESSION),
        ("08:01:00", HELENE, "initialized", video),
        ("08:01:01", HELENE, "played", video),
        ("08:01:31", HELENE, "paused", video),
        ("08:01:35", HELENE, "seeked", video),
        ("08:01:36", HELENE, "played", video),
        ("08:02:06", HELENE, "terminated", video),
        # The same video in the mobile application.
        ("08:05:00", DESIRE, "played", video),
        ("08:05:10", DESIRE, "seeked", video),
        # Once, though the browser told it too.
        ("08:10:00", HELENE, "answered", problem),
        ("08:10:00", HELENE, "scored", problem),
        ("08:10:00", HELENE, "scored", COURSE),
        ("08:10:00", HELENE, "passed", COURSE),
        # Nothing of four fifths of the course; then its certificate.
        ("08:11:00", HELENE, "earned", f"{COURSE}/certificate"),
        ("08:11:00", HELENE, "completed", COURSE),
        ("08:12:00", DESIRE, "unregistered", SESSION),
        ("08:20:00", HELENE, "played", "/courses/IH2EF/OLD/2014/video/604358"),
    ]
    assert len({one["id"] for one in statements}) == len(statements) == SENT


def test_a_video_is_told_in_the_words_of_the_video_profile() -> None:
    statements, _ = read(openedx())
    terminated = next(one for one in statements if one["verb"]["id"].endswith("terminated"))
    assert terminated["object"]["definition"]["type"] == ActivityType.VIDEO
    assert terminated["result"] == {
        "extensions": {
            Extension.VIDEO_TIME: 120,
            Extension.VIDEO_PROGRESS: 0.5,
            Extension.VIDEO_PLAYED_SEGMENTS: "0[.]30[,]90[.]120",
        }
    }
    context = terminated["context"]
    assert context["extensions"][Extension.VIDEO_LENGTH] == 120
    assert context["contextActivities"]["category"] == [{"id": Category.RESOURCES}, {"id": Category.VIDEO}]
    assert context["contextActivities"]["parent"][0]["id"] == NAMING.home + SESSION
    sessions = {one["context"].get("extensions", {}).get(Extension.VIDEO_SESSION_ID) for one in statements[2:8]}
    assert len(sessions) == 1
    seeked = next(one for one in statements if one["verb"]["id"].endswith("seeked"))
    assert seeked["result"]["extensions"][Extension.VIDEO_TIME_FROM] == 30
    assert seeked["result"]["extensions"][Extension.VIDEO_TIME_TO] == 90


def test_an_answer_is_told_as_right_or_wrong_and_never_itself() -> None:
    statements, _ = read(openedx())
    answered = next(one for one in statements if one["verb"]["id"].endswith("answered"))
    assert answered["result"] == {"score": {"scaled": 0.5, "raw": 1, "min": 0, "max": 2}, "success": True}
    assert "cheffe" not in str(answered)
    assert answered["object"]["definition"] == {"type": ActivityType.INTERACTION, "name": {"fr": "Qui préside ?"}}


def test_each_line_that_cannot_be_taken_is_reported_with_its_reason_and_nothing_of_it() -> None:
    _, rejected = read(openedx())
    assert reasons(rejected) == [
        ("tracking.log", 23, "currentTime is not a number of 0 or more."),
        ("tracking.log", 24, "event says no currentTime, or not from where to where a jump went."),
        ("tracking.log", 25, "event is a text that is not JSON."),
        ("tracking.log", 26, "event names no video."),
        ("tracking.log", 27, "success is neither correct nor incorrect."),
        ("tracking.log", 28, "user_id is not a number."),
        ("tracking.log", 29, "Neither event nor context holds a course_id."),
        ("tracking.log", 30, "Neither event nor context holds a user_id."),
        ("tracking.log", 31, "time is not an ISO 8601 time."),
        ("tracking.log", 32, "The line has neither event_type nor name."),
        ("tracking.log", 33, "The line is not a JSON object."),
        ("tracking.log", 34, "The line is not JSON."),
        ("tracking.log", 35, "The line is not JSON."),
    ]


def test_the_same_log_twice_plain_or_packed_changes_nothing(tmp_path: Path) -> None:
    packed = tmp_path / "tracking.log.gz"
    packed.write_bytes(gzip.compress(LOG.read_bytes()))
    _, reports = run_all(tmp_path, [openedx(), openedx(), openedx(packed)])
    assert [report.sent for report in reports] == [SENT, 0, 0]
    assert reports[0].ignored == 5


def test_a_log_cut_in_the_middle_goes_on_when_it_is_whole(tmp_path: Path) -> None:
    whole, cut = LOG.read_bytes(), tmp_path / "tracking.log"
    for size in (len(whole) // 2, len(whole) // 3):
        folder = tmp_path / str(size)
        cut.write_bytes(whole[:size])
        first, _ = run_all(folder, [openedx(cut)])
        cut.write_bytes(whole)
        rest, _ = run_all(folder, [openedx(cut)])
        assert first.ids + rest.ids == run_all(tmp_path / f"whole-{size}", [openedx()])[0].ids


def test_a_packed_log_that_is_cut_delivers_what_stands_before(tmp_path: Path) -> None:
    packed = tmp_path / "tracking.log.gz"
    packed.write_bytes(gzip.compress(LOG.read_bytes() * 50)[:-200])
    seen = []
    with pytest.raises(UnreadableInput, match="cut or damaged"):
        seen.extend(item for item in openedx(packed).read(None) if not seen.append(item))
    assert isinstance(seen[-1], Milestone)
    assert isinstance(seen[0], Row)


def test_without_a_table_of_users_learners_are_accounts_of_the_site() -> None:
    statements, _ = read(openedx(learners={}))
    assert statements[0]["actor"] == {"objectType": "Agent", "account": {"homePage": SITE, "name": "7"}}
