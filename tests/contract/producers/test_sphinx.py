"""Sphinx's export of responses to the statements that we promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from producers.errors import UnreadableInput
from producers.sphinx import Questionnaire, SphinxSource
from producers.surveys import Survey
from tests.contract.producers.reading import EXAMPLES, NAMING, PARIS, outline, read, reasons, run_all
from xapi_profiles.profile import load_profiles
from xapi_profiles.templates import ConformanceChecker

EXPORT = EXAMPLES / "sphinx" / "satisfaction.csv"
HOME = NAMING.home
FIRST, SECOND, THIRD = "2026-11-24T16:06:41.000Z", "2026-11-24T16:12:30.000Z", "2026-11-24T17:01:15.000Z"


def sphinx(path: Path = EXPORT, **told: Any) -> SphinxSource:
    told = {"module_column": "Code module", "ratings": ["Satisfaction globale"], **told}
    return SphinxSource([path], Questionnaire(PARIS, Survey("E12", "Satisfaction"), **told))


def test_each_answer_becomes_a_statement_and_each_rating_one_more() -> None:
    statements, _ = read(sphinx())
    question = "/surveys/E12/questions/"
    assert outline(statements) == [
        (FIRST, "drawn", "answered", f"{question}Satisfaction%20globale"),
        (FIRST, "drawn", "rated", "/modules/26NPER01-M1"),
        (FIRST, "drawn", "answered", f"{question}Utilit%C3%A9"),
        (FIRST, "drawn", "answered", f"{question}Rythme"),
        (FIRST, "drawn", "answered", f"{question}Qu%27avez-vous%20retenu%20%3F"),
        (SECOND, "drawn", "answered", f"{question}Satisfaction%20globale"),
        (SECOND, "drawn", "rated", "/modules/26NPER01-M1"),
        (SECOND, "drawn", "answered", f"{question}Utilit%C3%A9"),
        (SECOND, "drawn", "answered", f"{question}Rythme"),
        # The last answer is an e-mail address, and the rating was not given.
        (THIRD, "drawn", "answered", f"{question}Utilit%C3%A9"),
    ]
    kinds = [one["object"]["definition"].get("interactionType") for one in statements[:5]]
    assert kinds == ["likert", None, "choice", "choice", "long-fill-in"]


def test_a_rating_is_whole() -> None:
    rated = read(sphinx())[0][1]
    module = {
        "objectType": "Activity",
        "id": f"{HOME}/modules/26NPER01-M1",
        "definition": {"type": "http://vocab.xapi.fr/activities/training-module"},
    }
    assert rated == {
        "id": rated["id"],
        "actor": {
            "objectType": "Agent",
            "account": {"homePage": f"{HOME}/systems/sphinx", "name": NAMING.derive("sphinx-response", "E12", "101")},
        },
        "verb": {"id": "http://id.tincanapi.com/verb/rated", "display": {"fr": "a évalué"}},
        "object": module,
        "result": {"score": {"scaled": 1.0, "raw": 5, "min": 1, "max": 5}},
        "context": {
            "contextActivities": {
                "category": [{"id": "https://w3id.org/jalon/xapi/profiles/surveys/v1.0"}],
                "parent": [
                    {
                        "objectType": "Activity",
                        "id": f"{HOME}/surveys/E12",
                        "definition": {
                            "type": "http://vocab.xapi.fr/activities/survey",
                            "name": {"fr": "Satisfaction"},
                        },
                    }
                ],
                "other": [
                    {
                        "objectType": "Activity",
                        "id": f"{HOME}/surveys/E12/questions/Satisfaction%20globale",
                        "definition": {
                            "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
                            "name": {"fr": "Satisfaction globale"},
                            "interactionType": "likert",
                        },
                    }
                ],
            }
        },
        "timestamp": FIRST,
    }


def test_a_response_is_one_actor_who_is_nobody_and_has_no_registration() -> None:
    statements, _ = read(sphinx(session="S100"))
    actors = {one["timestamp"]: set() for one in statements}
    for one in statements:
        actors[one["timestamp"]].add(one["actor"]["account"]["name"])
    assert [len(names) for names in actors.values()] == [1, 1, 1]
    assert len(set.union(*actors.values())) == 3
    everything = repr(statements)
    for identity in ("Lefèbvre", "helene", "desire", "registration", "mbox"):
        assert identity not in everything
    assert statements[0]["context"]["contextActivities"]["grouping"][0]["id"] == f"{HOME}/sessions/S100"


def test_every_statement_keeps_the_rules_of_its_profile() -> None:
    checker = ConformanceChecker(load_profiles())
    for told in ({}, {"module_column": "", "session": "S100"}, {"module_column": ""}):
        statements, _ = read(sphinx(**told))
        assert {checker.check(one)[::3] for one in statements} == {("conformant", "")}


def test_what_is_rated_is_the_module_else_the_session_else_the_survey() -> None:
    nothing = {"module_column": "", "left_out": ["Code module"]}
    told = ({}, {**nothing, "session": "S100"}, nothing)
    rated = [outline(read(sphinx(**one))[0])[1][3] for one in told]
    assert rated == [
        "/modules/26NPER01-M1",
        "/sessions/S100",
        "/surveys/E12",
    ]


def test_broken_rows_are_rejected_with_reasons() -> None:
    _, rejected = read(sphinx())
    assert reasons(rejected) == [
        ("satisfaction.csv", 6, "The key of the response is missing."),
        ("satisfaction.csv", 7, "The date of the response is not dd/mm/yyyy, with an hour or without."),
        ("satisfaction.csv", 8, "A rating is not on the scale: give its ends with --worst and --best."),
        ("satisfaction.csv", 9, "The row has another number of columns than the header."),
    ]


def test_the_same_export_twice_changes_nothing_and_a_later_one_adds_to_it(tmp_path: Path) -> None:
    cut = tmp_path / "cut.csv"
    cut.write_bytes(EXPORT.read_bytes()[: EXPORT.read_bytes().index(b"\n102;") + 40])
    sink, (first, second, third) = run_all(tmp_path, [sphinx(cut), sphinx(), sphinx()])
    assert (first.sent, second.sent, third.sent) == (5, 5, 0)
    assert {one["id"] for one in sink.statements} == {one["id"] for one in read(sphinx())[0]}


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ({"module_column": "Module"}, "no column 'Module'"),
        (
            {"ratings": ["Satisfaction global"]},
            r"'Satisfaction global' \(did you mean 'Satisfaction globale'",
        ),
        ({"ratings": ["E-mail"]}, "A --rating is a question"),
        ({"key": "Numéro"}, "no column 'Numéro'"),
    ],
)
def test_a_column_that_is_not_there_is_told_in_a_sentence(told: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UnreadableInput, match=sentence):
        read(sphinx(**told))


def test_an_export_without_sphinx_s_own_columns_needs_their_names(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Réponse;Le;Code module;Satisfaction globale\n1;24/11/2026;M1;4\n", "utf-8")
    with pytest.raises(UnreadableInput, match=r"no column CLE: name the one that it has with --key"):
        read(sphinx(path))
    with pytest.raises(UnreadableInput, match=r"no column DATE_ENREG or DATE_SAISIE: .* with --date"):
        read(sphinx(path, key="Réponse"))
    assert len(read(sphinx(path, key="Réponse", date="Le"))[0]) == 2
