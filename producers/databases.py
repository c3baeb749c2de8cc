"""Another system's database, opened to be read over SQLAlchemy: nothing is ever written to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from producers.errors import UnreadableInput


@contextmanager
def open_database(url: str, system: str) -> Iterator[sa.Connection]:
    """Open a connection to a system's database, by an SQLAlchemy URL.

    Raises UnreadableInput, for whatever goes wrong while it is open too. No message holds any of the URL's password.
    """
    try:
        parsed = sa.make_url(url)
    except (ArgumentError, ValueError):
        # Without its cause: that may hold part of the password.
        raise UnreadableInput(
            f"The address of {system}'s database is no SQLAlchemy URL, such as mysql+pymysql://reader:password@host/name."
        ) from None
    try:
        engine = sa.create_engine(parsed, hide_parameters=True)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise UnreadableInput(
            f"No driver for {parsed.drivername} is installed: install one, such as PyMySQL for mysql+pymysql."
        ) from None
    where = f"{parsed.database or ''} at {parsed.host}" if parsed.host else str(parsed.database or "")
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        kind = type(getattr(error, "orig", None) or error).__name__
        raise UnreadableInput(
            f"{system}'s database {where} cannot be read ({kind}): check its address and what the account may read."
        ) from error
    finally:
        engine.dispose()
