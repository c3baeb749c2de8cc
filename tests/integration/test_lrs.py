"""The LRS on the real parts: read your writes, first wins, and two LRS processes on one log."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from tests.lrs_process import open_lrs
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement

pytestmark = pytest.mark.integration


def test_every_statement_is_read_straight_after_it_was_accepted(tenant: TenantAccess) -> None:
    for number in range(50):
        sent = make_statement(id=str(uuid.uuid4()), object={"id": f"https://example.org/{number}"})
        assert tenant.http.post("statements", json=sent).status_code == 200
        answer = tenant.http.get("statements", params={"statementId": sent["id"]})
        assert answer.status_code == 200
        read = answer.json()
        assert {name: read[name] for name in sent} == sent
        through = datetime.fromisoformat(answer.headers["X-Experience-API-Consistent-Through"])
        newest = tenant.http.get("statements", params={"limit": 1}).json()["statements"]
        assert newest == [read]
        # The instant is a little before the read, and never in the future.
        assert abs((datetime.fromisoformat(read["stored"]) - through).total_seconds()) < 5


def test_the_first_statement_stands_before_and_after_it_is_visible(tenant: TenantAccess) -> None:
    first = make_statement(id=str(uuid.uuid4()))
    other = make_statement(id=first["id"], object={"id": "https://example.org/other"})
    assert tenant.http.post("statements", json=first).headers["X-Jalon-Duplicates"] == "0"
    for _ in range(2):
        assert tenant.http.post("statements", json=first).headers["X-Jalon-Duplicates"] == "1"
        assert tenant.http.post("statements", json=[make_statement(), other]).status_code == 409
        read = tenant.http.get("statements", params={"statementId": first["id"]}).json()
        assert read["object"] == first["object"]
    assert len(tenant.http.get("statements").json()["statements"]) == 1


def test_a_statement_of_2_0_0_is_read_and_found_under_1_0_3(tenant: TenantAccess) -> None:
    beside = {"objectType": "Agent", "mbox": "mailto:beside@example.org"}
    context = {"contextAgents": [{"objectType": "contextAgent", "agent": beside, "relevantTypes": ["https://e.org/t"]}]}
    sent = make_statement(id=str(uuid.uuid4()), context=context)
    posted = tenant.http.post("statements", json=sent, headers={"X-Experience-API-Version": "2.0.0"})
    assert (posted.status_code, posted.headers["X-Experience-API-Version"]) == (200, "2.0.0")
    assert tenant.http.post("statements", json={**sent, "id": str(uuid.uuid4())}).status_code == 400
    answer = tenant.http.get("statements", params={"statementId": sent["id"]})
    assert answer.headers["X-Experience-API-Version"] == "1.0.3"
    assert answer.json()["context"] == context
    for related, found in (("true", [sent["id"]]), ("false", [])):
        page = tenant.http.get("statements", params={"agent": json.dumps(beside), "related_agents": related}).json()
        assert [statement["id"] for statement in page["statements"]] == found


def test_pages_lead_through_every_statement_while_others_arrive(tenant: TenantAccess) -> None:
    sent = [make_statement(id=str(uuid.uuid4())) for _ in range(40)]
    for start in range(0, 40, 8):
        tenant.http.post("statements", json=sent[start : start + 8])
    page = tenant.http.get("statements", params={"limit": 7}).json()
    seen = [statement["id"] for statement in page["statements"]]
    while page["more"]:
        tenant.http.post("statements", json=make_statement())
        page = tenant.http.get(httpx.URL(str(tenant.http.base_url)).join(page["more"])).json()
        seen += [statement["id"] for statement in page["statements"]]
    assert sorted(seen) == sorted(statement["id"] for statement in sent)


@pytest.fixture
async def second_lrs(stack: Stack, tenant: TenantAccess) -> AsyncIterator[httpx.AsyncClient]:
    """Another LRS process's worth of services on the same Kafka, ClickHouse and vault."""
    async with open_lrs(stack, tenant) as client:
        yield client


async def test_what_one_lrs_accepted_another_one_reads_at_once(
    tenant: TenantAccess, second_lrs: httpx.AsyncClient
) -> None:
    for _ in range(20):
        here, there = (make_statement(id=str(uuid.uuid4())) for _ in range(2))
        tenant.http.post("statements", json=here)
        assert (await second_lrs.get("statements", params={"statementId": here["id"]})).status_code == 200
        assert (await second_lrs.post("statements", json=there)).status_code == 200
        assert tenant.http.get("statements", params={"statementId": there["id"]}).status_code == 200


async def test_a_more_link_of_one_lrs_works_at_another(tenant: TenantAccess, second_lrs: httpx.AsyncClient) -> None:
    tenant.http.post("statements", json=[make_statement() for _ in range(3)])
    more = tenant.http.get("statements", params={"limit": 2, "agent": json.dumps(make_statement()["actor"])}).json()[
        "more"
    ]
    page = (await second_lrs.get(second_lrs.base_url.join(more))).json()
    assert (len(page["statements"]), page["more"]) == (1, "")
