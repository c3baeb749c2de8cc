"""A tenant's own ClickHouse user: what boards and analysts can see is ClickHouse's decision, not a filter of ours."""

from __future__ import annotations

from clickhouse.connection import Client
from clickhouse.databases import name_reader, name_tenant_database


def ensure_reader(client: Client, tenant: str, password: str) -> str:
    """Create the tenant's reader, or give it this password, with SELECT on its database only; returns its name."""
    reader = name_reader(tenant)
    known = {"user": reader, "database": name_tenant_database(tenant)}
    secret = password.replace("\\", "\\\\").replace("'", "\\'")
    client.command(
        "CREATE USER IF NOT EXISTS {user:Identifier} IDENTIFIED WITH sha256_password BY '" + secret + "'",
        parameters=known,
    )
    client.command("ALTER USER {user:Identifier} IDENTIFIED WITH sha256_password BY '" + secret + "'", parameters=known)
    client.command("GRANT SELECT ON {database:Identifier}.* TO {user:Identifier}", parameters=known)
    return reader


def drop_reader(client: Client, tenant: str) -> None:
    """Remove the tenant's reader, if there is one."""
    client.command("DROP USER IF EXISTS {user:Identifier}", parameters={"user": name_reader(tenant)})
