"""GRR's bookings, from an export and from its tables, to the statements that we promise."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from producers.errors import UnreadableInput
from producers.grr import GrrSource
from producers.grr.entries import Conventions
from producers.grr.reading import read_export, read_tables
from producers.rows import Milestone
from tests.contract.producers.reading import EXAMPLES, NAMING, PARIS, outline, read, reasons, run_all
from xapi_profiles.vocabulary import Category, Extension

GRR = EXAMPLES / "grr"
MONDAY = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
TUESDAY = MONDAY + timedelta(hours=1)


def grr(path: Path | str, at: datetime = MONDAY) -> GrrSource:
    return GrrSource(lambda: read_export(GRR / path), Conventions(PARIS), at=at)


def tables(url: str, at: datetime = MONDAY, prefix: str = "grr") -> GrrSource:
    return GrrSource(lambda: read_tables(url, prefix), Conventions(PARIS), at=at)


def planned(statements: list[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Verb, room, planned start and duration."""
    return [
        (
            line[2],
            line[3].removeprefix("/rooms/"),
            one["context"]["extensions"][Extension.PLANNED_START_TIME].removeprefix("2026-11-"),
            one["context"]["extensions"].get(Extension.PLANNED_DURATION, ""),
        )
        for one, line in zip(statements, outline(statements), strict=True)
    ]


FIRST = [
    ("schedule", "salle-elise-freinet", "25T09:00:00+01:00", "PT3H"),
    ("schedule", "salle-elise-freinet", "25T13:30:00+01:00", "PT3H"),
    ("schedule", "amphitheatre-jean-zay", "26T09:00:00+01:00", "PT8H"),
    ("schedule", "salle-simulation", "27T09:00:00+01:00", "PT3H"),
    ("schedule", "salle-elise-freinet", "24T08:00:00+01:00", "PT1H"),
]
THEN = [
    ("cancel", "salle-elise-freinet", "25T09:00:00+01:00", ""),
    ("schedule", "salle-elise-freinet", "25T10:00:00+01:00", "PT2H"),
    ("cancel", "salle-elise-freinet", "25T13:30:00+01:00", ""),
    ("schedule", "salle-simulation", "26T09:00:00+01:00", "PT3H"),
    # What is gone comes last; what has begun by now is not withdrawn.
    ("cancel", "salle-simulation", "27T09:00:00+01:00", ""),
]


def test_bookings_in_force_are_scheduled() -> None:
    statements, _ = read(grr("monday.csv"))
    assert planned(statements) == FIRST
    first = statements[0]
    assert first["actor"]["account"] == {"homePage": NAMING.system("grr"), "name": "grr"}
    assert first["timestamp"] == "2026-11-20T09:00:00.000Z"
    assert first["object"]["definition"]["extensions"] == {
        Extension.CAPACITY: 24,
        Extension.ROOM_KIND: "Salles de formation",
    }
    activities = first["context"]["contextActivities"]
    assert activities["category"] == [{"id": Category.ROOMS}]
    assert activities["parent"][0]["id"] == NAMING.session("S100")
    assert "parent" not in statements[2]["context"]["contextActivities"]
    assert Extension.CAPACITY not in statements[4]["object"]["definition"]["extensions"]


def test_broken_entries_are_rejected_with_their_reasons() -> None:
    _, rejected = read(grr("monday.csv"))
    assert reasons(rejected) == [
        ("monday.csv", 9, "start_time is not a time in seconds since 1970."),
        ("monday.csv", 10, "end_time is not after start_time."),
        ("monday.csv", 11, "room_name is missing."),
        ("monday.csv", 12, "moderate is not one that GRR gives."),
    ]


def test_what_changed_is_cancelled_and_scheduled_anew(tmp_path: Path) -> None:
    sink, _ = run_all(tmp_path, [grr("monday.csv"), grr("tuesday.csv", TUESDAY)])
    assert planned(sink.statements) == FIRST + THEN
    assert [one["timestamp"] for one in sink.statements[-5:]] == [
        "2026-11-24T07:00:00.000Z",
        "2026-11-24T07:00:00.000Z",
        "2026-11-24T08:30:00.000Z",
        "2026-11-24T07:10:00.000Z",
        "2026-11-24T08:30:00.000Z",
    ]
    pair = [one["context"]["extensions"][Extension.BOOKING] for one in sink.statements]
    assert pair[0] == pair[5] == pair[6] != pair[1] == pair[7]


def test_the_same_export_twice_sends_nothing_more(tmp_path: Path) -> None:
    sources = [grr("monday.csv"), grr("monday.csv", TUESDAY), grr("tuesday.csv", TUESDAY), grr("tuesday.csv", TUESDAY)]
    _, reports = run_all(tmp_path, sources)
    assert [(one.sent, one.skipped) for one in reports] == [(5, 0), (0, 0), (5, 0), (0, 0)]
    rejected = (tmp_path / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(rejected) == 4


def test_an_export_that_was_cut_withdraws_nothing(tmp_path: Path) -> None:
    text = (GRR / "monday.csv").read_text(encoding="utf-8")
    cut = tmp_path / "cut.csv"
    cut.write_text(text[: text.index('"15"') + 12], encoding="utf-8")
    sink, (_, second, third) = run_all(tmp_path, [grr("monday.csv"), grr(cut), grr("monday.csv")])
    assert planned(sink.statements) == FIRST
    assert second.reasons == {"The row is cut, or is no entry: it lacks columns.": 1}
    assert third.sent == 0


def test_the_booking_of_a_row_that_broke_is_not_withdrawn(tmp_path: Path) -> None:
    text = (GRR / "monday.csv").read_text(encoding="utf-8")
    broken = tmp_path / "broken.csv"
    lines = [line for line in text.splitlines() if not line.startswith('"12"')]
    broken.write_text("\n".join(lines).replace('"11";"', '"11";"x'), encoding="utf-8")
    sink, _ = run_all(tmp_path, [grr("monday.csv"), grr(broken)])
    assert planned(sink.statements)[5:] == [("cancel", "salle-elise-freinet", "25T13:30:00+01:00", "")]


def rows(file: str) -> list[dict[str, str]]:
    with (GRR / file).open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text, delimiter=";"))


@pytest.mark.parametrize("form", ["json", "jsonl", "phpmyadmin"])
def test_json_says_the_same_as_csv(tmp_path: Path, form: str) -> None:
    path = tmp_path / "monday.csv"
    table = [{"type": "header"}, {"type": "table", "name": "export", "data": rows("monday.csv")}]
    documents: dict[str, str] = {
        "json": json.dumps(rows("monday.csv")),
        "jsonl": "\n".join(map(json.dumps, rows("monday.csv"))),
        "phpmyadmin": json.dumps(table),
    }
    path.write_text(documents[form], encoding="utf-8")
    statements, rejected = read(grr(path))
    expected, broken = read(grr("monday.csv"))
    assert statements == expected
    assert [one.reason for one in rejected] == [one.reason for one in broken]


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no export of GRR"), ("id,start_time\n1,2\n", "no export of GRR"), ('[{"id": 1', "no whole JSON document")],
)
def test_what_is_no_export_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableInput, match=told):
        read(grr(tmp_path / "a.csv"))


def build(path: Path, *, prefix: str = "grr", older: bool = False) -> str:
    """Write the example into the tables that GRR publishes (`installation/tables.my.sql`), and more than is read."""
    url = f"sqlite:///{path}"
    engine, metadata = sa.create_engine(url), sa.MetaData()
    area = sa.Table(
        f"{prefix}_area",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("area_name", sa.String(30)),
        sa.Column("enable_periods", sa.String(1), default="n"),
    )
    room = sa.Table(
        f"{prefix}_room",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("area_id", sa.Integer),
        sa.Column("room_name", sa.String(60)),
        sa.Column("description", sa.String(60)),
        sa.Column("capacity", sa.Integer),
    )
    entry = sa.Table(
        f"{prefix}_entry",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("start_time", sa.Integer),
        sa.Column("end_time", sa.Integer),
        sa.Column("room_id", sa.Integer),
        sa.Column("timestamp", sa.DateTime),
        sa.Column("beneficiaire", sa.String(100)),
        sa.Column("name", sa.String(80)),
        sa.Column("statut_entry", sa.String(1)),
        sa.Column("moderate", sa.Integer),
        *(() if older else (sa.Column("supprimer", sa.Integer),)),
    )
    metadata.create_all(engine)
    areas: dict[str, int] = {}
    rooms: dict[str, int] = {}
    with engine.begin() as connection:
        for one in rows("monday.csv"):
            if not one["start_time"].isdecimal():
                continue
            kind, name = one["area_name"], one["room_name"]
            if kind not in areas:
                areas[kind] = len(areas) + 1
                connection.execute(area.insert().values(id=areas[kind], area_name=kind))
            if name not in rooms:
                rooms[name] = len(rooms) + 1
                capacity = int(one["capacity"])
                place = {"id": rooms[name], "area_id": areas[kind], "room_name": name, "capacity": capacity}
                connection.execute(room.insert().values(**place))
            values: dict[str, Any] = {
                "id": int(one["id"]),
                "start_time": int(one["start_time"]),
                "end_time": int(one["end_time"]),
                "room_id": rooms[name],
                "timestamp": datetime.fromisoformat(one["timestamp"]),
                "beneficiaire": "dupont",
                "name": one["name"],
                "statut_entry": one["statut_entry"],
                "moderate": int(one["moderate"]),
            }
            connection.execute(entry.insert().values(**values, **({} if older else {"supprimer": one["supprimer"]})))
    engine.dispose()
    return url


def test_the_tables_say_the_same_as_their_export(tmp_path: Path) -> None:
    url = build(tmp_path / "grr.db", prefix="resa")
    statements, rejected = read(tables(url, prefix="resa"))
    assert planned(statements) == FIRST
    assert [one["id"] for one in statements] == [one["id"] for one in read(grr("monday.csv"))[0]]
    assert {one.place.file for one in rejected} == {"resa_entry"}
    assert not any("dupont" in one.raw for one in rejected)


def test_tables_of_an_older_version_lack_a_column(tmp_path: Path) -> None:
    statements, _ = read(tables(build(tmp_path / "grr.db", older=True)))
    assert len(statements) == len(FIRST) + 1, "what a newer version would keep as deleted is simply there"


def test_an_area_that_books_by_periods_is_rejected(tmp_path: Path) -> None:
    url = build(tmp_path / "grr.db")
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE grr_area SET enable_periods = 'y' WHERE area_name = 'Amphithéâtres'"))
    engine.dispose()
    statements, rejected = read(tables(url))
    assert len(statements) == len(FIRST) - 1
    assert any("periods" in one.reason for one in rejected)


@pytest.mark.parametrize(
    ("url", "prefix", "told"),
    [
        ("nonsense secret", "grr", "no SQLAlchemy URL"),
        ("mysql+nodriver://a:secret@127.0.0.1/grr", "grr", "No driver"),
        ("sqlite:///{}/none/grr.db", "grr", "cannot be read"),
        ("sqlite:///{}/empty.db", "grr", "cannot be read"),
        ("sqlite:///{}/empty.db", "grr; drop", "prefix"),
    ],
)
def test_a_database_that_cannot_be_read_is_told_without_its_password(
    tmp_path: Path, url: str, prefix: str, told: str
) -> None:
    with pytest.raises(UnreadableInput, match=told) as caught:
        read(tables(url.format(tmp_path), prefix=prefix))
    assert "secret" not in str(caught.value)


def test_the_state_that_is_kept_names_nobody() -> None:
    *_, last = grr("monday.csv").read(None)
    assert isinstance(last, Milestone)
    assert last.state is not None
    assert "Réunion" not in last.state
