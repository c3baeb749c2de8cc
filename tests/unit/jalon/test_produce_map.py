"""`jalon produce map` from the command line, and the dry run that every source has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jalon.cli import main

EXAMPLES = Path(__file__).parents[2] / "contract" / "producers" / "examples"
SHEET = str(EXAMPLES / "mapping" / "sign-in-sheet.csv")


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A tenant, and an LRS at which nothing listens."""
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("producers.sinks._ATTEMPTS", 1)
    path = tmp_path / "credential.json"
    path.write_text(json.dumps({"endpoint": "http://127.0.0.1:9/xAPI/", "key": "k", "secret": "s"}))
    return ["--tenant", "institut", "--lrs", str(path)]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, list[str], str]:
    with pytest.raises(SystemExit) as ended:
        main(["produce", *arguments])
    printed = capsys.readouterr()
    return ended.value.code, printed.out.splitlines(), printed.err


def test_a_dry_run_prints_the_first_statements_and_leaves_nothing_behind(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "map", "sign-in-sheet", SHEET, "--dry-run", *options)
    assert code == 0, err
    verbs = [json.loads(line)["verb"]["id"].rsplit("/", 1)[1] for line in out]
    assert verbs == ["checkin", "attended", "checkin"]
    assert not (tmp_path / "data" / "producers").exists()


def test_a_dry_run_prints_as_many_as_wanted_and_what_was_rejected_before_them(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "map", "sign-in-sheet", SHEET, "--dry-run", "--first", "100", *options)
    assert (code, len(out)) == (0, 6)
    assert "sign-in-sheet.csv:5 rejected: The e-mail address is malformed." in " ".join(err.split())
    assert "loic" not in err


@pytest.mark.parametrize(
    "source",
    [
        ["gaia", str(EXAMPLES / "gaia")],
        ["pix", str(EXAMPLES / "pix" / "assessment.csv"), "--identifier", "Adresse professionnelle"],
        [
            "sphinx",
            str(EXAMPLES / "sphinx" / "satisfaction.csv"),
            "--survey",
            "E12",
            "--rating",
            "Satisfaction globale",
        ],
    ],
    ids=lambda source: source[0],
)
def test_every_source_has_a_dry_run(options: list[str], capsys: pytest.CaptureFixture[str], source: list[str]) -> None:
    code, out, err = run(capsys, *source, "--dry-run", *options)
    assert (code, len(out)) == (0, 3), err


def test_without_dry_run_the_statements_are_sent(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "map", "sign-in-sheet", SHEET, *options)
    assert code == 1
    assert "cannot be reached" in err


@pytest.mark.parametrize(
    ("mapping", "file", "sentence"),
    [
        ("paie", SHEET, "neither a mapping file"),
        ("absent.toml", SHEET, "absent.toml cannot be read"),
        ("payroll", SHEET, "sign-in-sheet.csv has no column"),
        ("payroll", "absent.csv", "absent.csv cannot be read"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(
    options: list[str], capsys: pytest.CaptureFixture[str], mapping: str, file: str, sentence: str
) -> None:
    for dry in ([], ["--dry-run"]):
        code, out, err = run(capsys, "map", mapping, file, *dry, *options)
        assert (code, out) == (2, [])
        assert sentence in " ".join(err.split())
        assert "Traceback" not in err


def test_a_mistake_in_a_mapping_is_told_with_its_line(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "m.toml"
    path.write_text('name = "m"\nkeys = ["A"]\n', "utf-8")
    code, _, err = run(capsys, "map", str(path), SHEET, *options)
    assert code == 2
    assert "line 2: 'keys' is no key of a mapping (did you mean 'key'?)" in " ".join(err.split())
