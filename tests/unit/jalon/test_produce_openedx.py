from __future__ import annotations

import json
from pathlib import Path

import pytest

from jalon.cli import main

EXAMPLES = Path(__file__).parents[2] / "contract" / "producers" / "examples" / "openedx"


@pytest.fixture
def common(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Options of a run that sends to an LRS at which nothing listens."""
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "credential.json"
    path.write_text(json.dumps({"endpoint": "http://127.0.0.1:9/xAPI/", "key": "k", "secret": "very-secret"}))
    return ["--tenant", "institut", "--lrs", str(path)]


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["produce", "openedx", *arguments])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_logs_are_read_by_the_options(common: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    pattern = r"course-v1:[^+]+\+(?P<module>[^+]+)\+(?P<session>[^+]+)"
    options = ["--learners", str(EXAMPLES / "users.csv"), "--course-pattern", pattern, "--dry-run", "--first", "1"]
    code, out, err = run(capsys, str(EXAMPLES / "tracking.log"), *options, *common)
    assert code == 0, err
    statement = json.loads(out)
    assert statement["actor"]["mbox"] == "mailto:helene.lefebvre@academie.example.org"
    assert statement["object"]["id"].endswith("/sessions/2026")
    assert statement["context"]["contextActivities"]["grouping"][0]["id"].endswith("/modules/PERDIR")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["absent.log"], "cannot be read"),
        ([str(EXAMPLES / "tracking.log"), "--course-pattern", "("], "--course-pattern"),
        ([str(EXAMPLES / "tracking.log"), "--learners", str(EXAMPLES / "tracking.log")], "id and email"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(
    common: list[str], capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    code, out, err = run(capsys, *arguments, *common)
    assert (code, out) == (2, "")
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
