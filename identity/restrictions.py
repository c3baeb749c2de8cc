"""Restriction of processing and objection (GDPR, articles 18 and 21): whose data are left alone until told otherwise.

It is kept for each pseudonym of the person, so that a look-up is one by key; what is linked to the person later is
restricted as well, and taking a link back lifts no restriction.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update

from identity.audit import AuditTrail
from identity.database import reading
from identity.errors import InvalidValue, VaultUnavailable
from identity.links import (
    chunks,
    find_restricted,
    find_root,
    list_members,
    read_forest,
    restrict_alike,
    skip_to_revision,
)
from identity.orders import Change, Order, changing
from identity.tables import RESTRICTIONS
from identity.vault import Vault

Ground = Literal["restriction", "objection"]
"""On which of the two articles processing is paused; it is paused alike."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """A pseudonym whose processing is paused."""

    pseudonym: str
    ground: Ground
    since: datetime


def restrict(
    vault: Vault, trail: AuditTrail, order: Order, agent: dict[str, Any], ground: Ground = "restriction"
) -> set[str]:
    """Pause the processing of a person; returns all their pseudonyms. Restricted already, they stay as they are.

    Raises InvalidValue without a reason, KeyRotated, UnknownTenant, VaultUnavailable.
    """
    if not order.why.strip():
        raise InvalidValue("Say why the processing of this person is paused.")
    with changing(vault, trail, order) as change:
        root, members = _find_person(change, agent)
        standing = find_restricted(change.connection, order.tenant, members)
        if _pause(change, members - standing, ground):
            change.events.append(order.tell("subject-restricted", root, ground=ground, pseudonyms=sorted(members)))
    return members


def release(vault: Vault, trail: AuditTrail, order: Order, agent: dict[str, Any]) -> set[str]:
    """Let the processing of a person go on; returns all their pseudonyms.

    Raises InvalidValue when it was not paused, KeyRotated, UnknownTenant, VaultUnavailable.
    """
    with changing(vault, trail, order) as change:
        root, members = _find_person(change, agent)
        standing = find_restricted(change.connection, order.tenant, members)
        if not standing:
            raise InvalidValue("The processing of this person is not paused.")
        columns = RESTRICTIONS.c
        change.connection.execute(
            update(RESTRICTIONS)
            .where(columns.tenant == order.tenant, columns.pseudonym.in_(sorted(standing)))
            .values(released_at=datetime.now(UTC), revision=change.revision)
        )
        change.events.append(order.tell("subject-released", root, pseudonyms=sorted(members)))
    return members


def list_restrictions(vault: Vault, tenant: str) -> list[Restriction]:
    """Return whose processing is paused, the longest first. Raises UnknownTenant, VaultUnavailable."""
    vault.tenant_keys(tenant)
    columns = RESTRICTIONS.c
    query = (
        select(columns.pseudonym, columns.ground, columns.since)
        .where(columns.tenant == tenant, columns.released_at.is_(None))
        .order_by(columns.since, columns.pseudonym)
    )
    with reading(vault.engine, VaultUnavailable) as connection:
        return [Restriction(row.pseudonym, row.ground, row.since) for row in connection.execute(query)]


def take_up(vault: Vault, trail: AuditTrail, order: Order, revision: int, restricted: Iterable[str]) -> None:
    """Go on from a revision that a restored database has not reached, with those restrictions that it has forgotten.

    Whose processing was paused stays so until somebody releases them again. Raises KeyRotated, UnknownTenant,
    VaultUnavailable.
    """
    with changing(vault, trail, order) as change:
        change.revision = skip_to_revision(change.connection, order.tenant, revision + 1)
        forgotten = set(restricted) - find_restricted(change.connection, order.tenant, restricted)
        _pause(change, forgotten, "restriction")
        change.events.append(
            order.tell("subjects-restricted-again", order.tenant, revision=revision, pseudonyms=sorted(forgotten))
        )


def restrict_all_alike(connection: Connection, tenant: str, members: set[str], revision: int) -> None:
    """Restrict all pseudonyms of a person one of which is."""
    standing = find_restricted(connection, tenant, members)
    if standing:
        restrict_alike(connection, tenant, dict.fromkeys(members - standing, min(standing)), revision)


def _pause(change: Change, pseudonyms: set[str], ground: Ground) -> bool:
    """Note that processing is paused for these; returns whether there are any."""
    columns = RESTRICTIONS.c
    for names in chunks(sorted(pseudonyms)):
        change.connection.execute(
            delete(RESTRICTIONS).where(columns.tenant == change.tenant, columns.pseudonym.in_(names))
        )
        row = {"ground": ground, "since": datetime.now(UTC), "released_at": None, "revision": change.revision}
        change.connection.execute(
            insert(RESTRICTIONS), [{"tenant": change.tenant, "pseudonym": name, **row} for name in names]
        )
    return bool(pseudonyms)


def _find_person(change: Change, agent: dict[str, Any]) -> tuple[str, set[str]]:
    """Return the pseudonym that stands for a person, and all pseudonyms of theirs."""
    node = change.find_node(agent)
    forest = read_forest(change.connection, change.tenant, [node])
    return find_root(forest, node), list_members(forest, [node])
