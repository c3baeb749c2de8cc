"""The removal of a tenant: everything of it in every place, in an order that can be taken up again after any failure.

Nothing is destroyed before the export, if one is asked for, is whole. From then on the tenant is `removing`: nothing
is stored for it any more, and the same command does what is left. Its keys and its rows go last, in one transaction, so
that until then it is known what there is to remove.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from clickhouse.access import drop_access
from clickhouse.connection import connect
from clickhouse.databases import name_tenant_database
from clickhouse.tables import count_table, drop_database, has_database, read_balance
from identity.errors import UnknownTenant
from identity.receipts import sign
from identity.removal import begin_removal, count_rows, finish_removal
from identity.standing import SECONDS
from identity.tenants import find_tenant
from jalon.errors import WrongInput
from jalon.importing.store_view import TenantStore
from jalon.installation import Installation
from jalon.tenancy import Act, export, suspend
from lrs.attachments.holdings import list_contents, remove_all

_REJECTED = re.compile(r"-\d{8}T\d{6}\.jsonl")
_COUNTED = ("statements", "dead_letters")

Report = Callable[[str], None]


def remove_tenant(
    installation: Installation,
    tenant: str,
    act: Act,
    *,
    export_to: Path | None = None,
    identities: bool = False,
    wait: Callable[[float], None] = time.sleep,
    report: Report = lambda _step: None,
) -> str:
    """Remove the tenant for good and return the signed receipt; of one that is removed, remove what came since.

    Raises UnknownTenant, WrongInput when an export is asked for that can no longer be made, and whatever says that a
    part does not answer: then the same call goes on where this one ended.
    """
    found = find_tenant(installation.engine, tenant)
    if found is None:
        raise UnknownTenant(tenant)
    if found.is_gone:
        if export_to is not None:
            raise WrongInput(f"The removal of {tenant!r} has begun: nothing is left to export whole.")
    else:
        _prepare(installation, tenant, act, export_to, identities=identities, wait=wait, report=report)
    # Processes that have not heard of it yet may still write for it.
    wait(2 * SECONDS)
    _remove_from_store(installation, tenant, report)
    _remove_files(installation, tenant, report)
    _remove_from_grafana(installation, tenant, report)
    report("keys and everything else in the identity database")
    noted, head = finish_removal(installation.engine, installation.audit, tenant, {}, who=act.who, why=act.why)
    return sign(installation.master, _describe(installation, tenant, noted, str(head)))


def _prepare(
    installation: Installation,
    tenant: str,
    act: Act,
    export_to: Path | None,
    *,
    identities: bool,
    wait: Callable[[float], None],
    report: Report,
) -> None:
    """Suspend, export, and note what there is: after this there is no way back."""
    report("suspended")
    suspend(installation, tenant, act)
    held: dict[str, Any] = {}
    if export_to is not None:
        report(f"exported to {export_to}")
        wait(2 * SECONDS)
        exported = export(
            installation,
            tenant,
            export_to,
            act,
            identities=identities,
            settle=lambda: _settle(installation, tenant),
        )
        held["export"] = {"sha256": exported.digest, "identities": identities}
    begin_removal(
        installation.engine,
        installation.audit,
        tenant,
        {**held, "held": _count(installation, tenant)},
        who=act.who,
        why=act.why,
    )


def _settle(installation: Installation, tenant: str) -> None:
    with closing(connect(installation.owner_address)) as client:
        TenantStore(installation.settings, client, tenant).wait_until_stored()


def _count(installation: Installation, tenant: str) -> dict[str, Any]:
    database = name_tenant_database(tenant)
    held: dict[str, Any] = {}
    with closing(connect(installation.owner_address)) as client:
        if has_database(client, database):
            held |= {table: count_table(client, database, table) for table in _COUNTED}
            held["ledger"] = read_balance(client, database)
    contents = list_contents(installation.open_attachments().objects, tenant)
    return {**held, "attachments": sum(1 for _ in contents), "rows": count_rows(installation.engine, tenant)}


def _remove_from_store(installation: Installation, tenant: str, report: Report) -> None:
    report("ClickHouse: users, profiles, quota, database")
    with closing(connect(installation.owner_address)) as client:
        drop_access(client, tenant)
        drop_database(client, name_tenant_database(tenant))


def _remove_files(installation: Installation, tenant: str, report: Report) -> None:
    report("attachments and files of rejected statements")
    remove_all(installation.open_attachments().objects, tenant)
    for path in (installation.settings.data_dir / "rejected").glob(f"{tenant}-*"):
        if _REJECTED.fullmatch(path.name.removeprefix(tenant)):
            path.unlink(missing_ok=True)


def _remove_from_grafana(installation: Installation, tenant: str, report: Report) -> None:
    grafana = installation.grafana
    if grafana is None:
        return
    from grafana.provisioning import remove_organisation  # noqa: PLC0415 (few have a Grafana)

    report("Grafana: organisation, data source, folder, dashboards")
    remove_organisation(grafana, tenant)


def _describe(installation: Installation, tenant: str, noted: dict[str, Any], head: str) -> dict[str, Any]:
    settings = installation.settings
    finished = datetime.fromisoformat(noted["finished"]).astimezone(UTC)
    forgotten = finished + timedelta(hours=settings.topic_retention_hours)
    return {
        "kind": "tenant-removed",
        "tenant": tenant,
        **noted,
        "removed": [
            "ClickHouse users, profiles, quota and database",
            "attachments and files of rejected statements",
            "keys, documents, credentials, viewers, analysts and every other row of the identity database",
            *(["Grafana organisation"] if settings.grafana_url else []),
        ],
        "remains": {
            "accepted records in Kafka, which hold names": {
                "topic": settings.topic,
                "until": forgotten.isoformat(timespec="seconds"),
            },
            "backups made before": noted["finished"],
            "keys in the memory of processes": "until each is restarted",
            "attachments that were being sent": "24 hours",
            "tombstone and audit trail": "for good",
        },
        "audit": head,
    }
