from __future__ import annotations

import json
from pathlib import Path

import pytest

from jalon.cli import main
from tests.unit.producers.moodles import SITE, SmallMoodle


@pytest.fixture
def common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a run that sends to an LRS at which nothing listens."""
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "credential.json"
    path.write_text(json.dumps({"endpoint": "http://127.0.0.1:9/xAPI/", "key": "k", "secret": "very-secret"}))
    return ["--tenant", "institut", "--lrs", str(path)]


@pytest.fixture
def moodle(tmp_path: Path) -> SmallMoodle:
    return SmallMoodle(tmp_path / "moodle.sqlite")


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["produce", *arguments])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_a_moodle_is_read_by_its_options(
    moodle: SmallMoodle, common: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--site", f"{SITE}/", "--platform", "magistere", "--org-unit", "codaca", "--since", "2026-11-24"]
    code, out, err = run(capsys, "moodle", "--database", moodle.url, *options, *common, "--dry-run", "--first", "4")
    assert code == 0, err
    last = json.loads(out.splitlines()[-1])
    assert last["object"]["id"] == f"{SITE}/course/view.php?id=20"
    assert last["context"]["platform"] == "magistere"
    assert "14" in last["context"]["extensions"].values()


def test_the_address_of_the_database_may_come_from_the_environment(
    moodle: SmallMoodle, common: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOODLE_DATABASE", moodle.url)
    options = ["--modality", "remote", "--status", "Z=absent", "--timezone", "Europe/Paris"]
    code, out, err = run(capsys, "moodle-attendance", *options, *common, "--dry-run", "--first", "1")
    assert code == 0, err
    assert json.loads(out)["result"] == {"duration": "PT4H"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["moodle", "--prefix", "mg_"], "no table mg_logstore_standard_log"),
        (["moodle", "--course-pattern", "S.*"], "--course-pattern"),
        (["moodle", "--platform", "../x"], "source"),
        (["moodle-attendance", "--modality", "hybrid"], "hybrid is for sessions"),
        (["moodle-attendance", "--status", "D"], "is not ACRONYM=MEANING"),
        (["moodle", "--database", "postgresql+psycopg://u:s3cret@127.0.0.1:9/m?connect_timeout=2"], "cannot be read"),
    ],
)
def test_wrong_options_are_told_in_a_sentence(
    moodle: SmallMoodle,
    common: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    sentence: str,
) -> None:
    monkeypatch.setenv("MOODLE_DATABASE", moodle.url)
    code, out, err = run(capsys, *arguments, *common)
    assert code in (1, 2)
    assert out == ""
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
    assert "s3cret" not in err
