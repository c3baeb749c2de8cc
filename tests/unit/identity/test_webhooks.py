"""Webhooks' addresses and secrets, and what their events need of earlier ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from identity.audit import AuditTrail
from identity.connections import KEPT, Connections
from identity.errors import AlreadyExists, IdentityUnavailable, InvalidValue, UnknownTenant, VaultUnavailable
from identity.keys import MasterKey, draw_key
from identity.tenants import Tenant, add_tenant
from identity.webhooks import SECONDS, Webhooks, add_webhook, list_webhooks, remove_webhook

BY = {"who": "operator:anne", "why": "the virtual classrooms"}
SECRET = "a shared secret of it"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def trail(engine: Engine, master: MasterKey, tenant: Tenant) -> AuditTrail:  # noqa: ARG001 (the trail begins with it)
    return AuditTrail(engine, master)


def add(engine: Engine, master: MasterKey, trail: AuditTrail, source: str = "zoom", tenant: str = "acme") -> str:
    return add_webhook(engine, master, trail, tenant, source, SECRET, {"host": True}, **BY)


def test_a_webhook_is_found_by_its_address_with_its_secret_and_options(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    zoom, bbb = add(engine, master, trail), add(engine, master, trail, "bigbluebutton")
    webhooks = Webhooks(engine, master)
    found = webhooks.find(zoom)
    assert found is not None
    assert (found.tenant, found.source, found.secret, found.options) == (
        "acme",
        "zoom",
        SECRET.encode(),
        {"host": True},
    )
    other = webhooks.find(bbb)
    assert other is not None
    assert other.source == "bigbluebutton"
    assert [webhooks.find(token) for token in ("", "x" * 43, zoom + "x", "x" * 5000, "\ud800")] == [None] * 5
    assert SECRET not in repr(found)
    assert [one.source for one in list_webhooks(engine, master, "acme")] == ["bigbluebutton", "zoom"]


def test_neither_address_nor_secret_is_in_the_database(engine: Engine, master: MasterKey, trail: AuditTrail) -> None:
    token = add(engine, master, trail)
    with engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM webhooks")).all())
    assert token not in rows
    assert SECRET not in rows
    with pytest.raises(VaultUnavailable):
        Webhooks(engine, MasterKey(draw_key())).find(token)


def test_a_tenant_has_one_webhook_of_a_source_until_it_is_removed(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    add_tenant(engine, master, "other", "Other")
    first = add(engine, master, trail)
    with pytest.raises(AlreadyExists, match="remove it first"):
        add(engine, master, trail)
    assert add(engine, master, trail, tenant="other") != first
    assert remove_webhook(engine, trail, "acme", "zoom", **BY)
    assert not remove_webhook(engine, trail, "acme", "zoom", **BY)
    second = add(engine, master, trail)
    webhooks = Webhooks(engine, master)
    assert webhooks.find(first) is None
    assert webhooks.find(second) is not None
    told = [(entry.event.action, entry.event.about) for entry in trail.read(tenant="acme")]
    assert told[1:] == [("webhook-added", "zoom"), ("webhook-removed", "zoom"), ("webhook-added", "zoom")]
    assert SECRET not in str(trail.read(tenant="acme"))


def test_what_cannot_be_a_webhook_is_refused(engine: Engine, master: MasterKey, trail: AuditTrail) -> None:
    with pytest.raises(InvalidValue):
        add_webhook(engine, master, trail, "acme", "zoom", "short", {}, **BY)
    with pytest.raises(UnknownTenant):
        add(engine, master, trail, tenant="nobody")


def test_a_running_process_hears_of_a_change_within_seconds(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    clock = Clock()
    webhooks = Webhooks(engine, master, clock=clock)
    assert webhooks.find("x" * 43) is None
    token = add(engine, master, trail)
    clock.now += SECONDS
    found = webhooks.find(token)
    assert found is not None
    clock.now += SECONDS
    assert webhooks.find(token) is found, "the same object while nothing changes"
    remove_webhook(engine, trail, "acme", "zoom", **BY)
    clock.now += SECONDS
    assert webhooks.find(token) is None


def test_what_was_known_holds_while_the_database_does_not_answer(
    engine: Engine, master: MasterKey, trail: AuditTrail
) -> None:
    clock = Clock()
    token = add(engine, master, trail)
    webhooks = Webhooks(engine, master, clock=clock)
    found = webhooks.find(token)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE webhooks RENAME TO elsewhere"))
    clock.now += SECONDS
    assert webhooks.find(token) is found
    with pytest.raises(IdentityUnavailable):
        Webhooks(engine, master).find(token)


def test_what_a_connection_told_first_is_recalled_by_any_process(
    engine: Engine, master: MasterKey, tenant: Tenant
) -> None:
    add_tenant(engine, master, "other", "Other")
    Connections(engine, master).note(tenant.id, "zoom|m|1", {"at": "first"})
    Connections(engine, master).note(tenant.id, "zoom|m|1", {"at": "again"})
    again = Connections(engine, master)
    assert again.recall(tenant.id, "zoom|m|1") == {"at": "first"}
    assert again.recall(tenant.id, "zoom|m|2") is None
    assert again.recall("other", "zoom|m|1") is None
    with engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM connections")).all())
    assert "first" not in rows
    assert "zoom" not in rows


def test_what_is_noted_is_gone_after_a_day(engine: Engine, master: MasterKey, tenant: Tenant) -> None:
    moment = datetime(2026, 11, 24, 9, tzinfo=UTC)
    Connections(engine, master, now=lambda: moment).note(tenant.id, "a", {"at": "x"})
    Connections(engine, master, now=lambda: moment + timedelta(hours=2)).note(tenant.id, "b", {"at": "x"})
    later = Connections(engine, master, now=lambda: moment + KEPT + timedelta(hours=1))
    assert later.recall(tenant.id, "a") is None
    assert later.recall(tenant.id, "b") == {"at": "x"}
    later.note(tenant.id, "c", {"at": "x"})
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM connections")) == 2
