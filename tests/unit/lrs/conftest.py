from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lrs.limits import Limits
from tests.unit.lrs.world import Identity, World, open_world


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity.open(tmp_path_factory.mktemp("identity"))


@pytest.fixture
async def world(identity: Identity) -> AsyncIterator[World]:
    async with open_world(identity) as opened:
        yield opened


@pytest.fixture
async def small_world(identity: Identity) -> AsyncIterator[World]:
    limits = Limits(
        body_bytes=2_000,
        bodies_bytes=3_000,
        body_seconds=0.05,
        batch_statements=3,
        ack_seconds=0.05,
        lookup_seconds=0.05,
        read_seconds=0.05,
        thread_bytes=500,
    )
    async with open_world(identity, limits) as world:
        yield world
