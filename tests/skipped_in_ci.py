"""The rule that CI skips nothing but what needs Docker: a plugin of its own, so that it can be tested alone."""

from __future__ import annotations

import os
from typing import Any

import pytest

_skipped_in_ci: dict[str, None] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a skipped test in CI, where only the lack of Docker excuses one."""
    if os.environ.get("CI") != "true" or not report.skipped or hasattr(report, "wasxfail"):
        return
    if "docker" not in report.keywords:
        _skipped_in_ci[report.nodeid] = None


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a module skipped as a whole in CI."""
    if os.environ.get("CI") == "true" and report.skipped:
        _skipped_in_ci[report.nodeid] = None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take from one of several processes what it skipped."""
    _skipped_in_ci.update(dict.fromkeys(node.workeroutput.get("skipped_in_ci", ())))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped what it must not."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["skipped_in_ci"] = list(_skipped_in_ci)
    elif _skipped_in_ci and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the tests that CI may not skip."""
    if _skipped_in_ci:
        terminalreporter.section("skipped in CI, which fails the run", red=True)
        for nodeid in _skipped_in_ci:
            terminalreporter.line(nodeid)
