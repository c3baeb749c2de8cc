"""Running the built-in boards as a process."""

from __future__ import annotations

from functools import partial

import uvicorn
from sqlalchemy import Engine

from clickhouse.connection import ClickHouseAddress
from grafana.boards.app import create_app
from grafana.boards.reading import ClickHouseReader
from identity.tenants import get_tenant
from identity.vault import Vault
from identity.viewers import authenticate_viewer


def serve(
    *,
    host: str,
    port: int,
    engine: Engine,
    vault: Vault,
    clickhouse: ClickHouseAddress,
    session_secret: str,
    secure_cookies: bool = False,
) -> None:
    """Serve the boards until SIGINT or SIGTERM. Of `clickhouse` only the place is used, never its user.

    Raises SystemExit when the port is taken, after uvicorn has said so.
    """
    app = create_app(
        authenticate=partial(authenticate_viewer, engine),
        find_tenant=partial(get_tenant, engine),
        reader=ClickHouseReader(clickhouse, vault.database_secret),
        session_secret=session_secret,
        secure_cookies=secure_cookies,
    )
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False, server_header=False)
