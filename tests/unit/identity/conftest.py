"""A fresh identity database for every test, on SQLite and on PostgreSQL, copied from one that is migrated already."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from identity.database import open_database
from identity.keys import MasterKey, TenantKeys
from identity.tenants import Tenant, add_tenant
from identity.vault import Vault
from tests.databases import fresh_postgres_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "identity.db")
        yield f"sqlite:///{path}"
        return
    server, migrated = (request.getfixturevalue(name) for name in ("postgres_url", "migrated_postgres"))
    with fresh_postgres_database(server, migrated) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/identity.db"
        return
    with fresh_postgres_database(request.getfixturevalue("postgres_url")) as url:
        yield url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_database(database_url)
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
