"""The commands that start and stop, for real: up, kill, up again, down, and what is left; each its own instance."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from jalon.runtime.instance import Instance
from jalon.runtime.supervisor import Supervisor, command_line
from jalon.settings import Settings, variable
from tests.stack import PROCESSES, find_processes
from tests.waiting import eventually

pytestmark = pytest.mark.integration


def call_jalon(settings: Settings, *arguments: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would: everything it knows is in its environment."""
    return subprocess.run(
        [*command_line()[:-1], "jalon", *arguments],
        env=to_environment(settings),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        cwd=settings.data_dir.parent,
    )


def to_environment(settings: Settings) -> dict[str, str]:
    names = ("data_dir", *settings.ports())
    return {"PATH": os.environ["PATH"], "HOME": str(settings.data_dir.parent)} | {
        variable(name): str(getattr(settings, name)) for name in names
    }


def read_status(settings: Settings) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(call_jalon(settings, "status", "--json").stdout)
    return document


def open_lrs(credential: dict[str, str]) -> httpx.Client:
    return httpx.Client(
        base_url=credential["endpoint"],
        auth=(credential["key"], credential["secret"]),
        headers={"X-Experience-API-Version": "1.0.3"},
        timeout=30,
        trust_env=False,
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.for_directory(tmp_path / "données d'essai")


@pytest.fixture
def clean_up(settings: Settings) -> Iterator[None]:
    """End what a failed test may have left running."""
    yield
    Instance(settings).stop()


@pytest.mark.fault
@pytest.mark.usefixtures("clean_up")
def test_up_again_finds_its_data_after_its_supervisor_was_killed_and_after_down(settings: Settings) -> None:
    started = call_jalon(settings, "up", "--detach")
    assert started.returncode == 0, started.stderr
    assert f"127.0.0.1:{settings.lrs_port}/xAPI/" in started.stdout

    status = read_status(settings)
    assert status["ready"] is True
    assert [process["name"] for process in status["processes"]] == PROCESSES

    assert call_jalon(settings, "tenant", "add", "institut").returncode == 0
    credential = json.loads(call_jalon(settings, "credential", "add", "institut", "--json").stdout)
    statement = {
        "id": str(uuid.uuid4()),
        "actor": {"mbox": "mailto:learner@example.org"},
        "verb": {"id": "http://activitystrea.ms/join"},
        "object": {"id": "https://example.org/room"},
    }
    with open_lrs(credential) as http:
        assert http.post("statements", json=statement).status_code == 200
    again = call_jalon(settings, "up", "--detach")
    assert again.returncode == 1
    assert "jalon status" in again.stderr

    os.kill(Supervisor(settings).read_pid(), signal.SIGKILL)
    eventually(lambda: not find_processes(settings), seconds=60)
    assert call_jalon(settings, "up", "--detach").returncode == 0
    check_stored(credential, statement)
    shown = call_jalon(settings, "migrate", "--status")
    assert "tenant_institut" in shown.stdout
    assert "pending" not in shown.stdout

    stopped = call_jalon(settings, "down")
    assert stopped.returncode == 0, stopped.stderr
    assert find_processes(settings) == []
    assert call_jalon(settings, "status").returncode == 1
    assert "Nothing runs" in call_jalon(settings, "down").stderr

    assert call_jalon(settings, "up", "--detach").returncode == 0
    check_stored(credential, statement)
    assert call_jalon(settings, "down").returncode == 0


def check_stored(credential: dict[str, str], statement: dict[str, Any]) -> None:
    with open_lrs(credential) as http:
        found = http.get("statements", params={"statementId": statement["id"]})
        assert found.status_code == 200, found.text
        assert found.json()["verb"] == statement["verb"]


@pytest.mark.fault
@pytest.mark.usefixtures("clean_up")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_ending_up_in_the_foreground_ends_everything(settings: Settings, ending: signal.Signals) -> None:
    up = subprocess.Popen(
        [*command_line()[:-1], "jalon", "up"],
        env=to_environment(settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        # Ended in the middle of starting: nothing half-started may stay behind.
        eventually(lambda: len(find_processes(settings)) >= len(PROCESSES), seconds=60)
        up.send_signal(ending)
        assert up.wait(timeout=90) == {signal.SIGKILL: -signal.SIGKILL}.get(ending, 0)
        eventually(lambda: not find_processes(settings), seconds=60)
    finally:
        up.kill()
        up.wait()


@pytest.mark.parametrize(
    "name", ["kafka_port", "kafka_controller_port", "clickhouse_port", "lrs_port", "boards_port", "webhooks_port"]
)
def test_port_in_use_is_one_sentence_and_nothing_is_started(settings: Settings, name: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", getattr(settings, name)))
        taken.listen()
        done = call_jalon(settings, "up", "--detach")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(getattr(settings, name)) in done.stderr
    assert variable(name) in done.stderr
    assert f"process {os.getpid()}" in done.stderr
    assert find_processes(settings) == []
