"""What tests of commands have in common: an installation with a tenant, and a command to run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from identity.tenants import add_tenant
from jalon.cli import main
from jalon.installation import Installation
from jalon.settings import Settings


@pytest.fixture
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setenv("JALON_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "300")
    installation = Installation.of(Settings.load())
    add_tenant(installation.engine, installation.master, "institut", "Institut")
    return installation


@pytest.fixture
def run(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the module's COMMAND with arguments; gives its status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([request.module.COMMAND, *arguments])
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run
