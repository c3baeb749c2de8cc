"""Credentials: what a platform shows to the LRS to write or read statements, and how it is checked fast.

A slow hash protects the secrets at rest; a process pays it once for a credential that goes on being used, not per
request and not each time it looks whether the credential still stands.
"""

from __future__ import annotations

import hmac
import re
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, Row, select, update

from identity.database import check_reachable, insert_new, reading, writing
from identity.errors import AlreadyExists, InvalidValue, WrongCredential
from identity.passwords import hash_secret, verify_secret
from identity.tables import CREDENTIALS
from identity.tenants import get_tenant

SCOPES = frozenset(
    {
        "statements/write",
        "statements/read/mine",
        "statements/read",
        "state",
        "profile",
        "define",
        "all/read",
        "all",
    }
)
"""The scopes of xAPI 1.0.3, Communication 4.2."""

DEFAULT_SCOPES = ("statements/write", "statements/read", "define", "state", "profile")
"""What a platform needs: write and read statements, describe its activities, keep documents."""

# Basic authentication splits at the first colon, and a header holds no control characters.
_KEY = re.compile(r"[!-9;-~]{1,128}")
_MIN_SECRET = 8


@dataclass(frozen=True, slots=True)
class Credential:
    """A verified right to act for one tenant. `sees_identities` lets its reads show people, not pseudonyms."""

    key: str
    tenant: str
    name: str
    scopes: frozenset[str]
    sees_identities: bool


@dataclass(frozen=True, slots=True)
class ListedCredential:
    """A credential as an operator sees it; its secret cannot be shown."""

    credential: Credential
    created_at: datetime
    disabled_at: datetime | None


def add_credential(
    engine: Engine,
    tenant: str,
    name: str,
    *,
    scopes: Iterable[str] = DEFAULT_SCOPES,
    sees_identities: bool = False,
    key: str | None = None,
    secret: str | None = None,
) -> tuple[Credential, str]:
    """Add a credential and return it with its secret, which is kept as a hash only and shown never again.

    Key and secret are drawn at random unless given. Again with the same key, secret and rights changes nothing.
    Raises InvalidValue, UnknownTenant, AlreadyExists, IdentityUnavailable.
    """
    credential = Credential(
        key=secrets.token_hex(16) if key is None else key,
        tenant=tenant,
        name=name,
        scopes=frozenset(scopes),
        sees_identities=sees_identities,
    )
    secret = secrets.token_urlsafe(32) if secret is None else secret
    _check(credential, secret)
    get_tenant(engine, tenant)
    row = {
        "key": credential.key,
        "tenant": tenant,
        "name": name,
        "scopes": " ".join(sorted(credential.scopes)),
        "sees_identities": sees_identities,
        "secret_hash": hash_secret(secret),
        "created_at": datetime.now(UTC),
    }
    with writing(engine) as connection:
        insert_new(connection, CREDENTIALS, [row])
        stored = connection.execute(select(CREDENTIALS).where(CREDENTIALS.c.key == credential.key)).one()
    ours = stored.secret_hash == row["secret_hash"]
    same = stored.disabled_at is None and _to_credential(stored) == credential
    if not ours and not (same and verify_secret(stored.secret_hash, secret)):
        raise AlreadyExists("There is a credential with that key already, and it differs: take another key.")
    return credential, secret


def list_credentials(engine: Engine, tenant: str) -> list[ListedCredential]:
    """Return the tenant's credentials, disabled ones too, oldest first. Raises UnknownTenant, IdentityUnavailable."""
    get_tenant(engine, tenant)
    query = select(CREDENTIALS).where(CREDENTIALS.c.tenant == tenant)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(CREDENTIALS.c.created_at, CREDENTIALS.c.key)).all()
    return [ListedCredential(_to_credential(row), row.created_at, row.disabled_at) for row in rows]


def find_credential(engine: Engine, key: str) -> Credential | None:
    """Return the credential of this key, disabled or not, None when there is none. Raises IdentityUnavailable."""
    with reading(engine) as connection:
        row = connection.execute(select(CREDENTIALS).where(CREDENTIALS.c.key == key)).one_or_none()
    return None if row is None else _to_credential(row)


def disable_credential(engine: Engine, key: str) -> bool:
    """Refuse the credential from now on; an Authenticator notices within its `ttl`.

    A key that is unknown or disabled already changes nothing: returns whether something changed. Raises
    IdentityUnavailable.
    """
    with writing(engine) as connection:
        done = connection.execute(
            update(CREDENTIALS)
            .where(CREDENTIALS.c.key == key, CREDENTIALS.c.disabled_at.is_(None))
            .values(disabled_at=datetime.now(UTC))
        )
    return done.rowcount > 0


@dataclass(frozen=True, slots=True)
class _Verified:
    credential: Credential
    secret_hash: str = field(repr=False)
    confirmed: float = field(compare=False)
    """When its row was last looked up."""
    until: float = field(compare=False)


class Authenticator:
    """Checks keys and secrets. Safe to use from several threads.

    A verified pair is trusted for `ttl` seconds, and after that as soon as its row is seen to be unchanged. It is
    remembered as an HMAC under a key that lives and dies with this object, for at most `capacity` pairs. A refusal is
    not remembered and costs the same whether or not the key exists.

    While the database does not answer, `endure` trusts a pair on, for at most `outage_ttl` seconds since its row was
    last seen to stand: who disables a credential meanwhile, on a database that only this process does not reach, has
    to wait for as long.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        ttl: float = 60,
        outage_ttl: float = 3600,
        capacity: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._ttl = ttl
        self._outage_ttl = outage_ttl
        self._capacity = capacity
        self._clock = clock
        self._process_key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, key: str, secret: str) -> Credential | None:
        """Return the credential if this pair is trusted now; never waits, so an event loop may call it."""
        entry = self._recall(self._token(key, secret))
        return None if entry is None or entry.until <= self._clock() else entry.credential

    def renew(self, key: str, secret: str) -> Credential | None:
        """Return the credential of a pair that was verified once and stands unchanged, else None.

        Takes a query and no slow hash. Raises IdentityUnavailable.
        """
        token = self._token(key, secret)
        entry = self._recall(token)
        if entry is None:
            return None
        now = self._clock()
        row = self._find(key)
        if row is None or row.secret_hash != entry.secret_hash:
            with self._lock:
                self._verified.pop(token, None)
            return None
        return self._remember(token, row, now)

    def endure(self, key: str, secret: str) -> Credential | None:
        """Return the credential of a pair whose row stood within `outage_ttl`, and trust it for `ttl` more.

        For when the database does not answer; never waits.
        """
        token, now = self._token(key, secret), self._clock()
        with self._lock:
            entry = self._verified.get(token)
            if entry is None or entry.confirmed + self._outage_ttl <= now:
                return None
            until = min(now + self._ttl, entry.confirmed + self._outage_ttl)
            self._verified[token] = replace(entry, until=until)
        return entry.credential

    def check(self) -> None:
        """Raise IdentityUnavailable unless credentials can be looked up now."""
        check_reachable(self._engine)

    def authenticate(self, key: str, secret: str) -> Credential:
        """Return the credential that `key` and `secret` belong to.

        Takes microseconds when the pair is trusted now, else some 20 ms and a query: call it in a thread.
        Raises WrongCredential, IdentityUnavailable.
        """
        known = self.recall(key, secret)
        if known is not None:
            return known
        now = self._clock()
        row = self._find(key)
        if not verify_secret(None if row is None else row.secret_hash, secret) or row is None:
            raise WrongCredential
        return self._remember(self._token(key, secret), row, now)

    def _find(self, key: str) -> Row[Any] | None:
        # A key that none can have is looked up all the same, as one that none has.
        sought = key if _KEY.fullmatch(key) else ""
        with reading(self._engine) as connection:
            return connection.execute(
                select(CREDENTIALS).where(CREDENTIALS.c.key == sought, CREDENTIALS.c.disabled_at.is_(None))
            ).one_or_none()

    def _remember(self, token: bytes, row: Row[Any], confirmed: float) -> Credential:
        credential = _to_credential(row)
        with self._lock:
            self._verified[token] = _Verified(credential, row.secret_hash, confirmed, confirmed + self._ttl)
            while len(self._verified) > self._capacity:
                self._verified.popitem(last=False)
        return credential

    def _recall(self, token: bytes) -> _Verified | None:
        with self._lock:
            entry = self._verified.get(token)
            if entry is not None:
                self._verified.move_to_end(token)
            return entry

    def _token(self, key: str, secret: str) -> bytes:
        # The key's length goes in, or key "ab" with secret "c" would be key "a" with secret "bc".
        pair = f"{len(key)}:{key}{secret}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._process_key, pair, "sha256")


def _check(credential: Credential, secret: str) -> None:
    if not _KEY.fullmatch(credential.key):
        raise InvalidValue("A credential's key has 1 to 128 visible ASCII characters and no colon.")
    if len(secret) < _MIN_SECRET:
        raise InvalidValue(f"A credential's secret has at least {_MIN_SECRET} characters.")
    if not credential.name.strip():
        raise InvalidValue("A credential needs a name.")
    unknown = credential.scopes - SCOPES
    if unknown or not credential.scopes:
        raise InvalidValue(f"A credential's scopes are one or more of: {', '.join(sorted(SCOPES))}.")


def _to_credential(row: Row[Any]) -> Credential:
    return Credential(
        key=row.key,
        tenant=row.tenant,
        name=row.name,
        scopes=frozenset(row.scopes.split()),
        sees_identities=row.sees_identities,
    )
