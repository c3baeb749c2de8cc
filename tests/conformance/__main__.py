"""The field's public conformance suite (adlnet/lrs-conformance-test-suite), run against a throw-away instance.

    python -m tests.conformance SUITE --version 1.0.3|2.0.0 [--grep PATTERN] [--logs DIRECTORY]

The suite is the user's checkout: nothing of it is kept here. A few of its tests wait for ever on a store that answers
as they do not expect; the run is then broken off with SIGINT, at which the suite writes its log, and what had been
found by then is told. The suite's exit status is its failures modulo 256, so its log is read instead.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Annotated, Any, Final
from uuid import uuid4

import httpx
import typer

from identity.credentials import add_credential
from jalon.commands.ending import run_and_exit
from jalon.commands.output import StepsShown, err
from jalon.runtime.instance import Instance
from jalon.settings import Settings

TENANT: Final = "conformance"
RUNNER: Final = Path("bin", "console_runner.js")
SECONDS_TO_WRITE: Final = 30.0
"""How long the suite may take to write its log once it is told to end."""

_LOG_LINE = re.compile(r"Full run log written to (.+)")
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Version(StrEnum):
    """The versions that the suite has tests for and Jalon speaks."""

    V1 = "1.0.3"
    V2 = "2.0.0"


@dataclass(frozen=True, slots=True)
class Failure:
    """A test that did not pass: where it stands in the suite, and what the suite says of it."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Result:
    """What the suite's log says of a run. `total` is how many tests it set out to run."""

    total: int
    passed: int
    failed: int
    finished: bool
    failures: tuple[Failure, ...]

    @property
    def sound(self) -> bool:
        """Whether every test was run, and passed."""
        return self.finished and not self.failed and not self.failures and 0 < self.total == self.passed


def read_result(log: dict[str, Any]) -> Result:
    """Read the log that the suite writes at the end of a run, also of one that was broken off."""
    summary = log["summary"]
    return Result(
        total=summary["total"] or 0,
        passed=summary["passed"] or 0,
        failed=summary["failed"] or 0,
        finished=log["state"] == "finished",
        failures=tuple(_find_failures(log.get("log") or {}, ())),
    )


def _find_failures(entry: dict[str, Any], above: tuple[str, ...]) -> Iterator[Failure]:
    """Find the tests that failed; a suite has an error of its own when what prepares its tests failed."""
    path = (*above, " ".join(str(entry.get("title") or "").split()))
    tests = entry.get("tests") or []
    error = entry.get("error")
    if error or (not tests and entry.get("status") in ("failed", "cancelled")):
        reason = error or "it did not come to an end"
        yield Failure(" > ".join(part for part in path if part), " ".join(str(reason).split()))
    for test in tests:
        yield from _find_failures(test, path)


def find_node(suite: Path) -> str:
    """Return the path of node, once it and the suite are there; exits with what to do otherwise."""
    if not (suite / RUNNER).is_file():
        raise typer.BadParameter(f"{suite} holds no {RUNNER}: give a checkout of adlnet/lrs-conformance-test-suite.")
    if not (suite / "node_modules").is_dir():
        raise typer.BadParameter(f"The suite's own packages are missing: run `npm install` in {suite} first.")
    node = shutil.which("node")
    if node is None:
        raise typer.BadParameter("node is not on the PATH: the suite needs Node.js.")
    return node


def warm_up(endpoint: str, key: str, secret: str, version: str) -> None:
    """Store a statement and read it back: the suite gives the first one 15 s, and measures all its waits by it."""
    statement: dict[str, Any] = {
        "id": str(uuid4()),
        "actor": {"mbox": "mailto:warm-up@example.org"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
        "object": {"id": "https://example.org/activities/warm-up"},
    }
    headers = {"X-Experience-API-Version": version}
    with httpx.Client(base_url=endpoint, auth=(key, secret), headers=headers, timeout=60, trust_env=False) as http:
        http.post("statements", json=statement).raise_for_status()
        http.get("statements", params={"statementId": statement["id"]}).raise_for_status()


def run_suite(command: list[str], suite: Path, stall_seconds: float) -> Path:
    """Run the suite's console runner and return where its log is; break it off when it gets no further."""
    process = subprocess.Popen(command, cwd=suite, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines: Queue[str | None] = Queue()
    Thread(target=_pass_lines, args=(process, lines), daemon=True).start()
    told = _Told()
    broken_off = False
    try:
        while not told.ended:
            told.hear(_next_line(lines))
            if broken_off and told.seconds_silent > SECONDS_TO_WRITE:
                break
            if not broken_off and told.seconds_silent > stall_seconds:
                err.print(f"No test came to an end for {stall_seconds:g} s: breaking the suite off.")
                process.send_signal(signal.SIGINT)
                broken_off, told.reached = True, time.monotonic()
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()
    if told.log is None:
        raise typer.BadParameter("The suite ended without writing its log: run its console runner by hand to see why.")
    return told.log


class _Told:
    """What the runner's output has told so far; it prints a summary every two seconds, changed or not."""

    def __init__(self) -> None:
        self.log: Path | None = None
        self.ended = False
        self.reached = time.monotonic()
        self._summary = ""

    @property
    def seconds_silent(self) -> float:
        return time.monotonic() - self.reached

    def hear(self, line: str | None) -> None:
        if line is None:
            self.ended = True
        elif match := _LOG_LINE.search(line):
            self.log = Path(match[1])
        elif line.startswith('{"total"') and line != self._summary:
            self._summary, self.reached = line, time.monotonic()
            _show(json.loads(line))


def _next_line(lines: Queue[str | None]) -> str | None:
    """Return the next line without colours, "" when there is none within a second, and None at the end."""
    try:
        line = lines.get(timeout=1)
    except Empty:
        return ""
    return None if line is None else _COLOURS.sub("", line).strip()


def _pass_lines(process: subprocess.Popen[str], lines: Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


def _show(summary: dict[str, Any]) -> None:
    if summary["total"]:
        done = summary["passed"] + summary["failed"]
        text = f"  {done} of {summary['total']} tests, {summary['failed']} failed"
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text}")
            sys.stderr.flush()
        else:
            err.print(text, highlight=False)


def main(
    suite: Annotated[Path, typer.Argument(metavar="SUITE", help="A checkout of adlnet/lrs-conformance-test-suite.")],
    version: Annotated[Version, typer.Option(help="The version of xAPI to test.")] = Version.V1,
    grep: Annotated[str, typer.Option(help="Run only the tests whose titles match.")] = "",
    logs: Annotated[Path | None, typer.Option(help="Keep the instance's logs here when a test fails.")] = None,
    stall: Annotated[float, typer.Option(help="Break off when no test ends for this many seconds.")] = 60.0,
) -> None:
    """Run the public conformance suite; the exit status is 0 only if all of its tests ran and passed."""
    suite = suite.absolute()
    node = find_node(suite)
    with TemporaryDirectory(prefix="jalon-conformance-") as directory:
        instance = Instance(Settings.for_directory(Path(directory)))
        try:
            with StepsShown() as steps:
                instance.start(steps.report, with_parent=True)
            instance.installation.add_tenant(TENANT, TENANT, "Europe/Paris")
            credential, secret = add_credential(
                instance.installation.engine,
                TENANT,
                TENANT,
                scopes={"all"},
                sees_identities=True,
                secret=secrets.token_hex(16),  # one that begins with - the suite takes for an option, and ends
            )
            endpoint = f"{instance.settings.lrs_local_url}/xAPI"
            warm_up(f"{endpoint}/", credential.key, secret, version)
            command = [node, str(RUNNER), "-x", version, "-e", endpoint, "-a", "-u", credential.key, "-p", secret]
            begun = time.monotonic()
            log = run_suite([*command, *(["-g", grep] if grep else [])], suite, stall)
            seconds = time.monotonic() - begun
        finally:
            instance.stop()
        result = read_result(json.loads(log.read_text(encoding="utf-8")))
        if logs is not None and not result.sound:
            shutil.copytree(instance.settings.logs, logs, dirs_exist_ok=True)
    print()
    for failure in result.failures:
        print(f"FAILED  {failure.name}\n        {failure.reason}")
    print(f"The suite's log: {log}" + (f"; the instance's: {logs}" if logs is not None and not result.sound else ""))
    left = result.total - result.passed - result.failed
    if left or not result.finished:
        print(f"{left} of {result.total} tests were not run to their end.")
    print(f"{version}: {result.passed} passed, {result.failed} failed, {seconds:.0f} s")
    raise typer.Exit(0 if result.sound else 1)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    run_and_exit(app, name="python -m tests.conformance")
