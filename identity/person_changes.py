"""What has changed about persons since a revision: what a copy of links and restrictions elsewhere is brought up by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from identity.database import reading
from identity.errors import VaultUnavailable
from identity.links import History, find_restricted, list_below, read_forest, read_revision, trace
from identity.tables import LINKS, RESTRICTIONS
from identity.vault import Vault


@dataclass(frozen=True, slots=True)
class Standing:
    """How a pseudonym stands: whom it counts as, and whether its processing is paused."""

    pseudonym: str
    history: History
    restricted: bool


@dataclass(frozen=True, slots=True)
class PersonChanges:
    """How those pseudonyms stand at `revision` that stood otherwise, or may have, at the one asked from."""

    revision: int
    standings: Sequence[Standing]


def read_person_revision(vault: Vault, tenant: str) -> int:
    """Return the number of the tenant's last change, 0 before the first. Raises VaultUnavailable."""
    with reading(vault.engine, VaultUnavailable) as connection:
        return read_revision(connection, tenant)


def read_person_changes(vault: Vault, tenant: str, revision: int) -> PersonChanges:
    """Return what has changed since `revision`; from 0, all there is. Raises VaultUnavailable."""
    with reading(vault.engine, VaultUnavailable) as connection:
        now = read_revision(connection, tenant)
        if now == revision:
            return PersonChanges(now, ())
        changed = set(
            connection.scalars(select(LINKS.c.pseudonym).where(LINKS.c.tenant == tenant, LINKS.c.revision > revision))
        )
        forest = read_forest(connection, tenant, changed)
        affected = list_below(forest, changed)
        columns = RESTRICTIONS.c
        paused = select(columns.pseudonym).where(columns.tenant == tenant, columns.revision > revision)
        affected |= set(connection.scalars(paused))
        forest |= read_forest(connection, tenant, affected.difference(forest))
        restricted = find_restricted(connection, tenant, affected)
    return PersonChanges(now, [Standing(name, trace(forest, name), name in restricted) for name in sorted(affected)])


def list_restricted(vault: Vault, tenant: str) -> frozenset[str]:
    """Return every pseudonym whose processing is paused. Raises VaultUnavailable."""
    columns = RESTRICTIONS.c
    query = select(columns.pseudonym).where(columns.tenant == tenant, columns.released_at.is_(None))
    with reading(vault.engine, VaultUnavailable) as connection:
        return frozenset(connection.scalars(query))
