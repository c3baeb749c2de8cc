from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.unit.lrs.world import Identity, World, open_world


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return Identity.open(tmp_path_factory.mktemp("identity"))


@pytest.fixture
async def world(identity: Identity) -> AsyncIterator[World]:
    async with open_world(identity) as opened:
        yield opened
