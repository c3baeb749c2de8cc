"""The mappings that we ship, each with an example of the export that it is for, to the statements that we promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from producers.mapping import MappingSource, find_mapping, list_shipped, load_mapping
from producers.mapping.tables import Layout, Record, read_table
from producers.rows import Rejected
from tests.contract.producers.reading import EXAMPLES as ALL
from tests.contract.producers.reading import NAMING, PARIS, outline, read, run_all
from xapi_profiles.profile import load_profiles
from xapi_profiles.templates import ConformanceChecker

EXAMPLES = ALL / "mapping"
FILES = sorted(path.name for path in EXAMPLES.iterdir())
EXTENSIONS = "https://w3id.org/jalon/xapi/extensions/"
PROFILES = "https://w3id.org/jalon/xapi/profiles/"


def source_of(file: str | Path) -> MappingSource:
    """The source of an example, or of a file named like one, by the mapping of the same name."""
    path = EXAMPLES / file
    return MappingSource([path], load_mapping(find_mapping(path.stem)), PARIS)


def kinds(statements: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The outline of statements, with the type of the object and the profile."""
    return [
        (
            *line,
            one["object"]["definition"]["type"].rsplit("/", 1)[1],
            one["context"]["contextActivities"]["category"][0]["id"].removeprefix(PROFILES).removesuffix("/v1.0"),
        )
        for line, one in zip(outline(statements), statements, strict=True)
    ]


def reasons(rejected: list[Rejected]) -> list[tuple[int, str]]:
    return [(one.place.line, one.reason) for one in rejected]


def test_every_shipped_mapping_has_an_example() -> None:
    assert list_shipped() == sorted(path.stem for path in EXAMPLES.iterdir())
    assert [load_mapping(find_mapping(name)).mapping.name for name in list_shipped()] == list_shipped()


@pytest.mark.parametrize("file", FILES)
def test_every_statement_keeps_the_rules_of_its_profile(file: str) -> None:
    checker = ConformanceChecker(load_profiles())
    statements, _ = read(source_of(file))
    assert {checker.check(one)[::3] for one in statements} == {("conformant", "")}


def test_sign_in_sheets_become_a_check_in_and_an_attended_half_day_for_each_signature() -> None:
    statements, _ = read(source_of("sign-in-sheet.csv"))
    morning, afternoon = "2026-11-23T08:00:00.000Z", "2026-11-23T12:30:00.000Z"
    room, session = ("/rooms/salle-elise-freinet", "place", "training"), ("/sessions/S100", "event", "training")
    assert kinds(statements) == [
        (morning, "helene.lefebvre", "checkin", *room),
        (morning, "helene.lefebvre", "attended", *session),
        (afternoon, "helene.lefebvre", "checkin", *room),
        (afternoon, "helene.lefebvre", "attended", *session),
        (morning, "desire.ndiaye", "checkin", *room),
        (morning, "desire.ndiaye", "attended", *session),
    ]
    mbox = {"mbox": "mailto:helene.lefebvre@academie.example.org"}
    assert statements[3] == {
        "id": statements[3]["id"],
        "actor": {"objectType": "Agent", "name": "Hélène Lefèbvre", **mbox},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended", "display": {"fr": "a suivi"}},
        "object": {
            "objectType": "Activity",
            "id": f"{NAMING.home}/sessions/S100",
            "definition": {"type": "http://activitystrea.ms/event"},
        },
        "result": {"duration": "PT3H"},
        "context": {
            "registration": NAMING.registration("S100", mbox),
            "contextActivities": {"category": [{"id": PROFILES + "training/v1.0"}]},
            "extensions": {
                EXTENSIONS + "modality": "in-person",
                EXTENSIONS + "evidence": "sign-in-sheet",
                EXTENSIONS + "half-day": "2026-11-23 pm",
            },
        },
        "timestamp": afternoon,
    }
    assert statements[2]["context"]["contextActivities"]["parent"][0]["id"] == f"{NAMING.home}/sessions/S100"


def test_sign_in_sheets_report_each_broken_row_and_no_absence() -> None:
    _, rejected = read(source_of("sign-in-sheet.csv"))
    assert reasons(rejected) == [
        (5, "The e-mail address is malformed."),
        (6, "timestamp is not a date in the form of %d/%m/%Y %H:%M or %d/%m/%Y %Hh%M."),
        (7, "The column Matin holds a word that the mapping does not know."),
        (8, "result.duration: its end is before its start."),
        (9, "The row has another number of columns than the header."),
    ]


def test_payroll_tells_hours_taught_and_never_an_amount() -> None:
    statements, rejected = read(source_of("payroll.csv"))
    at, session = "2026-11-22T23:00:00.000Z", ("taught", "/sessions/S100", "event", "training")
    assert kinds(statements) == [(at, "eloi.maitre@intervenants.example.org", *session), (at, "F-0043", *session)]
    assert [one["result"] for one in statements] == [{"duration": "PT3H30M"}, {"duration": "PT1H30M"}]
    assert all("registration" not in one["context"] for one in statements)
    assert reasons(rejected) == [
        (5, "result.duration is not a duration."),
        (6, "The row has another number of columns than the header."),
    ]
    everything = repr(statements) + repr(rejected)
    for amount in ("61,35", "214,73", "170,11", "184,05", "FR76"):
        assert amount not in everything


def test_a_digital_library_tells_subscribers_connections_and_consultations() -> None:
    statements, rejected = read(source_of("digital-library.csv"))
    library = ("/library", "lms")
    assert kinds(statements) == [
        ("2026-11-20T07:00:00.000Z", "A-17", "registered", *library, "training"),
        ("2026-11-24T19:15:02.000Z", "A-17", "logged-in", *library, "resources"),
        ("2026-11-24T19:16:00.000Z", "A-17", "viewed", "/library/EB%2F001", "e-book", "resources"),
        ("2026-11-24T19:31:00.000Z", "A-17", "downloaded", "/library/RV-9", "document", "resources"),
        ("2026-11-24T19:40:00.000Z", "helene.lefebvre", "viewed", "/library/VD-2", "video", "resources"),
    ]
    assert statements[0]["actor"]["account"]["homePage"] == NAMING.system("digital-library")
    assert statements[2]["object"]["definition"]["name"] == {"fr": "Conduire le changement"}
    assert statements[2]["context"]["contextActivities"]["grouping"][0]["id"] == f"{NAMING.home}/library"
    assert reasons(rejected) == [
        (8, "The actor is missing: the row fills none of the columns that name one."),
        (9, "object is missing: the row leaves its columns empty."),
    ]


def test_an_e_portfolio_tells_what_was_created_posted_shared_and_submitted() -> None:
    statements, rejected = read(source_of("e-portfolio.jsonl"))
    page, file = ("/portfolio/p-11", "webpage", "training"), ("/portfolio/f-3", "file", "training")
    assert kinds(statements) == [
        ("2026-11-24T09:00:00.000Z", "kar-7", "created", *page),
        ("2026-11-24T09:20:00.000Z", "kar-7", "posted", *file),
        ("2026-11-25T08:00:00.000Z", "zoe.vaisse", "share", *page),
        ("2026-11-26T08:00:00.000Z", "zoe.vaisse", "submit", *page),
    ]
    around = statements[0]["context"]["contextActivities"]
    assert around["grouping"][0]["definition"] == {
        "type": "http://adlnet.gov/expapi/activities/objective",
        "name": {"fr": "Coopérer"},
    }
    assert ["registration" in one["context"] for one in statements] == [True, False, False, True]
    assert reasons(rejected) == [
        (5, "verb: the word is none of those that the mapping gives a meaning."),
        (6, "timestamp is not a date in the form of %d/%m/%Y %H:%M:%S or %d/%m/%Y %H:%M."),
        (7, "The line is not a JSON object."),
        (8, "The line is not a JSON object."),
    ]


def test_openclassrooms_tells_registrations_progress_and_completions() -> None:
    statements, rejected = read(source_of("openclassrooms.csv"))
    course = ("https://openclassrooms.com/courses/5191091", "course")
    assert kinds(statements) == [
        ("2026-11-01T23:00:00.000Z", "helene.lefebvre", "registered", *course, "training"),
        ("2026-11-19T23:00:00.000Z", "helene.lefebvre", "progressed", *course, "assessments"),
        ("2026-11-19T23:00:00.000Z", "helene.lefebvre", "completed", *course, "assessments"),
        ("2026-11-02T23:00:00.000Z", "desire.ndiaye", "registered", *course, "training"),
        ("2026-11-12T17:30:00.000Z", "desire.ndiaye", "progressed", *course, "assessments"),
        ("2026-11-03T23:00:00.000Z", "zoe.vaisse", "registered", *course, "training"),
        ("2026-11-04T23:00:00.000Z", "aurele.bon", "registered", *course, "training"),
    ]
    progress = "https://w3id.org/xapi/cmi5/result/extensions/progress"
    assert [one["result"]["extensions"][progress] for one in statements if "progressed" in one["verb"]["id"]] == [
        100,
        42,
    ]
    assert statements[2]["result"] == {"completion": True}
    assert reasons(rejected) == [
        (5, "The actor is missing: the row fills none of the columns that name one."),
        (6, "timestamp is not a date in the form of %d/%m/%Y or %d/%m/%Y %H:%M."),
        (8, "The row is cut, or a quotation mark in it stands alone."),
    ]


def test_a_course_followed_further_adds_its_progress_alone(tmp_path: Path) -> None:
    later = tmp_path / "openclassrooms.csv"
    text = (EXAMPLES / "openclassrooms.csv").read_text("utf-8")
    later.write_text(text.replace(",12/11/2026 18:30,42,", ",14/11/2026 10:00,60,"), "utf-8")
    sink, (first, second) = run_all(tmp_path, [source_of("openclassrooms.csv"), source_of(later)])
    assert (first.sent, second.sent) == (7, 1)
    assert outline(sink.statements)[-1][:3] == ("2026-11-14T09:00:00.000Z", "desire.ndiaye", "progressed")


@pytest.mark.parametrize("file", FILES)
def test_the_same_file_twice_changes_nothing(file: str, tmp_path: Path) -> None:
    sink, (first, second) = run_all(tmp_path, [source_of(file), source_of(file)])
    assert first.sent == len(sink.statements) > 0
    assert (second.sent, second.skipped) == (0, first.sent + first.skipped)
    rejected = (tmp_path / "rejected.jsonl").read_text("utf-8").splitlines()
    assert len(rejected) == first.rejected == second.rejected


@pytest.mark.parametrize("file", FILES)
def test_no_reason_holds_anything_of_its_row(file: str) -> None:
    _, rejected = read(source_of(file))
    assert rejected
    for one in rejected:
        for word in ("loic", "Loïc", "kar-7", "A-17", "F-004", "peut-être", "bientôt", "31/11", "trois"):
            assert word not in one.reason


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_in_the_middle_and_completed_later_tells_what_the_whole_file_tells(
    file: str, tmp_path: Path
) -> None:
    whole, _ = read(source_of(file))
    content = (EXAMPLES / file).read_bytes()
    cut = tmp_path / file
    counts = set()
    for end in range(len(content) // 3, len(content), 11):
        cut.write_bytes(content[:end])
        table = read_table(cut, Layout())
        *_, last = table.rows
        if isinstance(last, Record) and content[end : end + 2].strip(b"\0") not in (b"\n", b"\r"):
            # Nothing tells a last cell that is cut from a whole one.
            continue
        statements, _ = read(source_of(cut))
        counts.add(len(statements))
        assert [one for one in statements if one not in whole] == []
    assert len(counts) > 1
