"""Under which pseudonyms one person is stored: what every look-up of a person, their rights included, goes by.

A person is named by agents, as xAPI writes them. Each identifier has a pseudonym under every key that the tenant has
had, and pseudonyms are linked to those of the same person (identity/links.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from identity.database import reading
from identity.errors import InvalidValue, VaultUnavailable
from identity.keys import TenantKeys
from identity.links import (
    Forest,
    Span,
    find_known,
    find_restricted,
    find_root,
    list_members,
    list_spans,
    list_versions,
    read_forest,
)
from identity.pseudonyms import PSEUDONYM_CHARACTERS, identify, older_pseudonyms, pseudonym
from identity.sealing import PSEUDONYM_HOME
from identity.vault import Vault

_PSEUDONYM = re.compile(rf"[0-9a-f]{{{PSEUDONYM_CHARACTERS}}}")


def name_versions(keys: TenantKeys, agent: dict[str, Any]) -> tuple[str, ...]:
    """Return the pseudonyms of an agent's identifier under every key of the tenant, the newest first.

    An account under PSEUDONYM_HOME stands for the pseudonym that is its name. Raises InvalidValue for an agent that
    identifies nobody.
    """
    account = agent.get("account")
    if isinstance(account, dict) and account.get("homePage") == PSEUDONYM_HOME:
        name = account.get("name")
        if not isinstance(name, str) or not _PSEUDONYM.fullmatch(name):
            raise InvalidValue(f"A pseudonym has {PSEUDONYM_CHARACTERS} hexadecimal characters.")
        return (name,)
    identifier = identify(agent)
    if identifier is None:
        raise InvalidValue("A person is named by mbox, mbox_sha1sum, openid or account.")
    return (pseudonym(keys, identifier), *older_pseudonyms(keys, identifier))


def list_pseudonyms(vault: Vault, tenant: str, agents: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Return every pseudonym that the person with these identifiers has in the tenant, known to the vault or not.

    Under all keys that the tenant has had, and those of every identifier linked to these, whether for the past or
    from a moment on: who is linked is one person. Of who was erased and came back, those of the new person too. Raises
    InvalidValue for an agent that identifies nobody, UnknownTenant, VaultUnavailable.
    """
    keys, erased = vault.tenant_keys(tenant), vault.erased(tenant)
    asked = {name for agent in agents for name in name_versions(keys, agent)}
    known: set[str] = set()
    while known != asked:
        known = {successor for name in asked for successor in erased.list_names(keys, name)}
        with reading(vault.engine, VaultUnavailable) as connection:
            asked = known | list_members(read_forest(connection, tenant, known), known)
    return frozenset(known)


def find_spans(engine: Engine, tenant: str, versions: Sequence[str]) -> list[Span]:
    """Return which statements are those of whom an identifier's pseudonyms stand for. Raises VaultUnavailable."""
    with reading(engine, VaultUnavailable) as connection:
        return list_spans(read_forest(connection, tenant, versions), versions)


def list_restricted_among(engine: Engine, tenant: str, pseudonyms: Iterable[str]) -> set[str]:
    """Return those of the pseudonyms whose processing is paused. Raises VaultUnavailable."""
    with reading(engine, VaultUnavailable) as connection:
        return find_restricted(connection, tenant, pseudonyms)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an identifier stands for: by the one pseudonym that stands for all, and all of them."""

    pseudonym: str
    members: frozenset[str]
    restricted: bool


def find_person(engine: Engine, tenant: str, versions: Sequence[str]) -> Person:
    """Return whom an identifier's pseudonyms, newest first, stand for now. Raises VaultUnavailable."""
    with reading(engine, VaultUnavailable) as connection:
        forest = read_forest(connection, tenant, versions)
        root = find_root(forest, find_node(connection, tenant, versions, forest))
        members = list_members(forest, versions)
        return Person(root, frozenset(members), bool(find_restricted(connection, tenant, members)))


@dataclass(frozen=True, slots=True)
class Keeper:
    """The pseudonym under which documents are kept, and whether the person's processing is paused."""

    pseudonym: str
    restricted: bool


def find_keeper(engine: Engine, tenant: str, versions: Sequence[str]) -> Keeper:
    """Return under which of an identifier's pseudonyms, newest first, what it has beside statements is kept.

    It is the oldest that the vault has met, so that a rotation moves nothing. Raises VaultUnavailable.
    """
    with reading(engine, VaultUnavailable) as connection:
        chain = list_versions(read_forest(connection, tenant, versions), versions)
        known = find_known(connection, tenant, chain) if len(chain) > 1 else set()
        keeper = next((name for name in reversed(chain) if name in known), chain[0])
        return Keeper(keeper, bool(find_restricted(connection, tenant, chain)))


def find_node(connection: Connection, tenant: str, versions: Sequence[str], forest: Forest) -> str:
    """Return which of an identifier's pseudonyms, newest first, takes links: the newest that the vault has met.

    If it has met none, the newest there is.
    """
    known = find_known(connection, tenant, versions) if len(versions) > 1 else set(versions)
    node = next((name for name in versions if name in known), versions[0])
    while node in forest and forest[node].rotated:
        node = forest[node].person
    return node
