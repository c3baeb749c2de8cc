"""Pages of other sites use the LRS from a browser: preflights, and what they may read of every kind of answer."""

from __future__ import annotations

import httpx
import pytest

from tests.unit.lrs.world import URL, VERSION, Identity, World, make_statement, open_world

PAGE = "https://content.example"
PATHS = [
    "statements",
    "statements/more",
    "activities",
    "activities/state",
    "activities/profile",
    "agents",
    "agents/profile",
    "about",
]
HEADERS = (
    "authorization,content-type,content-length,if-match,if-none-match,x-experience-api-version,x-experience-api-hash,"
    "accept-language,accept,content-transfer-encoding,updated"
)


def preflight(method: str, origin: str = PAGE) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": HEADERS,
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
async def test_a_preflight_is_answered_without_a_credential(world: World, path: str, method: str) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=URL) as client:
        answer = await client.options(f"/xAPI/{path}", headers=preflight(method))
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert method in answer.headers["access-control-allow-methods"].split(", ")
    assert answer.headers["access-control-allow-headers"] == HEADERS
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["x-experience-api-version"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "statements", 200),
        ("GET", "statements?x=1", 400),
        ("DELETE", "statements", 405),
        ("GET", "nothing", 404),
    ],
)
async def test_a_page_may_read_every_answer(world: World, method: str, path: str, status: int) -> None:
    answer = await world.client().request(method, f"/xAPI/{path}", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {
        "etag",
        "last-modified",
        "location",
        "content-length",
        "x-experience-api-version",
        "x-experience-api-consistent-through",
        "x-jalon-duplicates",
        "retry-after",
        "www-authenticate",
    } <= set(exposed)


async def test_a_page_may_read_refusals_and_faults(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async with httpx.AsyncClient(transport=world.transport, base_url=URL) as client:
        answer = await client.get("/xAPI/statements", headers=VERSION | {"Origin": PAGE})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "*")
    client = world.client()
    long = await client.get("/xAPI/statements", params={"verb": "x" * 20_000}, headers={"Origin": PAGE})
    assert (long.status_code, long.headers["access-control-allow-origin"]) == (414, "*")
    monkeypatch.setattr(world.services.acceptance, "accept", None)
    fault = await client.post("/xAPI/statements", json=make_statement(), headers={"Origin": PAGE})
    assert (fault.status_code, fault.headers["access-control-allow-origin"]) == (500, "*")


async def test_a_cache_does_not_take_an_answer_to_no_page_for_one_to_a_page(world: World) -> None:
    answer = await world.client().get("/xAPI/statements")
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in answer.headers


async def test_only_the_origins_of_the_setting_are_let_in(identity: Identity) -> None:
    async with open_world(identity, cors_origins=(PAGE,)) as world:
        client = world.client()
        for origin, allowed in ((PAGE, PAGE), ("https://evil.example", None)):
            answer = await client.get("/xAPI/statements", headers={"Origin": origin})
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert "Origin" in answer.headers["vary"]
            answer = await client.options("/xAPI/statements", headers=preflight("PUT", origin))
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert (answer.status_code == 200) == bool(allowed)
