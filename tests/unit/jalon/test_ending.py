"""How commands end, how processes log, and that CI skips nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from identity.errors import UnknownTenant
from jalon.commands.ending import run_and_exit
from jalon.errors import JalonError, WrongInput
from jalon.logs import EventFormatter
from xapi_profiles.errors import MalformedJson

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (JalonError("Do this."), 1),
        (WrongInput("Do this."), 2),
        (UnknownTenant("t"), 1),
        (MalformedJson("no", line=1, column=1, offset=0), 1),
    ],
)
def test_expected_failure_is_one_sentence_and_a_status(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        run_and_exit(app, [], name="jalon")
    assert caught.value.code == status
    assert capsys.readouterr().err == f"jalon: {error}\n"


def test_bug_shows_itself() -> None:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        run_and_exit(app, [], name="jalon")


def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "jalon", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "COLUMNS": "200"} | environment,
    )


def test_wrong_setting_ends_any_command_with_status_2(tmp_path: Path) -> None:
    done = call("status", JALON_LRS_PORT="x", JALON_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("jalon: JALON_LRS_PORT: ")
    assert done.stderr.count("\n") == 1


def test_looking_at_nothing_leaves_nothing(tmp_path: Path) -> None:
    for command in ("status", "down"):
        done = call(command, JALON_DATA_DIR=str(tmp_path / "data"))
        assert done.returncode == 1
        assert "Nothing runs in" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_names_the_commands_and_hides_what_is_not_for_people() -> None:
    shown = call("--help").stdout
    for command in ("up", "down", "status", "tenant", "credential", "viewer", "import", "demo", "produce", "version"):
        assert f" {command} " in shown
    assert " run " not in shown


def test_log_line_is_an_event_and_its_fields() -> None:
    record = logging.makeLogRecord(
        {"name": "lrs.log", "levelno": 30, "levelname": "WARNING", "msg": "log-lost", "created": 0.5, "partition": 3}
    )
    record.reason = 'it said "no"'
    line = EventFormatter().format(record)
    assert line == r'1970-01-01T00:00:00.500000Z warning lrs.log log-lost partition=3 reason="it said \"no\""'


TESTS = """
import pytest

def test_passes(): pass

@pytest.mark.xfail
def test_is_known_to_fail(): assert 0
"""
SKIPPED = (
    TESTS
    + """
@pytest.mark.skip(reason="a laptop lacks it")
def test_skipped(): pass
"""
)
SKIPPED_FOR_DOCKER = SKIPPED.replace("@pytest.mark.skip(", "@pytest.mark.docker\n@pytest.mark.skip(")
SKIPPED_MODULE = "import pytest\npytest.skip('all of it', allow_module_level=True)\n"


@pytest.mark.parametrize(
    ("ci", "content", "status", "processes"),
    [
        ("true", TESTS, 0, "0"),
        ("true", SKIPPED, 1, "0"),
        ("", SKIPPED, 0, "0"),
        ("true", SKIPPED_FOR_DOCKER, 0, "0"),
        ("true", SKIPPED_MODULE, 1, "2"),
        ("", SKIPPED_MODULE, 0, "0"),
    ],
)
def test_skip_fails_a_run_in_ci_unless_it_needs_docker(
    tmp_path: Path, ci: str, content: str, status: int, processes: str
) -> None:
    (tmp_path / "test_some.py").write_text("def test_one(): pass\n")
    (tmp_path / "test_other.py").write_text(content)
    options = [
        "-q",
        "-n",
        processes,
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "-c",
        str(ROOT / "pyproject.toml"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if "XDIST" not in name} | {"CI": ci},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert ("fails the run" in done.stdout) is bool(status)
