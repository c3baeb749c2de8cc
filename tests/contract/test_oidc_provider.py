"""Bearer tokens of a real OpenID Connect provider, a process of its own: signing in, rotation, outage."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from jalon.ports import free_ports
from lrs.bearer import BearerTokens, TokenRules
from lrs.issuer_keys import IssuerKeys
from tests.contract.lrs_server import serve_in_thread
from tests.oidc_provider import CLIENT, provide, sign_in
from tests.unit.lrs.issuer import Clock
from tests.unit.lrs.world import VERSION, World, make_statement


def test_users_of_a_provider_write_and_read_through_rotation_and_outage(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    issuer = f"http://127.0.0.1:{port}"
    clock = Clock()
    tokens = BearerTokens(TokenRules(issuer, CLIENT, scope_claim="xapi"), IssuerKeys(issuer, clock=clock))
    with serve_in_thread(tmp_path, tokens=tokens) as (world, address):
        users = (
            {"sub": "ada", "tenant": world.tenant, "xapi": "statements/write statements/read/mine"},
            {"sub": "bob", "tenant": world.tenant, "xapi": "statements/read"},
            {"sub": "eve", "tenant": "nowhere", "xapi": "all"},
        )
        with provide(port, *users):
            ada, bob, eve = (sign_in(issuer, user["sub"]) for user in users)
            assert ask(address, ada, "POST").status_code == 200
            assert len(ask(address, bob).json()["statements"]) == 1
            assert ask(address, bob, "POST").status_code == 403
            assert ask(address, eve).status_code == 401
            assert_written_by(world, issuer, "ada")
        # The provider is away: its keys are known.
        clock.now += 60
        assert len(ask(address, ada).json()["statements"]) == 1
        with provide(port, *users):
            clock.now += 60
            assert ask(address, sign_in(issuer, "ada")).status_code == 200
            assert ask(address, ada).status_code == 401


def test_a_provider_that_was_never_reached_is_a_503(tmp_path: Path) -> None:
    (port, elsewhere) = free_ports(2)
    with provide(port, {"sub": "ada"}) as issuer:
        token = sign_in(issuer, "ada")
    away = f"http://127.0.0.1:{elsewhere}"
    tokens = BearerTokens(TokenRules(away, CLIENT), IssuerKeys(away))
    with serve_in_thread(tmp_path, tokens=tokens) as (_, address):
        answer = ask(address, token)
        assert (answer.status_code, answer.json()["code"]) == (503, "issuer-unavailable")
        assert answer.headers["retry-after"]


@pytest.mark.parametrize("audience", ["another-client", ""])
def test_a_token_for_another_audience_is_refused(tmp_path: Path, audience: str) -> None:
    (port,) = free_ports(1)
    with provide(port, {"sub": "ada"}) as issuer:
        tokens = BearerTokens(TokenRules(issuer, audience), IssuerKeys(issuer))
        with serve_in_thread(tmp_path, tokens=tokens) as (_, address):
            answer = ask(address, sign_in(issuer, "ada"))
            assert answer.status_code == 401
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def ask(address: str, token: str, method: str = "GET") -> httpx.Response:
    headers = VERSION | {"Authorization": f"Bearer {token}"}
    body = make_statement() if method == "POST" else None
    return httpx.request(method, f"{address}/xAPI/statements", headers=headers, json=body, trust_env=False, timeout=30)


def assert_written_by(world: World, issuer: str, user: str) -> None:
    authority = world.log.statements[-1]["authority"]
    agents = authority.get("member", [authority])
    assert agents[-1]["account"] == {"homePage": issuer, "name": user}
