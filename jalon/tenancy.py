"""What an operator does with a tenant as a whole: one act over the identity database, ClickHouse and Grafana.

The identity database is changed first, since everything else follows from it: an act that broke off is given again, and
does what is left. Every act is told to the audit trail, with who gave it and why.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clickhouse.access import lock_access
from clickhouse.connection import connect
from clickhouse.databases import name_analyst, name_tenant_database
from clickhouse.tables import has_database, measure_tables, read_balance
from identity import tenants
from identity.analysts import Analyst, add_analyst, list_analysts, remove_analyst
from identity.audit import Event
from identity.credentials import list_credentials
from identity.errors import UnknownTenant
from identity.removal import count_rows, read_removal
from identity.tenants import QueryLimits, Tenant
from jalon.exporting.archive import writing_archive
from jalon.exporting.tenant import TenantExport
from jalon.installation import Installation


@dataclass(frozen=True, slots=True)
class Act:
    """Who does it, as the audit trail names them, and why."""

    who: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of an export: the archive's SHA-256, and how much is in it."""

    digest: str
    identities: bool
    counts: dict[str, int]


def suspend(installation: Installation, tenant: str, act: Act) -> None:
    """Let nobody use the tenant: LRS and sign-in within seconds, ClickHouse when this returns.

    What was accepted goes on being stored. Raises UnknownTenant, IdentityUnavailable, StoreUnavailable.
    """
    tenants.suspend_tenant(installation.engine, installation.audit, tenant, who=act.who, why=act.why)
    with closing(connect(installation.owner_address)) as client:
        lock_access(client, tenant)


def resume(installation: Installation, tenant: str, act: Act) -> None:
    """Let the tenant be used again, under the passwords it had. Raises as suspend does."""
    tenants.resume_tenant(installation.engine, installation.audit, tenant, who=act.who, why=act.why)
    _follow(installation, tenant)


def set_limits(installation: Installation, tenant: str, limits: QueryLimits, act: Act) -> None:
    """Give the tenant's analysts these limits. Raises as suspend does."""
    tenants.set_limits(installation.engine, installation.audit, tenant, limits, who=act.who, why=act.why)
    _follow(installation, tenant)


def let_in(installation: Installation, tenant: str, name: str, act: Act) -> tuple[str, str]:
    """Add an analyst; return login and password, which is told never again.

    Raises InvalidValue and AlreadyExists, and as suspend does.
    """
    _, password = add_analyst(installation.engine, installation.audit, tenant, name, who=act.who, why=act.why)
    _follow(installation, tenant)
    return name_analyst(tenant, name), password


def shut_out(installation: Installation, tenant: str, name: str, act: Act) -> bool:
    """Remove an analyst and their login; returns whether there was one. Raises as suspend does."""
    tenants.get_tenant(installation.engine, tenant)
    removed = remove_analyst(installation.engine, installation.audit, tenant, name, who=act.who, why=act.why)
    _follow(installation, tenant)
    return removed


def list_logins(installation: Installation, tenant: str) -> list[tuple[str, Analyst]]:
    """Return the tenant's analysts with their logins. Raises UnknownTenant, IdentityUnavailable."""
    tenants.get_tenant(installation.engine, tenant)
    return [(name_analyst(tenant, one.name), one) for one in list_analysts(installation.engine, tenant)]


def export(
    installation: Installation,
    tenant: str,
    path: Path,
    act: Act,
    *,
    identities: bool,
    settle: Callable[[], None] = lambda: None,
) -> Exported:
    """Write everything that the tenant holds to an archive at `path`, whole or not at all.

    `settle` returns once everything accepted before can be read. Raises WrongInput when there is a file already,
    ExportIncomplete, UnknownTenant, and whatever says that a part does not answer.
    """
    found = tenants.get_tenant(installation.engine, tenant)
    settle()
    with closing(connect(installation.owner_address)) as client, writing_archive(path) as archive:
        writer = TenantExport(installation, client, found, identities=identities)
        counts = writer.write(archive)
        exported = Exported(archive.complete(writer.describe(counts)), identities, asdict(counts))
        # Before the file is where somebody can take it.
        installation.audit.append(
            Event(
                tenant,
                act.who,
                "tenant-exported",
                f"sha256:{exported.digest}",
                act.why,
                {"identities": identities, **exported.counts},
            )
        )
    return exported


def describe(installation: Installation, tenant: str) -> dict[str, Any]:
    """Return how the tenant stands, its tombstone if it was removed. Raises UnknownTenant, and what does not answer."""
    found = tenants.find_tenant(installation.engine, tenant)
    if found is None:
        raise UnknownTenant(tenant)
    told: dict[str, Any] = {"id": found.id, "name": found.name, "state": found.state}
    if found.is_gone:
        return {**told, "removal": read_removal(installation.engine, tenant)}
    credentials = list_credentials(installation.engine, tenant)
    return {
        **told,
        "timezone": found.timezone,
        "added": found.created_at.isoformat(timespec="seconds"),
        "limits": asdict(found.limits),
        "credentials": sum(each.disabled_at is None for each in credentials),
        "analysts": [login for login, _ in list_logins(installation, tenant)],
        "rows": count_rows(installation.engine, tenant),
        **_describe_store(installation, found),
        "grafana": _find_organisation(installation, tenant),
    }


def _describe_store(installation: Installation, tenant: Tenant) -> dict[str, Any]:
    database = name_tenant_database(tenant.id)
    with closing(connect(installation.owner_address)) as client:
        if not has_database(client, database):
            return {"database": None}
        tables = measure_tables(client, database)
        return {
            "database": database,
            "tables": {name: {"rows": rows, "bytes": size} for name, (rows, size) in tables.items() if rows},
            "ledger": read_balance(client, database),
        }


def _find_organisation(installation: Installation, tenant: str) -> int | None:
    grafana = installation.grafana
    if grafana is None:
        return None
    from grafana.provisioning import find_organisation  # noqa: PLC0415 (few have a Grafana)

    return find_organisation(grafana, tenant)


def _follow(installation: Installation, tenant: str) -> None:
    """Have ClickHouse be as the identity database says."""
    with closing(connect(installation.owner_address)) as client:
        installation.ensure_access(client, tenants.get_tenant(installation.engine, tenant))
