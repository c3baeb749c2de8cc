"""Commands of sources, from their options to the first statements."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jalon.cli import main

DAYS = ("--first-day", "2026-02-01", "--last-day", "2026-01-01")
EXAMPLES = Path(__file__).parents[2] / "contract" / "producers" / "examples"


@pytest.fixture(autouse=True)
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential of an LRS that a dry run never asks, and no secret in the environment."""
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path / "data"))
    for name in ("MATOMO_TOKEN", "GRR_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "credential.json"
    path.write_text(json.dumps({"endpoint": "http://127.0.0.1:9/xAPI/", "key": "k", "secret": "s"}))
    return path


def run(capsys: pytest.CaptureFixture[str], credential: Path, *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["produce", *arguments, "--tenant", "institut", "--lrs", str(credential)])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


@pytest.mark.parametrize(
    ("arguments", "verb"),
    [
        (["teams", str(EXAMPLES / "teams" / "activities.csv")], "join"),
        (["teams", str(EXAMPLES / "teams" / "graph.json"), "--session", "S1", "--organiser"], "join"),
        (["grr", str(EXAMPLES / "grr" / "monday.csv"), "--session-pattern", r"\[(\w+)\]"], "schedule"),
        (["icalendar", str(EXAMPLES / "icalendar" / "monday.ics"), "--days-before", "3650"], "schedule"),
    ],
)
def test_a_source_s_example_becomes_statements(
    capsys: pytest.CaptureFixture[str], credential: Path, arguments: list[str], verb: str
) -> None:
    code, out, err = run(capsys, credential, *arguments, "--dry-run", "--first", "1")
    assert code == 0, err
    assert json.loads(out)["verb"]["id"].endswith(f"/{verb}")


def test_visits_that_are_over_become_statements(
    capsys: pytest.CaptureFixture[str], credential: Path, tmp_path: Path
) -> None:
    action = {"type": "action", "url": "https://www.example.org/a?b=1", "timestamp": 1_600_000_000, "pageId": 1}
    visit = {"idSite": 1, "idVisit": 1, "userId": "ada@example.org", "serverTimestamp": 1_600_000_000}
    (tmp_path / "visits.json").write_text(json.dumps([{**visit, "actionDetails": [action]}]))
    file = str(tmp_path / "visits.json")
    _, out, err = run(capsys, credential, "matomo", file, "--identified", "--keep-query", "--dry-run")
    statement = json.loads(out)
    assert statement["actor"]["mbox"] == "mailto:ada@example.org", err
    assert statement["object"]["id"] == "https://www.example.org/a?b=1"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["teams", "absent.csv"], "cannot be read"),
        (["teams", str(EXAMPLES / "teams" / "older.csv")], "--session"),
        (["teams", str(EXAMPLES / "teams" / "older.csv"), "--title-pattern", "("], "no regular expression"),
        (["matomo", "absent.json"], "cannot be read"),
        (["matomo", "https://stats.example.org"], "MATOMO_TOKEN"),
        (["matomo", "https://stats.example.org", "--token", "@absent"], "--token @absent"),
        (["matomo", "https://x.org", "--token", "t", *DAYS], "--first-day is after"),
        (["matomo", "https://stats:port", "--token", "t"], "no URL"),
        (["grr"], "GRR_DATABASE"),
        (["grr", "--database", "nonsense"], "no SQLAlchemy URL"),
        (["icalendar", "absent.ics"], "cannot be read"),
        (["icalendar", "https://x:port/secret.ics"], "no URL"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], credential: Path, arguments: list[str], sentence: str
) -> None:
    code, out, err = run(capsys, credential, *arguments)
    assert (code, out) == (2, "")
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err
