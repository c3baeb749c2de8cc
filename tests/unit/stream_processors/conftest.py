from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from identity.database import open_database, upgrade
from identity.keys import MasterKey, draw_key
from identity.standing import Standing
from identity.tenants import add_tenant
from identity.vault import Vault
from stream_processors.processing import Processor
from tests.unit.stream_processors.doubles import MemoryStore

TENANT = "institute"


@pytest.fixture(scope="module")
def master() -> MasterKey:
    return MasterKey(draw_key())


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, master: MasterKey) -> Iterator[Engine]:
    path: Path = tmp_path_factory.mktemp("identity") / "identity.db"
    engine = open_database(f"sqlite:///{path}")
    upgrade(engine)
    add_tenant(engine, master, TENANT, "Institut")
    add_tenant(engine, master, "other", "Autre")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def vault(engine: Engine, master: MasterKey) -> Vault:
    return Vault(engine, master)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


class Pauses(list[float]):
    """Records how long the processor would have waited, and does not wait."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


@pytest.fixture
def processor(store: MemoryStore, vault: Vault, master: MasterKey, engine: Engine, pauses: Pauses) -> Processor:
    return Processor(store, vault, master, Standing(engine).find, pause=pauses)
