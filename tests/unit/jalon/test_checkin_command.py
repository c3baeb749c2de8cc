"""`jalon checkin`: what an operator sees and does with rooms' tablets and learners' codes."""

from __future__ import annotations

import csv
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from identity.codes import find_code
from identity.tablets import Tablets, TabletSession
from identity.tenants import add_tenant
from jalon.installation import Installation
from jalon.settings import Settings

COMMAND = "checkin"

LIST = "Nom;Prénom;Adresse électronique\nVaïsse;Zoé;Zoe@example.org\nKerléo;Loïc;loic@example.org\n;;\nSans;Adresse;\n"


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "300")
    installation = Installation.of(Settings.load())
    add_tenant(installation.engine, installation.master, "institut", "Institut")
    return installation


@pytest.fixture
def learners(tmp_path: Path) -> str:
    path = tmp_path / "liste.csv"
    path.write_bytes(LIST.encode("cp1252"))
    return str(path)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_a_tablet_is_paired_listed_and_removed(installation: Installation, run: Any) -> None:
    code, out, _ = run(
        "add", "institut", "--room", "Salle 12", "--session", "S1", "--session", "S2=Conduire", "--email", "--json"
    )
    address = json.loads(out)["address"]
    assert (code, address.rpartition("/")[0]) == (0, "http://127.0.0.1:8082/rooms")
    found = Tablets(installation.engine, installation.master).find(address.rpartition("/")[2])
    assert found is not None
    assert found.sessions == (TabletSession("S1"), TabletSession("S2", "Conduire"))
    _, listed, _ = run("list", "institut")
    assert "Salle 12" in listed
    assert address.rpartition("/")[2] not in listed
    assert run("remove", "institut", "--room", "Salle 12")[0] == 0
    assert json.loads(run("list", "institut", "--json")[1]) == []
    assert run("remove", "institut", "--room", "Salle 12")[0] == 2


def test_everybody_with_an_address_gets_a_code_that_is_good_that_day(
    installation: Installation, run: Any, learners: str
) -> None:
    # A day further than tomorrow, which has begun in Paris when it is late in UTC.
    later = datetime.now(UTC) + timedelta(days=2)
    code, out, err = run("codes", "institut", "S1", learners, "--day", f"{later:%Y-%m-%d}")
    assert code == 0
    rows = read(out)
    assert [(row["email"], row["name"]) for row in rows] == [
        ("zoe@example.org", "Zoé Vaïsse"),
        ("loic@example.org", "Loïc Kerléo"),
    ]
    assert "line 5: there is no e-mail address" in err
    assert "Sans" not in err
    digits = rows[0]["code"].replace(" ", "")
    moment = later.replace(hour=12)
    found = find_code(installation.engine, installation.master, "institut", digits, now=moment)
    assert found is not None
    assert found.session == "S1"
    assert find_code(installation.engine, installation.master, "institut", digits, now=datetime.now(UTC)) is None


def test_again_gives_codes_to_who_has_none_and_keeps_the_file_private(
    installation: Installation, run: Any, learners: str, tmp_path: Path
) -> None:
    assert installation.settings
    first = tmp_path / "one.csv"
    first.write_text("zoe@example.org\n", encoding="utf-8")
    assert len(read(run("codes", "institut", "S1", str(first))[1])) == 1
    codes = tmp_path / "codes.csv"
    _, out, err = run("codes", "institut", "S1", learners, "--out", str(codes))
    assert out == ""
    assert [row["email"] for row in read(codes.read_text(encoding="utf-8"))] == ["loic@example.org"]
    assert "1 had a code already" in err
    assert stat.S_IMODE(codes.stat().st_mode) == 0o600
    assert len(read(run("codes", "institut", "S1", learners, "--anew")[1])) == 2


@pytest.mark.usefixtures("installation")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("add", "institut", "--room", "A", "--email"), "does not tell the session"),
        (("add", "nobody", "--room", "A"), "There is no tenant"),
        (("codes", "nobody", "S1", "LIST"), "There is no tenant"),
        (("codes", "institut", "S1", "LIST", "--day", "tomorrow"), "tomorrow is no day"),
        (("codes", "institut", "S1", "LIST", "--day", "2020-01-01"), "their last day is over"),
        (("codes", "institut", "S1", "/nowhere.csv"), "/nowhere.csv cannot be read"),
        (("codes", "institut", "S1", "/dev/null"), "lists nobody"),
    ],
)
def test_what_cannot_be_done_is_told(run: Any, arguments: tuple[str, ...], sentence: str, learners: str) -> None:
    code, out, err = run(*(learners if one == "LIST" else one for one in arguments))
    assert code in {1, 2}
    assert out == ""
    assert sentence in err
