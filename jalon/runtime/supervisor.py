"""The processes' supervisor: supervisord, configured, started, asked and stopped from here.

supervisord restarts what dies, rotates what is printed and stops everything in order. It is reached through a socket in
the data directory, so nothing listens on a port for it.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn

import psutil
from supervisor.xmlrpc import SupervisorTransport

from jalon.errors import NotRunning, StartFailed
from jalon.runtime.passwords import write_private
from jalon.settings import Settings

# A socket's address holds some 100 bytes, and supervisord first makes it under a longer name.
_LONGEST_SOCKET = 88
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Program:
    """One process to run: `jalon run {command}`. Lower priorities start first and stop last.

    `stop_seconds` after it was told to end it is killed.
    """

    name: str
    command: tuple[str, ...]
    priority: int
    stop_seconds: int = 15


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What supervisord says of a process. `seconds` is since when it has been as it is."""

    name: str
    state: str
    pid: int | None
    seconds: int
    detail: str

    @property
    def failed(self) -> bool:
        """Whether supervisord has given it up."""
        return self.state == "FATAL"


def list_programs(settings: Settings) -> tuple[Program, ...]:
    """Return the processes of an instance: with an external runtime, Kafka and ClickHouse are somebody else's."""
    embedded = (Program("kafka", ("kafka",), 10, 40), Program("clickhouse", ("clickhouse",), 10, 30))
    workers = tuple(
        Program(f"worker-{number}", ("worker", "--number", str(number)), 20, 10)
        for number in range(1, settings.workers + 1)
    )
    own = (
        *workers,
        Program("lrs", ("lrs",), 30, 30),
        Program("boards", ("boards",), 30),
        Program("webhooks", ("webhooks",), 30, 30),
        Program("scheduler", ("scheduler",), 30),
    )
    return (*(embedded if settings.runtime == "embedded" else ()), *own)


def find_program(settings: Settings, name: str) -> Program:
    """Return the process of this name. Raises KeyError."""
    return {program.name: program for program in list_programs(settings)}[name]


def build_config(settings: Settings, socket: Path, programs: tuple[Program, ...]) -> str:
    """Return supervisord's configuration. It names the file of settings, and holds none of them."""
    run, logs = settings.run, settings.logs
    sections = [
        "[unix_http_server]",
        f"file={_plain(socket)}",
        "chmod=0600",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        "umask=077",
        "identifier=jalon",
        f"logfile={_plain(logs / 'supervisord.log')}",
        f"logfile_maxbytes={settings.log_mib}MB",
        "logfile_backups=3",
        f"pidfile={_plain(run / 'supervisord.pid')}",
        f"childlogdir={_plain(logs)}",
    ]
    for program in programs:
        command = shlex.join([*command_line(), *program.command, "--settings", str(run / "settings.json")])
        sections += [
            f"[program:{program.name}]",
            f"command={_plain(command)}",
            f"directory={_plain(settings.data_dir)}",
            f"priority={program.priority}",
            "autorestart=true",
            "startsecs=2",
            "startretries=10",
            "stopsignal=TERM",
            f"stopwaitsecs={program.stop_seconds}",
            "stopasgroup=false",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={_plain(logs / f'{program.name}.out.log')}",
            f"stdout_logfile_maxbytes={settings.log_mib}MB",
            "stdout_logfile_backups=3",
        ]
    return "\n".join(sections) + "\n"


def command_line() -> list[str]:
    """Return how to call `jalon run` from anywhere, loading no more of Jalon than the process needs.

    With -P, or a folder of the working directory could pose as a package.
    """
    return [sys.executable, "-P", "-m", "jalon.commands.run"]


def choose_socket(run: Path) -> Path:
    """Return the control socket's place: in the data directory, or in the temporary folder if that path is too long."""
    socket = run / "supervisor.sock"
    if len(os.fsencode(socket)) <= _LONGEST_SOCKET:
        return socket
    name = hashlib.sha256(os.fsencode(run)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"jalon-{os.getuid()}-{name}" / "s.sock"


class Supervisor:
    """The supervisord of one data directory."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read or started yet."""
        self._settings = settings
        self._socket = choose_socket(settings.run)
        self._config = settings.run / "supervisord.conf"

    def start(self, *, with_parent: bool) -> subprocess.Popen[bytes]:
        """Start supervisord and with it every process; returns once it answers. Raises StartFailed.

        `with_parent`: it stops everything when the calling process ends, however that ends (Linux).
        """
        settings = self._settings
        self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        settings.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(settings.run / "settings.json", settings.dump())
        write_private(self._config, build_config(settings, self._socket, list_programs(settings)))
        follow = ["--with-parent"] if with_parent else []
        with (settings.logs / "supervisord.out.log").open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 (our own command)
                [*command_line(), "supervisor", *follow, str(self._config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=settings.data_dir,
                env=os.environ | settings.vault_secrets(),
                start_new_session=True,  # Ctrl-C reaches `jalon up` alone, which then stops things in order
            )
        deadline = time.monotonic() + 20
        while not self.is_running():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartFailed(f"The supervisor did not start: see {settings.logs / 'supervisord.out.log'}.")
            time.sleep(0.05)
        return process

    def is_running(self) -> bool:
        """Whether supervisord answers."""
        try:
            self._call("getState")
        except NotRunning:
            return False
        return True

    def read_pid(self) -> int:
        """Return supervisord's pid. Raises NotRunning."""
        return int(self._call("getPID"))

    def list_processes(self) -> list[ProcessState]:
        """Return the state of every process, in the order of their names. Raises NotRunning."""
        now = time.time()
        return [
            ProcessState(
                name=str(row["name"]),
                state=str(row["statename"]),
                pid=row["pid"] or None,
                seconds=max(0, int(now - row["start"])) if row["pid"] else 0,
                detail=str(row["spawnerr"] or row["description"]),
            )
            for row in self._call("getAllProcessInfo")
        ]

    def stop(self, *, seconds: float = 120) -> None:
        """Stop every process in order, then supervisord, and wait for its end. Nothing running is a success."""
        try:
            process = psutil.Process(self.read_pid())
            self._call("shutdown")
        except (NotRunning, psutil.NoSuchProcess):
            return
        try:
            process.wait(timeout=seconds)
        except psutil.TimeoutExpired:
            raise StartFailed(f"The supervisor (process {process.pid}) has not ended within {seconds:.0f} s.") from None

    def remove_files(self) -> None:
        """Take away what only a running instance has."""
        self._socket.unlink(missing_ok=True)
        for name in ("supervisord.conf", "supervisord.pid", "settings.json"):
            (self._settings.run / name).unlink(missing_ok=True)
        if self._socket.parent != self._settings.run and self._socket.parent.exists():
            self._socket.parent.rmdir()

    def _call(self, method: str) -> Any:  # noqa: ANN401 (XML-RPC answers anything)
        transport = SupervisorTransport(None, None, f"unix://{self._socket}")
        try:
            server = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
            return getattr(server.supervisor, method)()
        except (OSError, HTTPException, xmlrpc.client.Error):
            # Not there, going away in the middle of an answer, or shutting down and refusing new questions.
            raise NotRunning("Nothing runs for this data directory: start it with `jalon up`.") from None
        finally:
            transport.close()


def exec_supervisor(config: Path, *, with_parent: bool) -> NoReturn:
    """Become supervisord."""
    if with_parent:
        end_with_parent()
    arguments = [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(config)]
    os.execv(sys.executable, arguments)  # noqa: S606 (no shell wanted)


def end_with_parent(parent: int | None = None, *, seconds: float | None = None) -> None:
    """Have this process end with its parent, even if that is killed. Linux; elsewhere nothing.

    The system then sends SIGTERM. `seconds` after that the process is killed if it is still there, as its parent would
    have done; with None never, which is for what becomes another program. `parent`: its pid, which tells when it has
    ended before; this process ends at once then.
    """
    if sys.platform != "linux":
        return
    if parent is None:
        parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended before, so no signal will come
        sys.exit(1)
    if seconds is not None:
        threading.Thread(target=_kill_after, args=(parent, seconds), daemon=True).start()


def _kill_after(parent: int, seconds: float) -> None:
    """Wait for the end of the parent, then give this orphan some seconds: a worker without Kafka never ends."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(parent).wait()
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def _plain(value: object) -> str:
    """Write a value so that supervisord's % expansions leave it alone."""
    return str(value).replace("%", "%%")
