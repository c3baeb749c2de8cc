"""supervisord's configuration, and what is read of it."""

from __future__ import annotations

import shlex
import socket
import sys
from configparser import RawConfigParser
from pathlib import Path

import pytest
from supervisor.options import ServerOptions

from jalon.errors import NotRunning
from jalon.runtime.supervisor import Supervisor, build_config, choose_socket, list_programs
from jalon.settings import Settings


def test_embedded_runtime_runs_everything_and_external_only_our_own(tmp_path: Path) -> None:
    embedded = Settings.for_directory(tmp_path, workers=2)
    external = Settings.for_directory(tmp_path, runtime="external", kafka_bootstrap="kafka:9092")
    assert [program.name for program in list_programs(embedded)] == [
        "kafka", "clickhouse", "worker-1", "worker-2", "lrs", "boards", "webhooks", "scheduler",
    ]  # fmt: skip
    assert [program.name for program in list_programs(external)] == [
        "worker-1",
        "lrs",
        "boards",
        "webhooks",
        "scheduler",
    ]


def test_what_others_depend_on_stops_last(tmp_path: Path) -> None:
    priorities = {program.name: program.priority for program in list_programs(Settings.for_directory(tmp_path))}
    assert priorities["kafka"] == priorities["clickhouse"] < priorities["worker-1"] < priorities["lrs"]


def test_supervisord_reads_any_path_back(tmp_path: Path) -> None:
    directory = tmp_path / 'd\'été & "tout" $HOME'
    settings = Settings.for_directory(directory)
    settings.logs.mkdir(parents=True)
    settings.run.mkdir()
    path = settings.run / "supervisord.conf"
    path.write_text(build_config(settings, settings.run / "s.sock", list_programs(settings)), encoding="utf-8")
    options = ServerOptions()
    options.realize(["-c", str(path)], doc="")
    groups = {group.name: group.process_configs[0] for group in options.process_group_configs}
    assert set(groups) == {"kafka", "clickhouse", "worker-1", "lrs", "boards", "webhooks", "scheduler"}
    command = shlex.split(groups["worker-1"].command)
    assert command[:4] == [sys.executable, "-P", "-m", "jalon.commands.run"]
    assert command[4:] == ["worker", "--number", "1", "--settings", str(settings.run / "settings.json")]
    assert groups["kafka"].stdout_logfile == str(settings.logs / "kafka.out.log")
    assert groups["kafka"].directory == str(directory)
    assert groups["kafka"].autorestart is not False
    assert options.pidfile == str(settings.run / "supervisord.pid")


def test_configuration_holds_no_secret(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path, clickhouse_password="s3cret", boards_secret="s3cret")
    assert "s3cret" not in build_config(settings, tmp_path / "s.sock", list_programs(settings))


def test_every_command_of_the_configuration_is_bounded_by_rotation(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path, log_mib=7)
    parser = RawConfigParser()
    parser.read_string(build_config(settings, tmp_path / "s.sock", list_programs(settings)))
    programs = [parser[name] for name in parser.sections() if name.startswith("program:")]
    assert {section["stdout_logfile_maxbytes"] for section in programs} == {"7MB"}
    assert {section["redirect_stderr"] for section in programs} == {"true"}


@pytest.mark.parametrize("length", [10, 60, 200])
def test_control_socket_can_always_be_bound(tmp_path: Path, length: int) -> None:
    run = tmp_path / ("x" * length) / "run"
    run.mkdir(parents=True)
    path = choose_socket(run)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # supervisord binds it under a longer name first.
    trial = f"{path}.{2**22}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(trial)
    Path(trial).unlink()
    if path.parent != run:
        path.parent.rmdir()


def test_socket_of_a_deep_directory_is_its_own(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 200)
    assert choose_socket(deep / "a") != choose_socket(deep / "b")


def test_nothing_runs_where_nothing_was_started(tmp_path: Path) -> None:
    supervisor = Supervisor(Settings.for_directory(tmp_path))
    assert not supervisor.is_running()
    with pytest.raises(NotRunning, match="jalon up"):
        supervisor.list_processes()
    supervisor.stop()  # and stopping it is no error
