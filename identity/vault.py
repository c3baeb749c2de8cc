"""The vault: the only place where the keys that turn pseudonyms back into people are kept.

Keys lie in the database wrapped by the master key, and in clear in memory only, bounded. If they are out of reach
every method raises VaultUnavailable: there is no fallback, so nothing is ever written in clear (promise 4).
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Connection, Engine, select

from identity.database import insert_new, reading, writing
from identity.errors import UnknownTenant, VaultUnavailable
from identity.keys import KEY_BYTES, MasterKey, TenantKeys
from identity.tables import LEARNER_KEYS, TENANT_KEYS

_PSEUDONYM = "pseudonym"
_FINGERPRINT = "fingerprint"
_DEAD_LETTER = "dead-letter"
_DATABASE = "database"
_CONTENT = "content"
_LEARNER = "learner"
_PURPOSES = (_PSEUDONYM, _FINGERPRINT, _DEAD_LETTER, _DATABASE, _CONTENT)
_CHUNK = 5_000  # values in one IN (…): SQLite allows 32,766 parameters, PostgreSQL 65,535


def create_tenant_keys(connection: Connection, master: MasterKey, tenant: str) -> None:
    """Give a tenant the keys it lacks; those it has stay. Part of the transaction that adds the tenant."""
    insert_new(
        connection,
        TENANT_KEYS,
        [
            {
                "tenant": tenant,
                "purpose": purpose,
                "version": 1,
                "wrapped": master.wrap(secrets.token_bytes(KEY_BYTES), tenant=tenant, purpose=purpose, id="1"),
            }
            for purpose in _PURPOSES
        ],
    )


class Vault:
    """Keys of tenants and learners, by way of the database and the master key. Safe to use from several threads.

    `cached_learners` bounds how many learners' keys stay in memory (about 300 bytes each).
    """

    def __init__(self, engine: Engine, master: MasterKey, *, cached_learners: int = 50_000) -> None:
        self._engine = engine
        self._master = master
        self._cached_learners = cached_learners
        self._learners: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._tenants: dict[str, dict[str, tuple[int, bytes]]] = {}
        self._lock = threading.Lock()

    def tenant_keys(self, tenant: str) -> TenantKeys:
        """Return the tenant's current keys. Raises UnknownTenant, VaultUnavailable."""
        keys = self._keys_by_purpose(tenant)
        version, pseudonym = keys[_PSEUDONYM]
        return TenantKeys(
            tenant=tenant,
            version=version,
            pseudonym=pseudonym,
            fingerprint=keys[_FINGERPRINT][1],
            dead_letter=keys[_DEAD_LETTER][1],
            content=keys[_CONTENT][1],
        )

    def database_secret(self, tenant: str) -> str:
        """Return the password of the tenant's ClickHouse user (43 URL-safe characters).

        Raises UnknownTenant, VaultUnavailable.
        """
        return base64.urlsafe_b64encode(self._keys_by_purpose(tenant)[_DATABASE][1]).rstrip(b"=").decode()

    def learner_keys(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        """Return a 32-byte key for each pseudonym, made where there was none.

        What is returned is committed, and the same for every process that asks. One transaction makes all that
        lack, so tens of thousands in one call are well. Raises UnknownTenant, VaultUnavailable.
        """
        self._keys_by_purpose(tenant)
        found, missing = self._recall(tenant, pseudonyms)
        if missing:
            stored = self._read(tenant, missing)
            lacking = sorted(missing - stored.keys())  # one order for all, so that two writers cannot deadlock
            if lacking:
                stored |= self._create(tenant, lacking)
            self._remember(tenant, stored)
            found |= stored
        return found

    def find_learner_keys(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        """Return the keys of those pseudonyms that have one; makes none. Raises VaultUnavailable."""
        found, missing = self._recall(tenant, pseudonyms)
        if missing:
            stored = self._read(tenant, missing)
            self._remember(tenant, stored)
            found |= stored
        return found

    def _keys_by_purpose(self, tenant: str) -> dict[str, tuple[int, bytes]]:
        keys = self._tenants.get(tenant)
        if keys is not None:
            return keys
        newest = self._read_newest(tenant)
        if not newest:
            raise UnknownTenant(tenant)
        if len(newest) < len(_PURPOSES):
            # The tenant was added before there was such a purpose.
            with writing(self._engine, VaultUnavailable) as connection:
                create_tenant_keys(connection, self._master, tenant)
            newest = self._read_newest(tenant)
        keys = {
            purpose: (
                version,
                self._master.unwrap(wrapped, tenant=tenant, purpose=purpose, id=str(version)),
            )
            for purpose, (version, wrapped) in newest.items()
        }
        self._tenants[tenant] = keys
        return keys

    def _read_newest(self, tenant: str) -> dict[str, tuple[int, bytes]]:
        query = (
            select(TENANT_KEYS.c.purpose, TENANT_KEYS.c.version, TENANT_KEYS.c.wrapped)
            .where(TENANT_KEYS.c.tenant == tenant)
            .order_by(TENANT_KEYS.c.version)
        )
        with reading(self._engine, VaultUnavailable) as connection:
            return {purpose: (version, wrapped) for purpose, version, wrapped in connection.execute(query)}

    def _recall(self, tenant: str, pseudonyms: Iterable[str]) -> tuple[dict[str, bytes], set[str]]:
        found: dict[str, bytes] = {}
        missing: set[str] = set()
        with self._lock:
            cache = self._learners
            for pseudonym in pseudonyms:
                place = (tenant, pseudonym)
                key = cache.get(place)
                if key is None:
                    missing.add(pseudonym)
                else:
                    cache.move_to_end(place)
                    found[pseudonym] = key
        return found, missing

    def _remember(self, tenant: str, keys: dict[str, bytes]) -> None:
        with self._lock:
            for pseudonym, key in keys.items():
                self._learners[tenant, pseudonym] = key
            while len(self._learners) > self._cached_learners:
                self._learners.popitem(last=False)

    def _read(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        with reading(self._engine, VaultUnavailable) as connection:
            wrapped = _select_wrapped(connection, tenant, list(pseudonyms))
        return {pseudonym: self._unwrap(tenant, pseudonym, value) for pseudonym, value in wrapped.items()}

    def _create(self, tenant: str, pseudonyms: Sequence[str]) -> dict[str, bytes]:
        made = {pseudonym: secrets.token_bytes(KEY_BYTES) for pseudonym in pseudonyms}
        rows = [
            {"tenant": tenant, "pseudonym": pseudonym, "wrapped": self._wrap(tenant, pseudonym, key)}
            for pseudonym, key in made.items()
        ]
        with writing(self._engine, VaultUnavailable) as connection:
            insert_new(connection, LEARNER_KEYS, rows)
            # Another process may have been first for some of them: what the database holds is what counts.
            stored = _select_wrapped(connection, tenant, pseudonyms)
        ours = {row["pseudonym"]: row["wrapped"] for row in rows}
        return {
            pseudonym: made[pseudonym] if wrapped == ours[pseudonym] else self._unwrap(tenant, pseudonym, wrapped)
            for pseudonym, wrapped in stored.items()
        }

    def _wrap(self, tenant: str, pseudonym: str, key: bytes) -> bytes:
        return self._master.wrap(key, tenant=tenant, purpose=_LEARNER, id=pseudonym)

    def _unwrap(self, tenant: str, pseudonym: str, wrapped: bytes) -> bytes:
        return self._master.unwrap(wrapped, tenant=tenant, purpose=_LEARNER, id=pseudonym)


def _select_wrapped(connection: Connection, tenant: str, pseudonyms: Sequence[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for chunk in _chunks(pseudonyms):
        query = select(LEARNER_KEYS.c.pseudonym, LEARNER_KEYS.c.wrapped).where(
            LEARNER_KEYS.c.tenant == tenant, LEARNER_KEYS.c.pseudonym.in_(chunk)
        )
        found.update({row.pseudonym: row.wrapped for row in connection.execute(query)})
    return found


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]
