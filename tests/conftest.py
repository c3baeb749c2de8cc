"""What all tests share: one running stack, a fresh tenant each, a browser, and the rule that CI skips nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.stack import Stack, TenantAccess, open_stack

WITH_STACK = (
    "tests/integration/",
    "tests/contract/test_javascript.py",
    "tests/contract/test_tincan.py",
    "tests/contract/test_tincan_documents.py",
)
"""Where tests need a running stack."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The running product, started when the first test asks for it."""
    with open_stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def tenant(stack: Stack) -> Iterator[TenantAccess]:
    """A tenant of the running product that no other test has touched."""
    with stack.add_tenant() as access:
        yield access


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's Chromium under Playwright; tests that use it are marked `browser`.

    For a module at a time: while Playwright's synchronous interface is open, no test can run an event loop of its own.
    """
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A page of a browser that nobody has signed in with, in French."""
    context = chromium.new_context(locale="fr-FR", timezone_id="Europe/Paris", viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


@cache
def find_chromium() -> str | None:
    """Return the path of the machine's Chromium, or None."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


@cache
def has_docker() -> bool:
    """Whether a Docker engine answers."""
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        return subprocess.run([docker, "info"], capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say why a test cannot run here; have the quick ones run first, or beside the others."""
    for item in items:
        if item.get_closest_marker("browser") and find_chromium() is None:
            item.add_marker(pytest.mark.skip(reason="needs Chromium: install the package chromium"))
        if item.get_closest_marker("docker") and not has_docker():
            item.add_marker(pytest.mark.skip(reason="needs a Docker engine; what it would show is unproven here"))
        if _order(item) and not item.nodeid.startswith(WITH_STACK):
            raise pytest.UsageError(f"{item.nodeid} needs a running stack: name its module in WITH_STACK.")
    if len({item.nodeid for item in items}) < len(items):
        raise pytest.UsageError("Several tests have one name: side by side, only one of them would run.")
    side_by_side = "PYTEST_XDIST_WORKER" in os.environ
    # What takes longest begins first where there is something else to do meanwhile, and last where there is not.
    items.sort(key=lambda item: (side_by_side and not _order(item), _order(item)))


def _order(item: pytest.Item) -> int:
    needs_stack = "stack" in getattr(item, "fixturenames", ())
    return 2 * bool(item.get_closest_marker("fault")) + needs_stack


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Side by side, have one process run all that needs a stack, and the others a module at a time."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return "stack" if nodeid.startswith(WITH_STACK) else nodeid.partition("::")[0]

    return Scheduling(config, log)


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
