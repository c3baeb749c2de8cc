from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import Engine

from identity.analysts import add_analyst, list_analysts, remove_analyst
from identity.audit import AuditTrail
from identity.errors import AlreadyExists, InvalidValue, UnknownTenant
from identity.keys import MasterKey
from identity.tenants import Tenant

BY = {"who": "operator:anne", "why": "a study"}


@pytest.fixture
def trail(engine: Engine, master: MasterKey, tenant: Tenant) -> AuditTrail:  # noqa: ARG001 (the trail begins with it)
    return AuditTrail(engine, master)


def test_what_is_kept_of_a_password_is_what_clickhouse_takes(engine: Engine, trail: AuditTrail) -> None:
    analyst, password = add_analyst(engine, trail, "acme", "anne", **BY)
    assert list_analysts(engine, "acme") == [analyst]
    assert analyst.password_hash == hashlib.sha256((password + analyst.salt).encode()).hexdigest()
    assert len(password) >= 43
    assert password not in repr(analyst)
    assert analyst.password_hash not in repr(analyst)


def test_one_name_has_one_login_until_it_is_removed(engine: Engine, trail: AuditTrail) -> None:
    first, _ = add_analyst(engine, trail, "acme", "anne", **BY)
    with pytest.raises(AlreadyExists, match="remove it first"):
        add_analyst(engine, trail, "acme", "anne", **BY)
    assert list_analysts(engine, "acme") == [first]
    assert remove_analyst(engine, trail, "acme", "anne", **BY)
    assert not remove_analyst(engine, trail, "acme", "anne", **BY)
    again, _ = add_analyst(engine, trail, "acme", "anne", **BY)
    assert again.password_hash != first.password_hash
    assert [(entry.event.action, entry.event.about, entry.event.who) for entry in trail.read(after=1)] == [
        ("analyst-added", "anne", "operator:anne"),
        ("analyst-removed", "anne", "operator:anne"),
        ("analyst-added", "anne", "operator:anne"),
    ]


@pytest.mark.parametrize(
    "name", ["", "Anne", "anne b", "9a", "_a", "a__b", "a_", "a-b", "a" * 23, "a'; DROP", "é", "a\n"]
)
def test_a_name_that_could_be_taken_for_something_else_is_refused(engine: Engine, trail: AuditTrail, name: str) -> None:
    with pytest.raises(InvalidValue):
        add_analyst(engine, trail, "acme", name, **BY)
    assert list_analysts(engine, "acme") == []


def test_an_analyst_needs_a_tenant(engine: Engine, trail: AuditTrail) -> None:
    with pytest.raises(UnknownTenant):
        add_analyst(engine, trail, "nobody", "anne", **BY)
