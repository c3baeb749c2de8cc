"""Runs of the recorded sources in processes of their own, which may be killed in the midst of a delivery.

Each is a fork of one process that does nothing else: tests may have threads, which forks do not bear, and to start
Python takes longer than a run.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
from httpx._transports import default as transport

from producers.checkpoint import Checkpoint
from producers.production import produce
from tests.contract.producers.reading import NAMING
from tests.contract.producers.recorded import RECORDED

_DEADLINE = 60
"""Seconds after which a run is ended by SIGALRM."""


class Kill(NamedTuple):
    """The end of a process: in the delivery of the statement with this id, when it has arrived whole or by half."""

    id: str
    whole: bool


class DurableSink:
    """Adds each delivery to a file as a line, and kills its own process when it is to."""

    def __init__(self, file: Path, kill: Kill | None) -> None:
        self._file, self._kill = file, kill

    def deliver(self, statements: list[dict[str, Any]]) -> None:
        kill = self._kill if self._kill and any(one["id"] == self._kill.id for one in statements) else None
        arrived = statements if kill is None or kill.whole else statements[: len(statements) // 2]
        # What the system was given survives the process; it need not survive the system.
        with self._file.open("ab") as file:
            file.write(orjson.dumps(arrived) + b"\n")
        if kill is not None:
            os.kill(os.getpid(), signal.SIGKILL)


class Institute:
    """A folder in which sources run: their inputs, checkpoints and rejected rows, and what was delivered."""

    def __init__(self, forks: Forks, folder: Path) -> None:
        self._forks, self._folder = forks, folder
        folder.mkdir()

    @property
    def deliveries(self) -> list[list[dict[str, Any]]]:
        """All deliveries so far; of one that was broken off, what arrived of it."""
        return [orjson.loads(line) for line in _lines(self._folder / "delivered.jsonl")]

    @property
    def rejected(self) -> list[bytes]:
        return _lines(self._folder / "rejected.jsonl")

    def run(self, name: str, number: int, *, batch: int, minutes: int = 0, kill: Kill | None = None) -> int:
        """Make one of the recorded runs of a source, so much later than recorded; returns how its process ended."""
        return self._forks.serve([str(self._folder), name, number, minutes, batch, kill])


class Forks:
    """The process whose forks are the runs."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests, self._answers = requests, answers

    def serve(self, request: list[Any]) -> int:
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        return int(self._answers.readline())


@contextmanager
def open_forks() -> Iterator[Forks]:
    command = [sys.executable, "-W", "error", "-m", "tests.contract.producers.killing"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=Path(__file__).parents[3], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Forks(process.stdin, process.stdout)


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines() if path.exists() else []


def _run(folder: Path, name: str, number: int, minutes: int, batch: int, kill: list[Any] | None) -> None:
    source = RECORDED[name][number](folder, timedelta(minutes=minutes))
    sink = DurableSink(folder / "delivered.jsonl", kill and Kill(*kill))
    with Checkpoint(folder / "checkpoints", NAMING.tenant, source.name) as checkpoint:
        produce(source, NAMING, sink, checkpoint, folder / "rejected.jsonl", batch=batch)


def _serve(request: str) -> int:
    child = os.fork()
    if child == 0:
        signal.alarm(_DEADLINE)
        status = 1
        try:
            folder, *rest = json.loads(request)
            _run(Path(folder), *rest)
            status = 0
        except BaseException:  # noqa: BLE001 - a fork must not go on as its parent
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    # What runs would load when they need it: the package of iCalendar, and the certificates of a client of httpx.
    import_module("icalendar")
    transport.create_ssl_context = partial(lambda context, **_options: context, transport.create_ssl_context())
    for line in sys.stdin:
        print(_serve(line), flush=True)


if __name__ == "__main__":
    main()
