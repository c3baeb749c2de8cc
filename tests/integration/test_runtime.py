"""The embedded runtime, for real: start, look, kill, restart, stop, and what is left."""

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
import psutil
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from jalon.errors import AlreadyRunning, StartFailed
from jalon.runtime.instance import Instance
from jalon.runtime.supervisor import command_line
from jalon.runtime.topics import ensure_topic, open_admin, topic_configuration
from jalon.settings import Settings, variable
from tests.stack import Stack, TenantAccess
from tests.waiting import eventually

pytestmark = pytest.mark.integration

PROCESSES = ["boards", "clickhouse", "kafka", "lrs", "worker-1"]


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


def find_processes(settings: Settings) -> list[psutil.Process]:
    """Every process that belongs to a data directory, however it got there."""
    mark, found = str(settings.data_dir), []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(mark in part for part in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


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


def read_topic_configuration(settings: Settings) -> dict[str, str]:
    admin = open_admin(settings)
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, settings.topic)
        found = admin.describe_configs([asked], config_filter="all")
    finally:
        admin.close()
    values = found["topic"][settings.topic]
    return {name: values[name]["value"] for name in topic_configuration(settings)}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.for_directory(tmp_path / "données d'essai")


@pytest.fixture
def clean_up(settings: Settings) -> Iterator[None]:
    """End what a failed test may have left running."""
    yield
    Instance(settings).stop()


def test_status_names_every_process_with_its_memory_and_finds_all_ready(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    status = {process.name: process for process in stack.instance.read_status()}
    expected = PROCESSES if stack.settings.runtime == "embedded" else ["boards", "lrs", "worker-1"]
    assert sorted(status) == expected
    assert {process.problem for process in status.values()} == {""}
    assert all(process.memory_mib > 10 and process.state == "running" for process in status.values())


def test_command_line_of_no_process_holds_a_secret(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    secrets = [
        stack.settings.clickhouse_password.get_secret_value(),
        stack.settings.boards_secret.get_secret_value(),
        stack.settings.master_key_path.read_text().strip(),
    ]
    processes = find_processes(stack.settings)
    assert len(processes) >= 4
    for process in processes:
        assert not any(secret in " ".join(process.cmdline()) for secret in secrets)
    for path in stack.settings.data_dir.rglob("*.log"):
        assert not any(secret in path.read_text(errors="replace") for secret in secrets), path


def test_secrets_are_readable_by_their_owner_only(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    directory = stack.settings.data_dir
    assert directory.stat().st_mode & 0o077 == 0
    for name in ("passwords.json", "master.key", "identity.sqlite3", "run/settings.json", "run/supervisord.conf"):
        assert (directory / name).stat().st_mode & 0o077 == 0, name


def test_second_start_in_the_same_directory_is_refused(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    with pytest.raises(AlreadyRunning, match="jalon down"):
        Instance(stack.settings).start(with_parent=True)
    assert not any(process.problem for process in stack.instance.read_status())


def test_tenant_is_sealed_into_its_own_database(tenant: TenantAccess) -> None:
    visible = {row[0] for row in tenant.reader.query("SHOW DATABASES").result_rows}
    assert {name for name in visible if name.startswith(("tenant_", "jalon"))} == {
        f"tenant_{tenant.id.replace('-', '_')}"
    }


def test_topic_is_kept_as_the_settings_say(stack: Stack) -> None:
    settings = stack.settings
    changed = settings.model_copy(update={"topic_retention_hours": settings.topic_retention_hours + 1})
    ensure_topic(changed)
    assert read_topic_configuration(settings) == topic_configuration(changed)
    ensure_topic(settings)
    assert read_topic_configuration(settings) == topic_configuration(settings)
    with pytest.raises(StartFailed, match=f"JALON_KAFKA_PARTITIONS={settings.kafka_partitions}"):
        ensure_topic(settings.model_copy(update={"kafka_partitions": settings.kafka_partitions + 1}))


@pytest.mark.fault
@pytest.mark.usefixtures("clean_up")
def test_up_status_down_and_up_again_finds_its_data(settings: Settings) -> None:
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

    stopped = call_jalon(settings, "down")
    assert stopped.returncode == 0, stopped.stderr
    assert find_processes(settings) == []
    assert call_jalon(settings, "status").returncode == 1
    assert "Nothing runs" in call_jalon(settings, "down").stderr

    assert call_jalon(settings, "up", "--detach").returncode == 0
    with open_lrs(credential) as http:
        found = http.get("statements", params={"statementId": statement["id"]})
        assert found.status_code == 200, found.text
        assert found.json()["verb"] == statement["verb"]
    shown = call_jalon(settings, "migrate", "--status")
    assert "tenant_institut" in shown.stdout
    assert "pending" not in shown.stdout
    assert call_jalon(settings, "down").returncode == 0


@pytest.mark.fault
@pytest.mark.usefixtures("clean_up")
def test_every_killed_process_comes_back(settings: Settings) -> None:
    instance = Instance(settings)
    instance.start(with_parent=True)
    before = {process.name: process.pid for process in instance.list_processes()}
    for pid in before.values():
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def all_ready() -> bool:
        status = instance.read_status()
        assert [process.problem for process in status if process.problem] == []
        return all(process.pid != before[process.name] for process in status)

    eventually(all_ready, seconds=180)
    instance.stop()
    assert find_processes(settings) == []


@pytest.mark.fault
@pytest.mark.usefixtures("clean_up")
def test_killing_the_supervisor_ends_everything_and_the_next_start_works(settings: Settings) -> None:
    instance = Instance(settings)
    instance.start(with_parent=True)
    assert instance.process is not None
    instance.process.kill()
    instance.process.wait()
    eventually(lambda: not find_processes(settings), seconds=60)

    following = Instance(settings)
    following.start(with_parent=True)
    assert not any(process.problem for process in following.read_status())
    following.stop()
    assert find_processes(settings) == []


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


@pytest.mark.parametrize("name", ["kafka_port", "kafka_controller_port", "clickhouse_port", "lrs_port", "boards_port"])
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
