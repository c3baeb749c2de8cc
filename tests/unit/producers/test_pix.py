from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from producers.pix import Conventions, PixSource
from tests.contract.producers.reading import PARIS, read

HEADER = (
    "Nom de l'organisation;ID Campagne;Code;Nom de la campagne;Nom du Participant;Prénom du Participant;{}"
    "% de progression;Date et heure de début ({});Partage (O/N);Date et heure du partage ({});"
    "% de maîtrise de l'ensemble des acquis du profil"
)
ROW = "O;7;C;N;Vaïsse;Zoé;{}{};02/11/2026 08:00;Oui;20/11/2026 09:30;{}"


def statements(folder: Path, header: str, *rows: str, **told: Any) -> list[dict[str, Any]]:
    path = folder / "a.csv"
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    made, rejected = read(PixSource([path], Conventions(PARIS, "https://sirh.example.org", **told)))
    assert rejected == []
    return made


def test_recent_headers_name_the_time_zone_of_their_dates(tmp_path: Path) -> None:
    for zone, hour in (("Europe/Paris", "08"), ("Indian/Reunion", "05"), ("Nulle/Part", "08")):
        made = statements(tmp_path, HEADER.format("", zone, zone), ROW.format("", "1", "0,5"))
        assert {one["timestamp"] for one in made} == {f"2026-11-20T{hour}:30:00.000Z"}


@pytest.mark.parametrize(
    ("text", "scaled"), [("0,5", 0.5), ("1", 1), ("0", 0), ("85", 0.85), ("85 %", 0.85), ("1%", 0.01)]
)
def test_percentages_are_read_as_parts_and_as_percentages(tmp_path: Path, text: str, scaled: float) -> None:
    made = statements(tmp_path, HEADER.format("", "x", "x"), ROW.format("", "1", text))
    assert made[1]["result"]["score"] == {"scaled": scaled}


@pytest.mark.parametrize("columns", ["Classe;", "Groupe;Numéro Étudiant;"])
def test_a_class_or_a_group_is_no_identifier(tmp_path: Path, columns: str) -> None:
    cells = "12;" * columns.count(";")
    made = statements(tmp_path, HEADER.format(columns, "x", "x"), ROW.format(cells, "1", "0,5"))
    assert made[0]["actor"]["account"]["homePage"] != "https://sirh.example.org"
    own = statements(tmp_path, HEADER.format(columns + "Matricule;", "x", "x"), ROW.format(cells + "42;", "1", "0,5"))
    assert own[0]["actor"]["account"] == {"homePage": "https://sirh.example.org", "name": "42"}


def test_the_column_of_the_identifier_can_be_named(tmp_path: Path) -> None:
    header, row = HEADER.format("Matricule;Ville;", "x", "x"), ROW.format("42;Lyon;", "1", "0,5")
    made = statements(tmp_path, header, row, identifier="matricule")
    assert made[0]["actor"]["account"]["name"] == "42"


def test_the_apostrophe_that_guards_against_formulas_is_no_part_of_a_cell(tmp_path: Path) -> None:
    made = statements(tmp_path, HEADER.format("Matricule;", "x", "x"), ROW.format("'=42;", "1", "0,5"))
    assert made[0]["actor"]["account"]["name"] == "=42"


def test_a_participant_without_identifier_is_one_within_a_campaign_and_another_elsewhere(tmp_path: Path) -> None:
    here = ROW.format("", "1", "0,5")
    made = statements(tmp_path, HEADER.format("", "x", "x"), here, here.replace("O;7;", "O;8;"))
    assert len({one["actor"]["account"]["name"] for one in made}) == 2
