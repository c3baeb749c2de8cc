"""Names of databases and users: one shared database, and one sealed database with one reader per tenant."""

from __future__ import annotations

SHARED = "jalon"


def name_tenant_database(tenant: str) -> str:
    """Return the database of a tenant, whose id is a slug of lower-case letters, digits and hyphens."""
    return "tenant_" + tenant.replace("-", "_")


def name_reader(tenant: str) -> str:
    """Return the ClickHouse user as which the tenant's boards and analysts query: SELECT on its database, no more."""
    return "reader_" + tenant.replace("-", "_")
