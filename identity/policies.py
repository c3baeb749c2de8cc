"""Where tenants' policies are kept: every version that was ever in force, so that it can be told what one sealed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, insert, select

from identity.audit import AuditTrail, Event
from identity.database import reading, writing
from identity.errors import UnknownTenant
from identity.policy import Policy
from identity.renewal import RenewedByTenant
from identity.tables import POLICIES, TENANTS

POLICY_SECONDS = 2.0
"""For how long a running process may go on with the policy before; longer only while the database does not answer."""


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy and which version of the tenant's it is; 0, of no date, is the default one."""

    version: int
    policy: Policy
    created_at: datetime | None = None


def get_policy(engine: Engine, tenant: str) -> StoredPolicy:
    """Return the policy in force. Raises UnknownTenant, IdentityUnavailable."""
    with reading(engine) as connection:
        return _select(connection, tenant)


def set_policy(engine: Engine, audit: AuditTrail, tenant: str, policy: Policy, *, who: str, why: str) -> StoredPolicy:
    """Put a policy in force for what is stored from now on, in running processes within POLICY_SECONDS.

    The one in force again changes nothing. Raises UnknownTenant, IdentityUnavailable.
    """
    with writing(engine) as connection:
        current = _select(connection, tenant)
        content = policy.dump()
        if current.version and current.policy.dump() == content:
            return current
        new = StoredPolicy(current.version + 1, policy, datetime.now(UTC))
        connection.execute(
            insert(POLICIES).values(tenant=tenant, version=new.version, content=content, created_at=new.created_at)
        )
        details = {"version": new.version}
        audit.append_to(connection, Event(tenant, who, "policy-changed", about=tenant, why=why, details=details))
    return new


class Policies:
    """The policies in force, read anew every POLICY_SECONDS. Safe to use from several threads."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._known = RenewedByTenant(self._read, POLICY_SECONDS, clock)

    def find(self, tenant: str) -> Policy:
        """Return a tenant's policy, the same object while it stays.

        While the database does not answer, that is the one it gave last; none is ever guessed. Raises UnknownTenant,
        and IdentityUnavailable where none was read yet.
        """
        return self._known.get(tenant).policy

    def _read(self, tenant: str, before: StoredPolicy | None) -> StoredPolicy:
        found = get_policy(self._engine, tenant)
        # The one of before has learnt something.
        return before if before is not None and before.version == found.version else found


def _select(connection: Connection, tenant: str) -> StoredPolicy:
    query = (
        select(POLICIES.c.version, POLICIES.c.content, POLICIES.c.created_at)
        .where(POLICIES.c.tenant == tenant)
        .order_by(POLICIES.c.version.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is not None:
        return StoredPolicy(row.version, Policy.read(row.content), row.created_at)
    if connection.execute(select(TENANTS.c.id).where(TENANTS.c.id == tenant)).one_or_none() is None:
        raise UnknownTenant(tenant)
    return StoredPolicy(0, Policy())
