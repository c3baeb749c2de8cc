"""The installation behind a data directory: its identity database, its ClickHouse, and what brings both up to date.

`jalon up`, `jalon migrate`, `jalon tenant add` and the tests all go through here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Engine

from clickhouse.access import ensure_reader
from clickhouse.connection import ClickHouseAddress, Client, connect
from clickhouse.databases import SHARED, name_reader, name_tenant_database
from clickhouse.migration import MigrationState, apply_shared, apply_tenant, read_status
from identity.database import open_database, upgrade
from identity.keys import MasterKey
from identity.tenants import Tenant, add_tenant, list_tenants
from identity.vault import Vault
from jalon.runtime.passwords import complete
from jalon.settings import Settings


@dataclass(frozen=True)
class Installation:
    """What the settings point at. Nothing is opened before it is used."""

    settings: Settings

    @classmethod
    def of(cls, settings: Settings) -> Installation:
        """Return the installation of these settings: as its running instance has them, if there is one."""
        return cls(find_running(settings) or complete(settings))

    @cached_property
    def engine(self) -> Engine:
        """The identity database, brought up to date when first used."""
        self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        engine = open_database(self.settings.identity_url)
        upgrade(engine)
        return engine

    @cached_property
    def master(self) -> MasterKey:
        """The master key, made when there is none."""
        self.settings.master_key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return MasterKey.read(self.settings.master_key_path, create=True)

    @cached_property
    def vault(self) -> Vault:
        """Keys of tenants and learners."""
        return Vault(self.engine, self.master)

    @property
    def owner_address(self) -> ClickHouseAddress:
        """ClickHouse, as the owner of all databases."""
        settings = self.settings
        return ClickHouseAddress(
            host=settings.clickhouse_host,
            port=settings.clickhouse_port,
            username=settings.clickhouse_user,
            password=settings.clickhouse_password.get_secret_value(),
            secure=settings.clickhouse_secure,
        )

    def reader_address(self, tenant: str) -> ClickHouseAddress:
        """ClickHouse, as the tenant's boards and analysts see it. Raises UnknownTenant, VaultUnavailable."""
        return self.owner_address.as_user(
            name_reader(tenant), self.vault.database_secret(tenant), name_tenant_database(tenant)
        )

    def prepare_identity(self) -> None:
        """Have the master key and the identity database in place."""
        _ = self.master, self.engine

    def migrate(self) -> list[str]:
        """Bring the shared database and every tenant's up to date; returns what was applied, one line each."""
        client = connect(self.owner_address)
        try:
            applied = [f"{SHARED} {migration.number:04} {migration.name}" for migration in apply_shared(client)]
            for tenant in list_tenants(self.engine):
                applied += self._migrate_tenant(client, tenant.id)
        finally:
            client.close()
        return applied

    def read_migrations(self) -> list[MigrationState]:
        """Tell how every migration stands in every database, changing nothing."""
        client = connect(self.owner_address)
        try:
            states = read_status(client, "shared", SHARED)
            for tenant in list_tenants(self.engine):
                states += read_status(client, "tenant", name_tenant_database(tenant.id))
        finally:
            client.close()
        return states

    def add_tenant(self, id: str, name: str, timezone: str) -> Tenant:  # noqa: A002 (the field's name)
        """Add a tenant with keys, database, reader and, where there is one, its place in Grafana.

        Adding it again completes what may be missing.
        """
        tenant = add_tenant(self.engine, self.master, id, name, timezone)
        client = connect(self.owner_address)
        try:
            self._migrate_tenant(client, id)
        finally:
            client.close()
        if self.settings.grafana_url:
            self._provision_grafana(tenant)
        return tenant

    def _provision_grafana(self, tenant: Tenant) -> None:
        from grafana.provisioning import GrafanaAddress, TenantBoards, provision  # noqa: PLC0415 (few have a Grafana)

        settings = self.settings
        provision(
            GrafanaAddress(settings.grafana_url, settings.grafana_user, settings.grafana_password.get_secret_value()),
            TenantBoards(tenant.id, tenant.timezone, "fr", self.reader_address(tenant.id)),
        )

    def _migrate_tenant(self, client: Client, tenant: str) -> list[str]:
        database = name_tenant_database(tenant)
        applied = [f"{database} {migration.number:04} {migration.name}" for migration in apply_tenant(client, tenant)]
        ensure_reader(client, tenant, self.vault.database_secret(tenant))
        return applied

    def close(self) -> None:
        """Give the identity database's connections back."""
        if "engine" in self.__dict__:
            self.engine.dispose()


def find_running(settings: Settings) -> Settings | None:
    """Return the settings with which this data directory was last started, None when it was stopped since."""
    try:
        return Settings.restore((settings.run / "settings.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
