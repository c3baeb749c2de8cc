"""The running product that integration tests share, and a fresh tenant for each of them."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import psutil
from clickhouse_connect.driver.client import Client

from clickhouse.connection import connect
from clickhouse.databases import name_tenant_database
from clickhouse.tables import drop_database
from identity.credentials import add_credential
from identity.removal import begin_removal
from identity.roles import Role
from identity.standing import SECONDS
from jalon.installation import Installation
from jalon.runtime.instance import Instance
from jalon.settings import Settings

KINDS = ("embedded", "external", "testcontainers")
PROCESSES = ["boards", "clickhouse", "kafka", "lrs", "scheduler", "webhooks", "worker-1"]
"""What an embedded instance runs."""


@dataclass
class TenantAccess:
    """A fresh tenant as its platform, its analyst and its viewer see it."""

    id: str
    key: str
    secret: str = field(repr=False)
    http: httpx.Client
    """Signed in to the LRS, at `…/xAPI/`: `tenant.http.post("statements", json=[…])`."""
    _installation: Installation = field(repr=False)

    @cached_property
    def reader(self) -> Client:
        """ClickHouse as the tenant's boards see it, in its own database; connected when first asked for."""
        return connect(self._installation.reader_address(self.id))

    @cached_property
    def viewer(self) -> tuple[str, str]:
        """The name and the password of somebody who may see the tenant's boards, added when first asked for."""
        account, password = self._installation.accounts.add(
            f"viewer-{self.id}", {Role(self.id, "viewer")}, by="process:tests"
        )
        return account.name, password

    def close(self) -> None:
        """Give back the connections."""
        self.http.close()
        if "reader" in self.__dict__:
            self.reader.close()


@dataclass
class Stack:
    """One running product. `instance` is None when it was started elsewhere."""

    settings: Settings
    installation: Installation
    instance: Instance | None
    _retired: deque[tuple[float, str]] = field(default_factory=deque)

    @property
    def xapi(self) -> str:
        """The LRS's endpoint, with its final slash."""
        return f"{self.settings.lrs_local_url}/xAPI/"

    @property
    def boards(self) -> str:
        """The boards' address, without a final slash."""
        return self.settings.boards_local_url

    @contextmanager
    def connect_owner(self) -> Iterator[Client]:
        """ClickHouse as the owner of every database, over one connection that is kept."""
        yield self.installation.owner

    @contextmanager
    def add_tenant(self, name: str = "Institut d'essai", **credential: Any) -> Iterator[TenantAccess]:
        """Add a tenant that no other test uses; its credential sees identities unless told otherwise."""
        installation = self.installation
        tenant = f"t-{secrets.token_hex(6)}"
        installation.add_tenant(tenant, name, "Europe/Paris")
        given, secret = add_credential(installation.engine, tenant, "tests", **{"sees_identities": True} | credential)
        http = httpx.Client(
            base_url=self.xapi,
            auth=(given.key, secret),
            headers={"X-Experience-API-Version": "1.0.3"},
            timeout=30,
            trust_env=False,
        )
        with closing(TenantAccess(tenant, given.key, secret, http, installation)) as access:
            try:
                yield access
            except Exception as error:
                error.add_note(self.read_last_words())
                raise
        # Not after a failure: what is broken may be what retiring needs, and would hide why.
        self._retire(tenant)

    @contextmanager
    def open_boards(self, tenant: TenantAccess) -> Iterator[httpx.Client]:
        """Open a client of the boards, signed in as the tenant's viewer."""
        with httpx.Client(base_url=self.boards, follow_redirects=True, timeout=30, trust_env=False) as browser:
            token = re.search(r'name="token" value="([^"]+)"', browser.get("/sign-in").text)
            assert token is not None
            name, password = tenant.viewer
            browser.post("/sign-in", data={"name": name, "password": password, "token": token[1]})
            yield browser

    def read_last_words(self, lines: int = 40) -> str:
        """Return the end of what each process has logged, to explain a failure."""
        logs = sorted(self.settings.logs.glob("*.log"))
        ends = ((path.name, path.read_text(errors="replace").splitlines()[-lines:]) for path in logs)
        return "\n".join(f"--- {name}\n" + "\n".join(line[:500] for line in end) for name, end in ends if end)

    def _retire(self, tenant: str) -> None:
        """Have nothing stored for a tenant any more, and drop the databases of those that every process has left.

        The engine takes over the grants of a new login by starting again, which takes longer with each table there is.
        """
        installation = self.installation
        begin_removal(installation.engine, installation.audit, tenant, {}, who="process:tests", why="the test ended")
        now = time.monotonic()
        self._retired.append((now, tenant))
        while self._retired and now - self._retired[0][0] > 5 * SECONDS:
            drop_database(installation.owner, name_tenant_database(self._retired.popleft()[1]))

    def close(self) -> None:
        """Give back the connections."""
        self.installation.close()


@contextmanager
def open_stack(directory: Path) -> Iterator[Stack]:
    """Run or find the product that JALON_TEST_STACK asks for; what is started here ends with the tests, even killed."""
    kind = os.environ.get("JALON_TEST_STACK") or "embedded"
    if kind not in KINDS:
        raise ValueError(f"JALON_TEST_STACK is {kind!r}; it is one of {', '.join(KINDS)}.")
    if kind == "external":
        installation = Installation.of(Settings.load())
        with closing(Stack(installation.settings, installation, None)) as running:
            yield running
        return
    with ExitStack() as stack:
        places = stack.enter_context(open_containers()) if kind == "testcontainers" else {}
        yield stack.enter_context(run_stack(Settings.for_directory(directory, **places)))


@contextmanager
def run_instance(settings: Settings) -> Iterator[Instance]:
    """Start an instance as `jalon up` does, and stop it at the end."""
    instance = Instance(settings)
    instance.start(with_parent=True)
    try:
        yield instance
    finally:
        instance.stop()


@contextmanager
def run_stack(settings: Settings) -> Iterator[Stack]:
    """Start an instance, and stop it at the end, with tenants for tests."""
    with (
        run_instance(settings) as instance,
        closing(Stack(instance.settings, instance.installation, instance)) as stack,
    ):
        yield stack


@contextmanager
def open_containers() -> Iterator[dict[str, Any]]:
    """Run Kafka and ClickHouse in containers; gives the settings that point at them."""
    from testcontainers.clickhouse import ClickHouseContainer
    from testcontainers.kafka import KafkaContainer

    with (
        KafkaContainer("confluentinc/cp-kafka:8.0.0").with_kraft() as kafka,
        ClickHouseContainer("clickhouse/clickhouse-server:25.8", username="jalon", password="jalon") as clickhouse,
    ):
        yield {
            "runtime": "external",
            "kafka_bootstrap": kafka.get_bootstrap_server(),
            "clickhouse_host": clickhouse.get_container_host_ip(),
            "clickhouse_port": int(clickhouse.get_exposed_port(8123)),
            "clickhouse_user": "jalon",
            "clickhouse_password": "jalon",
        }


def find_processes(settings: Settings) -> list[psutil.Process]:
    """Every process that belongs to a data directory, however it got there."""
    mark, found = str(settings.data_dir), []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(mark in part for part in process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found
