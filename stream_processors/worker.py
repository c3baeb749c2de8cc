"""The worker process: one Faust application with its connections to ClickHouse and to the vault."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

import faust
import mode.loop
from sqlalchemy import Engine

from clickhouse.connection import AsyncClient, ClickHouseAddress, connect_async
from clickhouse.errors import StoreUnavailable
from identity.errors import UnknownTenant
from identity.keys import MasterKey
from identity.tenants import Tenant, get_tenant
from identity.vault import Vault
from stream_processors.app import BatchProcessor, WorkerSettings, create_app
from stream_processors.processing import Processor
from stream_processors.store import ClickHouseStore

logger = logging.getLogger(__name__)

_UNKNOWN_FOR_SECONDS = 5.0


class Tenants:
    """Finds tenants, remembering those that exist for good and those that don't for a few seconds."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._known: dict[str, Tenant] = {}
        self._unknown_until: dict[str, float] = {}

    def find(self, tenant_id: str) -> Tenant | None:
        """Return the tenant, or None if there is none. Raises IdentityUnavailable."""
        tenant = self._known.get(tenant_id)
        if tenant is not None:
            return tenant
        now = self._clock()
        if self._unknown_until.get(tenant_id, now) > now:
            return None
        try:
            tenant = self._known[tenant_id] = get_tenant(self._engine, tenant_id)
        except UnknownTenant:
            self._unknown_until = {name: until for name, until in self._unknown_until.items() if until > now}
            self._unknown_until[tenant_id] = now + _UNKNOWN_FOR_SECONDS
            return None
        return tenant


def serve(settings: WorkerSettings, clickhouse: ClickHouseAddress, engine: Engine, master: MasterKey) -> None:
    """Run a worker until SIGTERM or SIGINT. It waits for Kafka and ClickHouse, at the start and at any later time."""
    store: ClickHouseStore | None = None

    async def start() -> BatchProcessor:
        nonlocal store
        store = ClickHouseStore(await _connect_patiently(clickhouse))
        return Processor(store, Vault(engine, master), master, Tenants(engine).find)

    async def stop() -> None:
        if store is not None:
            await store.close()

    mode.loop.use("uvloop")
    app = create_app(settings, start, stop)
    worker = faust.Worker(app, loglevel="WARN", redirect_stdouts=False)
    worker.execute_from_commandline()


async def _connect_patiently(address: ClickHouseAddress) -> AsyncClient:
    waiting = False
    while True:
        try:
            return await connect_async(address)
        except StoreUnavailable as error:
            if not waiting:
                logger.warning("processing-waits", extra={"code": error.code, "reason": str(error)})
            waiting = True
            await asyncio.sleep(0.5)
