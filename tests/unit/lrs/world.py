"""One LRS with everything real but its two edges, and clients for it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from obstore.store import MemoryStore as MemoryObjects
from sqlalchemy import Engine

from identity.audit import AuditTrail
from identity.credentials import Authenticator, Credential, add_credential
from identity.database import open_database, upgrade
from identity.keys import MasterKey, draw_key
from identity.tenants import add_tenant
from identity.vault import Vault
from lrs.app import create_app
from lrs.attachments.storage import AttachmentStore
from lrs.documents.storage import DocumentStore
from lrs.limits import Limits
from lrs.services import Services
from tests.unit.lrs.doubles import MemoryLog, MemoryStore

URL = "http://lrs.example"
VERSION = {"X-Experience-API-Version": "1.0.3"}
ADA = {"objectType": "Agent", "name": "Ada Lovelace", "mbox": "mailto:ada@example.org"}
SECRET = "a-secret-of-the-tests"


def make_statement(**changes: Any) -> dict[str, Any]:
    return {
        "actor": ADA,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended"},
        "object": {"id": "https://example.org/sessions/1"},
        **changes,
    }


@dataclass
class Identity:
    """The identity database of a test run; every test takes a fresh tenant of it."""

    engine: Engine
    master: MasterKey

    @classmethod
    def open(cls, folder: Path) -> Identity:
        engine = open_database(f"sqlite:///{folder / 'identity.db'}")
        upgrade(engine)
        return cls(engine, MasterKey(draw_key()))


@dataclass
class World:
    identity: Identity
    services: Services
    log: MemoryLog
    store: MemoryStore
    transport: httpx.ASGITransport
    tenant: str
    clients: list[httpx.AsyncClient] = field(default_factory=list)

    def add_tenant(self) -> str:
        tenant = f"t-{uuid.uuid4().hex[:12]}"
        add_tenant(self.identity.engine, self.identity.master, tenant, "A tenant of the tests")
        return tenant

    def client(self, *scopes: str, tenant: str | None = None, sees: bool = False, version: str = "1.0.3") -> Any:
        credential, secret = self.credential(*scopes, tenant=tenant, sees=sees)
        client = httpx.AsyncClient(
            transport=self.transport,
            base_url=URL,
            auth=(credential.key, secret),
            headers={"X-Experience-API-Version": version},
        )
        self.clients.append(client)
        return client

    def credential(self, *scopes: str, tenant: str | None = None, sees: bool = False) -> tuple[Credential, str]:
        return add_credential(
            self.identity.engine,
            tenant or self.tenant,
            "A credential of the tests",
            scopes=scopes or ("all",),
            sees_identities=sees,
            secret=SECRET,
        )


@asynccontextmanager
async def open_world(
    identity: Identity, limits: Limits | None = None, *, objects: Any = None, **parts: Any
) -> AsyncIterator[World]:
    """Open a world; `objects` is where attachments lie, in memory unless told otherwise."""
    log = MemoryLog()
    store = MemoryStore(log, Vault(identity.engine, identity.master))
    services = Services(
        log=log,
        store=store,
        attachments=AttachmentStore(objects or MemoryObjects()),
        authenticator=Authenticator(identity.engine),
        keys=store.vault,
        documents=DocumentStore(identity.engine, store.vault),
        trail=AuditTrail(identity.engine, identity.master),
        public_url=URL,
        limits=limits or Limits(),
        **parts,
    )
    app = create_app(services)
    # As a server does: what leaves the application is an answer or a fault, and a fault is answered too.
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    world = World(identity, services, log, store, transport, "")
    world.tenant = world.add_tenant()
    async with app.router.lifespan_context(app):
        try:
            yield world
        finally:
            for client in world.clients:
                await client.aclose()
            for edge in (log.acknowledges, log.answers, store.answers):
                edge.set()
