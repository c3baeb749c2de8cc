"""Identity databases for tests: fresh ones, and copies of one that is migrated already."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import NullPool, create_engine, make_url, text

from identity.database import open_database, upgrade


@contextmanager
def fresh_postgres_database(server: str, template: str = "template1") -> Iterator[str]:
    """Give the address of a database of its own on a server, a copy of `template`, until the end of the block."""
    name = f"test_{secrets.token_hex(6)}"
    administration = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with administration.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        with administration.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def migrate(url: str) -> str:
    """Bring the database at `url` up to date; returns the address."""
    engine = open_database(url)
    upgrade(engine)
    engine.dispose()
    return url
