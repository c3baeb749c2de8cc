"""The vault: the only place where the keys that turn pseudonyms back into people are kept.

Keys lie in the database wrapped by the master key, and in clear in memory only, bounded. If they are out of reach
every method raises VaultUnavailable: there is no fallback, so nothing is ever written in clear (promise 4).

A process forgets destroyed keys when it next reads identities or asks who was erased, which a worker does for every
batch; and none is ever made again for an erased pseudonym (identity/erasures.py).
"""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Connection, Engine, func, insert, select

from identity.boxes import forget_ciphers
from identity.database import insert_new, reading, writing
from identity.erasures import NOBODY, Erased, Tombstone, find_erased, parse_later, to_milliseconds
from identity.errors import KeyRotated, UnknownTenant, VaultUnavailable
from identity.keys import KEY_BYTES, MasterKey, TenantKeys
from identity.links import follow_rotation, lock_tenant
from identity.tables import ERASURES, LEARNER_KEYS, TENANT_KEYS

_PSEUDONYM = "pseudonym"
_FINGERPRINT = "fingerprint"
_DEAD_LETTER = "dead-letter"
_DATABASE = "database"
_CONTENT = "content"
_LEARNER = "learner"
_PURPOSES = (_PSEUDONYM, _FINGERPRINT, _DEAD_LETTER, _DATABASE, _CONTENT)
CACHED_SECONDS = 3600.0
TENANT_KEYS_SECONDS = 2.0
"""How long a tenant's keys are remembered: so soon a rotation is noticed."""
_CHUNK = 5_000  # values in one IN (…): SQLite allows 32,766 parameters, PostgreSQL 65,535


def create_tenant_keys(connection: Connection, master: MasterKey, tenant: str) -> None:
    """Give a tenant the keys it lacks; those it has stay. Part of the transaction that adds the tenant."""
    insert_new(
        connection,
        TENANT_KEYS,
        [_new_key(master, tenant, purpose, 1) for purpose in _PURPOSES],
    )


class Vault:
    """Keys of tenants and learners, by way of the database and the master key. Safe to use from several threads.

    `cached_learners` bounds how many learners' keys stay in memory (about 300 bytes each), CACHED_SECONDS for how long:
    a key that was destroyed because nothing was left of its learner (identity/forgetting.py) is not used again.
    """

    def __init__(
        self,
        engine: Engine,
        master: MasterKey,
        *,
        cached_learners: int = 50_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._master = master
        self._cached_learners = cached_learners
        self._learners: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._clock = clock
        self._tenants: dict[str, tuple[float, TenantKeys, bytes]] = {}
        self._erased: dict[str, Erased] = {}
        self._erasures_seen = 0
        self._lock = threading.Lock()
        self._until = clock() + CACHED_SECONDS

    @property
    def engine(self) -> Engine:
        """The identity database."""
        return self._engine

    def tenant_keys(self, tenant: str) -> TenantKeys:
        """Return the tenant's keys as they were at most TENANT_KEYS_SECONDS ago.

        Raises UnknownTenant, VaultUnavailable.
        """
        return self._find_tenant(tenant)[0]

    def database_secret(self, tenant: str) -> str:
        """Return the password of the tenant's ClickHouse user (43 URL-safe characters).

        Raises UnknownTenant, VaultUnavailable.
        """
        return base64.urlsafe_b64encode(self._find_tenant(tenant)[1]).rstrip(b"=").decode()

    def rotate(self, connection: Connection, tenant: str) -> int:
        """Give the tenant a new pseudonym key, in a transaction of `writing`, and return its version.

        Others make no key of a learner under the one before from then on. Raises UnknownTenant.
        """
        lock_tenant(connection, tenant)
        version = self.newest_version(connection, tenant)
        if version is None:
            raise UnknownTenant(tenant)
        row = _new_key(self._master, tenant, _PSEUDONYM, version + 1)
        connection.execute(insert(TENANT_KEYS), [row])
        return version + 1

    def newest_version(self, connection: Connection, tenant: str) -> int | None:
        """Return the version of the tenant's newest pseudonym key as a transaction sees it, None of no tenant."""
        columns = TENANT_KEYS.c
        query = select(func.max(columns.version)).where(columns.tenant == tenant, columns.purpose == _PSEUDONYM)
        version: int | None = connection.scalar(query)
        return version

    def learner_keys(
        self,
        tenant: str,
        pseudonyms: Iterable[str],
        *,
        version: int | None = None,
        older: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, bytes]:
        """Return a 32-byte key for each pseudonym, made where there was none.

        What is returned is committed, and the same for every process that asks. One transaction makes all that
        lack, so tens of thousands in one call are well. `version` is the tenant's key that they are pseudonyms
        under, and `older` tells those that the same identifiers had before: who was met under one of them stays the
        same person (identity/links.py).

        For a pseudonym that was erased the key is another one at every call, and kept nowhere: what is sealed under it
        is noise, as is what is sealed under a destroyed key that is still remembered, until `erased` or
        `find_learner_keys` is called. Raises KeyRotated, UnknownTenant, VaultUnavailable.
        """
        self._find_tenant(tenant)
        erased = self._erased.get(tenant, NOBODY)
        found, missing = self._recall(tenant, pseudonyms)
        gone = {pseudonym for pseudonym in missing if pseudonym in erased}
        missing -= gone
        if missing:
            stored = self._read(tenant, missing)
            lacking = sorted(missing - stored.keys())  # one order for all, so that two writers cannot deadlock
            if lacking:
                stored |= self._create(tenant, lacking, version, older or {})
            self._remember(tenant, stored)
            found |= stored
            gone |= missing - stored.keys()
        return found | {pseudonym: secrets.token_bytes(KEY_BYTES) for pseudonym in gone}

    def find_learner_keys(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        """Return the keys of those pseudonyms that have one; makes none. Raises VaultUnavailable."""
        self._forget_erased()
        found, missing = self._recall(tenant, pseudonyms)
        if missing:
            stored = self._read(tenant, missing)
            self._remember(tenant, stored)
            found |= stored
        return found

    def erased(self, tenant: str) -> Erased:
        """Return who was erased of the tenant, as the database has it now. Raises VaultUnavailable."""
        self._forget_erased()
        return self._erased.get(tenant, NOBODY)

    def _forget_erased(self) -> None:
        """Learn who was erased since this was last asked, and forget their keys."""
        columns = ERASURES.c
        query = select(columns.number, columns.tenant, columns.pseudonym, columns.at, columns.later)
        query = query.where(columns.number > self._erasures_seen).order_by(columns.number)
        with reading(self._engine, VaultUnavailable) as connection:
            rows = connection.execute(query).all()
        if not rows:
            return
        new: dict[str, dict[str, Tombstone]] = {}
        for row in rows:
            tombstone = Tombstone(to_milliseconds(row.at), parse_later(row.later))
            new.setdefault(row.tenant, {})[row.pseudonym] = tombstone
        with self._lock:
            for tenant, tombstones in new.items():
                self._erased[tenant] = self._erased.get(tenant, NOBODY).also(tombstones)
                for pseudonym in tombstones:
                    self._learners.pop((tenant, pseudonym), None)
            self._erasures_seen = max(self._erasures_seen, rows[-1].number)
        forget_ciphers()

    def _find_tenant(self, tenant: str) -> tuple[TenantKeys, bytes]:
        """Return the tenant's keys and the one of its database."""
        known = self._tenants.get(tenant)
        now = self._clock()
        if known is not None and now - known[0] < TENANT_KEYS_SECONDS:
            return known[1:]
        wrapped = self._read_tenant(tenant)
        if not wrapped:
            raise UnknownTenant(tenant)
        if len(wrapped) < len(_PURPOSES):
            # The tenant was added before there was such a purpose.
            with writing(self._engine, VaultUnavailable) as connection:
                create_tenant_keys(connection, self._master, tenant)
            wrapped = self._read_tenant(tenant)
        opened = {
            purpose: [
                (version, self._master.unwrap(key, tenant=tenant, purpose=purpose, id=str(version)))
                for version, key in keys
            ]
            for purpose, keys in wrapped.items()
        }
        (version, pseudonym), *older = opened[_PSEUDONYM]
        keys = TenantKeys(
            tenant=tenant,
            version=version,
            pseudonym=pseudonym,
            fingerprint=opened[_FINGERPRINT][0][1],
            dead_letter=opened[_DEAD_LETTER][0][1],
            content=opened[_CONTENT][0][1],
            older=tuple(older),
        )
        self._tenants[tenant] = now, keys, opened[_DATABASE][0][1]
        return self._tenants[tenant][1:]

    def _read_tenant(self, tenant: str) -> dict[str, list[tuple[int, bytes]]]:
        """Return the tenant's wrapped keys by purpose, each with its version, the newest first."""
        query = (
            select(TENANT_KEYS.c.purpose, TENANT_KEYS.c.version, TENANT_KEYS.c.wrapped)
            .where(TENANT_KEYS.c.tenant == tenant)
            .order_by(TENANT_KEYS.c.version.desc())
        )
        found: dict[str, list[tuple[int, bytes]]] = {}
        with reading(self._engine, VaultUnavailable) as connection:
            for purpose, version, wrapped in connection.execute(query):
                found.setdefault(purpose, []).append((version, wrapped))
        return found

    def _recall(self, tenant: str, pseudonyms: Iterable[str]) -> tuple[dict[str, bytes], set[str]]:
        found: dict[str, bytes] = {}
        missing: set[str] = set()
        now = self._clock()
        with self._lock:
            cache = self._learners
            if now >= self._until:
                self._until = now + CACHED_SECONDS
                cache.clear()
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
            erased = self._erased.get(tenant, NOBODY)
            for pseudonym, key in keys.items():
                if pseudonym not in erased:  # it may have been since the key was read
                    self._learners[tenant, pseudonym] = key
            while len(self._learners) > self._cached_learners:
                self._learners.popitem(last=False)

    def _read(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        with reading(self._engine, VaultUnavailable) as connection:
            wrapped = _select_wrapped(connection, tenant, list(pseudonyms))
        return {pseudonym: self._unwrap(tenant, pseudonym, value) for pseudonym, value in wrapped.items()}

    def _create(
        self, tenant: str, pseudonyms: Sequence[str], version: int | None, older: Mapping[str, Sequence[str]]
    ) -> dict[str, bytes]:
        """Make keys, but for those who were erased meanwhile."""
        made = {pseudonym: secrets.token_bytes(KEY_BYTES) for pseudonym in pseudonyms}
        rows = [
            {"tenant": tenant, "pseudonym": pseudonym, "wrapped": self._wrap(tenant, pseudonym, key)}
            for pseudonym, key in made.items()
        ]
        with writing(self._engine, VaultUnavailable) as connection:
            erased = find_erased(connection, tenant, pseudonyms)
            if kept := [row for row in rows if row["pseudonym"] not in erased]:
                insert_new(connection, LEARNER_KEYS, kept)
            # After inserting, which waits for a rotation under way: what is seen now stays so until we commit.
            if version is not None and version != self.newest_version(connection, tenant):
                self._tenants.pop(tenant, None)
                raise KeyRotated(tenant)
            follow_rotation(
                connection, tenant, {name: older.get(name, ()) for name in pseudonyms if name not in erased}
            )
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


def _new_key(master: MasterKey, tenant: str, purpose: str, version: int) -> dict[str, object]:
    key = secrets.token_bytes(KEY_BYTES)
    wrapped = master.wrap(key, tenant=tenant, purpose=purpose, id=str(version))
    return {"tenant": tenant, "purpose": purpose, "version": version, "wrapped": wrapped}


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
