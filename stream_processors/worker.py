"""The worker process: one Faust application with its connections to ClickHouse and to the vault."""

from __future__ import annotations

import asyncio
import logging

import faust
import mode.loop
from sqlalchemy import Engine

from clickhouse.connection import AsyncClient, ClickHouseAddress, connect_async
from clickhouse.errors import StoreUnavailable
from identity.keys import MasterKey
from identity.policies import Policies
from identity.standing import Standing
from identity.vault import Vault
from stream_processors.app import BatchProcessor, WorkerSettings, create_app
from stream_processors.conformance import CheckersOfTenants
from stream_processors.expiry import PeriodsOfTenants
from stream_processors.processing import Processor
from stream_processors.store import ClickHouseStore

logger = logging.getLogger(__name__)


def serve(settings: WorkerSettings, clickhouse: ClickHouseAddress, engine: Engine, master: MasterKey) -> None:
    """Run a worker until SIGTERM or SIGINT. It waits for Kafka and ClickHouse, at the start and at any later time."""
    store: ClickHouseStore | None = None

    async def start() -> BatchProcessor:
        nonlocal store
        store = ClickHouseStore(await _connect_patiently(clickhouse))
        return Processor(
            store,
            Vault(engine, master),
            master,
            Standing(engine).find,
            find_policy=Policies(engine).find,
            find_periods=PeriodsOfTenants(engine).find,
            find_checker=CheckersOfTenants(engine).find,
        )

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
