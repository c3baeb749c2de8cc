"""What the boards believe of an identity provider: answers of one that is wrong in one thing at a time."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from grafana.boards.provider import Provider, ProviderRules
from grafana.errors import ProviderUnavailable, SignInRefused

ISSUER = "https://id.example"
BACK = "https://boards.example/sign-in/back"
NOW = 1_800_000_000.0
KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})


class Issuer(httpx.AsyncBaseTransport):
    """A provider that answers as it should, but for what a test changes."""

    def __init__(self) -> None:
        self.discovery: dict[str, Any] = {
            "issuer": ISSUER,
            "authorization_endpoint": f"{ISSUER}/authorize",
            "token_endpoint": f"{ISSUER}/token",
            "jwks_uri": f"{ISSUER}/keys",
        }
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.key: Any = KEY
        self.token: Callable[[str], Any] = lambda token: {"id_token": token}
        self.failing: dict[str, httpx.Response] = {}
        self.requests: list[httpx.Request] = []
        self.nonce = ""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path
        if path in self.failing:
            return self.failing[path]
        if path == "/keys":
            return httpx.Response(200, json={"keys": [{"kty": "new"}, KEY.as_dict(private=False)]})
        if path == "/token":
            return httpx.Response(200, json=self.token(self._sign()))
        return httpx.Response(200, json=self.discovery)

    def _sign(self) -> str:
        claims = {"iss": ISSUER, "aud": "boards", "sub": "s-1", "nonce": self.nonce, "iat": NOW, "exp": NOW + 60}
        claims = {name: value for name, value in (claims | self.claims).items() if value is not None}
        return jwt.encode(self.header, claims, self.key, algorithms=[self.header["alg"]])


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(issuer: Issuer, clock: Clock) -> Provider:
    return Provider(ProviderRules(ISSUER, "boards", "se cret"), BACK, transport=issuer, now=clock)


async def come_back(provider: Provider, issuer: Issuer, **query: str) -> dict[str, Any]:
    _, kept = await provider.begin()
    issuer.nonce = kept["nonce"]
    return await provider.finish(kept, {"code": "c", "state": kept["state"]} | query)


async def test_people_are_sent_with_all_that_ties_them_to_this_attempt(provider: Provider) -> None:
    address, kept = await provider.begin()
    asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
    digest = hashlib.sha256(kept["verifier"].encode()).digest()
    assert address.startswith(f"{ISSUER}/authorize?")
    assert asked == {
        "response_type": "code",
        "client_id": "boards",
        "redirect_uri": BACK,
        "scope": "openid profile",
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": encode(digest),
        "code_challenge_method": "S256",
    }
    _, again = await provider.begin()
    assert not {kept[name] for name in ("state", "nonce", "verifier")} & set(map(str, again.values()))


async def test_a_code_is_redeemed_as_our_client_with_the_verifier(provider: Provider, issuer: Issuer) -> None:
    claims = await come_back(provider, issuer)
    assert claims["sub"] == "s-1"
    (sent,) = [request for request in issuer.requests if request.url.path == "/token"]
    form = parse_qs(sent.content.decode())
    assert (form["grant_type"], form["redirect_uri"], form["code"]) == (["authorization_code"], [BACK], ["c"])
    assert len(form["code_verifier"][0]) >= 43
    assert sent.headers["authorization"] == f"Basic {base64.b64encode(b'boards:se%20cret').decode()}"


async def test_a_provider_that_wants_the_secret_in_the_form_gets_it_there(provider: Provider, issuer: Issuer) -> None:
    issuer.discovery["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    await come_back(provider, issuer)
    (sent,) = [request for request in issuer.requests if request.url.path == "/token"]
    assert "authorization" not in sent.headers
    assert parse_qs(sent.content.decode())["client_secret"] == ["se cret"]


async def test_a_public_client_has_no_secret_to_send(issuer: Issuer, clock: Clock) -> None:
    provider = Provider(ProviderRules(ISSUER, "boards"), BACK, transport=issuer, now=clock)
    await come_back(provider, issuer)
    (sent,) = [request for request in issuer.requests if request.url.path == "/token"]
    assert "authorization" not in sent.headers
    assert "client_secret" not in parse_qs(sent.content.decode())


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"exp": NOW - 61},
        {"exp": None},
        {"iat": NOW + 61},
        {"iat": None},
        {"nbf": NOW + 61},
        {"azp": "another"},
    ],
    ids=str,
)
async def test_a_token_with_a_wrong_claim_is_refused(provider: Provider, issuer: Issuer, claims: Any) -> None:
    issuer.claims = claims
    with pytest.raises(SignInRefused):
        await come_back(provider, issuer)


async def test_a_token_for_us_among_others_is_taken(provider: Provider, issuer: Issuer) -> None:
    issuer.claims = {"aud": ["another", "boards"], "azp": "boards"}
    assert (await come_back(provider, issuer))["sub"] == "s-1"


async def test_a_token_that_another_key_signed_is_refused(provider: Provider, issuer: Issuer) -> None:
    issuer.key = OTHER
    with pytest.raises(SignInRefused):
        await come_back(provider, issuer)


def encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def unsigned(token: str) -> dict[str, str]:
    head = encode(json.dumps({"alg": "none"}).encode())
    return {"id_token": f"{head}.{token.split('.')[1]}."}


@pytest.mark.parametrize(
    "token", [unsigned, lambda token: {"id_token": token[:-4] + "AAAA"}, lambda _: {"id_token": "x"}]
)
async def test_a_token_without_a_true_signature_is_refused(provider: Provider, issuer: Issuer, token: Any) -> None:
    issuer.token = token
    with pytest.raises(SignInRefused):
        await come_back(provider, issuer)


async def test_a_public_key_used_as_a_secret_signs_nothing(provider: Provider, issuer: Issuer) -> None:
    def sign(token: str) -> dict[str, str]:
        head = encode(json.dumps({"alg": "HS256", "kid": "one"}).encode())
        content = f"{head}.{token.split('.')[1]}"
        return {"id_token": f"{content}.{encode(hmac.digest(KEY.as_pem(private=False), content.encode(), 'sha256'))}"}

    issuer.token = sign
    with pytest.raises(SignInRefused):
        await come_back(provider, issuer)


@pytest.mark.parametrize(
    "query",
    [{"state": "another"}, {"state": ""}, {"iss": "https://evil.example"}],
)
async def test_a_way_back_that_is_not_this_attempts_is_refused_before_anything_is_asked(
    provider: Provider, issuer: Issuer, query: dict[str, str]
) -> None:
    with pytest.raises(SignInRefused):
        await come_back(provider, issuer, **query)
    assert [request.url.path for request in issuer.requests] == ["/.well-known/openid-configuration"]


async def test_who_never_left_or_left_too_long_ago_does_not_come_back(provider: Provider, clock: Clock) -> None:
    with pytest.raises(SignInRefused):
        await provider.finish({}, {"code": "c", "state": ""})
    _, kept = await provider.begin()
    clock.now += 901
    with pytest.raises(SignInRefused):
        await provider.finish(kept, {"code": "c", "state": kept["state"]})


async def test_a_refusal_of_the_provider_is_one(provider: Provider, issuer: Issuer) -> None:
    _, kept = await provider.begin()
    with pytest.raises(SignInRefused):
        await provider.finish(kept, {"error": "access_denied", "state": kept["state"]})
    issuer.failing["/token"] = httpx.Response(400, json={"error": "invalid_grant"})
    with pytest.raises(SignInRefused):
        await come_back(provider, issuer)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", httpx.Response(503)),
        ("/.well-known/openid-configuration", httpx.Response(200, text="<html>")),
        ("/.well-known/openid-configuration", httpx.Response(200, json=[])),
        ("/.well-known/openid-configuration", httpx.Response(200, json={"issuer": "https://evil.example"})),
        ("/.well-known/openid-configuration", httpx.Response(200, text=" " * 300_000)),
        ("/token", httpx.Response(401, json={"error": "invalid_client"})),
        ("/token", httpx.Response(200, json={"access_token": "a"})),
        ("/keys", httpx.Response(500)),
    ],
)
async def test_a_provider_that_does_not_do_its_part_is_unavailable(
    provider: Provider, issuer: Issuer, path: str, answer: httpx.Response
) -> None:
    issuer.failing[path] = answer
    with pytest.raises(ProviderUnavailable):
        await come_back(provider, issuer)


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", [None, "http://id.example/x", "javascript:alert(1)"])
async def test_nothing_is_asked_in_clear_of_an_issuer_of_https(
    provider: Provider, issuer: Issuer, name: str, address: Any
) -> None:
    issuer.discovery[name] = address
    with pytest.raises(ProviderUnavailable):
        await come_back(provider, issuer)


async def test_many_visitors_do_not_make_us_ask_the_provider_each_time(
    provider: Provider, issuer: Issuer, clock: Clock
) -> None:
    for _ in range(20):
        await provider.begin()
    assert len(issuer.requests) == 1
    clock.now += 301
    await provider.begin()
    assert len(issuer.requests) == 2


async def test_no_text_of_the_rules_shows_the_secret() -> None:
    assert "se cret" not in repr(ProviderRules(ISSUER, "boards", "se cret"))
