"""A small Moodle's tables, as Moodle and its attendance plugin publish them, to the statements that we promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from producers.moodle import MoodleAttendanceSource, MoodleSource
from producers.moodle.database import Database
from tests.contract.producers.reading import NAMING, PARIS, assert_conformant, outline, read, reasons, run_all
from tests.databases import fresh_postgres_database
from tests.unit.producers.moodles import SCRIPT, SITE, SmallMoodle
from xapi_profiles.validation import check_statements
from xapi_profiles.vocabulary import ActivityType, Extension, Modality

HELENE, DESIRE, ELOI = "helene.lefebvre", "desire.ndiaye", "eloi.maitre"
SESSION = "/sessions/S100"


@pytest.fixture
def moodle(tmp_path: Path) -> SmallMoodle:
    return SmallMoodle(tmp_path / "moodle.sqlite")


def log(moodle: SmallMoodle, **conventions: Any) -> MoodleSource:
    return MoodleSource(moodle.database, moodle.conventions(**conventions))


def attendance(moodle: SmallMoodle, **options: Any) -> MoodleAttendanceSource:
    return MoodleAttendanceSource(moodle.database, moodle.conventions(), PARIS, **options)


def short(statements: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    return [(at[11:19], who, verb, what.removeprefix(SITE)) for at, who, verb, what in outline(statements)]


def test_the_log_becomes_statements(moodle: SmallMoodle) -> None:
    statements, _ = read(log(moodle))
    course, quiz, assignment, forum = (
        "/course/view.php?id=20",
        "/mod/quiz/view.php?id=301",
        "/mod/assign/view.php?id=302",
        303,
    )
    assert short(statements) == [
        ("08:00:00", HELENE, "registered", SESSION),
        # The teacher's enrolment and views of the course are not told.
        ("08:01:00", HELENE, "logged-in", ""),
        ("08:01:01", HELENE, "accessed", ""),
        ("08:01:02", HELENE, "viewed", course),
        ("08:01:40", HELENE, "viewed", "/mod/resource/view.php?id=304"),
        # In another course, the teacher is a learner.
        ("08:01:41", ELOI, "downloaded", "/mod/folder/view.php?id=305"),
        ("08:01:42", HELENE, "viewed", "/mod/glossary/view.php?id=306"),
        ("08:03:20", HELENE, "initialized", quiz),
        ("08:13:20", HELENE, "submit", quiz),
        ("08:13:21", HELENE, "scored", quiz),
        ("08:13:22", HELENE, "scored", course),
        # Neither the total of a category nor a grade that was taken back.
        ("08:13:25", HELENE, "scored", "/grade/edit/tree/item.php?id=504"),
        ("08:15:00", HELENE, "submit", assignment),
        ("08:16:40", HELENE, "posted", f"/mod/forum/view.php?id={forum}"),
        ("08:18:20", HELENE, "passed", quiz),
        ("08:20:00", HELENE, "completed", course),
        ("08:20:01", HELENE, "earned", "/badges/overview.php?id=7"),
        # Only the end of the last enrolment is a withdrawal.
        ("08:21:41", DESIRE, "unregistered", SESSION),
        ("08:23:20", HELENE, "logged-out", ""),
    ]
    assert len({one["id"] for one in statements}) == len(statements)


def test_a_score_is_whole(moodle: SmallMoodle) -> None:
    statements, _ = read(log(moodle, org_unit="codaca", corps="fonction"))
    scored = next(one for one in statements if one["verb"]["id"].endswith("scored"))
    learner = {"mbox": "mailto:helene.lefebvre@academie.example.org"}
    assert scored == {
        "id": scored["id"],
        "actor": {"objectType": "Agent", "name": "Hélène LEFÈBVRE", **learner},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/scored", "display": {"fr": "a obtenu un résultat à"}},
        "object": {
            "objectType": "Activity",
            "id": f"{SITE}/mod/quiz/view.php?id=301",
            "definition": {"type": ActivityType.QUIZ, "name": {"fr": "Bilan"}},
        },
        "result": {"score": {"scaled": 0.75, "raw": 15, "min": 0, "max": 20}},
        "context": {
            "registration": NAMING.registration("S100", learner),
            "platform": "moodle",
            "contextActivities": {
                "category": [{"id": "https://w3id.org/jalon/xapi/profiles/assessments/v1.0"}],
                "parent": [
                    {
                        "objectType": "Activity",
                        "id": NAMING.session("S100"),
                        "definition": {
                            "type": ActivityType.SESSION,
                            "name": {"fr": "Conduire un conseil d'administration"},
                        },
                    }
                ],
                "grouping": [
                    {
                        "objectType": "Activity",
                        "id": f"{SITE}/course/view.php?id=20",
                        "definition": {
                            "type": ActivityType.COURSE,
                            "name": {"fr": "Conduire un conseil d'administration"},
                        },
                    }
                ],
            },
            "extensions": {Extension.ORG_UNIT: "14", Extension.CORPS: "Personnel de direction"},
        },
        "timestamp": "2026-11-24T08:13:21.000Z",
    }


def test_each_row_that_cannot_be_taken_is_reported_with_its_reason_and_nothing_of_it(moodle: SmallMoodle) -> None:
    _, rejected = read(log(moodle))
    table = "mdl_logstore_standard_log"
    assert reasons(rejected) == [
        (table, 1029, "The e-mail address is missing."),
        (table, 1030, "The user is gone."),
        (table, 1031, "other is no readable PHP serialisation: it holds a text of another length than it says."),
        (table, 1032, "other holds a text where a number belongs."),
        (table, 1033, "The grade item is gone."),
        (table, 1034, "The course is gone."),
        (table, 1035, "other holds no details."),
        (table, 1036, "timecreated is no time."),
    ]
    assert '"finalgrade\\": \\"bien' in rejected[3].raw


def test_events_that_say_nothing_are_read_and_counted_as_ignored(moodle: SmallMoodle, tmp_path: Path) -> None:
    sink, (report,) = run_all(tmp_path, [log(moodle)])
    assert (report.read, report.sent, report.rejected, report.ignored) == (38, 19, 8, 11)
    assert len(sink.statements) == 19


def test_the_same_tables_twice_change_nothing(moodle: SmallMoodle, tmp_path: Path) -> None:
    _, reports = run_all(tmp_path, [log(moodle), log(moodle)])
    assert [report.sent for report in reports] == [19, 0]
    _, reports = run_all(tmp_path, [attendance(moodle), attendance(moodle)])
    assert [(report.sent, report.skipped) for report in reports] == [(4, 0), (0, 0)]
    assert len((tmp_path / "rejected.jsonl").read_text().splitlines()) == 8 + 3


def test_marks_become_half_days_attended(moodle: SmallMoodle) -> None:
    statements, rejected = read(attendance(moodle, modality=Modality.REMOTE))
    told = [
        (
            one["timestamp"],
            one["actor"]["mbox"].split("@")[0].removeprefix("mailto:"),
            one["result"]["duration"],
            *(one["context"]["extensions"].get(key, "") for key in (Extension.HALF_DAY, Extension.ATTENDANCE_LATE)),
        )
        for one in statements
    ]
    assert told == [
        # 9:00 to 12:00 and, late, 11:00 to 13:00: an hour of both counts once.
        ("2026-11-23T08:00:00.000Z", HELENE, "PT4H", "2026-11-23 am", True),
        ("2026-11-23T10:00:00.000Z", DESIRE, "PT2H", "2026-11-23 am", ""),
        ("2026-11-23T12:00:00.000Z", HELENE, "PT4H", "2026-11-23 pm", ""),
        ("2026-11-23T12:00:00.000Z", DESIRE, "PT4H", "2026-11-23 pm", ""),
    ]
    for one in statements:
        assert one["object"]["id"] == NAMING.session("S100")
        assert one["context"]["extensions"][Extension.EVIDENCE] == "declared"
        assert one["context"]["extensions"][Extension.MODALITY] == "remote"
        assert one["context"]["registration"] == NAMING.registration("S100", {"mbox": one["actor"]["mbox"]})
    assert reasons(rejected) == [
        ("mdl_attendance_log", 5, "The meeting has no duration, or one of more than a day."),
        ("mdl_attendance_log", 6, "The e-mail address is missing."),
        ("mdl_attendance_log", 7, "The user is gone."),
    ]


def test_a_corrected_mark_withdraws_what_was_told(moodle: SmallMoodle, tmp_path: Path) -> None:
    run_all(tmp_path, [attendance(moodle)])
    # Hélène was absent from the morning's meeting after all.
    moodle.change("UPDATE mdl_attendance_log SET statusid = 4, timetaken = 1795600000 WHERE id = 1")
    sink, (report,) = run_all(tmp_path, [attendance(moodle)])
    first, second = sink.statements
    assert (report.read, report.sent) == (5, 2)  # with the three marks that cannot be read
    assert first["verb"]["id"] == "http://adlnet.gov/expapi/verbs/voided"
    assert first["timestamp"] == "2026-11-25T09:46:40.000Z"
    assert second["result"] == {"duration": "PT2H"}
    assert second["timestamp"] == "2026-11-23T10:00:00.000Z"
    told = next(one for one in read(attendance(SmallMoodle(tmp_path / "as-it-was")))[0] if "PT4H" in str(one["result"]))
    assert first["object"] == {"objectType": "StatementRef", "id": told["id"]}


def test_withdrawals_keep_the_rules_of_their_profile_too(moodle: SmallMoodle, tmp_path: Path) -> None:
    run_all(tmp_path, [attendance(moodle)])
    moodle.change("UPDATE mdl_attendance_log SET statusid = 4, timetaken = 1795600000")
    sink, _ = run_all(tmp_path, [attendance(moodle)])
    assert [one["verb"]["id"].rsplit("/", 1)[1] for one in sink.statements] == ["voided"] * 4
    for statement in sink.statements:
        check_statements(statement, "1.0.3")
        assert_conformant(statement)


def test_postgresql_tells_the_same(moodle: SmallMoodle, postgres_url: str) -> None:
    with fresh_postgres_database(postgres_url) as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.exec_driver_sql(SCRIPT.read_text(encoding="utf-8"))
        engine.dispose()
        there, conventions = Database(url), moodle.conventions(org_unit="codaca")
        assert read(MoodleSource(there, conventions)) == read(MoodleSource(moodle.database, conventions))
        told = read(MoodleAttendanceSource(there, conventions, PARIS))
        assert told == read(MoodleAttendanceSource(moodle.database, conventions, PARIS))
