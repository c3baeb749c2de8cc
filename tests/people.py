"""Two tenants and the people who sign in to their boards, in an identity database of SQLite."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import Engine
from starlette.applications import Starlette

from grafana.boards.app import People
from identity.accounts import Accounts
from identity.attempts import Attempts
from identity.database import open_database, upgrade
from identity.keys import MasterKey
from identity.roles import Role
from identity.sessions import Limits, Sessions
from identity.tenants import add_tenant, get_tenant, list_tenants
from tests.waiting import eventually

PASSWORD = "correct-horse"
MASTER = MasterKey(bytes(range(32)))
PUBLIC = "http://boards"


@dataclass
class Clock:
    """A time that tests move."""

    now: datetime = field(default_factory=lambda: datetime(2026, 9, 18, 12, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def go_on(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class House:
    """An identity database with its people."""

    engine: Engine
    clock: Clock
    accounts: Accounts
    sessions: Sessions

    def people(self, **more: Any) -> People:
        parts: Mapping[str, Any] = {
            "accounts": self.accounts,
            "sessions": self.sessions,
            "find_tenant": partial(get_tenant, self.engine),
            "list_tenants": partial(list_tenants, self.engine),
        }
        return People(**{**parts, **more})


def build(path: Path) -> Path:
    """Make a database: anne sees alpha in French, bob beta-x in English; otto is the operator, nora has no role."""
    engine = open_database(f"sqlite:///{path}")
    upgrade(engine)
    for tenant in ("alpha", "beta-x"):
        add_tenant(engine, MASTER, tenant, f"Institut {tenant}")
    accounts = Accounts(engine, MASTER)
    add: Callable[..., Any] = partial(accounts.add, by="process:tests", password=PASSWORD)
    add("anne", {Role("alpha", "viewer")})
    add("bob", {Role("beta-x", "dpo")}, language="en")
    add("otto", {Role("", "operator")})
    add("nora")
    engine.dispose()
    return path


def open_house(template: Path, folder: Path, limits: Limits | None = None) -> House:
    """Open a copy of the database that `build` made."""
    engine = open_database(f"sqlite:///{shutil.copy(template, folder / 'identity.sqlite3')}")
    clock = Clock()
    accounts = Accounts(engine, MASTER, attempts=Attempts(engine, MASTER, now=clock))
    return House(engine, clock, accounts, Sessions(engine, MASTER, limits, now=clock))


@contextmanager
def serve_app(app: Starlette, port: int) -> Iterator[None]:
    """Serve the boards on a port of this machine while something is done with them."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started, seconds=20)
        yield
    finally:
        server.should_exit = True
        thread.join()
