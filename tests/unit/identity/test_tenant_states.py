from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine, event

from identity.audit import AuditTrail
from identity.errors import AlreadyExists, IdentityUnavailable, InvalidValue, TenantSuspended, UnknownTenant
from identity.keys import MasterKey
from identity.standing import Standing
from identity.tables import TENANTS
from identity.tenants import (
    QueryLimits,
    Tenant,
    add_tenant,
    find_tenant,
    get_active_tenant,
    get_tenant,
    list_tenants,
    resume_tenant,
    set_limits,
    suspend_tenant,
)

BY = {"who": "operator:anne", "why": "a test"}


@pytest.fixture
def trail(engine: Engine, master: MasterKey, tenant: Tenant) -> AuditTrail:  # noqa: ARG001 (the trail begins with it)
    return AuditTrail(engine, master)


def actions(trail: AuditTrail) -> list[tuple[str, str, str]]:
    return [(entry.event.who, entry.event.action, entry.event.why) for entry in trail.read(tenant="acme", after=1)]


def test_a_suspended_tenant_is_there_and_is_not_to_be_used(engine: Engine, trail: AuditTrail, tenant: Tenant) -> None:
    for _ in range(2):
        suspend_tenant(engine, trail, "acme", **BY)
    assert get_tenant(engine, "acme") == replace(tenant, state="suspended")
    with pytest.raises(TenantSuspended, match="jalon tenant resume"):
        get_active_tenant(engine, "acme")
    for _ in range(2):
        resume_tenant(engine, trail, "acme", **BY)
    assert get_active_tenant(engine, "acme") == tenant
    # What changed nothing is not told.
    assert actions(trail) == [
        ("operator:anne", "tenant-suspended", "a test"),
        ("operator:anne", "tenant-resumed", "a test"),
    ]


def test_a_tenant_is_told_to_the_trail_once(engine: Engine, master: MasterKey) -> None:
    for _ in range(2):
        add_tenant(engine, master, "acme", "Acme", who="operator:bob")
    entries = AuditTrail(engine, master).read()
    assert [(entry.event.tenant, entry.event.who, entry.event.action) for entry in entries] == [
        ("acme", "operator:bob", "tenant-added")
    ]


def test_limits_are_kept_and_told(engine: Engine, trail: AuditTrail) -> None:
    limits = QueryLimits(query_seconds=5, query_mib=64, query_rows=1_000, hour_seconds=60)
    set_limits(engine, trail, "acme", limits, **BY)
    assert get_tenant(engine, "acme").limits == limits
    assert trail.read(after=1)[0].event.details["query_rows"] == 1_000


@pytest.mark.parametrize("wrong", [0, -1, 2**31])
def test_no_limit_is_none(wrong: int) -> None:
    with pytest.raises(InvalidValue, match="query-rows"):
        QueryLimits(query_rows=wrong)


@pytest.mark.parametrize("state", ["removing", "removed"])
def test_a_tenant_that_is_gone_is_unknown_and_its_id_stays_taken(
    engine: Engine, master: MasterKey, trail: AuditTrail, state: str
) -> None:
    with engine.begin() as connection:
        connection.execute(TENANTS.update().values(state=state))
    for use in (get_tenant, get_active_tenant):
        with pytest.raises(UnknownTenant):
            use(engine, "acme")
    with pytest.raises(UnknownTenant):
        resume_tenant(engine, trail, "acme", **BY)
    with pytest.raises(AlreadyExists, match="was removed"):
        add_tenant(engine, master, "acme", "Acme")
    found = find_tenant(engine, "acme")
    assert found is not None
    assert found.is_gone
    assert (list_tenants(engine), list_tenants(engine, gone=True)) == ([], [found])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def queries(engine: Engine) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def test_standing_follows_changes_and_asks_seldom(
    engine: Engine, master: MasterKey, trail: AuditTrail, queries: list[str]
) -> None:
    clock = Clock()
    standing = Standing(engine, seconds=2, clock=clock)
    assert not standing.is_fresh
    assert standing.find("acme").state == "active"
    suspend_tenant(engine, trail, "acme", **BY)
    queries.clear()
    assert standing.is_fresh
    assert standing.find("acme").state == "active"
    assert queries == []
    # One that is not known may have been added since.
    assert standing.find("nobody") is None
    assert standing.find("nobody") is None
    assert sum("FROM tenants" in query for query in queries) == 1
    clock.now = 2.0
    assert not standing.is_fresh
    assert standing.find("acme").state == "suspended"
    add_tenant(engine, master, "new", "New")
    assert standing.find("new").state == "active"


def test_a_database_that_does_not_answer_changes_nothing(
    engine: Engine, trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    known, unknown = Standing(engine, seconds=2, clock=clock), Standing(engine, seconds=2, clock=clock)
    suspend_tenant(engine, trail, "acme", **BY)
    known.find("acme")

    def fail(*_: object, **__: object) -> list[Tenant]:
        raise IdentityUnavailable("down")

    monkeypatch.setattr("identity.standing.list_tenants", fail)
    clock.now = 9.0
    assert known.find("acme").state == "suspended"
    with pytest.raises(IdentityUnavailable):
        unknown.find("acme")
    # It may have been added since: nobody knows, so what came of it must wait.
    for _ in range(2):
        with pytest.raises(IdentityUnavailable):
            known.find("new")
