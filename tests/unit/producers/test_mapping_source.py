"""A mapping and the rows of a file: the statements they make, and what is refused of either."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from producers.errors import WrongMapping
from producers.mapping import MappingSource, load_mapping
from producers.naming import Naming
from producers.production import map_rows
from producers.rows import Rejected
from xapi_profiles.validation import check_statements

HEAD = 'name = "m"\nkey = ["Id"]\n'
ACTOR = '[common]\ntimestamp = "{Date}"\nactor.email = "{Mail}"\n'
RATED = '[[statement]]\nverb = "rated"\nobject.module = "{Id}"\n'
COLUMNS = "Id;Date;Mail"
ROW = "M1;2026-11-24 09:00;a@example.org"


def source(folder: Path, mapping: str, *rows: str) -> MappingSource:
    (folder / "m.toml").write_text(mapping, "utf-8")
    path = folder / "rows.csv"
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return MappingSource([path], load_mapping(folder / "m.toml"), ZoneInfo("Europe/Paris"))


def run(folder: Path, mapping: str, *rows: str, naming: Naming | None = None) -> list[Any]:
    """Return statements, each a valid one, and the reasons of rejected rows in between."""
    made = source(folder, mapping, *rows)
    outcome = list(map_rows(made, made.read(None), naming or Naming("institut")))
    for one in outcome:
        if not isinstance(one, Rejected):
            check_statements(one)
    return [one.reason if isinstance(one, Rejected) else one for one in outcome]


def result_of(folder: Path, mapping: str, columns: str, cell: str) -> Any:
    (one,) = run(folder, HEAD + ACTOR + RATED + mapping, f"{COLUMNS};{columns}", f"{ROW};{cell}")
    return one if isinstance(one, str) else one.get("result")


def test_a_statement_is_whole(tmp_path: Path) -> None:
    mapping = """
language = "en"
name = "m"
key = ["Id"]
[[statement]]
profile = "assessments"
verb = "completed"
timestamp = { text = "{Date}", format = "%d/%m/%Y %H:%M", time-zone = "Indian/Reunion" }
[statement.actor]
account = "{Id}"
home-page = "https://sirh.example.org"
name = "{Nom}"
[statement.object]
id = "https://cours.example.org/{Cours}"
type = "course"
name = "Course {Cours}"
[statement.result]
score = { raw = "{Note}", min = 0, max = 20 }
success = { text = "{Statut}", yes = ["reçu"], no = ["ajourné"] }
completion = true
response = "{Remarque}"
duration = { text = "{Temps}", unit = "minutes" }
extensions.progress = { text = "{Avancée}", as = "number" }
[statement.context]
session = "{Session}"
session-name = "Session {Session}"
module = "M1"
pathway = "{Parcours}"
modality = { text = "{Mode}", words = { "À distance" = "remote", "P" = "in-person" } }
platform = "SIRH"
parent = [{ id = "plans/{Cours}", type = "learning-plan" }]
grouping = [{ id = "https://x.example/{Rien}", type = "lms" }]
[statement.context.extensions]
org-unit = "{Académie}"
"https://sirh.example.org/extensions/heures" = { text = "{Temps}", as = "duration", unit = "minutes" }
planned-start-time = { text = "{Date}", as = "date", format = "%d/%m/%Y %H:%M" }
attendance-late = { text = "{Retard}", as = "boolean" }
corps = "{Rien}"
"""
    naming = Naming("institut", "https://i.example/x")
    cells = {
        "Id": "42", "Nom": "Zoé", "Date": "24/11/2026 09:00", "Cours": "a/b", "Note": "15,5", "Statut": "REÇU",
        "Remarque": "", "Temps": "90", "Avancée": "100 %", "Session": "S1", "Parcours": "P1", "Mode": "a distance",
        "Académie": "Lyon", "Retard": "non", "Rien": "",
    }  # fmt: skip
    (made,) = run(tmp_path, mapping, ";".join(cells), ";".join(cells.values()), naming=naming)
    ifi = {"account": {"homePage": "https://sirh.example.org", "name": "42"}}
    home, extensions = "https://i.example/x", "https://w3id.org/jalon/xapi/extensions/"
    assert made == {
        "id": made["id"],
        "actor": {"objectType": "Agent", "name": "Zoé", **ifi},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"fr": "a terminé"}},
        "object": {
            "objectType": "Activity",
            "id": "https://cours.example.org/a%2Fb",
            "definition": {"type": "http://adlnet.gov/expapi/activities/course", "name": {"en": "Course a/b"}},
        },
        "result": {
            "score": {"scaled": 0.775, "raw": 15.5, "min": 0, "max": 20},
            "success": True,
            "completion": True,
            "duration": "PT1H30M",
            "extensions": {"https://w3id.org/xapi/cmi5/result/extensions/progress": 100},
        },
        "context": {
            "registration": naming.registration("S1", ifi),
            "contextActivities": {
                "category": [{"id": "https://w3id.org/jalon/xapi/profiles/assessments/v1.0"}],
                "grouping": [
                    {
                        "objectType": "Activity",
                        "id": f"{home}/sessions/S1",
                        "definition": {"type": "http://activitystrea.ms/event", "name": {"en": "Session S1"}},
                    },
                    {
                        "objectType": "Activity",
                        "id": f"{home}/modules/M1",
                        "definition": {"type": "http://vocab.xapi.fr/activities/training-module"},
                    },
                    {
                        "objectType": "Activity",
                        "id": f"{home}/pathways/P1",
                        "definition": {"type": "http://vocab.xapi.fr/activities/training-program"},
                    },
                ],
                "parent": [
                    {
                        "objectType": "Activity",
                        "id": f"{home}/plans/a%2Fb",
                        "definition": {"type": "https://w3id.org/xapi/acrossx/activities/learning-plan"},
                    }
                ],
            },
            "platform": "SIRH",
            "extensions": {
                extensions + "org-unit": "Lyon",
                "https://sirh.example.org/extensions/heures": "PT1H30M",
                "http://id.tincanapi.com/extension/planned-start-time": "2026-11-24T09:00:00+01:00",
                "http://xapi.jisc.ac.uk/attendance_late": False,
                extensions + "modality": "remote",
            },
        },
        "timestamp": "2026-11-24T05:00:00.000Z",
    }


@pytest.mark.parametrize(
    ("mapping", "cell", "expected"),
    [
        ('result.score.scaled = { text = "{N}", divide = 100 }', "85 %", {"score": {"scaled": 0.85}}),
        ('result.score.scaled = "{N}"', "85",
         "result.score: scaled is not between -1 and 1; give divide = 100 for a percentage."),
        ('result.score = { raw = "{N}", min = 1, max = 5 }', "4",
         {"score": {"scaled": 0.75, "raw": 4, "min": 1, "max": 5}}),
        ('result.score = { raw = "{N}", min = 1, max = 5 }', "6", "result.score: raw is not between min and max."),
        ('result.score = { raw = "{N}", min = 1, max = 5 }', "", None),
        ('result.score.raw = "{N}"', "beaucoup", "result.score.raw is not a number."),
        ('result.score.raw = { text = "{N}", words = { "Très bien" = "5", "Bien" = "4" } }', "TRES BIEN",
         {"score": {"raw": 5}}),
        ('result.score.raw = { text = "{N}", words = { "Bien" = "4" } }', "Mal",
         "result.score.raw: the word is none of those that the mapping gives a meaning."),
        ('result.response = { text = "{N}", words = { "1" = "un" }, else = "autre" }', "7", {"response": "autre"}),
        ('result.success = "{N}"', "oui", {"success": True}),
        ('result.success = "{N}"', "bof", "result.success is neither yes nor no."),
        ('result.duration = "{N}"', "3h30", {"duration": "PT3H30M"}),
        ('result.duration = { from = "{N}", to = "12:00" }', "9:00", {"duration": "PT3H"}),
        ('result.duration = { from = "{N}", to = "12:00" }', "", None),
        ('when = [{ column = "N", filled = true }]\nresult.response = "x"', "1", {"response": "x"}),
    ],
)  # fmt: skip
def test_a_result_is_read_from_a_cell(tmp_path: Path, mapping: str, cell: str, expected: Any) -> None:
    assert result_of(tmp_path, mapping, "N", cell) == expected


@pytest.mark.parametrize(
    ("test", "held"),
    [
        ("filled = true", ["5", "7,5", "a"]),
        ("filled = false", [""]),
        ('is = ["A", "é"]', ["a"]),
        ('is = "5"', ["5"]),
        ('is-not = ["a", ""]', ["5", "7,5"]),
        ("at-least = 5", ["5", "7,5"]),
        ("above = 5", ["7,5"]),
        ("at-most = 7.5", ["5", "7,5"]),
        ("below = 7.5", ["5"]),
    ],
)
def test_a_statement_is_made_when_its_conditions_hold(tmp_path: Path, test: str, held: list[str]) -> None:
    cells = ["", "5", "7,5", "a"]
    mapping = HEAD + ACTOR + RATED + f'when = [{{ column = "N", {test} }}]\nresult.response = "{{N}}"\n'
    rows = [f"M{number};2026-11-24;a@example.org;{cell}" for number, cell in enumerate(cells)]
    made = [one for one in run(tmp_path, mapping, f"{COLUMNS};N", *rows) if not isinstance(one, str)]
    assert [one.get("result", {"response": ""})["response"] for one in made] == held


def test_a_word_that_no_list_of_a_condition_has_is_a_mistake_of_the_row(tmp_path: Path) -> None:
    mapping = HEAD + ACTOR + RATED + 'when = [{ column = "N", is = ["oui"], others = ["non"] }]\n'
    rows = [f"M{number};2026-11-24;a@example.org;{cell}" for number, cell in enumerate(["Oui", "NON", "", "ouais"])]
    made = run(tmp_path, mapping, f"{COLUMNS};N", *rows)
    assert made[0]["object"]["id"].endswith("/modules/M0")
    assert made[1:] == ["The column N holds a word that the mapping does not know."]


def test_conditions_of_common_hold_for_every_statement(tmp_path: Path) -> None:
    mapping = (
        HEAD + ACTOR + 'when = [{ column = "N", filled = true }]\n' + RATED + 'when = [{ column = "Id", is = "M1" }]\n'
    )
    rows = ["M1;2026-11-24;a@example.org;1", "M1;2026-11-24;a@example.org;", "M2;2026-11-24;a@example.org;1"]
    assert len(run(tmp_path, mapping, f"{COLUMNS};N", *rows)) == 1


def test_the_first_identifier_that_a_row_fills_names_its_actor(tmp_path: Path) -> None:
    mapping = (
        HEAD
        + '[common]\ntimestamp = "{Date}"\nactor = { email = "{Mail}", account = "{N}", anonymous = true }\n'
        + RATED
    )
    rows = ["1;2026-11-24;A@example.org;7", "2;2026-11-24;;7", "3;2026-11-24;;", "4;2026-11-24;;", "4;2026-11-25;;"]
    naming = Naming("institut", secret=b"x")
    made = run(tmp_path, mapping, f"{COLUMNS};N", *rows, naming=naming)
    actors = [one["actor"] for one in made]
    assert actors[0]["mbox"] == "mailto:a@example.org"
    assert actors[1]["account"] == {"homePage": naming.system("m"), "name": "7"}
    drawn = [one["account"]["name"] for one in actors[2:]]
    assert drawn[0] != drawn[1] == drawn[2], "an anonymous actor is the one of its row's key"


def test_nobody_unknown_has_a_registration_nor_whom_the_mapping_gives_none(tmp_path: Path) -> None:
    mapping = HEAD + '[common]\ntimestamp = "{Date}"\nactor = { email = "{Mail}", anonymous = true }\n' + RATED
    context = '[statement.context]\nsession = "S1"\n'
    known, unknown = run(tmp_path, mapping + context, COLUMNS, ROW, "M2;2026-11-24;")
    assert known["context"]["registration"]
    assert "registration" not in unknown["context"]
    (without,) = run(tmp_path, mapping + context + "registration = false\n", COLUMNS, ROW)
    assert "registration" not in without["context"]
    assert without["context"]["contextActivities"]["parent"][0]["id"].endswith("/sessions/S1")


def test_a_statement_is_repeated_for_every_column_that_matches(tmp_path: Path) -> None:
    mapping = (
        HEAD
        + ACTOR
        + r"""
[[statement]]
for-each.columns = 'Niveau pour la compétence (.+)'
verb = "scored"
when = [{ column = "@cell", filled = true }]
object = { id = "competences/{@1}", type = "objective", name = "{@1} ({@column})" }
result.score.raw = "{@cell}"
result.response = "{Pix pour @1}"
"""
    )
    columns = f"{COLUMNS};Niveau pour la compétence L'un;Pix pour L'un;Niveau pour la compétence Deux;Pix pour Deux"
    made = run(tmp_path, mapping, columns, f"{ROW};3;24;5;40", f"{ROW.replace('M1', 'M2')};;;1;8")
    assert [(one["object"]["id"].rsplit("/", 1)[1], one["result"]) for one in made] == [
        ("L%27un", {"score": {"raw": 3}, "response": "24"}),
        ("Deux", {"score": {"raw": 5}, "response": "40"}),
        ("Deux", {"score": {"raw": 1}, "response": "8"}),
    ]
    assert made[0]["object"]["definition"]["name"] == {"fr": "L'un (Niveau pour la compétence L'un)"}


@pytest.mark.parametrize(
    ("mapping", "columns", "line", "sentence"),
    [
        (HEAD + ACTOR + RATED, "Id;Dates;Mail", 4, "rows.csv has no column 'Date' (did you mean 'Dates'?)"),
        (HEAD + ACTOR + RATED, "Ref;Date;Mail", 2, "rows.csv has no column 'Id'"),
        (HEAD + ACTOR + RATED, "Id;Date;Mail;DATE", 4, "several columns 'Date'"),
        (HEAD + ACTOR + RATED + "when = [\n{ column = 'N', filled = true }]", COLUMNS, 10, "has no column 'N'"),
        (HEAD + ACTOR + RATED + "for-each.columns = 'Q.*'", COLUMNS, 9, "no column of rows.csv matches this pattern"),
        (HEAD + ACTOR + RATED + "for-each.columns = 'I.'\nresult.response = '{@1}'", COLUMNS, 10, "no group 1"),
        (HEAD + ACTOR + RATED + "for-each.columns = '(I).'\nresult.response = '{Q@1}'", COLUMNS, 10, "no column 'QI'"),
    ],
)
def test_a_column_that_a_file_lacks_is_told_with_the_line_that_asks_for_it(
    tmp_path: Path, mapping: str, columns: str, line: int, sentence: str
) -> None:
    with pytest.raises(WrongMapping) as refused:
        run(tmp_path, mapping, columns, "1;2;3")
    assert f"m.toml, line {line}: " in str(refused.value)
    assert sentence in str(refused.value)


def test_names_of_columns_do_not_differ_by_case_or_spaces(tmp_path: Path) -> None:
    assert len(run(tmp_path, HEAD + ACTOR + RATED, " id ;DATE;mail", ROW)) == 1


@pytest.mark.parametrize(
    ("statement", "row", "reason"),
    [
        (RATED, ";2026-11-24;a@example.org", "object is missing: the row leaves its columns empty."),
        (RATED, "M1;;a@example.org", "timestamp is missing: the row leaves its columns empty."),
        (RATED, "M1;hier;a@example.org", "timestamp is not a date in the form of ISO 8601."),
        (RATED, "M1;2026-11-24;", "The actor is missing: the row fills none of the columns that name one."),
        (RATED, "M1;2026-11-24;a@@b", "The e-mail address is malformed."),
        (RATED.replace('module = "{Id}"', 'module = "x"'), ";2026-11-24;a@example.org",
         "The key is missing: the row leaves all its columns empty."),
        (RATED.replace('"rated"', '"{Id}"'), "vu;2026-11-24;a@example.org", "verb is no IRI."),
        (RATED.replace('module = "{Id}"', 'id = "{Id}"\nobject.type = "link"'), "https://;2026-11-24;a@example.org",
         "object.id is no IRI."),
        (RATED + "context.modality = '{Id}'\n", "nulle part;2026-11-24;a@example.org",
         "context.modality is none of asynchronous, hybrid, in-person, remote."),
        (RATED + RATED, "M1;2026-11-24;a@example.org",
         "Two statements of the row have the same actor, verb, object and time: give one a label."),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_mapped_is_rejected(tmp_path: Path, statement: str, row: str, reason: str) -> None:
    assert run(tmp_path, HEAD + ACTOR + statement, COLUMNS, row) == [reason]


def test_a_verb_may_come_from_a_cell(tmp_path: Path) -> None:
    mapping = HEAD + ACTOR + RATED.replace('"rated"', '"{Verbe}"')
    rows = [f"M1;2026-11-24;a@example.org;{verb}" for verb in ("viewed", "http://activitystrea.ms/share")]
    made = run(tmp_path, mapping, f"{COLUMNS};Verbe", *rows)
    assert [one["verb"]["id"].rsplit("/", 1)[1] for one in made] == ["viewed", "share"]


def test_ids_are_of_the_key_and_the_fact_alone(tmp_path: Path) -> None:
    mapping = HEAD + ACTOR + RATED + "result.response = '{N}'\n"
    first = run(tmp_path, mapping, f"{COLUMNS};N", f"{ROW};a")
    # Another column, another order, another cell outside the key: the same fact.
    again = run(tmp_path, mapping, "X;Mail;N;Id;Date", "1;A@example.org;b;M1;2026-11-24T09:00:00+01:00")
    other = run(tmp_path, mapping.replace('key = ["Id"]', 'key = ["Id", "N"]'), f"{COLUMNS};N", f"{ROW};a", f"{ROW};b")
    labelled = run(tmp_path, mapping + "label = 'x'\n", f"{COLUMNS};N", f"{ROW};a")
    assert first[0]["id"] == again[0]["id"]
    assert len({first[0]["id"], other[0]["id"], other[1]["id"], labelled[0]["id"]}) == 4


def test_several_files_are_read_by_one_mapping(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_text(HEAD + ACTOR + RATED, "utf-8")
    (tmp_path / "a.csv").write_text(f"{COLUMNS}\n{ROW}\n", "utf-8")
    (tmp_path / "b.jsonl").write_text('{"Mail": "b@example.org", "Id": "M2", "Date": "2026-11-24"}\n', "utf-8")
    made = MappingSource([tmp_path / "a.csv", tmp_path / "b.jsonl"], load_mapping(tmp_path / "m.toml"), ZoneInfo("UTC"))
    assert [row.place.file for row in made.read(None)] == ["a.csv", "b.jsonl"]
