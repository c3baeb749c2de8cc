"""Names of databases and users: one shared database, and one sealed database with one reader per tenant."""

from __future__ import annotations

SHARED = "jalon"


def name_tenant_database(tenant: str) -> str:
    """Return the database of a tenant, whose id is a slug of lower-case letters, digits and hyphens."""
    return "tenant_" + tenant.replace("-", "_")


def name_reader(tenant: str) -> str:
    """Return the ClickHouse user as which the tenant's boards query: SELECT on its database, no more."""
    return "reader_" + tenant.replace("-", "_")


def name_analyst(tenant: str, name: str) -> str:
    """Return the login of an analyst of the tenant, whose name holds no double underscore (identity/analysts.py)."""
    return f"analyst_{tenant.replace('-', '_')}__{name}"


def is_login_of(login: str, tenant: str) -> bool:
    """Tell whether a ClickHouse user is the tenant's reader or one of its analysts."""
    return login == name_reader(tenant) or login.rpartition("__")[0] == f"analyst_{tenant.replace('-', '_')}"
