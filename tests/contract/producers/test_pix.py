"""Pix Orga's exports of both kinds of campaign to the statements that we promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from producers.errors import UnreadableInput
from producers.pix import Conventions, PixSource
from tests.contract.producers.reading import EXAMPLES, NAMING, PARIS, outline, read, reasons, run_all
from xapi_profiles.profile import load_profiles
from xapi_profiles.templates import ConformanceChecker

PIX = EXAMPLES / "pix"
ASSESSMENT, PROFILES = PIX / "assessment.csv", PIX / "profiles.csv"
PROGRESS = "https://w3id.org/xapi/cmi5/result/extensions/progress"


def pix(*paths: Path, **told: Any) -> PixSource:
    return PixSource(paths, Conventions(PARIS, "https://sirh.example.org", **told))


def results(statements: list[dict[str, Any]]) -> list[Any]:
    """The progress, the score or nothing of each statement."""
    found = [one.get("result", {}) for one in statements]
    return [one.get("extensions", {}).get(PROGRESS, one.get("score")) for one in found]


def test_an_assessment_tells_progress_and_what_was_shared() -> None:
    statements, _ = read(pix(ASSESSMENT))
    helene, zoe = "2026-11-19T23:00:00.000Z", "2026-11-20T23:00:00.000Z"
    campaign, competence = "/campaigns/4711", "/competences/G%C3%A9rer%20des%20donn%C3%A9es"
    assert outline(statements) == [
        (helene, "helene.lefebvre", "progressed", campaign),
        (helene, "helene.lefebvre", "scored", campaign),
        (helene, "helene.lefebvre", "scored", competence),
        (helene, "helene.lefebvre", "earned", "/badges/cadre-numerique"),
        # Not shared: how far the participant is, since they began, and no result.
        ("2026-11-02T23:00:00.000Z", "u-4711", "progressed", campaign),
        # Without an identifier: an account that holds within the campaign.
        (zoe, "drawn", "progressed", campaign),
        (zoe, "drawn", "scored", campaign),
        (zoe, "drawn", "scored", competence),
    ]
    assert results(statements) == [
        100,
        {"scaled": 0.82},
        {"scaled": 0.75},
        None,
        40,
        100,
        {"scaled": 0.5},
        {"scaled": 0.25},
    ]
    assert statements[4]["actor"]["account"]["homePage"] == "https://sirh.example.org"
    assert "Zoé" not in statements[5]["actor"]["account"]["name"]


def test_a_collection_of_profiles_tells_pix_and_who_may_be_certified() -> None:
    statements, _ = read(pix(PROFILES))
    maitre, oury = "2026-11-20T15:45:00.000Z", "2026-11-20T16:00:00.000Z"
    campaign, first, second = (
        "/campaigns/4712",
        "/competences/G%C3%A9rer%20des%20donn%C3%A9es",
        "/competences/Collaborer",
    )
    assert outline(statements) == [
        (maitre, "F-0042", "scored", campaign),
        (maitre, "F-0042", "scored", first),
        (maitre, "F-0042", "scored", second),
        (maitre, "F-0042", "earned", "/badges/pix-certifiable"),
        (oury, "F-0044", "scored", campaign),
        (oury, "F-0044", "scored", first),
        (oury, "F-0044", "scored", second),
    ]
    assert results(statements)[:4] == [
        {"scaled": 0.5, "raw": 512, "min": 0, "max": 1024},
        {"scaled": 0.5, "raw": 32, "min": 0, "max": 64},
        {"scaled": 0.3125, "raw": 20, "min": 0, "max": 64},
        None,
    ]


def test_a_result_of_a_competence_is_whole() -> None:
    (scored,) = read(pix(ASSESSMENT, session="S100"))[0][2:3]
    ifi = {"mbox": "mailto:helene.lefebvre@academie.example.org"}
    assert scored == {
        "id": scored["id"],
        "actor": {"objectType": "Agent", "name": "Hélène Lefèbvre", **ifi},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/scored", "display": {"fr": "a obtenu un résultat à"}},
        "object": {
            "objectType": "Activity",
            "id": f"{NAMING.home}/competences/G%C3%A9rer%20des%20donn%C3%A9es",
            "definition": {
                "type": "http://adlnet.gov/expapi/activities/objective",
                "name": {"fr": "Gérer des données"},
            },
        },
        "result": {"score": {"scaled": 0.75}},
        "context": {
            "registration": NAMING.registration("S100", ifi),
            "contextActivities": {
                "category": [{"id": "https://w3id.org/jalon/xapi/profiles/assessments/v1.0"}],
                "parent": [
                    {
                        "objectType": "Activity",
                        "id": f"{NAMING.home}/sessions/S100",
                        "definition": {"type": "http://activitystrea.ms/event"},
                    }
                ],
                "grouping": [
                    {
                        "objectType": "Activity",
                        "id": f"{NAMING.home}/campaigns/4711",
                        "definition": {
                            "type": "http://adlnet.gov/expapi/activities/assessment",
                            "name": {"fr": "Numérique des cadres"},
                        },
                    }
                ],
            },
            "platform": "Pix",
        },
        "timestamp": "2026-11-19T23:00:00.000Z",
    }


def test_every_statement_keeps_the_rules_of_its_profile() -> None:
    checker = ConformanceChecker(load_profiles())
    statements, _ = read(pix(ASSESSMENT, PROFILES))
    assert {checker.check(one)[::3] for one in statements} == {("conformant", "")}


def test_broken_rows_are_rejected_with_reasons_that_hold_nothing_of_them() -> None:
    _, rejected = read(pix(ASSESSMENT, PROFILES))
    assert reasons(rejected) == [
        ("assessment.csv", 5, "The date of sharing is missing, though it was shared."),
        ("assessment.csv", 6, "A result is not a number."),
        ("assessment.csv", 7, "A column (O/N) holds neither Oui nor Non."),
        ("assessment.csv", 8, "The row has neither an identifier nor a name."),
        ("assessment.csv", 9, "The row has another number of columns than the header."),
        ("profiles.csv", 5, "A result is not a number."),
    ]


def test_a_later_export_adds_progress_and_results(tmp_path: Path) -> None:
    later = tmp_path / "later.csv"
    text = ASSESSMENT.read_text("utf-8")
    before = '"u-4711";0,4;2026-11-03;"Non";"NA";"NA";"NA";"NA";"NA";"NA";"NA";"NA"'
    assert before in text
    later.write_text(
        text.replace(before, '"u-4711";1;2026-11-03;"Oui";2026-11-25;0,6;"Non";0,5;12;6;0,5;"OK"'), "utf-8"
    )
    sink, (first, again, second) = run_all(tmp_path, [pix(ASSESSMENT), pix(ASSESSMENT), pix(later)])
    assert (first.sent, again.sent, second.sent) == (8, 0, 3)
    assert results(sink.statements[8:]) == [100, {"scaled": 0.6}, {"scaled": 0.5}]


@pytest.mark.parametrize("path", [ASSESSMENT, PROFILES], ids=["assessment", "profiles"])
def test_an_export_cut_anywhere_tells_a_part_of_what_the_whole_one_tells(path: Path, tmp_path: Path) -> None:
    whole, _ = read(pix(path))
    content, cut = path.read_bytes(), tmp_path / path.name
    for end in range(content.index(b"\n"), len(content), 13):
        cut.write_bytes(content[:end])
        statements, _ = read(pix(cut))
        assert [one for one in statements if one not in whole] == []


@pytest.mark.parametrize(
    ("text", "told", "sentence"),
    [
        ("A;B\n1;2\n", {}, "no export of a Pix Orga campaign"),
        ("ID Campagne;Nom du Participant;Prénom du Participant;Partage (O/N)\n", {}, "no date of sharing"),
        (None, {"identifier": "Adresse"}, "no column 'Adresse'"),
    ],
)
def test_what_is_no_export_of_a_campaign_is_refused(
    tmp_path: Path, text: str | None, told: dict[str, Any], sentence: str
) -> None:
    path = ASSESSMENT
    if text is not None:
        path = tmp_path / "a.csv"
        path.write_text(text, "utf-8")
    with pytest.raises(UnreadableInput, match=sentence):
        read(pix(path, **told))
