"""A fresh identity database for every test: SQLite, or PostgreSQL where JALON_TEST_POSTGRES_URL names a server."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from identity.database import open_database, upgrade
from identity.keys import MasterKey, TenantKeys
from identity.tenants import Tenant, add_tenant
from identity.vault import Vault


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    server = os.environ.get("JALON_TEST_POSTGRES_URL")
    if server is None:
        yield f"sqlite:///{tmp_path}/identity.db"
        return
    name = f"test_{secrets.token_hex(6)}"
    administration = create_engine(server, isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with administration.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    administration.dispose()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def master() -> MasterKey:
    return MasterKey(secrets.token_bytes(32))


@pytest.fixture
def tenant(engine: Engine, master: MasterKey) -> Tenant:
    return add_tenant(engine, master, "acme", "Acme")


@pytest.fixture
def vault(engine: Engine, master: MasterKey, tenant: Tenant) -> Vault:  # noqa: ARG001 (the vault has its keys)
    return Vault(engine, master)


@pytest.fixture
def keys(vault: Vault) -> TenantKeys:
    return vault.tenant_keys("acme")
