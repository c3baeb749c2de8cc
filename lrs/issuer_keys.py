"""The public keys of the identity provider: fetched when first needed, and again when they may have changed.

What a request says cannot make the LRS ask the provider more than once in some seconds, and a provider that is out of
reach takes nothing away from the keys that are known.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key

from lrs.errors import IssuerUnavailable

_logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 5.0  # between two attempts
_OLD_SECONDS = 3600.0  # after which keys are fetched anew though nothing unknown was seen: some may be withdrawn
_TIMEOUT_SECONDS = 5.0
_DOCUMENT_BYTES = 256 * 1024
_KINDS = ("RSA", "EC", "OKP")
_RSA_BITS = 2048


class IssuerKeys:
    """The keys with which one issuer signs now. For one event loop."""

    def __init__(
        self,
        issuer: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._clock = clock
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._keys: dict[str, Key] = {}
        self._published: list[Any] = []
        self._old_from = 0.0
        self._not_before = -_PAUSE_SECONDS
        self._reached = True
        self._fetching: asyncio.Task[None] | None = None
        self.generation = 0
        """Grows whenever the set of keys is another one."""

    async def find(self, kid: str | None) -> Key | None:
        """Return the key of this id, the only key where no id is given, or None.

        Asks the issuer for an unknown one, unless it was just asked. Raises IssuerUnavailable for an unknown key while
        the issuer is out of reach.
        """
        if self._keys and self._clock() >= self._old_from:
            self._begin_to_fetch()  # beside this request, which can do with what is known
        key = self._pick(kid)
        if key is None:
            await self.renew()
            key = self._pick(kid)
        return key

    async def renew(self) -> None:
        """Fetch the keys, unless that was just done. Raises IssuerUnavailable when the last attempt failed."""
        fetching = self._begin_to_fetch()
        if fetching is not None:
            await asyncio.shield(fetching)
        if not self._reached:
            raise IssuerUnavailable(
                "The identity provider does not answer, so this token cannot be checked. Send the request again later.",
                retry_after=int(_PAUSE_SECONDS),
            )

    async def close(self) -> None:
        """End what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()

    def _pick(self, kid: str | None) -> Key | None:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid)

    def _begin_to_fetch(self) -> asyncio.Task[None] | None:
        if self._fetching is None and self._clock() >= self._not_before:
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(2 * _TIMEOUT_SECONDS):
                published = await self._fetch_key_set()
            keys = _import_keys(published)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValueError) as error:
            if self._reached:
                _logger.warning(
                    "issuer_unreachable",
                    extra={"issuer": self._issuer, "error": type(error).__name__, "reason": str(error)},
                )
            self._reached = False
        else:
            self._reached = True
            self._old_from = self._clock() + _OLD_SECONDS
            if published != self._published:
                self._keys, self._published = keys, published
                self.generation += 1
                _logger.info("issuer_keys_fetched", extra={"issuer": self._issuer, "keys": len(keys)})
        finally:
            self._not_before = self._clock() + _PAUSE_SECONDS
            self._fetching = None

    async def _fetch_key_set(self) -> list[Any]:
        """Return the keys as published. Raises httpx.HTTPError, ValueError."""
        discovery = await self._get(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
        if discovery.get("issuer") != self._issuer:
            raise ValueError("the discovery document is another issuer's")
        address = discovery.get("jwks_uri")
        # Keys that come in clear could be anybody's; an issuer in clear (a test's) has nothing to lose.
        schemes = ("https://",) if self._issuer.startswith("https://") else ("https://", "http://")
        if not isinstance(address, str) or not address.startswith(schemes):
            raise ValueError("the discovery document names no place of keys that can be trusted")
        keys = (await self._get(address)).get("keys")
        if not isinstance(keys, list):
            raise ValueError("there are no keys at that place")  # noqa: TRY004 (wrong content, not a wrong call)
        return keys

    async def _get(self, address: str) -> Mapping[str, Any]:
        if self._client is None:
            # Settings come from nowhere but Jalon's own; the system's certificate authorities are trusted.
            self._client = httpx.AsyncClient(
                transport=self._transport,
                verify=ssl.create_default_context(),
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
                headers={"Accept": "application/json"},
            )
        async with self._client.stream("GET", address) as answer:
            if answer.status_code != httpx.codes.OK:
                raise ValueError("the issuer answered with a failure")
            content = bytearray()
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > _DOCUMENT_BYTES:
                    raise ValueError("the issuer's document is too large")
        document = httpx.Response(200, content=bytes(content)).json()
        if not isinstance(document, dict):
            raise ValueError("the issuer's document is no object")  # noqa: TRY004 (wrong content, not a wrong call)
        return document


def _import_keys(published: list[Any]) -> dict[str, Key]:
    """Return the keys that sign and are understood, by id; the others are none of ours."""
    keys: dict[str, Key] = {}
    for data in published:
        if not isinstance(data, dict) or data.get("kty") not in _KINDS or data.get("use", "sig") != "sig":
            continue
        if data["kty"] == "RSA" and _bits(data.get("n")) < _RSA_BITS:
            continue
        try:
            key = JWKRegistry.import_key(data)
            kid = data.get("kid") or key.thumbprint()
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(kid, str):
            keys[kid] = key
    return keys


def _bits(modulus: object) -> int:
    # Six bits a character of base64; the first byte of a modulus is never zero.
    return len(modulus) * 6 if isinstance(modulus, str) else 0
