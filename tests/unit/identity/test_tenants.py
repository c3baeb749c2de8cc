from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from identity.errors import AlreadyExists, InvalidValue, UnknownTenant
from identity.keys import MasterKey
from identity.tenants import add_tenant, get_tenant, list_tenants
from identity.vault import Vault


def test_a_tenant_is_found_as_it_was_added(engine: Engine, master: MasterKey) -> None:
    added = add_tenant(engine, master, "reunion", "Académie de La Réunion", "Indian/Reunion")
    assert get_tenant(engine, "reunion") == added
    assert (added.name, added.timezone) == ("Académie de La Réunion", "Indian/Reunion")
    assert abs(datetime.now(UTC) - added.created_at) < timedelta(minutes=1)


def test_adding_a_tenant_again_keeps_it_and_its_keys(engine: Engine, master: MasterKey) -> None:
    first = add_tenant(engine, master, "acme", "Acme")
    before = (Vault(engine, master).tenant_keys("acme"), Vault(engine, master).database_secret("acme"))
    assert add_tenant(engine, master, "acme", "Acme") == first
    assert (Vault(engine, master).tenant_keys("acme"), Vault(engine, master).database_secret("acme")) == before


def test_a_tenant_is_not_changed_by_adding_it_with_other_values(engine: Engine, master: MasterKey) -> None:
    first = add_tenant(engine, master, "acme", "Acme")
    with pytest.raises(AlreadyExists):
        add_tenant(engine, master, "acme", "Acme", "Indian/Reunion")
    assert get_tenant(engine, "acme") == first


def test_tenants_are_listed_by_id(engine: Engine, master: MasterKey) -> None:
    for name in ("zeta", "alpha"):
        add_tenant(engine, master, name, name)
    assert [tenant.id for tenant in list_tenants(engine)] == ["alpha", "zeta"]


@pytest.mark.parametrize("slug", ["", "a", "Acme", "9lives", "a_b", "a" * 32, "acme\n", "acmé"])
def test_an_id_that_is_no_slug_is_refused(engine: Engine, master: MasterKey, slug: str) -> None:
    with pytest.raises(InvalidValue):
        add_tenant(engine, master, slug, "Acme")
    assert list_tenants(engine) == []


@pytest.mark.parametrize("zone", ["Paris", "", "../etc/passwd", "Europe"])
def test_a_time_zone_that_is_none_is_refused(engine: Engine, master: MasterKey, zone: str) -> None:
    with pytest.raises(InvalidValue):
        add_tenant(engine, master, "acme", "Acme", zone)


def test_an_unknown_tenant_is_said_to_be_so(engine: Engine) -> None:
    with pytest.raises(UnknownTenant, match="jalon tenant add"):
        get_tenant(engine, "nobody")
