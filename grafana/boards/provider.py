"""Signing in at the installation's OpenID Connect provider: the authorization code flow, with PKCE, state and nonce.

What is asked of the provider is asked anew for each person who signs in, so that a changed key or address is taken up
by itself; only what anybody could make us ask, its discovery document, is kept for some minutes.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import secrets
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from grafana.errors import ProviderUnavailable, SignInRefused

_LOG = logging.getLogger(__name__)

# Asymmetric ones only: with a secret one, whoever has the public key could sign.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
_REGISTRY = jws.JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
_LEEWAY_SECONDS = 60
_KEPT_SECONDS = 300.0
_TIMEOUT_SECONDS = 5.0
_ANSWER_BYTES = 256 * 1024
_FLOW_SECONDS = 900.0  # in which somebody has to have signed in there


@dataclass(frozen=True, slots=True)
class ProviderRules:
    """The provider, and as which of its clients we ask. Without a secret we are a public client."""

    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scope: str = "openid profile"


class Provider:
    """One OpenID Connect provider. `back` is the address to which it sends people back. For one event loop."""

    def __init__(
        self,
        rules: ProviderRules,
        back: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._back = back
        self._transport = transport
        self._now = now
        self._client: httpx.AsyncClient | None = None
        self._discovered: Mapping[str, Any] = {}
        self._discovered_until = 0.0

    async def begin(self) -> tuple[str, dict[str, Any]]:
        """Return where to send somebody, and what their browser must bring back unseen by others.

        Raises ProviderUnavailable.
        """
        discovery = await self._discover()
        kept = {
            "state": secrets.token_urlsafe(24),
            "nonce": secrets.token_urlsafe(24),
            "verifier": secrets.token_urlsafe(48),
            "until": self._now() + _FLOW_SECONDS,
        }
        asked = {
            "response_type": "code",
            "client_id": self._rules.client_id,
            "redirect_uri": self._back,
            "scope": self._rules.scope,
            "state": kept["state"],
            "nonce": kept["nonce"],
            "code_challenge": _challenge(str(kept["verifier"])),
            "code_challenge_method": "S256",
        }
        address = self._read_address(discovery, "authorization_endpoint")
        return f"{address}{'&' if '?' in address else '?'}{urlencode(asked)}", kept

    async def finish(self, kept: Mapping[str, Any], query: Mapping[str, str]) -> dict[str, Any]:
        """Return what the provider says, signed, of somebody it sent back with `query`.

        Raises SignInRefused, ProviderUnavailable.
        """
        state = str(kept.get("state", ""))
        if not state or not secrets.compare_digest(state.encode(), query.get("state", "").encode()):
            raise SignInRefused("The way back belongs to no attempt of this browser.")
        if self._now() > kept["until"]:
            raise SignInRefused("The attempt took too long.")
        if query.get("iss", self._rules.issuer) != self._rules.issuer:  # RFC 9207
            raise SignInRefused("Another provider sent the person back.")
        if "code" not in query:
            raise SignInRefused("The provider refused.")
        discovery = await self._discover()
        token = await self._redeem(discovery, query["code"], str(kept["verifier"]))
        keys = _import_keys(await self._fetch("GET", self._read_address(discovery, "jwks_uri")))
        return self._check(token, keys, str(kept["nonce"]))

    async def close(self) -> None:
        """Give up the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _discover(self) -> Mapping[str, Any]:
        if self._now() >= self._discovered_until:
            address = f"{self._rules.issuer.rstrip('/')}/.well-known/openid-configuration"
            discovery = await self._fetch("GET", address)
            if discovery.get("issuer") != self._rules.issuer:
                raise ProviderUnavailable("The discovery document is another issuer's: check JALON_SIGN_IN_ISSUER.")
            self._discovered, self._discovered_until = discovery, self._now() + _KEPT_SECONDS
        return self._discovered

    async def _redeem(self, discovery: Mapping[str, Any], code: str, verifier: str) -> str:
        """Return the ID token that a code stands for."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "client_id": self._rules.client_id,
            "code_verifier": verifier,
        }
        login: httpx.BasicAuth | None = None
        if self._rules.client_secret:
            # Basic is what a provider takes when it does not say (OpenID Connect Discovery, section 3).
            methods = discovery.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
            if "client_secret_basic" in methods:
                login = httpx.BasicAuth(quote(self._rules.client_id, ""), quote(self._rules.client_secret, ""))
            else:
                form["client_secret"] = self._rules.client_secret
        address = self._read_address(discovery, "token_endpoint")
        answer = await self._fetch("POST", address, data=form, auth=login)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise ProviderUnavailable("The provider gave no ID token: the scope must hold `openid`.")
        return token

    def _check(self, token: str, keys: KeySet, nonce: str) -> dict[str, Any]:
        """Return the claims of a genuine token that was made for us and for this attempt."""
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._rules.issuer},
            aud={"essential": True, "value": self._rules.client_id},
            nonce={"essential": True, "value": nonce},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        try:
            claims = dict(jwt.decode(token, keys, registry=_REGISTRY).claims)
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise SignInRefused(f"The ID token does not hold ({type(error).__name__}).") from error
        if claims.get("azp", self._rules.client_id) != self._rules.client_id:
            raise SignInRefused("The ID token was made for another client.")
        return claims

    def _read_address(self, discovery: Mapping[str, Any], name: str) -> str:
        address = discovery.get(name)
        # What comes in clear could be anybody's; an issuer in clear (a test's) has nothing to lose.
        schemes = ("https://",) if self._rules.issuer.startswith("https://") else ("https://", "http://")
        if not isinstance(address, str) or not address.startswith(schemes):
            raise ProviderUnavailable(f"The discovery document names no {name} that can be trusted.")
        return address

    async def _fetch(self, method: str, address: str, **sent: Any) -> Mapping[str, Any]:  # noqa: ANN401 (httpx's own)
        """Return the JSON object that the provider answers with. Raises ProviderUnavailable, SignInRefused."""
        if self._client is None:
            # Settings come from nowhere but Jalon's own; the system's certificate authorities are trusted.
            self._client = httpx.AsyncClient(
                transport=self._transport,
                verify=ssl.create_default_context(),
                timeout=_TIMEOUT_SECONDS,
                trust_env=False,
                headers={"accept": "application/json"},
            )
        content = bytearray()
        try:
            async with self._client.stream(method, address, **sent) as answer:
                async for chunk in answer.aiter_bytes():
                    content += chunk
                    if len(content) > _ANSWER_BYTES:
                        raise ProviderUnavailable("The provider's answer is too large.")
            document = httpx.Response(200, content=bytes(content)).json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ProviderUnavailable(f"The provider does not answer as it should ({type(error).__name__}).") from error
        if not isinstance(document, dict):
            raise ProviderUnavailable("The provider's answer is no object.")
        if method == "POST" and document.get("error") == "invalid_grant":
            raise SignInRefused("The provider does not know the code, or no longer.")
        if answer.status_code != httpx.codes.OK:
            raise ProviderUnavailable(f"The provider answered {answer.status_code}.")
        return document


def _challenge(verifier: str) -> str:
    """Return what PKCE (RFC 7636, S256) shows of a verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _import_keys(document: Mapping[str, Any]) -> KeySet:
    """Return the keys that are understood; the others are none of ours."""
    keys: list[Key] = []
    published = document.get("keys")
    for data in published if isinstance(published, list) else ():
        try:
            keys.append(JWKRegistry.import_key(data))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(keys)
