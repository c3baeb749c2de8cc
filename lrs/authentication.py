"""Who calls, by Basic authentication or with a bearer token, and what that credential allows.

A caller is worked out off the event loop once, then remembered as long as its credential is.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Callable, Coroutine, Iterable
from collections.abc import Set as AbstractSet
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from identity.credentials import SCOPES, Credential
from identity.errors import IdentityUnavailable as IdentityDown
from identity.errors import UnknownTenant, WrongCredential
from identity.keys import TenantKeys
from identity.sealing import name_authority, replace_authority
from lrs.bearer import BearerTokens, Grant
from lrs.errors import Forbidden, IdentityUnavailable, Overloaded, Unauthenticated
from lrs.rates import Rates

DocumentScope = Literal["state", "profile"]

_REMEMBERED = 10_000  # callers, as many as an Authenticator remembers
_REFUSAL = "The key and the secret do not belong together: check both."


class Authenticator(Protocol):
    """Checks a key and its secret; identity.credentials.Authenticator is the real one."""

    def recall(self, key: str, secret: str) -> Credential | None:
        """Return the credential if it was verified lately, without waiting."""

    def renew(self, key: str, secret: str) -> Credential | None:
        """Return the credential of a pair verified before that still stands; one query. Raises IdentityUnavailable."""

    def authenticate(self, key: str, secret: str) -> Credential:
        """Return the credential; may take long. Raises WrongCredential, IdentityUnavailable."""


class KeySource(Protocol):
    """Gives a tenant's keys and its learners' keys; identity.vault.Vault is the real one."""

    def tenant_keys(self, tenant: str) -> TenantKeys:
        """Return the tenant's keys; may take long. Raises UnknownTenant, VaultUnavailable."""

    def find_learner_keys(self, tenant: str, pseudonyms: Iterable[str]) -> dict[str, bytes]:
        """Return the keys of those learners that have one; may take long. Raises VaultUnavailable."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified credential with what the request's handling needs of its tenant."""

    credential: Credential
    keys: TenantKeys = field(repr=False)
    authority: dict[str, Any]
    """The agent, or application with its user, set as the authority of what this credential writes."""
    authority_pseudonym: str
    """How that agent is called in the store."""
    bearer: bool = False
    """Whether the credential is a bearer token."""

    @property
    def tenant(self) -> str:
        """The tenant that the credential belongs to, and the only one it can reach."""
        return self.credential.tenant

    def may_write(self) -> None:
        """Raise Forbidden unless statements may be written."""
        self._need("statements/write", {"all", "statements/write"})

    def may_read(self) -> bool:
        """Raise Forbidden unless statements may be read; return whether only the credential's own may be."""
        self._need("statements/read", {"all", "all/read", "statements/read", "statements/read/mine"})
        return self.credential.scopes.isdisjoint({"all", "all/read", "statements/read"})

    def may_read_documents(self, scope: DocumentScope) -> None:
        """Raise Forbidden unless documents of this kind may be read."""
        self._need(scope, {"all", "all/read", scope})

    def may_write_documents(self, scope: DocumentScope) -> None:
        """Raise Forbidden unless documents of this kind may be written and deleted."""
        self._need(scope, {"all", scope})

    def may_define(self) -> bool:
        """Return whether what is written (re)defines activities; without it they are only used."""
        return not self.credential.scopes.isdisjoint({"all", "define"})

    def may_read_definitions(self) -> None:
        """Raise Forbidden unless the activities and agents resources may be read: whoever has any scope but one to
        write statements needs to know what they are about.
        """
        self._need("all/read", SCOPES - {"statements/write"})

    def _need(self, scope: str, one_of: AbstractSet[str]) -> None:
        if self.credential.scopes.isdisjoint(one_of):
            raise Forbidden(
                f"This credential lacks the scope {scope}: ask your administrator for one that has it.",
                details={"scope": scope},
                headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}
                if self.bearer
                else None,
            )


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
        sign_ins: int = 50,
    ) -> None:
        self._authenticator = authenticator
        self._keys = keys
        self._public_url = public_url
        self._tokens = tokens
        self._rates = rates
        self._sign_ins = sign_ins
        # A slow hash takes a core: one at a time, so that a flood of wrong passwords leaves the other to the rest.
        self._slow = ThreadPoolExecutor(1, thread_name_prefix="sign-in")
        # What was verified once is looked up beside that flood, not behind it.
        self._quick = ThreadPoolExecutor(2, thread_name_prefix="authentication")
        self._waiting = 0
        self._callers: dict[Credential, Caller] = {}
        self._bearers: dict[bytes, tuple[Caller, Grant]] = {}
        self._generation = 0
        self._under_way: dict[tuple[str, str], asyncio.Task[Caller]] = {}

    async def identify(self, header: str | None) -> Caller:
        """Return the caller, and count the request. Raises Unauthenticated, RateLimited, Unavailable."""
        try:
            token = read_bearer(header) if self._tokens else None
            caller = await (self._find_by_secret(header) if token is None else self._find_by_token(token))
        except Unauthenticated as error:
            # A new one, as several requests may have waited for this one.
            bearer = self._tokens is not None
            raise Unauthenticated(str(error), invalid_token=error.invalid_token, bearer=bearer) from None
        if self._rates:
            self._rates.admit(caller.credential.key)
        return caller

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
        loop = asyncio.get_running_loop()
        try:
            caller = await loop.run_in_executor(self._quick, self._renew, key, secret)
            if caller is not None:
                return caller
            if self._waiting >= self._sign_ins:
                raise Overloaded("Too many are signing in at once. Send the request again later.")
            self._waiting += 1
            try:
                return await loop.run_in_executor(self._slow, self._verify_slowly, key, secret)
            finally:
                self._waiting -= 1
        except (WrongCredential, UnknownTenant):
            # A credential whose tenant is gone is told no more than any wrong one.
            raise Unauthenticated(_REFUSAL) from None
        except IdentityDown as error:
            raise _unavailable() from error

    async def _verify_token(self, tokens: BearerTokens, token: str, digest: bytes) -> Caller:
        grant = await tokens.verify(token)
        generation = tokens.keys.generation
        try:
            caller = await asyncio.get_running_loop().run_in_executor(
                self._quick, self._build_bearer, grant, tokens.rules.issuer
            )
        except UnknownTenant:
            raise Unauthenticated(
                "The token is not taken: its issuer names a tenant that is not here.", invalid_token=True
            ) from None
        except IdentityDown as error:
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
        name = _name(authority, keys)
        credential = Credential(
            # No key of Basic authentication holds a colon.
            key=f"oidc:{name}",
            tenant=grant.tenant,
            name=grant.application or "",
            scopes=grant.scopes,
            sees_identities=grant.sees_identities,
        )
        return Caller(credential, keys, authority, name, bearer=True)


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


def _name(authority: dict[str, Any], keys: TenantKeys) -> str:
    """Return how the authority is called in the store, where it stands without identities."""
    return name_authority(replace_authority(authority, keys))


def _make_room(remembered: dict[Any, Any]) -> None:
    if len(remembered) >= _REMEMBERED:
        remembered.clear()


def _unavailable() -> IdentityUnavailable:
    return IdentityUnavailable("Credentials cannot be checked now. Send the request again later.")
