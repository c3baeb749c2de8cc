"""Bearer tokens: what a JSON Web Token of the installation's OpenID Connect provider allows, once it is proven genuine.

The provider decides who somebody is; the claims it signs name the tenant and the scopes of xAPI.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError
from joserfc.jwk import Key

from identity.credentials import SCOPES
from lrs.errors import Unauthenticated
from lrs.issuer_keys import IssuerKeys

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
"""Asymmetric ones only: with a secret one, whoever has the public key could sign."""

IDENTITIES = "identities"
"""The scope, beside those of xAPI, with which reads show people."""

LEEWAY_SECONDS = 30
_TOKEN_CHARACTERS = 16 * 1024
_NAME_CHARACTERS = 1_024
_REGISTRY = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
_REGISTRY.max_header_length = 4_096  # some issuers put a certificate there


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Whose tokens are taken, and where in them tenant and scopes stand."""

    issuer: str
    audience: str
    tenant_claim: str = "tenant"
    scope_claim: str = "scope"
    scope_prefix: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a genuine token gives. At least one of `application` and `user` is there; times in seconds since 1970."""

    tenant: str
    application: str | None
    user: str | None
    scopes: frozenset[str]
    sees_identities: bool
    expires_at: float


class BearerTokens:
    """Checks tokens against the keys of their issuer."""

    def __init__(self, rules: TokenRules, keys: IssuerKeys, *, now: Callable[[], float] = time.time) -> None:
        self.rules = rules
        self.keys = keys
        self._now = now
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(self._now()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": rules.issuer},
            aud={"essential": True, "value": rules.audience},
            exp={"essential": True},
        )

    async def verify(self, token: str) -> Grant:
        """Return what the token gives. Raises Unauthenticated, IssuerUnavailable."""
        kid = _read_kid(token)
        key = await self.keys.find(kid)
        if key is None:
            raise _refuse("it is signed with a key that its issuer does not publish")
        try:
            claims = _decode(token, key)
        except JoseError:
            # An issuer may have put another key in this one's place, under the same id or without one.
            generation = self.keys.generation
            await self.keys.renew()
            key = await self.keys.find(kid) if self.keys.generation != generation else None
            claims = _decode_anew(token, key)
        self._check(claims)
        return _read_grant(claims, self.rules)

    def is_current(self, grant: Grant) -> bool:
        """Tell whether a grant that was given before still holds by the clock."""
        return self._now() < grant.expires_at + LEEWAY_SECONDS

    def _check(self, claims: dict[str, Any]) -> None:
        try:
            self._claims.validate(claims)
        except ExpiredTokenError:
            raise _refuse("it has expired") from None
        except ClaimError as error:
            raise _refuse(f"its claim {error.claim!r} is missing or not the one expected here") from None


def _read_kid(token: str) -> str | None:
    """Return the id of the key that signed, as the token says."""
    if len(token) > _TOKEN_CHARACTERS:
        raise _refuse(f"it is longer than {_TOKEN_CHARACTERS} characters")
    try:
        header = jws.extract_compact(token.encode("ascii"), registry=_REGISTRY).headers()
        _REGISTRY.get_alg(header["alg"])
    except (JoseError, ValueError, TypeError, KeyError):
        raise _refuse(f"it is no signed JSON Web Token with one of the algorithms {', '.join(ALGORITHMS)}") from None
    kid = header.get("kid")
    return kid if isinstance(kid, str) else None


def _decode(token: str, key: Key) -> dict[str, Any]:
    return dict(jwt.decode(token, key, registry=_REGISTRY).claims)


def _decode_anew(token: str, key: Key | None) -> dict[str, Any]:
    try:
        if key is not None:
            return _decode(token, key)
    except JoseError:
        pass  # refused below, as with the key that was known before
    raise _refuse("its signature is wrong")


def _read_grant(claims: dict[str, Any], rules: TokenRules) -> Grant:
    tenant = claims.get(rules.tenant_claim)
    if not isinstance(tenant, str):
        raise _refuse(f"it has no claim {rules.tenant_claim!r} that names a tenant")
    application = _name(claims.get("azp")) or _name(claims.get("client_id"))
    subject = _name(claims.get("sub"))
    user = None if subject == application else subject
    if application is None and user is None:
        raise _refuse("it names neither an application (azp, client_id) nor a subject (sub)")
    words = _read_scopes(claims.get(rules.scope_claim), rules.scope_prefix)
    return Grant(
        tenant=tenant,
        application=application,
        user=user,
        scopes=words & SCOPES,
        sees_identities=IDENTITIES in words,
        expires_at=float(claims["exp"]),
    )


def _read_scopes(claim: object, prefix: str) -> frozenset[str]:
    words = claim.split() if isinstance(claim, str) else claim if isinstance(claim, list) else []
    found = {word.removeprefix(prefix) for word in words if isinstance(word, str) and word.startswith(prefix)}
    # OpenID Connect has a scope of that name of its own, which asks for somebody's name and is in most tokens.
    if not prefix and "openid" in found:
        found.discard("profile")
    return frozenset(found)


def _name(claim: object) -> str | None:
    return claim if isinstance(claim, str) and 0 < len(claim) <= _NAME_CHARACTERS else None


def _refuse(why: str) -> Unauthenticated:
    return Unauthenticated(f"The token is not taken: {why}.", invalid_token=True)
