"""Bearer tokens: what a genuine one gives, and that none of the known ways to make a false one works."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from lrs.errors import IssuerUnavailable, Unauthenticated
from tests.unit.lrs.issuer import ISSUER, Issuer, default_claims, new_ec_key


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def tokens(issuer: Issuer) -> AsyncIterator[Any]:
    tokens = issuer.tokens()
    yield tokens
    await tokens.keys.close()


async def test_a_genuine_token_names_tenant_application_user_and_scopes(issuer: Issuer, tokens: Any) -> None:
    grant = await tokens.verify(issuer.sign(scope="openid email statements/write identities nonsense"))
    assert (grant.tenant, grant.application, grant.user) == ("acme", "moodle", "9d1f-ada")
    assert grant.scopes == {"statements/write"}
    assert grant.sees_identities


@pytest.mark.parametrize(
    ("claims", "application", "user"),
    [
        ({"azp": None}, None, "9d1f-ada"),
        ({"azp": None, "client_id": "moodle"}, "moodle", "9d1f-ada"),
        ({"sub": "moodle"}, "moodle", None),
        ({"sub": None}, "moodle", None),
    ],
)
async def test_application_and_user_are_told_apart(issuer: Issuer, tokens: Any, claims, application, user) -> None:
    grant = await tokens.verify(issuer.sign(**claims))
    assert (grant.application, grant.user) == (application, user)


@pytest.mark.parametrize(
    ("rules", "scope", "given"),
    [
        ({}, ["state", "profile", 7], {"state", "profile"}),
        ({}, "openid profile state", {"state"}),
        ({}, None, set()),
        ({}, {"all": True}, set()),
        ({"scope_prefix": "xapi:"}, "openid profile all xapi:profile xapi:state", {"profile", "state"}),
    ],
)
async def test_scopes_are_those_of_xapi_alone(issuer: Issuer, rules, scope, given) -> None:
    tokens = issuer.tokens(**rules)
    assert (await tokens.verify(issuer.sign(scope=scope))).scopes == given
    await tokens.keys.close()


async def test_claims_may_have_other_names(issuer: Issuer) -> None:
    tokens = issuer.tokens(tenant_claim="https://institute.example/tenant", scope_claim="roles")
    claims = {"https://institute.example/tenant": "other", "roles": ["all"]}
    grant = await tokens.verify(issuer.sign(**claims))
    assert (grant.tenant, grant.scopes) == ("other", {"all"})
    await tokens.keys.close()


async def test_elliptic_curves_sign_too(issuer: Issuer, tokens: Any) -> None:
    issuer.rotate("ec", keep=True, key=new_ec_key("ec"))
    assert (await tokens.verify(issuer.sign(header={"alg": "ES256"}))).tenant == "acme"


def encode(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


NOW = int(time.time())


@pytest.mark.parametrize(
    ("claims", "named"),
    [
        ({"iss": "https://evil.example"}, "'iss'"),
        ({"iss": f"{ISSUER}/"}, "'iss'"),
        ({"iss": None}, "'iss'"),
        ({"aud": "another-service"}, "'aud'"),
        ({"aud": ["a", "b"]}, "'aud'"),
        ({"aud": None}, "'aud'"),
        ({"exp": NOW - 3600}, "expired"),
        ({"exp": None}, "'exp'"),
        ({"exp": "soon"}, "'exp'"),
        ({"nbf": NOW + 3600}, "'nbf'"),
        ({"iat": NOW + 3600}, "'iat'"),
        ({"tenant": None}, "'tenant'"),
        ({"tenant": ["acme"]}, "'tenant'"),
        ({"sub": None, "azp": None}, "neither"),
        ({"sub": "x" * 5_000, "azp": None}, "neither"),
    ],
)
async def test_wrong_claims_are_refused_by_name(issuer: Issuer, tokens: Any, claims, named) -> None:
    with pytest.raises(Unauthenticated, match=named) as refusal:
        await tokens.verify(issuer.sign(**claims))
    assert refusal.value.invalid_token


async def test_an_expired_token_has_a_small_leeway(issuer: Issuer, tokens: Any) -> None:
    assert await tokens.verify(issuer.sign(exp=int(time.time()) - 5, nbf=int(time.time()) + 5))


async def test_a_token_without_signature_is_refused(tokens: Any) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        token = f"{encode({'alg': algorithm, 'kid': 'one'})}.{encode(default_claims())}."
        with pytest.raises(Unauthenticated, match="algorithms"):
            await tokens.verify(token)


async def test_a_token_signed_with_the_public_key_as_secret_is_refused(issuer: Issuer, tokens: Any) -> None:
    public = issuer.keys["one"].as_pem(private=False)
    for secret in (public, json.dumps(issuer.keys["one"].as_dict(private=False)).encode()):
        token = jws.serialize_compact(
            {"alg": "HS256", "kid": "one"}, json.dumps(default_claims()), OctKey.import_key(secret.hex()), ["HS256"]
        )
        with pytest.raises(Unauthenticated, match="algorithms"):
            await tokens.verify(token)


async def test_a_token_signed_with_a_key_of_its_own_is_refused(issuer: Issuer, tokens: Any) -> None:
    own = RSAKey.generate_key(2048, {"kid": "one"})
    for header in ({}, {"jwk": own.as_dict(private=False)}, {"jku": "https://evil.example/keys"}):
        with pytest.raises(Unauthenticated, match="signature"):
            await tokens.verify(issuer.sign(key=own, header=header))


async def test_a_token_that_was_changed_is_refused(issuer: Issuer, tokens: Any) -> None:
    head, _, signature = issuer.sign().split(".")
    with pytest.raises(Unauthenticated, match="signature"):
        await tokens.verify(f"{head}.{encode(default_claims() | {'tenant': 'other'})}.{signature}")


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "....", "é.é.é", "e30.e30.e30", "x" * 100_000, "WzFd.e30.eA"])
async def test_noise_is_refused(tokens: Any, token) -> None:
    with pytest.raises(Unauthenticated):
        await tokens.verify(token)


async def test_a_header_with_a_critical_extension_is_refused(issuer: Issuer, tokens: Any) -> None:
    head, body, signature = issuer.sign().split(".")
    head = encode({"alg": "RS256", "kid": "one", "crit": ["x"], "x": 1})
    with pytest.raises(Unauthenticated):
        await tokens.verify(f"{head}.{body}.{signature}")


async def test_a_rotated_key_is_found_without_a_restart(issuer: Issuer, tokens: Any) -> None:
    await tokens.verify(issuer.sign())
    old = issuer.sign()
    issuer.clock.now = 60
    issuer.rotate("two")
    assert await tokens.verify(issuer.sign())
    with pytest.raises(Unauthenticated, match="does not publish"):
        await tokens.verify(old)


async def test_a_key_replaced_under_the_same_id_or_none_is_found(issuer: Issuer, tokens: Any) -> None:
    await tokens.verify(issuer.sign(header={"kid": None}))
    for minute, header in enumerate(({}, {"kid": None}), start=1):
        issuer.clock.now = 60 * minute
        issuer.rotate("one")
        assert await tokens.verify(issuer.sign(header=header))


async def test_a_flood_of_unknown_keys_asks_the_issuer_once(issuer: Issuer, tokens: Any) -> None:
    await tokens.verify(issuer.sign())
    issuer.clock.now = 60
    for number in range(200):
        with pytest.raises(Unauthenticated):
            await tokens.verify(issuer.sign(header={"kid": f"k{number}"}))
    own = RSAKey.generate_key(2048, {"kid": "one"})
    for _ in range(20):
        with pytest.raises(Unauthenticated):
            await tokens.verify(issuer.sign(key=own))
    assert issuer.asked == 2
    assert await tokens.verify(issuer.sign())


async def test_known_keys_go_on_while_the_issuer_is_out_of_reach(issuer: Issuer, tokens: Any) -> None:
    issuer.down = True
    with pytest.raises(IssuerUnavailable):
        await tokens.verify(issuer.sign())
    issuer.down, issuer.clock.now = False, 60
    await tokens.verify(issuer.sign())
    issuer.down, issuer.clock.now = True, 10_000
    assert await tokens.verify(issuer.sign())
    with pytest.raises(IssuerUnavailable) as refusal:
        await tokens.verify(issuer.sign(header={"kid": "unknown"}))
    assert refusal.value.headers["Retry-After"]


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example", "jwks_uri": "https://idp.example/keys"},
        {"issuer": ISSUER, "jwks_uri": "http://idp.example/keys"},
        {"issuer": ISSUER},
        [],
        {"issuer": ISSUER, "jwks_uri": "https://idp.example/nowhere"},
    ],
)
async def test_a_discovery_document_that_cannot_be_trusted_gives_no_keys(issuer: Issuer, tokens: Any, document) -> None:
    issuer.documents["/realms/institute/.well-known/openid-configuration"] = document
    with pytest.raises(IssuerUnavailable):
        await tokens.verify(issuer.sign())


async def test_keys_that_are_not_for_signing_are_left_out(issuer: Issuer, tokens: Any) -> None:
    issuer.rotate("enc", keep=True, key=RSAKey.generate_key(2048, {"kid": "enc", "use": "enc"}))
    token = issuer.sign(
        header={"kid": "enc"}, key=RSAKey.import_key(issuer.keys["enc"].as_dict(private=True) | {"use": "sig"})
    )
    with pytest.raises(Unauthenticated, match="does not publish"):
        await tokens.verify(token)
