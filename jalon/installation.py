"""The installation behind a data directory: its identity database, its ClickHouse, and what brings both up to date.

`jalon up`, `jalon migrate`, `jalon tenant add` and the tests all go through here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from clickhouse.access import Access, ensure_access
from clickhouse.connection import ClickHouseAddress, Client, connect
from clickhouse.databases import SHARED, name_reader, name_tenant_database
from clickhouse.migration import MigrationState, apply_shared, apply_tenant, read_status
from identity.accounts import Accounts
from identity.analysts import list_analysts
from identity.audit import AuditTrail
from identity.database import open_database, upgrade
from identity.keys import MasterKey
from identity.tenants import Tenant, add_tenant, list_tenants
from identity.vault import Vault
from identity.vault_key import open_vault_key
from jalon.errors import WrongSettings
from jalon.master_key import build_source
from jalon.persons import restore_persons
from jalon.runtime.passwords import complete
from jalon.settings import Settings, variable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from grafana.provisioning import GrafanaAddress
    from lrs.attachments.storage import AttachmentStore


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
        """The key that wraps every other, opened by the master key; both are made when there is no vault yet."""
        if self.settings.master_key_source == "file":
            self.settings.master_key_path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open_vault_key(self.engine, build_source(self.settings))

    @cached_property
    def vault(self) -> Vault:
        """Keys of tenants and learners."""
        return Vault(self.engine, self.master)

    @cached_property
    def audit(self) -> AuditTrail:
        """The audit trail, which every command tells what it did to identities, tenants, credentials and policies."""
        return AuditTrail(self.engine, self.master)

    @cached_property
    def accounts(self) -> Accounts:
        """The people who sign in."""
        return Accounts(self.engine, self.master)

    def names_secret(self, tenant: str) -> bytes:
        """Return what keys the ids and registrations that producers compute for the tenant."""
        return self.master.derive(f"names {tenant}")

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

    @cached_property
    def owner(self) -> Client:
        """A connection as the owner, for use by one thread; `close` gives it back. Raises StoreUnavailable."""
        return connect(self.owner_address)

    def open_attachments(self) -> AttachmentStore:
        """Return the attachments of all tenants. Raises WrongSettings."""
        from lrs.attachments.storage import AttachmentStore  # noqa: PLC0415 (few commands need it)

        return AttachmentStore(self.open_object_store())

    def open_object_store(self) -> ObjectStore:
        """Return the object store in which attachments lie. Raises WrongSettings."""
        from lrs.attachments.storage import open_store  # noqa: PLC0415 (few commands need it)

        try:
            return open_store(self.settings.attachments_address)
        except ValueError as error:
            raise WrongSettings(f"{variable('attachments_url')}: {error}.") from None

    @property
    def grafana(self) -> GrafanaAddress | None:
        """Grafana as its administrator; None when there is none."""
        settings = self.settings
        if not settings.grafana_url:
            return None
        from grafana.provisioning import GrafanaAddress  # noqa: PLC0415 (few have a Grafana)

        return GrafanaAddress(settings.grafana_url, settings.grafana_user, settings.grafana_password.get_secret_value())

    def reader_address(self, tenant: str) -> ClickHouseAddress:
        """ClickHouse, as the tenant's boards and analysts see it. Raises UnknownTenant, VaultUnavailable."""
        return self.owner_address.as_user(
            name_reader(tenant), self.vault.database_secret(tenant), name_tenant_database(tenant)
        )

    def prepare_identity(self) -> None:
        """Have the master key and the identity database in place, and nobody in it who is known as erased."""
        from jalon.erasing import Erasing  # noqa: PLC0415 (it needs this module)

        _ = self.engine, self.master
        Erasing(self).repeat_known()

    def migrate(self) -> list[str]:
        """Bring the shared database and every tenant's up to date; returns what was applied, one line each.

        What one place knows as erased and another does not, as after a backup was restored, is erased again.
        """
        from jalon.erasing import Erasing  # noqa: PLC0415 (it needs this module)

        client = self.owner
        applied = [f"{SHARED} {migration.number:04} {migration.name}" for migration in apply_shared(client)]
        for tenant in list_tenants(self.engine):
            applied += self._migrate_tenant(client, tenant)
        Erasing(self).reconcile(client)
        return applied

    def read_migrations(self) -> list[MigrationState]:
        """Tell how every migration stands in every database, changing nothing."""
        states = read_status(self.owner, "shared", SHARED)
        for tenant in list_tenants(self.engine):
            states += read_status(self.owner, "tenant", name_tenant_database(tenant.id))
        return states

    def add_tenant(
        self,
        id: str,  # noqa: A002 (the field's name)
        name: str,
        timezone: str,
        *,
        who: str = "process:jalon",
    ) -> Tenant:
        """Add a tenant with keys, database, reader and, where there is one, its place in Grafana.

        Adding it again completes what may be missing.
        """
        tenant = add_tenant(self.engine, self.master, id, name, timezone, who=who)
        self._migrate_tenant(self.owner, tenant)
        if (grafana := self.grafana) is not None:
            from grafana.provisioning import TenantBoards, provision  # noqa: PLC0415 (few have a Grafana)

            provision(grafana, TenantBoards(tenant.id, tenant.timezone, "fr", self.reader_address(tenant.id)))
        return tenant

    def _migrate_tenant(self, client: Client, tenant: Tenant) -> list[str]:
        database = name_tenant_database(tenant.id)
        applied = [
            f"{database} {migration.number:04} {migration.name}" for migration in apply_tenant(client, tenant.id)
        ]
        restore_persons(client, self.vault, self.audit, tenant.id)
        self.ensure_access(client, tenant)
        return applied

    def ensure_access(self, client: Client, tenant: Tenant) -> None:
        """Have ClickHouse let in the tenant's boards and analysts, within its limits; nobody while it is suspended."""
        analysts = list_analysts(self.engine, tenant.id)
        secret = self.vault.database_secret(tenant.id)
        ensure_access(client, Access(tenant.id, secret, analysts, tenant.limits, locked=tenant.state != "active"))

    def close(self) -> None:
        """Give the connections back to the identity database and to ClickHouse."""
        if "engine" in self.__dict__:
            self.engine.dispose()
        if (owner := self.__dict__.pop("owner", None)) is not None:
            owner.close()


def find_running(settings: Settings) -> Settings | None:
    """Return the settings with which this data directory was last started, None when it was stopped since."""
    try:
        running = Settings.restore((settings.run / "settings.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return running.with_vault_secrets(settings.vault_secrets())
