"""The running product that integration tests share, and a fresh tenant for each of them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from clickhouse_connect.driver.client import Client

from clickhouse.connection import connect
from identity.credentials import add_credential
from identity.viewers import add_viewer
from jalon.installation import Installation
from jalon.runtime.instance import Instance
from jalon.settings import Settings

KINDS = ("embedded", "external", "testcontainers")


@dataclass
class TenantAccess:
    """A fresh tenant as its platform, its analyst and its viewer see it."""

    id: str
    key: str
    secret: str = field(repr=False)
    viewer: str
    password: str = field(repr=False)
    http: httpx.Client
    """Signed in to the LRS, at `…/xAPI/`: `tenant.http.post("statements", json=[…])`."""
    reader: Client
    """ClickHouse as the tenant's boards see it, in its own database."""


@dataclass
class Stack:
    """One running product. `instance` is None when it was started elsewhere."""

    settings: Settings
    installation: Installation
    instance: Instance | None

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
        """ClickHouse as the owner of every database."""
        client = connect(self.installation.owner_address)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def add_tenant(self, name: str = "Institut d'essai", **credential: Any) -> Iterator[TenantAccess]:
        """Add a tenant that no other test uses; its credential sees identities unless told otherwise."""
        installation = self.installation
        tenant = f"t-{secrets.token_hex(6)}"
        installation.add_tenant(tenant, name, "Europe/Paris")
        given, secret = add_credential(installation.engine, tenant, "tests", **{"sees_identities": True} | credential)
        viewer, password = add_viewer(installation.engine, tenant, f"viewer-{tenant}")
        with ExitStack() as stack:
            http = httpx.Client(
                base_url=self.xapi,
                auth=(given.key, secret),
                headers={"X-Experience-API-Version": "1.0.3"},
                timeout=30,
                trust_env=False,
            )
            reader = connect(installation.reader_address(tenant))
            stack.enter_context(http)
            stack.callback(reader.close)
            yield TenantAccess(tenant, given.key, secret, viewer.name, password, http, reader)


@contextmanager
def open_stack(directory: Path) -> Iterator[Stack]:
    """Run or find the product that JALON_TEST_STACK asks for; what is started here ends with the tests, even killed."""
    kind = os.environ.get("JALON_TEST_STACK") or "embedded"
    if kind not in KINDS:
        raise ValueError(f"JALON_TEST_STACK is {kind!r}; it is one of {', '.join(KINDS)}.")
    if kind == "external":
        installation = Installation.of(Settings.load())
        yield Stack(installation.settings, installation, None)
        installation.close()
        return
    with ExitStack() as stack:
        places = stack.enter_context(open_containers()) if kind == "testcontainers" else {}
        with run_instance(Settings.for_directory(directory, **places)) as instance:
            yield Stack(instance.settings, instance.installation, instance)


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
