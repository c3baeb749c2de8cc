"""A policy tried out over what is stored: what it would keep, seal, hash and drop, and nothing is written.

Originals are put back in memory, through the vault. What was dropped, and what was sealed for somebody who has been
erased, cannot be: the trial sees what stands in its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from clickhouse.connection import Client
from clickhouse.databases import name_tenant_database
from identity.policy import Policy
from identity.sealing import pseudonyms_in, restore, try_policy
from identity.vault import Vault
from xapi_profiles.json_text import parse_json

Counts = dict[str, Counter[str]]
"""How often each thing was done at each place."""

_PAGE = 1_000
_FIRST = UUID(int=0)


@dataclass
class Trial:
    """What two policies do with the same statements: the one in force, and the one that is tried."""

    statements: int = 0
    now: Counts = field(default_factory=dict)
    then: Counts = field(default_factory=dict)

    def places(self) -> list[str]:
        """Return the places that either has something to do with, by name."""
        return sorted(self.now.keys() | self.then.keys())


def hold_trial(client: Client, vault: Vault, tenant: str, now: Policy, then: Policy) -> Trial:
    """Hold both policies against every stored statement. Raises StoreUnavailable, VaultUnavailable, UnknownTenant."""
    keys = vault.tenant_keys(tenant)
    trial = Trial()
    for page in _read_pages(client, name_tenant_database(tenant)):
        learner_keys = vault.find_learner_keys(tenant, set().union(*(pseudonyms_in(sealed) for _, sealed in page)))
        for text, sealed in page:
            statement = restore(parse_json(text.encode()), sealed, learner_keys)
            for policy, counts in ((now, trial.now), (then, trial.then)):
                try_policy(statement, keys, policy, partial(_count, counts))
        trial.statements += len(page)
    return trial


def _count(counts: Counts, place: str, action: str) -> None:
    counts.setdefault(place, Counter())[action] += 1


def _read_pages(client: Client, database: str) -> Iterator[list[tuple[str, str]]]:
    after = _FIRST
    while True:
        rows = client.query(
            "SELECT id, statement, sealed FROM {database:Identifier}.statements WHERE id > {after:UUID} "
            "ORDER BY id, precedence DESC LIMIT 1 BY id LIMIT {page:UInt32}",
            parameters={"database": database, "after": after, "page": _PAGE},
        ).result_rows
        if not rows:
            return
        yield [(statement, sealed) for _, statement, sealed in rows]
        after = rows[-1][0]
