"""One running instance: started whole or not at all, watched until it is ready, and stopped in order."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from jalon.errors import AlreadyRunning, NotRunning, StartFailed
from jalon.installation import Installation
from jalon.runtime import kafka_jars
from jalon.runtime.leftovers import stop_leftovers
from jalon.runtime.machine import check_disk, check_machine
from jalon.runtime.passwords import complete
from jalon.runtime.readiness import Check, build_checks
from jalon.runtime.supervisor import ProcessState, Supervisor
from jalon.runtime.topics import ensure_topic
from jalon.scheduling import find_failure
from jalon.settings import Settings

Report = Callable[[str, str], None]
"""Told (step or process, what is going on), for a person to see; '' means done."""


_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM}


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """A process as `jalon status` shows it. `problem` is '' when it is ready; memory in MiB."""

    name: str
    state: str
    pid: int | None
    seconds: int
    memory_mib: int
    address: str
    problem: str


class Instance:
    """The instance of one data directory."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is written or started yet."""
        self.settings = settings
        self.installation = Installation(settings)
        self.process: subprocess.Popen[bytes] | None = None
        self._supervisor = Supervisor(settings)

    def start(self, report: Report = lambda _what, _state: None, *, with_parent: bool) -> None:
        """Check the machine, start everything and return when all is ready.

        `with_parent`: everything stops when this process ends, however it ends (Linux).
        Raises AlreadyRunning, PortInUse, DiskFull, MissingTool, JarsUnavailable, StartFailed or another package's
        error; whatever had been started is then stopped.
        """
        settings = self.settings
        check_disk(settings.data_dir, settings.minimum_free_mib)
        with _claim(settings):
            if self._supervisor.is_running():
                raise AlreadyRunning(
                    f"A Jalon runs in {settings.data_dir} already: see `jalon status`, stop it with `jalon down`."
                )
            for name in stop_leftovers(settings.run):
                report(name, "stopped, left over from an earlier run")
            check_machine(settings)
            if settings.runtime == "embedded":
                _fetch_jars(report)
            self._prepare(report)
            deadline = time.monotonic() + settings.startup_seconds
            try:
                self.process = self._supervisor.start(with_parent=with_parent)
                self._complete_start(report, deadline)
            except BaseException:
                # Ctrl-C included: nothing half-started stays behind.
                self.stop()
                raise

    def _prepare(self, report: Report) -> None:
        report("identity", "preparing keys and database")
        self.settings = complete(self.settings)
        self.installation = Installation(self.settings)
        self.installation.prepare_identity()
        self._supervisor = Supervisor(self.settings)
        report("identity", "")

    def _complete_start(self, report: Report, deadline: float) -> None:
        checks = build_checks(self.settings)
        first = {name: check for name, check in checks.items() if name in {"kafka", "clickhouse"}}
        self._await(first, report, deadline)
        report("databases", "preparing topic and tables")
        ensure_topic(self.settings)
        self.installation.migrate()
        report("databases", "")
        self._await({name: check for name, check in checks.items() if name not in first}, report, deadline)

    def _await(self, checks: dict[str, Check], report: Report, deadline: float) -> None:
        waiting = dict(checks)
        for name in waiting:
            report(name, "starting")
        while waiting:
            self._raise_failure()
            for name, check in list(waiting.items()):
                if problem := check():
                    if time.monotonic() > deadline:
                        raise StartFailed(
                            f"{name} was not ready within {self.settings.startup_seconds:.0f} s: {problem}. "
                            f"See {self.settings.logs}{_quote_log(self.settings.logs, name)}"
                        )
                else:
                    report(name, "")
                    del waiting[name]
            if waiting:
                time.sleep(0.2)

    def _raise_failure(self) -> None:
        for process in self._supervisor.list_processes():
            if process.failed:
                words = _quote_log(self.settings.logs, process.name)
                raise StartFailed(f"{process.name} does not start: see {self.settings.logs}{words}")

    def stop(self) -> None:
        """Stop everything in order and leave nothing; what does not run is no error. Signals wait until it is done."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            self._supervisor.stop()
            if self.process is not None:
                self.process.wait(timeout=10)
            stop_leftovers(self.settings.run)
            self._supervisor.remove_files()
            self.installation.close()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def list_processes(self) -> list[ProcessState]:
        """Return what the supervisor says of every process. Raises NotRunning."""
        return self._supervisor.list_processes()

    def read_status(self) -> list[ProcessStatus]:
        """Ask every process how it is. Raises NotRunning."""
        checks, addresses = build_checks(self.settings), list_addresses(self.settings)
        failed = {"scheduler": find_failure(self.installation)}
        return [
            ProcessStatus(
                name=process.name,
                state=process.state.lower(),
                pid=process.pid,
                seconds=process.seconds,
                memory_mib=_measure_memory(process.pid),
                address=addresses.get(process.name, ""),
                problem=process.detail
                if process.pid is None
                else checks[process.name]() or failed.get(process.name, ""),
            )
            for process in self._supervisor.list_processes()
        ]


def list_addresses(settings: Settings) -> dict[str, str]:
    """Return where the processes are reached, by name."""
    return {
        "kafka": settings.kafka_servers,
        "clickhouse": f"http://{settings.clickhouse_host}:{settings.clickhouse_port}",
        "lrs": f"{settings.lrs_url}/xAPI/",
        "boards": f"{settings.boards_url}/",
        "webhooks": f"{settings.webhooks_url}/",
    }


def stop_directory(settings: Settings) -> list[str]:
    """Stop what runs in a data directory, supervised or left over; returns the names of what was stopped.

    Raises NotRunning when there is nothing.
    """
    if not settings.run.is_dir():
        raise NotRunning(f"Nothing runs in {settings.data_dir}.")
    instance = Instance(settings)
    with _claim(settings):
        try:
            names = [process.name for process in instance.list_processes() if process.pid]
        except NotRunning:
            names = stop_leftovers(settings.run)
            if not names:
                raise NotRunning(f"Nothing runs in {settings.data_dir}.") from None
        instance.stop()
    return names


def _fetch_jars(report: Report) -> None:
    folder = kafka_jars.default_folder()
    if not kafka_jars.are_complete(folder):
        kafka_jars.fetch(folder, progress=lambda done, total: report("jars", kafka_jars.describe_progress(done, total)))
        report("jars", "")


@contextmanager
def _claim(settings: Settings) -> Iterator[None]:
    """Let one command at a time start or stop things in a data directory."""
    settings.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.data_dir.chmod(0o700)
    descriptor = os.open(settings.run / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(
                f"Another command is starting or stopping Jalon in {settings.data_dir}: wait for it to end."
            ) from None
        yield
    finally:
        os.close(descriptor)


def _quote_log(logs: Path, name: str) -> str:
    """Return the last line that a process printed, as the end of a sentence."""
    try:
        lines = (logs / f"{name}.out.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return f" (its last words: {lines[-1].strip()[:300]})." if lines else "."


def _measure_memory(pid: int | None) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss // (1024 * 1024)) if pid else 0
    except psutil.Error:
        return 0
