from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.checkpoint import Checkpoint
from producers.errors import ProducerError, RowRejected, SuspiciousInput, UnreadableInput
from producers.gaia import GaiaSource
from producers.gaia.extracts import Reading, ReadRow, read_extract, split_half_days
from producers.naming import Naming
from producers.production import Report, produce
from producers.rows import Place, Row
from tests.unit.producers.doubles import MemorySink

PARIS = ZoneInfo("Europe/Paris")
ROW = "FORM|P1|Dispositif|M1|Module|{session}|01|{date}|{start}|{date}|{end}|PRESENTIEL|Salle A|"


def extract(parent: Path, date: str, formations: list[str], learners: list[str]) -> Path:
    folder = parent / date
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for kind, rows in (("Formations", formations), ("Stagiaires", learners)):
        text = "".join(f"{row}\r\n" for row in rows)
        (folder / f"A_{kind}_{date}.csv").write_bytes(text.encode("cp1252"))
    return folder


def slot(session: str, date: str = "23/11/2026", start: str = "09:00", end: str = "12:00") -> str:
    return ROW.format(session=session, date=date, start=start, end=end)


def learner(session: str, email: str) -> str:
    return f"STAG|{session}|NOM|Prénom|{email}|"


def run(path: Path, checkpoint: Checkpoint, tmp_path: Path, **options) -> tuple[Report, list[str]]:
    sink = MemorySink()
    source = GaiaSource(path, Reading(PARIS), **options)
    report = produce(source, Naming("institut"), sink, checkpoint, tmp_path / "rejected.jsonl")
    return report, [one["verb"]["id"].rsplit("/", 1)[1] for one in sink.statements]


def test_the_same_folder_twice_changes_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = extract(tmp_path, "20261120", [slot("S1")], [learner("S1", "a@example.org")])
    assert run(folder, checkpoint, tmp_path)[1] == ["schedule", "registered"]
    report, verbs = run(folder, checkpoint, tmp_path)
    assert verbs == []
    assert (report.read, report.ignored) == (2, 2)


def test_a_new_day_tells_only_what_changed(checkpoint: Checkpoint, tmp_path: Path) -> None:
    extract(tmp_path, "20261120", [slot("S1"), slot("S2")], [learner("S1", "a@example.org")])
    run(tmp_path / "20261120", checkpoint, tmp_path)
    extract(tmp_path, "20261121", [slot("S1")], [learner("S1", "A@Example.org"), learner("S1", "b@example.org")])
    assert run(tmp_path / "20261121", checkpoint, tmp_path)[1] == ["cancel", "registered"]


def test_what_comes_back_after_a_withdrawal_is_a_new_statement(checkpoint: Checkpoint, tmp_path: Path) -> None:
    registered = [learner("S1", "a@example.org")]
    extract(tmp_path, "20261119", [slot("S1")], registered)
    extract(tmp_path, "20261120", [slot("S1")], [])
    extract(tmp_path, "20261121", [slot("S1")], registered)
    verbs = run(tmp_path, checkpoint, tmp_path)[1]
    assert verbs == ["schedule", "registered", "unregistered", "registered"]


def test_a_corrected_extract_of_the_same_day_is_later_than_the_first(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = extract(tmp_path, "20261120", [slot("S1")], [learner("S1", "a@example.org")])
    run(folder, checkpoint, tmp_path)
    for learners, expected in (([], ["unregistered"]), ([learner("S1", "a@example.org")], ["registered"])):
        extract(tmp_path, "20261120", [slot("S1")], learners)
        assert run(folder, checkpoint, tmp_path)[1] == expected


def test_an_older_folder_is_refused_alone_and_passed_over_among_others(checkpoint: Checkpoint, tmp_path: Path) -> None:
    old = extract(tmp_path, "20261119", [slot("S1")], [])
    new = extract(tmp_path, "20261120", [slot("S1")], [])
    run(new, checkpoint, tmp_path)
    with pytest.raises(UnreadableInput, match="20261120"):
        run(old, checkpoint, tmp_path)
    assert run(tmp_path, checkpoint, tmp_path)[1] == []


def test_sessions_that_are_over_may_leave_the_extract(checkpoint: Checkpoint, tmp_path: Path) -> None:
    extract(tmp_path, "20261123", [slot("S1")], [learner("S1", "a@example.org")])
    extract(tmp_path, "20261124", [], [])
    assert run(tmp_path, checkpoint, tmp_path)[1] == ["schedule", "registered"]


def test_a_cut_extract_withdraws_nothing(checkpoint: Checkpoint, tmp_path: Path) -> None:
    learners = [learner("S1", f"a{number}@example.org") for number in range(40)]
    extract(tmp_path, "20261120", [slot("S1")], learners)
    run(tmp_path, checkpoint, tmp_path)
    extract(tmp_path, "20261121", [slot("S1")], learners[:10])
    with pytest.raises(SuspiciousInput, match="30 of the 40 registrations"):
        run(tmp_path, checkpoint, tmp_path)
    assert run(tmp_path, checkpoint, tmp_path, largest_loss=1)[1] == ["unregistered"] * 30


def test_an_unreadable_row_of_a_session_withdraws_nothing_there(checkpoint: Checkpoint, tmp_path: Path) -> None:
    both = [learner("S1", "a@example.org"), learner("S2", "b@example.org")]
    extract(tmp_path, "20261120", [slot("S1"), slot("S2")], both)
    run(tmp_path, checkpoint, tmp_path)
    # S1's learner has lost the address, S2's is gone; S1's slot has a date that is none, S2's is gone.
    extract(tmp_path, "20261121", [slot("S1", date="31/02/2026")], [learner("S1", "")])
    assert run(tmp_path, checkpoint, tmp_path)[1] == ["cancel", "unregistered"]
    # Once the rows can be read again, nothing has changed.
    extract(tmp_path, "20261122", [slot("S1")], both[:1])
    assert run(tmp_path, checkpoint, tmp_path)[1] == []


def test_an_extract_is_the_same_whether_or_not_the_one_before_is_known(tmp_path: Path) -> None:
    both = [learner("S1", "a@example.org"), learner("S2", "b@example.org")]
    first = extract(tmp_path, "20261120", [slot("S1"), slot("S1"), slot("S2")], [*both, learner("S3", "")])
    second = extract(
        tmp_path,
        "20261121",
        [slot("S1", end="12:30"), slot("S1"), "", slot("S2")],
        [learner("S3", ""), "", both[0], learner("S4", "c@example.org")],
    )
    # As a speaker's, a learner's row says nothing.
    (second / "A_Intervenants_20261121.csv").write_bytes(both[0].encode("cp1252"))
    known = read_extract(first, Reading(PARIS))
    alone, after = read_extract(second, Reading(PARIS)), read_extract(second, Reading(PARIS), known.lines)
    assert after == alone
    assert after.rejected[0].place == Place("20261121/A_Stagiaires_20261121.csv", 1)
    assert after.files["20261121/A_Intervenants_20261121.csv"] == [ReadRow(both[0], ())]
    learners = "20261121/A_Stagiaires_20261121.csv"
    assert after.files[learners][2] is known.files["20261120/A_Stagiaires_20261120.csv"][0]


def test_a_row_is_told_with_its_line_whatever_stands_before_it(tmp_path: Path) -> None:
    extract(tmp_path, "20261120", ["", slot("S1"), "FORM|broken", slot("S2")], [])
    extract(tmp_path, "20261121", [slot("S1"), "", "", slot("S2")], [])
    rows = [item for item in GaiaSource(tmp_path, Reading(PARIS)).read(None) if isinstance(item, Row)]
    assert [(row.place, row.raw) for row in rows] == [
        (Place(f"{date}/A_Formations_{date}.csv", line), slot(session))
        for date, line, session in (
            ("20261120", 2, "S1"),
            ("20261120", 4, "S2"),
            ("20261121", 1, "S1"),
            ("20261121", 4, "S2"),
        )
    ]


@pytest.mark.parametrize("missing", ["Formations", "Stagiaires"])
def test_a_folder_without_one_of_its_files_is_refused(checkpoint: Checkpoint, tmp_path: Path, missing: str) -> None:
    folder = extract(tmp_path, "20261120", [slot("S1")], [])
    (folder / f"A_{missing}_20261120.csv").unlink()
    with pytest.raises(UnreadableInput, match=missing):
        run(folder, checkpoint, tmp_path)


@pytest.mark.parametrize("name", ["absent", "20261399", "plain"])
def test_a_path_that_is_no_extract_is_refused(checkpoint: Checkpoint, tmp_path: Path, name: str) -> None:
    if name != "absent":
        extract(tmp_path / "x", name, [], [])
    with pytest.raises(ProducerError):
        run(tmp_path / "x" / name, checkpoint, tmp_path)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("starts", "ends", "expected"),
    [
        ("2026-11-23T09:00", "2026-11-23T12:00", ["09:00+3:00:00"]),
        ("2026-11-23T09:00", "2026-11-23T17:00", ["09:00+4:00:00", "13:00+4:00:00"]),
        ("2026-11-23T09:00", "2026-11-23T13:00", ["09:00+4:00:00"]),
        ("2026-11-23T22:00", "2026-11-24T01:00", ["22:00+2:00:00", "00:00+1:00:00"]),
        ("2026-11-23T09:00", "2026-11-24T12:00", ["09:00+3:00:00", "09:00+3:00:00"]),
        # The clock goes back at 03:00: the night is an hour longer.
        ("2026-10-25T01:00", "2026-10-25T05:00", ["01:00+5:00:00"]),
    ],
)
def test_rows_are_cut_into_half_days(starts: str, ends: str, expected: list[str]) -> None:
    slots = split_half_days(at(starts), at(ends), PARIS)
    assert [f"{begin:%H:%M}+{end - begin}" for begin, end in slots] == expected


moments = st.datetimes(datetime.fromisoformat("2026-04-01"), datetime.fromisoformat("2027-03-01"))


@given(moments, st.integers(1, 24 * 60).map(lambda minutes: timedelta(minutes=minutes)))
def test_half_days_never_overlap_nor_cross_a_border(starts: datetime, length: timedelta) -> None:
    starts = starts.replace(second=0, microsecond=0)
    try:
        slots = split_half_days(starts, starts + length, PARIS)
    except RowRejected:
        pytest.fail("an end after the start, within a day, is a row like another")
    for begin, end in slots:
        last = end - timedelta(minutes=1)
        assert (begin.date(), begin.hour >= 13) == (last.date(), last.hour >= 13)
    assert slots[0][0].replace(tzinfo=None) == starts


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2026-11-23T12:00", "2026-11-23T09:00"),
        ("2026-11-23T12:00", "2026-11-23T12:00"),
        ("2026-11-23T22:00", "2026-11-25T01:00"),
        ("2026-11-23T09:00", "2028-11-25T12:00"),
        # Hours that the clock leaps over.
        ("2026-03-29T02:30", "2026-03-29T03:15"),
    ],
)
def test_impossible_rows_are_rejected(starts: str, ends: str) -> None:
    with pytest.raises(RowRejected):
        split_half_days(at(starts), at(ends), PARIS)
