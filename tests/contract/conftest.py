"""One embedded ClickHouse server for all contract tests that talk to one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.embedded_clickhouse import EmbeddedServer, serve_embedded


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """An embedded ClickHouse server; tests use tables and logins of their own."""
    with serve_embedded(tmp_path_factory.mktemp("clickhouse") / "data") as running:
        yield running
