"""An operator's orders about the persons of a tenant: one transaction each, numbered, and on the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from identity.audit import AuditTrail, Event
from identity.database import writing
from identity.errors import InvalidValue, KeyRotated, VaultUnavailable
from identity.links import begin_revision, find_known, lock_tenant, read_forest
from identity.persons import find_node, name_versions
from identity.vault import Vault


@dataclass(frozen=True, slots=True)
class Order:
    """Who has something done about a tenant's persons, and why."""

    tenant: str
    who: str
    why: str = ""

    def tell(self, action: str, about: str, **details: Any) -> Event:  # noqa: ANN401 (what JSON carries)
        """Return an event for the trail."""
        return Event(self.tenant, self.who, action, about, self.why, details)


class Change:
    """A change under way. `revision` is its number; `events` go to the trail when it is committed."""

    def __init__(self, vault: Vault, connection: Connection, order: Order) -> None:
        self._keys = vault.tenant_keys(order.tenant)
        self._erased = vault.erased(order.tenant)
        lock_tenant(connection, order.tenant)
        if vault.newest_version(connection, order.tenant) != self._keys.version:
            raise KeyRotated(order.tenant)
        self.connection = connection
        self.tenant = order.tenant
        self.revision = begin_revision(connection, order.tenant)
        self.events: list[Event] = []

    def find_node(self, agent: dict[str, Any]) -> str:
        """Return the pseudonym at which an agent takes links: of who was erased, the new person's.

        Raises InvalidValue for a pseudonym nobody has.
        """
        versions = list(name_versions(self._keys, agent))
        if (agent.get("account") or {}).get("name") not in versions:
            versions = list(self._erased.follow(self._keys, tuple(versions)))
        forest = read_forest(self.connection, self.tenant, versions)
        node = find_node(self.connection, self.tenant, versions, forest)
        if (agent.get("account") or {}).get("name") == node and not find_known(self.connection, self.tenant, [node]):
            raise InvalidValue(f"Nobody has the pseudonym {node} here.")
        return node


class _Rehearsed(Exception):
    """Ends a transaction that is not to be kept."""


@contextmanager
def changing(vault: Vault, trail: AuditTrail, order: Order, *, rehearse: bool = False) -> Iterator[Change]:
    """Give a change; committed at the end with its events, or not at all. To rehearse undoes it whatever happens.

    Raises KeyRotated, UnknownTenant, VaultUnavailable.
    """
    with suppress(_Rehearsed), writing(vault.engine, VaultUnavailable) as connection:
        change = Change(vault, connection, order)
        yield change
        if rehearse:
            raise _Rehearsed
        trail.append_to(connection, *change.events)
