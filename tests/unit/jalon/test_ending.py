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
    for command in ("up", "down", "status", "tenant", "credential", "account", "import", "demo", "produce", "version"):
        assert f" {command} " in shown
    assert " run " not in shown


def test_a_command_loads_what_it_needs_and_no_other_command() -> None:
    heavy = "set(sys.modules) & {'sqlalchemy', 'kafka', 'clickhouse_connect', 'pydantic', 'cryptography'}"
    shown = subprocess.run(
        [sys.executable, "-c", f"import jalon.cli, sys; print({heavy})"], capture_output=True, text=True, check=True
    )
    assert shown.stdout == "set()\n"


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
    ("ci", "contents", "status", "processes"),
    [
        ("true", [TESTS, SKIPPED_FOR_DOCKER], 0, "0"),
        ("true", [TESTS, SKIPPED], 1, "0"),
        ("true", [TESTS, SKIPPED_MODULE], 1, "2"),
        ("", [SKIPPED, SKIPPED_MODULE], 0, "0"),
    ],
)
def test_skip_fails_a_run_in_ci_unless_it_needs_docker(
    tmp_path: Path, ci: str, contents: list[str], status: int, processes: str
) -> None:
    for number, content in enumerate(contents):
        (tmp_path / f"test_{number}.py").write_text(content)
    # Of the plugins only what is needed: loading each takes as long as these tests.
    plugins = [
        "-p",
        "pytest_asyncio.plugin",
        "-p",
        "tests.skipped_in_ci",
        *(["-p", "xdist", "-n", processes] if processes != "0" else []),
    ]
    options = ["-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), *plugins]
    environment = {name: value for name, value in os.environ.items() if "XDIST" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=ROOT,
        env=environment | {"CI": ci, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert ("fails the run" in done.stdout) is bool(status)
