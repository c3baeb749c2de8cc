"""Running the built-in boards as a process."""

from __future__ import annotations

import uvicorn

from clickhouse.connection import ClickHouseAddress
from grafana.boards.app import People, create_app
from grafana.boards.reading import ClickHouseReader
from identity.vault import Vault


def serve(
    *,
    host: str,
    port: int,
    public_url: str,
    proxies: str,
    people: People,
    vault: Vault,
    clickhouse: ClickHouseAddress,
    session_secret: str,
) -> None:
    """Serve the boards until SIGINT or SIGTERM. Of `clickhouse` only the place is used, never its user.

    `proxies` are the addresses, parted by commas, of proxies that are believed when they say whom they speak for.
    Raises SystemExit when the port is taken, after uvicorn has said so.
    """
    app = create_app(
        people=people,
        reader=ClickHouseReader(clickhouse, vault.database_secret),
        public_url=public_url,
        session_secret=session_secret,
    )
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        forwarded_allow_ips=proxies,
    )
