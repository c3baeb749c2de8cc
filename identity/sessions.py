"""Sessions: who is signed in, kept on the server, so that it ends when it must.

A browser holds 32 random bytes; the database holds a keyed digest of them, which opens nothing. Roles, and whether the
account is still in use, are read anew each time a session is looked up: a change takes effect with the next request.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, insert, or_, select, update

from identity.accounts import Account
from identity.database import reading, writing
from identity.errors import WrongCredential
from identity.keys import MasterKey
from identity.roles import Role
from identity.tables import ACCOUNTS, ROLES, SESSIONS

_PURPOSE = "sessions"
_MOST_TOKEN = 128
_SEEN_EACH = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. `tenant` is the one chosen, "" for none; it gives no right by itself.

    `form_token` is what a form of this session must bring back.
    """

    account: Account
    tenant: str
    form_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives: without a request, and at most."""

    idle: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=7)


class Sessions:
    """The sessions of an installation. Everything here may block, and raises IdentityUnavailable."""

    def __init__(
        self,
        engine: Engine,
        master: MasterKey,
        limits: Limits | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.limits = limits or Limits()
        self._engine = engine
        self._key = master.derive(_PURPOSE)
        self._now = now
        # Rolling the idle limit with every request would be a write each.
        self._seen_each = min(_SEEN_EACH, self.limits.idle / 10)

    def open(self, account: str, tenant: str = "") -> str:
        """Begin a session of an account and return what the browser is to hold: always a new one.

        Raises WrongCredential when the account was disabled meanwhile.
        """
        token = secrets.token_urlsafe(32)
        now = self._now()
        row = {
            "digest": self._digest(token),
            "account": account,
            "tenant": tenant,
            "opened_at": now,
            "seen_at": now,
        }
        with writing(self._engine) as connection:
            over = or_(
                SESSIONS.c.opened_at < now - self.limits.longest,
                SESSIONS.c.seen_at < now - self.limits.idle - self._seen_each,
            )
            connection.execute(delete(SESSIONS).where(over))
            # Locked, so that the account cannot be disabled between this look and the insert.
            usable = select(ACCOUNTS.c.name).where(ACCOUNTS.c.name == account, ACCOUNTS.c.disabled_at.is_(None))
            if connection.scalar(usable.with_for_update()) is None:
                raise WrongCredential
            connection.execute(insert(SESSIONS), [row])
        return token

    def find(self, token: str) -> Session | None:
        """Return the session of this token as it is now, or None; being looked up keeps it alive."""
        if not token or len(token) > _MOST_TOKEN:
            return None
        digest, now = self._digest(token), self._now()
        query = (
            select(SESSIONS, ACCOUNTS.c.language)
            .join(ACCOUNTS, ACCOUNTS.c.name == SESSIONS.c.account)
            .where(SESSIONS.c.digest == digest, ACCOUNTS.c.disabled_at.is_(None))
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
            if row is None or now - row.opened_at > self.limits.longest or now - row.seen_at > self.limits.idle:
                return None
            held = connection.execute(select(ROLES.c.tenant, ROLES.c.role).where(ROLES.c.account == row.account))
            roles = frozenset(Role(each.tenant, each.role) for each in held)
        if now - row.seen_at >= self._seen_each:
            self._change(digest, seen_at=now)
        return Session(Account(row.account, row.language, roles), row.tenant, self._sign_form(token))

    def choose_tenant(self, token: str, tenant: str) -> None:
        """Note which tenant the person looks at. Whether they may is asked at every request, not here."""
        self._change(self._digest(token), tenant=tenant)

    def close(self, token: str) -> None:
        """End a session, if there is one."""
        with writing(self._engine) as connection:
            connection.execute(delete(SESSIONS).where(SESSIONS.c.digest == self._digest(token)))

    def _change(self, digest: str, **values: object) -> None:
        with writing(self._engine) as connection:
            connection.execute(update(SESSIONS).where(SESSIONS.c.digest == digest).values(**values))

    def _digest(self, token: str) -> str:
        return hmac.digest(self._key, b"id\0" + token.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _sign_form(self, token: str) -> str:
        return hmac.digest(self._key, b"form\0" + token.encode("utf-8", "surrogatepass"), "sha256").hex()
