"""A tenant's own ClickHouse user: what boards and analysts can see is ClickHouse's decision, not a filter of ours."""

from __future__ import annotations

from clickhouse.connection import Client, translate_errors
from clickhouse.databases import name_reader, name_tenant_database


def ensure_reader(client: Client, tenant: str, password: str) -> str:
    """Create the tenant's reader, or give it this password, with SELECT on its database only; returns its name."""
    reader = name_reader(tenant)
    # Names come from a tenant's slug and need no quoting; ClickHouse takes no parameters in these statements.
    secret = password.replace("\\", "\\\\").replace("'", "\\'")
    with translate_errors():
        client.command(f"CREATE USER IF NOT EXISTS {reader} IDENTIFIED WITH sha256_password BY '{secret}'")
        client.command(f"ALTER USER {reader} IDENTIFIED WITH sha256_password BY '{secret}'")
        client.command(f"GRANT SELECT ON {name_tenant_database(tenant)}.* TO {reader}")
    return reader


def drop_reader(client: Client, tenant: str) -> None:
    """Remove the tenant's reader, if there is one."""
    with translate_errors():
        client.command(f"DROP USER IF EXISTS {name_reader(tenant)}")
