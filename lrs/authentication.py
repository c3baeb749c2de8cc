"""Who calls: Basic authentication against the tenant's credentials, and what the credential allows.

A caller is worked out off the event loop once, then remembered as long as its credential is.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from identity.credentials import Credential
from identity.errors import IdentityUnavailable as IdentityDown
from identity.errors import UnknownTenant, WrongCredential
from identity.keys import TenantKeys
from identity.pseudonyms import identify, pseudonym
from lrs.errors import Forbidden, IdentityUnavailable, Unauthenticated

DocumentScope = Literal["state", "profile"]

_REFUSAL = "The key and the secret do not belong together: check both."


class Authenticator(Protocol):
    """Checks a key and its secret; identity.credentials.Authenticator is the real one."""

    def recall(self, key: str, secret: str) -> Credential | None:
        """Return the credential if it was verified lately, without waiting."""

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
    """The agent set as the authority of what this credential writes."""
    authority_pseudonym: str
    """How that agent is called in the store."""

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

    def may_define(self) -> bool:
        """Return whether what is written gives activities their definitions (Communication 4.2, `define`)."""
        return not self.credential.scopes.isdisjoint({"all", "define"})

    def may_read_definitions(self) -> None:
        """Raise Forbidden unless activities and agents may be read."""
        self._need(
            "statements/read",
            {"all", "all/read", "statements/read", "statements/read/mine", "state", "profile", "define"},
        )

    def may_read_documents(self, scope: DocumentScope) -> None:
        """Raise Forbidden unless documents of this kind may be read."""
        self._need(scope, {"all", "all/read", scope})

    def may_write_documents(self, scope: DocumentScope) -> None:
        """Raise Forbidden unless documents of this kind may be written and deleted."""
        self._need(scope, {"all", scope})

    def _need(self, scope: str, one_of: set[str]) -> None:
        if self.credential.scopes.isdisjoint(one_of):
            raise Forbidden(
                f"This credential lacks the scope {scope}: ask your administrator for one that has it.",
                details={"scope": scope},
            )


class Authentication:
    """Turns an Authorization header into a Caller."""

    def __init__(self, authenticator: Authenticator, keys: KeySource, public_url: str, *, threads: int = 2) -> None:
        self._authenticator = authenticator
        self._keys = keys
        self._public_url = public_url
        # A slow hash takes a core: few at once, so that a flood of wrong passwords does not starve the rest.
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="authentication")
        self._callers: dict[Credential, Caller] = {}
        self._under_way: dict[tuple[str, str], asyncio.Task[Caller]] = {}

    async def identify(self, header: str | None) -> Caller:
        """Return the caller. Raises Unauthenticated, IdentityUnavailable."""
        key, secret = parse_basic(header)
        credential = self._authenticator.recall(key, secret)
        if credential is not None:
            caller = self._callers.get(credential)
            if caller is not None:
                return caller
        # Many first requests of one platform at once pay one slow hash.
        pair = (key, secret)
        task = self._under_way.get(pair)
        if task is None:
            task = asyncio.create_task(self._verify(key, secret))
            self._under_way[pair] = task
            task.add_done_callback(lambda done: self._finish(pair, done))
        return await asyncio.shield(task)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _finish(self, pair: tuple[str, str], done: asyncio.Task[Caller]) -> None:
        del self._under_way[pair]
        if not done.cancelled():
            done.exception()  # everybody who asked may have gone, which is no fault

    async def _verify(self, key: str, secret: str) -> Caller:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, self._verify_slowly, key, secret)
        except (WrongCredential, UnknownTenant):
            # A credential whose tenant is gone is told no more than any wrong one.
            raise Unauthenticated(_REFUSAL) from None
        except IdentityDown as error:
            raise IdentityUnavailable("Credentials cannot be checked now. Send the request again later.") from error

    def _verify_slowly(self, key: str, secret: str) -> Caller:
        credential = self._authenticator.authenticate(key, secret)
        keys = self._keys.tenant_keys(credential.tenant)
        authority = {
            "objectType": "Agent",
            "account": {"homePage": self._public_url, "name": credential.key},
        }
        identifier = identify(authority)
        assert identifier is not None  # noqa: S101 (an account with both parts identifies by definition)
        caller = Caller(credential, keys, authority, pseudonym(keys, identifier))
        if len(self._callers) >= 10_000:  # noqa: PLR2004 (as many as an Authenticator remembers)
            self._callers.clear()
        self._callers[credential] = caller
        return caller


def parse_basic(header: str | None) -> tuple[str, str]:
    """Return key and secret of an Authorization header. Raises Unauthenticated."""
    if header is None:
        raise Unauthenticated("This resource needs a credential: send its key and secret with Basic authentication.")
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Unauthenticated("Only Basic authentication is understood here: send a key and a secret.")
    try:
        key, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise Unauthenticated("The Authorization header is not Basic authentication in base64.") from None
    if not colon:
        raise Unauthenticated("The Authorization header holds no key and secret parted by a colon.")
    return key, secret
