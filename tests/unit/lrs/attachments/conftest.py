from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from obstore.store import LocalStore

from tests.attachments import Objects
from tests.unit.lrs.conftest import identity
from tests.unit.lrs.world import Identity, World, open_world

__all__ = ["identity", "objects", "world"]


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    folder = tmp_path / "attachments"
    folder.mkdir()
    return Objects(folder)


@pytest.fixture
async def world(identity: Identity, objects: Objects) -> AsyncIterator[World]:
    """A world whose attachments lie in a folder that tests can look into."""
    async with open_world(identity, objects=LocalStore(objects.folder)) as opened:
        yield opened
