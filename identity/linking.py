"""Linking the identifiers of one person, taking links back, and rotating the key that pseudonyms are made under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from identity.audit import AuditTrail
from identity.database import reading, writing
from identity.errors import InvalidValue, VaultUnavailable
from identity.links import Link, connect, list_members, read_forest, to_link, write_links
from identity.orders import Change, Order, changing
from identity.persons import name_versions
from identity.restrictions import restrict_all_alike
from identity.tables import LINKS
from identity.vault import Vault

Agents = Sequence[dict[str, Any]]


def link(
    vault: Vault,
    trail: AuditTrail,
    order: Order,
    people: Iterable[Agents],
    *,
    since: datetime | None = None,
    rehearse: bool = False,
) -> list[Link]:
    """Make one person of the identifiers of each of `people`, all or none; returns the links that this makes.

    The first of each stands for the person. With `since`, what the others stated counts as theirs from then on, else
    whenever it was stored. What is linked already stays so. To `rehearse` tells what would be done and does nothing.
    Raises InvalidValue, KeyRotated, UnknownTenant, VaultUnavailable.
    """
    moment = None if since is None else int(since.timestamp() * 1000)
    made: list[Link] = []
    with changing(vault, trail, order, rehearse=rehearse) as change:
        for agents in people:
            first, *others = map(change.find_node, agents)
            new = [
                link
                for other in others
                for link in connect(change.connection, order.tenant, other, first, moment, change.revision)
            ]
            if new:
                _restrict_alike(change, first)
            made += new
        change.events += [
            order.tell("pseudonyms-linked", link.person, pseudonym=link.pseudonym, since=write_moment(link.since))
            for link in made
        ]
    return made


def unlink(vault: Vault, trail: AuditTrail, order: Order, agents: Agents) -> list[Link]:
    """Take back the links by which these identifiers count as another person; returns those links.

    Who was linked to them stays so, and a restriction stays with all. Raises InvalidValue where there is no such
    link, KeyRotated, UnknownTenant, VaultUnavailable.
    """
    taken: list[Link] = []
    with changing(vault, trail, order) as change:
        for agent in agents:
            node = change.find_node(agent)
            standing = read_forest(change.connection, order.tenant, [node]).get(node)
            if standing is None:
                raise InvalidValue(
                    f"The pseudonym {node} counts as itself: `jalon subject links` shows what is linked to what."
                )
            write_links(change.connection, order.tenant, [replace(standing, person="", since=None)], change.revision)
            taken.append(standing)
        change.events += [order.tell("pseudonyms-unlinked", link.person, pseudonym=link.pseudonym) for link in taken]
    return taken


def list_links(vault: Vault, tenant: str, agent: dict[str, Any] | None = None) -> list[Link]:
    """Return the links of one person, or all of the tenant. Raises InvalidValue, UnknownTenant, VaultUnavailable."""
    keys = vault.tenant_keys(tenant)
    with reading(vault.engine, VaultUnavailable) as connection:
        if agent is None:
            query = select(LINKS).where(LINKS.c.tenant == tenant, LINKS.c.person != "")
            links = [to_link(row) for row in connection.execute(query)]
        else:
            links = list(read_forest(connection, tenant, name_versions(keys, agent)).values())
    return sorted(links, key=lambda link: (link.person, link.pseudonym))


def rotate_key(vault: Vault, trail: AuditTrail, order: Order) -> int:
    """Give the tenant a new key for pseudonyms and return its version. Raises UnknownTenant, VaultUnavailable."""
    with writing(vault.engine, VaultUnavailable) as connection:
        version = vault.rotate(connection, order.tenant)
        trail.append_to(connection, order.tell("tenant-key-rotated", order.tenant, version=version))
    return version


def write_moment(milliseconds: int | None) -> str | None:
    """Return a moment as ISO 8601, None for none."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def _restrict_alike(change: Change, person: str) -> None:
    forest = read_forest(change.connection, change.tenant, [person])
    restrict_all_alike(change.connection, change.tenant, list_members(forest, [person]), change.revision)
