from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine

from identity.audit import AuditTrail
from identity.database import open_database
from identity.errors import IdentityUnavailable, UnknownTenant
from identity.keys import MasterKey
from identity.policies import POLICY_SECONDS, Policies, get_policy, set_policy
from identity.policy import Policy
from identity.tenants import Tenant, add_tenant


@pytest.fixture(autouse=True)
def other(engine: Engine, master: MasterKey, tenant: Tenant) -> Tenant:  # noqa: ARG001 (two tenants, one database)
    return add_tenant(engine, master, "other", "Other")


def change(engine: Engine, master: MasterKey, policy: Policy, tenant: str = "acme") -> int:
    return set_policy(engine, AuditTrail(engine, master), tenant, policy, who="operator:tests", why="a test").version


def test_a_tenant_without_a_policy_has_the_default_one(engine: Engine, master: MasterKey) -> None:
    found = get_policy(engine, "acme")
    assert (found.version, found.created_at, found.policy.dump()) == (0, None, Policy().dump())
    with pytest.raises(UnknownTenant):
        get_policy(engine, "nobody")
    with pytest.raises(UnknownTenant):
        change(engine, master, Policy(), "nobody")


def test_a_change_is_a_new_version_of_that_tenant_and_on_the_audit_trail(engine: Engine, master: MasterKey) -> None:
    assert change(engine, master, Policy()) == 1
    assert change(engine, master, Policy(detected="drop")) == 2
    assert change(engine, master, Policy(detected="drop")) == 2
    assert get_policy(engine, "acme").policy.detected == "drop"
    assert get_policy(engine, "other").version == 0
    trail = AuditTrail(engine, master).read()
    told = [(one.event.tenant, one.event.details) for one in trail if one.event.action == "policy-changed"]
    assert told == [("acme", {"version": 1}), ("acme", {"version": 2})]


def test_a_running_process_goes_by_a_change_within_seconds(engine: Engine, master: MasterKey) -> None:
    now = [0.0]
    policies = Policies(engine, clock=lambda: now[0])
    first = policies.find("acme")
    change(engine, master, Policy(detected="hash"))
    assert policies.find("acme") is first
    now[0] += POLICY_SECONDS
    second = policies.find("acme")
    assert second.detected == "hash"
    now[0] += POLICY_SECONDS
    assert policies.find("acme") is second


def test_while_the_database_does_not_answer_the_last_policy_stays_in_force(
    engine: Engine, master: MasterKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    policies = Policies(engine, clock=lambda: now[0])
    change(engine, master, Policy(detected="hash"))
    policy = policies.find("acme")

    def fail(*_: object) -> None:
        raise IdentityUnavailable("down")

    with monkeypatch.context() as down:
        down.setattr("identity.policies.get_policy", fail)
        now[0] += POLICY_SECONDS
        assert policies.find("acme") is policy
        with pytest.raises(IdentityUnavailable):
            policies.find("other")
    change(engine, master, Policy(detected="drop"))
    now[0] += POLICY_SECONDS
    assert policies.find("acme").detected == "drop"


def test_without_the_database_no_policy_is_guessed(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'empty.db'}")  # no schema: it does not answer as it should
    with pytest.raises(IdentityUnavailable):
        Policies(engine).find("acme")
    engine.dispose()
