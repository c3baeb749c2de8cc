"""An OpenID Connect issuer in memory: its documents behind an httpx transport, and tokens of every kind."""

from __future__ import annotations

import time
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

from lrs.bearer import BearerTokens, TokenRules
from lrs.issuer_keys import IssuerKeys

ISSUER = "https://idp.example/realms/institute"
AUDIENCE = "jalon"


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Issuer:
    """`down` breaks every connection; `asked` counts the fetches of the key set."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {"one": _new_key("one")}
        self.asked = 0
        self.down = False
        self.documents: dict[str, Any] = {
            "/realms/institute/.well-known/openid-configuration": {
                "issuer": ISSUER,
                "jwks_uri": "https://idp.example/keys",
            }
        }
        self.clock = Clock()

    def rotate(self, kid: str, *, keep: bool = False, key: Key | None = None) -> None:
        self.keys = {**(self.keys if keep else {}), kid: key or _new_key(kid)}

    def tokens(self, **rules: Any) -> BearerTokens:
        keys = IssuerKeys(ISSUER, transport=httpx.MockTransport(self._answer), clock=self.clock)
        return BearerTokens(TokenRules(ISSUER, AUDIENCE, **rules), keys)

    def sign(self, *, key: Key | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        kid, newest = list(self.keys.items())[-1]
        given = {"alg": "RS256", "kid": kid, **(header or {})}
        return jwt.encode(
            {name: value for name, value in given.items() if value is not None},
            {name: value for name, value in (default_claims() | claims).items() if value is not None},
            key or newest,
            algorithms=[given["alg"]],
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            raise httpx.ConnectError("down", request=request)
        if request.url.path == "/keys":
            self.asked += 1
            return httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys.values()]})
        document = self.documents.get(request.url.path)
        return httpx.Response(404) if document is None else httpx.Response(200, json=document)


def default_claims() -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": ISSUER,
        "aud": ["account", AUDIENCE],
        "exp": now + 300,
        "iat": now,
        "sub": "9d1f-ada",
        "azp": "moodle",
        "tenant": "acme",
        "scope": "statements/write statements/read",
    }


def new_ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def _new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})
