"""A further LRS on the same Kafka, ClickHouse and identity database as the running product's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from identity.credentials import Authenticator
from lrs.app import create_app
from lrs.attachments.storage import AttachmentStore, open_store
from lrs.documents.storage import DocumentStore
from lrs.limits import Limits
from lrs.log import KafkaLog
from lrs.services import Services
from lrs.store import ClickHouseStore
from tests.stack import Stack, TenantAccess


@asynccontextmanager
async def open_lrs(stack: Stack, tenant: TenantAccess) -> AsyncIterator[httpx.AsyncClient]:
    """Open an LRS that shares nothing in memory with another, and a client of the tenant for it."""
    limits = Limits()
    services = Services(
        log=KafkaLog(
            stack.settings.kafka_servers,
            stack.settings.topic,
            record_bytes=limits.record_bytes,
            pending_bytes=limits.pending_bytes,
            ack_seconds=limits.ack_seconds,
        ),
        store=ClickHouseStore(stack.installation.owner_address, stack.settings.topic),
        attachments=AttachmentStore(open_store(stack.settings.attachments_address)),
        authenticator=Authenticator(stack.installation.engine),
        keys=stack.installation.vault,
        documents=DocumentStore(stack.installation.engine, stack.installation.vault),
        trail=stack.installation.audit,
        public_url=stack.settings.lrs_local_url,
        limits=limits,
    )
    app = create_app(services)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), **_as(stack, tenant))
    async with app.router.lifespan_context(app), client:
        while (await client.get("../ready")).status_code != 200:
            pass
        yield client


@asynccontextmanager
async def connect_lrs(stack: Stack, tenant: TenantAccess) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the tenant for the running product's own LRS process."""
    async with httpx.AsyncClient(timeout=60, trust_env=False, **_as(stack, tenant)) as client:
        yield client


def _as(stack: Stack, tenant: TenantAccess) -> dict[str, Any]:
    return {
        "base_url": stack.xapi,
        "auth": (tenant.key, tenant.secret),
        "headers": {"X-Experience-API-Version": "1.0.3"},
    }
