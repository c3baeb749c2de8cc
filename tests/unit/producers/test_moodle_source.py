from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.checkpoint import Checkpoint
from producers.courses import compile_pattern
from producers.errors import CheckpointError, DeliveryError, SuspiciousInput, UnreadableInput
from producers.moodle import MoodleAttendanceSource, MoodleSource
from producers.moodle.conventions import CourseField, LearnerField
from producers.moodle.database import Database
from producers.naming import Naming
from producers.production import Report, map_rows, produce
from producers.rows import Milestone, Rejected, Row
from tests.unit.producers.doubles import MemorySink
from tests.unit.producers.moodles import SITE, SmallMoodle

PARIS = ZoneInfo("Europe/Paris")
NAMING = Naming("institut")
COUNT = 38
SENT = 19


@pytest.fixture
def moodle(tmp_path: Path) -> SmallMoodle:
    return SmallMoodle(tmp_path / "moodle.sqlite")


def source(moodle: SmallMoodle, *, since: datetime | None = None, page: int = 10, margin: int = 5, **conventions: Any):
    return MoodleSource(moodle.database, moodle.conventions(**conventions), since=since, page=page, margin=margin)


def run(moodle_source: Any, folder: Path, sink: MemorySink) -> Report:
    with Checkpoint(folder, "institut", moodle_source.name) as checkpoint:
        return produce(moodle_source, NAMING, sink, checkpoint, folder / "rejected.jsonl", batch=3)


def rows(items: Any) -> list[int]:
    return [item.place.line for item in items if not isinstance(item, Milestone)]


def statements(moodle_source: Any) -> list[dict[str, Any]]:
    return [one for one in map_rows(moodle_source, moodle_source.read(None), NAMING) if not isinstance(one, Rejected)]


def see(moodle: SmallMoodle, identifier: int, user: int = 11) -> None:
    moodle.change(
        "INSERT INTO mdl_logstore_standard_log (id, eventname, contextlevel, contextinstanceid, userid, courseid, "
        rf"timecreated) VALUES ({identifier}, '\core\event\course_viewed', 50, 20, {user}, 20, 1795600000)"
    )


def test_the_log_is_read_in_pages_and_each_ends_with_a_milestone(moodle: SmallMoodle) -> None:
    items = list(source(moodle).read(None))
    assert rows(items) == list(range(1001, 1001 + COUNT))
    assert [item.state for item in items if isinstance(item, Milestone)] == [
        '{"log":1005}',
        '{"log":1015}',
        '{"log":1025}',
        '{"log":1033}',
    ]


def test_the_next_run_reads_from_the_margin_on_and_finds_what_was_written_late(
    moodle: SmallMoodle, tmp_path: Path
) -> None:
    see(moodle, 1040)
    sink = MemorySink()
    assert run(source(moodle), tmp_path, sink).sent == SENT + 1
    see(moodle, 1039)
    see(moodle, 1041)
    report = run(source(moodle), tmp_path, sink)
    assert (report.read, report.sent, report.skipped) == (6, 2, 1)
    assert len(set(sink.ids)) == len(sink.ids) == SENT + 3


def test_a_run_that_was_killed_goes_on_and_sends_nothing_twice(moodle: SmallMoodle, tmp_path: Path) -> None:
    whole = MemorySink()
    run(source(moodle), tmp_path / "whole", whole)
    for fails_at in range(1, 6):
        folder, sink = tmp_path / str(fails_at), MemorySink(fails_at)
        with pytest.raises(DeliveryError):
            run(source(moodle), folder, sink)
        rest = MemorySink()
        run(source(moodle), folder, rest)
        assert sink.ids + rest.ids == whole.ids


def test_a_log_that_ends_before_what_was_read_is_another_one(moodle: SmallMoodle, tmp_path: Path) -> None:
    run(source(moodle), tmp_path, MemorySink())
    moodle.change("DELETE FROM mdl_logstore_standard_log WHERE id > 1010")
    with pytest.raises(SuspiciousInput, match="--platform"):
        run(source(moodle), tmp_path, MemorySink())


def test_a_log_that_was_tidied_up_is_read_on(moodle: SmallMoodle, tmp_path: Path) -> None:
    run(source(moodle), tmp_path, MemorySink())
    moodle.change("DELETE FROM mdl_logstore_standard_log")
    assert run(source(moodle), tmp_path, MemorySink()).read == 0
    see(moodle, 2000)
    assert run(source(moodle), tmp_path, MemorySink()).sent == 1


def test_only_what_happened_since_a_day_is_read(moodle: SmallMoodle) -> None:
    at = datetime.fromtimestamp(1795508500, UTC)
    assert rows(source(moodle, since=at).read(None))[0] == 1024
    assert rows(source(moodle, since=datetime(2027, 1, 1, tzinfo=UTC)).read(None)) == []


def test_learners_may_be_accounts(moodle: SmallMoodle) -> None:
    found = statements(source(moodle, learner=LearnerField.IDNUMBER, home_page="https://annuaire.example.org"))
    assert found[0]["actor"]["account"] == {"homePage": "https://annuaire.example.org", "name": "E11"}
    found = statements(source(moodle, learner=LearnerField.USERNAME))
    assert found[0]["actor"]["account"] == {"homePage": SITE, "name": "hlefebvre"}


def test_a_course_code_tells_session_module_and_pathway(moodle: SmallMoodle) -> None:
    moodle.change("UPDATE mdl_course SET shortname = '26NPER01/M1/S7' WHERE id = 20")
    pattern = compile_pattern(r"(?P<pathway>[^/]+)/(?P<module>[^/]+)/(?P<session>[^/]+)")
    first, *_ = statements(source(moodle, course=CourseField.SHORTNAME, pattern=pattern))
    assert first["object"]["id"] == NAMING.session("S7")
    assert [one["id"] for one in first["context"]["contextActivities"]["grouping"]] == [
        NAMING.module("M1"),
        NAMING.pathway("26NPER01"),
    ]


def test_a_course_without_a_code_is_a_session_of_its_own(moodle: SmallMoodle) -> None:
    downloaded = next(one for one in statements(source(moodle)) if one["verb"]["id"].endswith("downloaded"))
    assert downloaded["context"]["contextActivities"]["parent"][0]["id"] == NAMING.session("moodle-21")


@pytest.mark.parametrize("text", ["(", "S.*", "(?P<other>.*)"])
def test_a_pattern_that_finds_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no"):
        compile_pattern(text)


def test_teachers_are_told_when_wanted(moodle: SmallMoodle) -> None:
    teacher = [one for one in statements(source(moodle, teachers=True)) if "eloi" in one["actor"]["mbox"]]
    assert [one["verb"]["id"].rsplit("/", 1)[1] for one in teacher] == ["registered", "viewed", "downloaded"]


def test_two_moodles_of_a_tenant_do_not_meet(moodle: SmallMoodle) -> None:
    here = {one["id"] for one in statements(source(moodle))}
    there = {one["id"] for one in statements(source(moodle, name="mentor"))}
    assert len(here) == len(there) == SENT
    assert not here & there


def test_an_activity_that_is_gone_is_known_by_its_event(moodle: SmallMoodle) -> None:
    moodle.change("DELETE FROM mdl_course_modules; DROP TABLE mdl_quiz; DELETE FROM mdl_course WHERE id = 20;")
    found = {one["object"]["id"]: one for one in statements(source(moodle))}
    quiz = found[f"{SITE}/mod/quiz/view.php?id=301"]
    assert "name" not in quiz["object"]["definition"]
    assert "registration" not in quiz["context"]


def test_a_state_of_something_else_is_refused(moodle: SmallMoodle) -> None:
    with pytest.raises(CheckpointError, match="--again"):
        list(source(moodle).read("[]"))


def test_an_attendance_run_that_was_killed_withdraws_all_that_it_told(moodle: SmallMoodle, tmp_path: Path) -> None:
    attendance = MoodleAttendanceSource(moodle.database, moodle.conventions(), PARIS)
    received = MemorySink(fails_at=2)
    with pytest.raises(DeliveryError):
        run(attendance, tmp_path, received)
    assert len(received.statements) == 3
    # While nobody knows what has arrived, everybody turns out to have been absent.
    moodle.change("UPDATE mdl_attendance_log SET statusid = 4, timetaken = 1795600000")
    rest = MemorySink()
    run(attendance, tmp_path, rest)
    told = {one["id"] for one in received.statements + rest.statements if one["verb"]["id"].endswith("attended")}
    withdrawn = {one["object"]["id"] for one in rest.statements if one["verb"]["id"].endswith("voided")}
    assert told == withdrawn
    assert len(told) == 4


def test_an_unknown_status_is_rejected_until_it_is_told(moodle: SmallMoodle) -> None:
    moodle.change(
        "UPDATE mdl_attendance_log SET statusid = 5 WHERE id = 1;"
        "UPDATE mdl_attendance_log SET statusid = 99 WHERE id = 3;"
    )
    attendance = MoodleAttendanceSource(moodle.database, moodle.conventions(), PARIS)
    reasons = [item.reason for item in attendance.read(None) if isinstance(item, Rejected)]
    assert reasons[:2] == ["The status is unknown: say what it means with --status ACRONYM=MEANING."] * 2


def test_only_meetings_since_a_day_are_read(moodle: SmallMoodle) -> None:
    attendance = MoodleAttendanceSource(
        moodle.database, moodle.conventions(), PARIS, since=datetime(2026, 11, 24, tzinfo=PARIS)
    )
    assert [type(item) for item in attendance.read(None)] == [Rejected]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "postgresql+psycopg://reader:s3cret@127.0.0.1:9/moodle?connect_timeout=2",
            "moodle at 127.0.0.1 cannot be read",
        ),
        ("nothing:s3cret", "no SQLAlchemy URL"),
        ("mysql+nosuch://reader:s3cret@host/moodle", "No driver"),
        ("mysql+pymysql://reader:s3cret@host:s3cret/moodle", "no SQLAlchemy URL"),
    ],
)
def test_a_database_out_of_reach_is_one_sentence_without_the_password(url: str, sentence: str) -> None:
    reading = MoodleSource(Database(url), SmallMoodle.conventions()).read(None)
    with pytest.raises(UnreadableInput, match=sentence) as told:
        next(reading)
    assert "s3cret" not in str(told.value)
    assert "\n" not in str(told.value)
    assert "s3cret" not in repr(Database(url))


def test_tables_under_another_prefix_are_asked_for(moodle: SmallMoodle) -> None:
    for prefix, sentence in (
        ("mg_", "no table mg_logstore_standard_log: check --prefix"),
        ("mdl_; --", "letters, digits"),
    ):
        with pytest.raises(UnreadableInput, match=sentence):
            next(MoodleSource(Database(moodle.url, prefix), moodle.conventions()).read(None))


def dump(moodle: SmallMoodle) -> list[str]:
    with closing(sqlite3.connect(moodle.path)) as connection:
        return list(connection.iterdump())


def test_nothing_is_written_to_the_database(moodle: SmallMoodle) -> None:
    before = dump(moodle)
    statements(source(moodle))
    statements(MoodleAttendanceSource(moodle.database, moodle.conventions(), PARIS))
    assert dump(moodle) == before


def test_rows_that_nothing_becomes_of_carry_nothing(moodle: SmallMoodle) -> None:
    silent = [item for item in source(moodle).read(None) if isinstance(item, Row) and item.fields is None]
    assert [row.place.line for row in silent] == [1027, 1037, 1038]
    assert not any(row.raw for row in silent)
