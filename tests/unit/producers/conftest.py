from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from producers.checkpoint import Checkpoint
from producers.naming import Naming


@pytest.fixture
def naming() -> Naming:
    return Naming("institut")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Iterator[Checkpoint]:
    with Checkpoint(tmp_path / "checkpoints", "institut", "list") as opened:
        yield opened


@pytest.fixture
def free_port() -> int:
    """A port of loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
