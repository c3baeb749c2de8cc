"""Bringing a Grafana to the state a tenant needs: organisation, data source, folder, dashboards.

Each tenant has an organisation of its own, whose only data source is the tenant's own ClickHouse user: Grafana itself
cannot show one tenant's data to another. Doing it again changes nothing but what has drifted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import niquests
from grafana_client.api import GrafanaApi
from grafana_client.client import GrafanaClientError, GrafanaException, GrafanaUnauthorizedError

from clickhouse.connection import ClickHouseAddress
from grafana.dashboards.catalogue import BUILDERS, read_dashboard
from grafana.dashboards.language import Language
from grafana.dashboards.panels import DATA_SOURCE
from grafana.errors import ProvisioningError

FOLDER = "jalon"

# grafana-client does not say of what types its calls are.
_Api = Any
_NOT_FOUND = 404
_LOCALES: dict[Language, str] = {"fr": "fr-FR", "en": "en-GB"}


@dataclass(frozen=True, slots=True)
class GrafanaAddress:
    """Where Grafana is, and a server administrator of it: only such a user may create organisations."""

    url: str
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TenantBoards:
    """What a tenant's organisation shall hold; `clickhouse` is the tenant's reader, as Grafana reaches ClickHouse."""

    tenant: str
    timezone: str
    language: Language
    clickhouse: ClickHouseAddress


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What was done: the organisation's number and, by name, each thing that was created or updated."""

    organisation: int
    changes: tuple[str, ...]


def provision(grafana: GrafanaAddress, boards: TenantBoards) -> Provisioned:
    """Bring a tenant's organisation about; raises ProvisioningError, whose text holds no password."""
    with _explained(grafana):
        with _open(grafana) as api:
            organisation, changes = _ensure_organisation(api, boards.tenant)
        with _open(grafana, organisation) as api:
            changes += _ensure_data_source(api, boards.clickhouse)
            changes += _ensure_folder(api)
            changes += _ensure_dashboards(api, boards.language)
            changes += _ensure_preferences(api, boards)
    return Provisioned(organisation, tuple(changes))


def find_organisation(grafana: GrafanaAddress, tenant: str) -> int | None:
    """Return the number of a tenant's organisation, None when it has none. Raises ProvisioningError."""
    with _explained(grafana), _open(grafana) as api:
        found = _find(api.organization.find_organization, tenant)
    return None if found is None else int(found["id"])


def remove_organisation(grafana: GrafanaAddress, tenant: str) -> bool:
    """Delete a tenant's organisation with all that is in it; returns whether there was one.

    Raises ProvisioningError.
    """
    with _explained(grafana), _open(grafana) as api:
        found = _find(api.organization.find_organization, tenant)
        if found is None:
            return False
        # Somebody else may have deleted it in between.
        _find(api.organizations.delete_organization, found["id"])
    return True


@contextmanager
def _explained(grafana: GrafanaAddress) -> Iterator[None]:
    try:
        yield
    except GrafanaUnauthorizedError as error:
        raise ProvisioningError("Grafana does not accept this administrator's name and password.") from error
    except GrafanaException as error:
        raise ProvisioningError(f"Grafana refused, with status {error.status_code}: {error.message}") from error
    except niquests.exceptions.RequestException as error:
        raise ProvisioningError(f"Grafana does not answer at {_hide_credentials(grafana.url)}.") from error


@contextmanager
def _open(grafana: GrafanaAddress, organisation: int | None = None) -> Iterator[_Api]:
    place = urlsplit(grafana.url)
    if place.scheme not in {"http", "https"} or not place.hostname:
        raise ProvisioningError("Grafana's address begins with http:// or https://.")
    path = place.path.strip("/")
    api = GrafanaApi(
        auth=(grafana.username, grafana.password),
        host=place.hostname,
        port=place.port,
        protocol=place.scheme,
        url_path_prefix=f"{path}/" if path else "",
        timeout=15.0,
        organization_id=organisation,
    )
    try:
        yield api
    finally:
        api.client.s.close()


def _find(read: Callable[[str], Any], name: str) -> dict[str, Any] | None:
    """Return what Grafana has, or None when it answers that there is none."""
    try:
        found: dict[str, Any] = read(name)
    except GrafanaClientError as error:
        if error.status_code == _NOT_FOUND:
            return None
        raise
    return found


def _ensure_organisation(api: _Api, name: str) -> tuple[int, list[str]]:
    found = _find(api.organization.find_organization, name)
    if found is not None:
        return int(found["id"]), []
    return int(api.organization.create_organization(name)["orgId"]), ["organisation"]


def _ensure_data_source(api: _Api, clickhouse: ClickHouseAddress) -> list[str]:
    wanted = describe_data_source(clickhouse)
    found = _find(api.datasource.get_datasource_by_uid, wanted["uid"])
    if found is None:
        api.datasource.create_datasource(wanted)
        return ["data source"]
    # The password is never told back, so it is written anew every time; only a visible difference counts as a change.
    api.datasource.update_datasource_by_uid(
        wanted["uid"], wanted | {"id": found["id"], "version": found.get("version")}
    )
    visible = ("name", "type", "access", "isDefault", "jsonData")
    return ["data source"] if any(found.get(key) != wanted[key] for key in visible) else []


def describe_data_source(clickhouse: ClickHouseAddress) -> dict[str, Any]:
    """Return the data source as Grafana's ClickHouse plug-in (version 4) is configured."""
    return {
        "uid": DATA_SOURCE["uid"],
        "name": "ClickHouse",
        "type": DATA_SOURCE["type"],
        "access": "proxy",
        "isDefault": True,
        "jsonData": {
            "host": clickhouse.host,
            "port": clickhouse.port,
            "protocol": "http",
            "secure": clickhouse.secure,
            "username": clickhouse.username,
            "defaultDatabase": clickhouse.database,
        },
        "secureJsonData": {"password": clickhouse.password},
    }


def _ensure_folder(api: _Api) -> list[str]:
    if _find(api.folder.get_folder, FOLDER) is not None:
        return []
    api.folder.create_folder("Jalon", uid=FOLDER)
    return ["folder"]


def _ensure_dashboards(api: _Api, language: Language) -> list[str]:
    changes = []
    for name in BUILDERS:
        wanted = read_dashboard(name, language)
        found = _find(api.dashboard.get_dashboard, wanted["uid"])
        kept = (
            found is not None
            and found["meta"].get("folderUid") == FOLDER
            and _strip(found["dashboard"]) == _strip(wanted)
        )
        if kept:
            continue
        api.dashboard.update_dashboard(
            {
                "dashboard": _strip(wanted) | {"id": None},
                "folderUid": FOLDER,
                "overwrite": True,
                "message": "Jalon",
            }
        )
        changes.append(f"dashboard {name}")
    return changes


def _strip(dashboard: dict[str, Any]) -> dict[str, Any]:
    """Return a dashboard without what Grafana numbers by itself."""
    return {key: value for key, value in dashboard.items() if key not in {"id", "version"}}


def _ensure_preferences(api: _Api, boards: TenantBoards) -> list[str]:
    wanted = {
        "timezone": boards.timezone,
        "weekStart": "monday",
        "language": _LOCALES[boards.language],
        "homeDashboardUID": read_dashboard("live", boards.language)["uid"],
    }
    found = api.client.GET("/org/preferences")
    if all(found.get(key) == value for key, value in wanted.items()):
        return []
    api.client.PATCH("/org/preferences", json=wanted)
    return ["preferences"]


def _hide_credentials(url: str) -> str:
    place = urlsplit(url)
    return f"{place.scheme}://{place.hostname}" + (f":{place.port}" if place.port else "")
