from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from jalon.cli import main

EXAMPLES = Path(__file__).parents[2] / "contract" / "producers" / "examples"


@pytest.fixture
def credential(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential of an LRS at which nothing listens."""
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path / "data"))
    path = tmp_path / "credential.json"
    path.write_text(json.dumps({"endpoint": "http://127.0.0.1:9/xAPI/", "key": "k", "secret": "very-secret"}))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["produce", *arguments])
    printed = capsys.readouterr()
    return ended.value.code, printed.out, printed.err


def test_rows_that_say_nothing_new_need_no_lrs(
    credential: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"data": {"id": "meeting-created"}}\nnot json\n')
    code, out, err = run(capsys, "bigbluebutton", str(log), "--tenant", "institut", "--lrs", str(credential))
    assert code == 0, err
    report = json.loads(out)
    assert report.pop("seconds") >= 0
    assert report == {"read": 2, "ignored": 1, "rejected": 1, "sent": 0, "skipped": 0}
    assert "1 rejected: The line is not JSON." in err
    rejected = tmp_path / "data" / "producers" / "institut" / "bigbluebutton-rejected.jsonl"
    assert json.loads(rejected.read_text())["row"] == "not json"
    assert stat.S_IMODE(rejected.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gaia", "absent"], "is not a folder"),
        (["gaia", str(EXAMPLES / "gaia"), "--place-type", "VISIO=elsewhere"], "is not TYPE=MODALITY"),
        (["gaia", str(EXAMPLES / "gaia"), "--timezone", "Mars/Olympus"], "is no IANA time zone"),
        (["zoom", str(EXAMPLES / "zoom" / "older.csv")], "--session"),
        (["bigbluebutton", "absent.jsonl"], "cannot be read"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(
    credential: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    code, out, err = run(capsys, *arguments, "--tenant", "institut", "--lrs", str(credential))
    assert (code, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def test_a_file_that_is_no_credential_is_told(credential: Path, capsys: pytest.CaptureFixture[str]) -> None:
    credential.write_text("{}")
    code, _, err = run(capsys, "gaia", str(EXAMPLES / "gaia"), "--tenant", "institut", "--lrs", str(credential))
    assert code == 2
    assert "jalon credential add --json" in err


def test_a_tenant_that_is_no_identifier_is_refused(
    credential: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = run(capsys, "gaia", str(EXAMPLES / "gaia"), "--tenant", "../x", "--lrs", str(credential))
    assert code == 1
    assert "tenant" in err
    assert not (tmp_path / "data" / "x").exists()


def test_an_lrs_out_of_reach_fails_without_showing_the_secret(
    credential: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("producers.sinks._ATTEMPTS", 1)
    code, _, err = run(capsys, "gaia", str(EXAMPLES / "gaia"), "--tenant", "institut", "--lrs", str(credential))
    assert code == 1
    assert "cannot be reached" in err
    assert "very-secret" not in err


def test_every_source_has_the_common_options(capsys: pytest.CaptureFixture[str]) -> None:
    for source in ("gaia", "bigbluebutton", "zoom"):
        code, out, _ = run(capsys, source, "--help")
        assert code == 0
        for option in ("--tenant", "--home", "--timezone", "--lrs", "--checkpoints", "--rejected", "--again"):
            assert option in out
