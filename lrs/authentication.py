"""Who calls, by Basic authentication or with a bearer token, and what that credential allows.

A caller is worked out off the event loop once, then remembered as long as its credential is.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Engine

from identity.credentials import Credential
from identity.erasures import Erased
from identity.errors import IdentityUnavailable as IdentityDown
from identity.errors import UnknownTenant, WrongCredential
from identity.keys import TenantKeys
from identity.sealing import name_authority, replace_authority
from identity.standing import Standing
from lrs.bearer import BearerTokens, Grant
from lrs.callers import Caller
from lrs.errors import IdentityUnavailable, Overloaded, TenantSuspended, Unauthenticated
from lrs.limits import Limits
from lrs.rates import Rates

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_logger = logging.getLogger(__name__)

_KEYS_SECONDS = 2.0  # so soon a rotation of a tenant's key is noticed
_REMEMBERED = 10_000  # callers, as many as an Authenticator remembers
_RENEWAL_SECONDS = 1.0
_REFUSAL = "The key and the secret do not belong together: check both."


class Authenticator(Protocol):
    """Checks a key and its secret; identity.credentials.Authenticator is the real one."""

    def recall(self, key: str, secret: str) -> Credential | None:
        """Return the credential if it was verified lately, without waiting."""

    def renew(self, key: str, secret: str) -> Credential | None:
        """Return the credential of a pair verified before that still stands; one query. Raises IdentityUnavailable."""

    def endure(self, key: str, secret: str) -> Credential | None:
        """Return the credential of a pair that stood not long ago, for when it cannot be looked up; never waits."""

    def authenticate(self, key: str, secret: str) -> Credential:
        """Return the credential; may take long. Raises WrongCredential, IdentityUnavailable."""

    def check(self) -> None:
        """Raise IdentityUnavailable unless credentials can be looked up now; may take long."""


class KeySource(Protocol):
    """Gives a tenant's keys and its learners' keys; identity.vault.Vault is the real one."""

    def tenant_keys(self, tenant: str) -> TenantKeys:
        """Return the tenant's keys; may take long. Raises UnknownTenant, VaultUnavailable."""

    def find_learner_keys(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        """Return the keys of those learners that have one; may take long. Raises VaultUnavailable."""

    def erased(self, tenant: str) -> Erased:
        """Return who was erased of the tenant; may take long. Raises VaultUnavailable."""

    @property
    def engine(self) -> Engine:
        """The identity database, which tells whom pseudonyms stand for."""


class Authentication:
    """Turns an Authorization header into a Caller, as often as that caller's rate allows."""

    def __init__(
        self,
        authenticator: Authenticator,
        keys: KeySource,
        public_url: str,
        *,
        tokens: BearerTokens | None = None,
        rates: Rates | None = None,
        limits: Limits | None = None,
        standing: Standing | None = None,
    ) -> None:
        self._standing = standing
        self._renewing: asyncio.Future[None] | None = None
        self._authenticator = authenticator
        self._keys = keys
        self._public_url = public_url
        self._tokens = tokens
        self._rates = rates
        self._limits = limits or Limits()
        self._reachable = True
        # A slow hash takes a core: one at a time, so that a flood of wrong passwords leaves the other to the rest.
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="sign-in")
        # What was verified once is looked up beside that flood, not behind it.
        self._quick = ThreadPoolExecutor(2, thread_name_prefix="authentication")
        self._waiting = 0
        self._callers: dict[Credential, Caller] = {}
        self._bearers: dict[bytes, tuple[Caller, Grant]] = {}
        self._generation = 0
        self._current: dict[str, tuple[TenantKeys, float]] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[Caller]] = {}

    async def identify(self, header: str | None) -> Caller:
        """Return the caller, and count the request. Raises Unauthenticated, Forbidden, RateLimited, Unavailable."""
        try:
            token = read_bearer(header) if self._tokens else None
            caller = await (self._find_by_secret(header) if token is None else self._find_by_token(token))
            if self._standing is not None:
                await self._check_tenant(caller, self._standing)
        except Unauthenticated as error:
            # A new one, as several requests may have waited for this one.
            bearer = self._tokens is not None
            raise Unauthenticated(str(error), invalid_token=error.invalid_token, bearer=bearer) from None
        if self._rates:
            self._rates.admit(caller.credential.key)
        return await self._with_current_keys(caller)

    async def _with_current_keys(self, caller: Caller) -> Caller:
        """Return the caller with the tenant's keys as they are now, or as they were if that cannot be told soon.

        Statements are accepted although the identity database is away, so it is not waited for.
        """
        tenant, now = caller.tenant, time.monotonic()
        keys, until = self._current.get(tenant, (caller.keys, 0.0))
        if until < now:
            # The requests that come meanwhile go on with what is known.
            self._current[tenant] = keys, now + _KEYS_SECONDS
            with suppress(IdentityDown, TimeoutError, UnknownTenant):
                async with asyncio.timeout(_KEYS_SECONDS):
                    loop = asyncio.get_running_loop()
                    keys = await loop.run_in_executor(self._quick, self._keys.tenant_keys, tenant)
            self._current[tenant] = keys, now + _KEYS_SECONDS
        if keys.version <= caller.keys.version:
            return caller
        caller = replace(caller, keys=keys, authority_pseudonyms=_name(caller.authority, keys))
        if not caller.bearer:
            self._callers[caller.credential] = caller
        return caller

    async def _check_tenant(self, caller: Caller, standing: Standing) -> None:
        """Raise Forbidden if the caller's tenant is suspended, Unauthenticated if it was removed."""
        try:
            if not standing.is_fresh:
                await self._renew_standing(standing)
            tenant = standing.recall(caller.tenant)
        except IdentityDown as error:
            raise _unavailable() from error
        # One that is not known yet has just been added: its credential was found.
        if tenant is None or tenant.state == "active":
            return
        if tenant.is_gone:
            raise Unauthenticated(_REFUSAL, invalid_token=caller.bearer)
        raise TenantSuspended("This tenant is suspended: ask the operator of the LRS.")

    async def _renew_standing(self, standing: Standing) -> None:
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.get_running_loop().run_in_executor(self._quick, standing.renew)
        # What is known still holds while a database that is slow to answer is waited for.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RENEWAL_SECONDS):
                await asyncio.shield(self._renewing)

    async def close(self) -> None:
        """End the threads, and what is asked of the identity provider."""
        self._slow.shutdown(wait=False, cancel_futures=True)
        self._quick.shutdown(wait=False, cancel_futures=True)
        if self._tokens:
            await self._tokens.keys.close()

    async def _find_by_secret(self, header: str | None) -> Caller:
        key, secret = parse_basic(header)
        credential = self._authenticator.recall(key, secret)
        if credential is not None:
            caller = self._callers.get(credential)
            if caller is not None:
                return caller
        # Many first requests of one platform at once pay one slow hash.
        return await self._share((key, secret), lambda: self._verify(key, secret))

    async def _find_by_token(self, token: str) -> Caller:
        tokens = self._tokens
        assert tokens is not None  # noqa: S101 (the caller has looked)
        self._forget_withdrawn(tokens)
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._bearers.get(digest)
        if known is not None:
            caller, grant = known
            if tokens.is_current(grant):
                return caller
            del self._bearers[digest]
        return await self._share(("", token), lambda: self._verify_token(tokens, token, digest))

    async def _share(self, who: tuple[str, str], verify: Callable[[], Coroutine[Any, Any, Caller]]) -> Caller:
        task = self._under_way.get(who)
        if task is None:
            task = asyncio.create_task(verify())
            self._under_way[who] = task
            task.add_done_callback(lambda done: self._finish(who, done))
        return await asyncio.shield(task)

    def _finish(self, who: tuple[str, str], done: asyncio.Task[Caller]) -> None:
        del self._under_way[who]
        if not done.cancelled():
            done.exception()  # everybody who asked may have gone, which is no fault

    async def _verify(self, key: str, secret: str) -> Caller:
        try:
            caller = await self._off_loop(self._quick, self._limits.renewal_seconds, self._renew, key, secret)
            caller = caller or await self._sign_in(key, secret)
        except (WrongCredential, UnknownTenant):
            # A credential whose tenant is gone is told no more than any wrong one.
            raise Unauthenticated(_REFUSAL) from None
        except IdentityDown as error:
            self._note_outage(error)
            known = self._authenticator.endure(key, secret)
            caller = None if known is None else self._callers.get(known)
            if caller is None:
                raise _unavailable() from error
            return caller
        if not self._reachable:
            self._reachable = True
            _logger.info("identity_reached")
        return caller

    async def _sign_in(self, key: str, secret: str) -> Caller:
        if self._waiting >= self._limits.sign_ins:
            raise Overloaded("Too many are signing in at once. Send the request again later.")
        self._waiting += 1
        try:
            return await self._off_loop(self._slow, self._limits.identity_seconds, self._verify_slowly, key, secret)
        finally:
            self._waiting -= 1

    async def _off_loop(
        self, threads: ThreadPoolExecutor, seconds: float, work: Callable[[*Ts], T], *arguments: *Ts
    ) -> T:
        """Return what `work` returns in a thread. Raises IdentityDown also when that takes too long."""
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(threads, work, *arguments)
        except TimeoutError:
            raise IdentityDown(f"The identity database has not answered within {seconds:g} s.") from None

    def _note_outage(self, error: IdentityDown) -> None:
        if self._reachable:
            self._reachable = False
            _logger.warning("identity_unreachable", extra={"code": error.code, "reason": str(error)})

    async def _verify_token(self, tokens: BearerTokens, token: str, digest: bytes) -> Caller:
        grant = await tokens.verify(token)
        generation = tokens.keys.generation
        try:
            caller = await self._off_loop(
                self._quick, self._limits.identity_seconds, self._build_bearer, grant, tokens.rules.issuer
            )
        except UnknownTenant:
            raise Unauthenticated(
                "The token is not taken: its issuer names a tenant that is not here.", invalid_token=True
            ) from None
        except IdentityDown as error:
            self._note_outage(error)
            raise _unavailable() from error
        self._forget_withdrawn(tokens)
        if generation == self._generation:
            _make_room(self._bearers)
            self._bearers[digest] = caller, grant
        return caller

    def _forget_withdrawn(self, tokens: BearerTokens) -> None:
        # With a key that its issuer has withdrawn goes what it signed.
        if self._generation != tokens.keys.generation:
            self._bearers.clear()
            self._generation = tokens.keys.generation

    def _renew(self, key: str, secret: str) -> Caller | None:
        credential = self._authenticator.renew(key, secret)
        return None if credential is None else self._build(credential)

    def _verify_slowly(self, key: str, secret: str) -> Caller:
        return self._build(self._authenticator.authenticate(key, secret))

    def _build(self, credential: Credential) -> Caller:
        keys = self._keys.tenant_keys(credential.tenant)
        authority = _account(self._public_url, credential.key)
        caller = Caller(credential, keys, authority, _name(authority, keys))
        _make_room(self._callers)
        self._callers[credential] = caller
        return caller

    def _build_bearer(self, grant: Grant, issuer: str) -> Caller:
        keys = self._keys.tenant_keys(grant.tenant)
        members = [_account(issuer, name) for name in (grant.application, grant.user) if name is not None]
        authority = members[0] if len(members) == 1 else {"objectType": "Group", "member": members}
        names = _name(authority, keys)
        credential = Credential(
            # No key of Basic authentication holds a colon.
            key=f"oidc:{names[-1]}",
            tenant=grant.tenant,
            name=grant.application or "",
            scopes=grant.scopes,
            sees_identities=grant.sees_identities,
        )
        return Caller(credential, keys, authority, names, bearer=True)


def read_bearer(header: str | None) -> str | None:
    """Return the token of an Authorization header, None when it holds something else."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def parse_basic(header: str | None) -> tuple[str, str]:
    """Return key and secret of an Authorization header. Raises Unauthenticated."""
    if header is None:
        raise Unauthenticated("This resource needs a credential: send its key and secret with Basic authentication.")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Unauthenticated("This scheme of authentication is not understood here: send a key and a secret as Basic.")
    try:
        key, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthenticated("The Authorization header is not Basic authentication in base64.") from None
    if not colon:
        raise Unauthenticated("The Authorization header holds no key and secret parted by a colon.")
    return key, secret


def _account(home: str, name: str) -> dict[str, Any]:
    return {"objectType": "Agent", "account": {"homePage": home, "name": name}}


def _name(authority: dict[str, Any], keys: TenantKeys) -> tuple[str, ...]:
    """Return how the authority is called in the store, where it stands without identities, under each key."""
    return tuple(name_authority(replace_authority(authority, version)) for version in keys.list_versions())


def _make_room(remembered: dict[Any, Any]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()


def _unavailable() -> IdentityUnavailable:
    return IdentityUnavailable("Credentials cannot be checked now. Send the request again later.")
