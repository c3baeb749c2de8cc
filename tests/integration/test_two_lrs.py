"""Two LRS processes on one log: conflicts at the same instant, reads of what the other took, voidings, links."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import pytest

from tests.lrs_process import connect_lrs, open_lrs
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement

pytestmark = pytest.mark.integration

VOIDED = "http://adlnet.gov/expapi/verbs/voided"
VERB = "https://example.org/verbs/walked"
Pair = tuple[httpx.AsyncClient, httpx.AsyncClient]


@pytest.fixture
async def both(stack: Stack, tenant: TenantAccess) -> AsyncIterator[Pair]:
    async with connect_lrs(stack, tenant) as one, open_lrs(stack, tenant) as other:
        yield one, other


async def post(lrs: httpx.AsyncClient, *statements: dict[str, Any]) -> int:
    return (await lrs.post("statements", json=list(statements))).status_code


async def put(lrs: httpx.AsyncClient, statement: dict[str, Any]) -> int:
    return (await lrs.put("statements", params={"statementId": statement["id"]}, json=statement)).status_code


async def get(lrs: httpx.AsyncClient, statement_id: str, name: str = "statementId") -> httpx.Response:
    return await lrs.get("statements", params={name: statement_id})


async def list_ids(lrs: httpx.AsyncClient, **parameters: Any) -> list[str]:
    answer = await lrs.get("statements", params=parameters)
    assert answer.status_code == 200, answer.text
    return [statement["id"] for statement in answer.json()["statements"]]


def new(**changes: Any) -> dict[str, Any]:
    return make_statement(**{"id": str(uuid.uuid4()), **changes})


def read_ledger(tenant: TenantAccess) -> tuple[int, ...]:
    return tuple(
        tenant.reader.query(
            "SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL"
        ).result_rows[0]
    )


async def test_of_conflicting_statements_at_one_instant_one_stands_and_the_other_is_accounted_for(
    tenant: TenantAccess, both: Pair
) -> None:
    """PUT against POST against a batch, at two processes that cannot know of each other."""
    accepted = both_accepted = 0
    for number in range(16):
        here = new(object={"id": "https://example.org/here"})
        there = {**here, "object": {"id": "https://example.org/there"}}
        beside = new()
        batch = [there, beside] if number % 2 else [there]
        lrs, other = both if number % 4 < 2 else both[::-1]
        first, second = await asyncio.gather(put(lrs, here), post(other, *batch))
        assert {first, second} <= {200, 204, 409}
        assert (first, second) != (409, 409)
        both_accepted += 409 not in (first, second)
        accepted += (first == 204) + len(batch) * (second == 200)

        reads = await asyncio.gather(*(get(one, here["id"]) for one in both))
        assert {read.status_code for read in reads} == {200}
        (standing,) = {read.json()["object"]["id"] for read in reads}
        if first == 409:
            assert standing == there["object"]["id"]
        if second == 409:
            assert standing == here["object"]["id"]
        if number % 2:
            # Refused, a batch leaves nothing; accepted, its other statement stands whoever won.
            assert {(await get(one, beside["id"])).status_code for one in both} == {404 if second == 409 else 200}
        # From now on either process knows which one stands: the other version is refused, the same one stores nothing.
        stands, loses = (here, there) if standing == here["object"]["id"] else (there, here)
        for one in both:
            assert (await put(one, stands), await post(one, stands)) == (204, 200)
            assert (await put(one, loses), await post(one, new(), loses)) == (409, 409)
    counted, stored, duplicates, dead = read_ledger(tenant)
    assert (counted, duplicates, dead) == (accepted, 0, both_accepted)
    assert tenant.reader.query("SELECT count(), uniqExact(id) FROM current_statements").result_rows == [
        (stored, stored)
    ]


async def test_the_same_statement_at_one_instant_is_a_success_everywhere_and_stored_once(
    tenant: TenantAccess, both: Pair
) -> None:
    sent = [new() for _ in range(15)]
    for statement in sent:
        first, second = await asyncio.gather(put(both[0], statement), post(both[1], statement, new()))
        assert (first, second) == (204, 200)
    for lrs in both:
        assert set(await list_ids(lrs, limit=100)) >= {statement["id"] for statement in sent}
    counted, stored, duplicates, dead = read_ledger(tenant)
    assert (stored, dead) == (30, 0)
    assert counted == stored + duplicates


async def test_a_voiding_holds_before_after_and_with_its_target_at_every_process(
    tenant: TenantAccess, both: Pair
) -> None:
    one, other = both
    for number in range(9):
        lrs, another = both if number % 2 else both[::-1]
        target = new()
        voiding = new(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": target["id"]})
        match number % 3:
            case 0:
                assert (await post(lrs, target), await post(another, voiding)) == (200, 200)
            case 1:
                assert (await post(another, voiding), await post(lrs, target)) == (200, 200)
            case _:
                first, second = await asyncio.gather(post(lrs, target), post(another, voiding))
                assert (first, second) == (200, 200)
        # Both at once: neither may profit from the time that the other waits.
        gone = await asyncio.gather(*(get(reading, target["id"]) for reading in both))
        assert [answer.status_code for answer in gone] == [404, 404]
        for reading in both:
            assert (await get(reading, target["id"], "voidedStatementId")).json()["object"] == target["object"]
            assert (await get(reading, voiding["id"])).status_code == 200
            listed = await list_ids(reading, limit=100)
            assert voiding["id"] in listed
            assert target["id"] not in listed
        # A voiding of the voiding has no effect.
        assert (
            await post(lrs, new(verb={"id": VOIDED}, object={"objectType": "StatementRef", "id": voiding["id"]})) == 200
        )
        assert (await get(another, target["id"])).status_code == 404
    boards = {str(row[0]) for row in tenant.reader.query("SELECT id FROM current_statements").result_rows}
    assert boards == set(await list_ids(one, limit=100)) == set(await list_ids(other, limit=100))


async def test_a_chain_of_references_through_both_processes_is_found_by_what_its_end_is_found_by(both: Pair) -> None:
    end = new(verb={"id": VERB})
    chain = [end]
    for _ in range(5):
        chain.append(new(object={"objectType": "StatementRef", "id": chain[-1]["id"]}))
    # Two at the far end come before what they refer to, the others after.
    for number, statement in enumerate([chain[2], chain[1], end, *chain[3:]]):
        assert await post(both[number % 2], statement) == 200
        assert set(await list_ids(both[(number + 1) % 2], verb=VERB)) == (
            {one["id"] for one in chain[: max(3, number + 1)]} if number >= 2 else set()
        )


@dataclass
class Writing:
    """Statements that are posted to both processes by two writers; `accepted` are those that were answered."""

    accepted: set[str] = field(default_factory=set)
    done: bool = False

    async def write(self, both: Pair, count: int) -> None:
        async def at(lrs: httpx.AsyncClient, sizes: Iterable[int]) -> None:
            for size in sizes:
                statements = [new(verb={"id": VERB}) for _ in range(size)]
                assert await post(lrs, *statements) == 200
                self.accepted |= {statement["id"] for statement in statements}

        await asyncio.gather(*(at(lrs, [1 + number % 3 for number in range(count)]) for lrs in both))
        self.done = True


async def test_pages_repeat_and_lose_nothing_while_two_processes_write(both: Pair) -> None:
    writing = Writing()
    await writing.write(both, 3)

    async def walk(limit: int, *, ascending: bool) -> None:
        before = set(writing.accepted)
        seen: list[dict[str, Any]] = []
        link = f"statements?verb={VERB}&limit={limit}&ascending={str(ascending).lower()}"
        for page_number in range(500):
            last = set(writing.accepted)
            answer = await both[page_number % 2].get(link)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert len(page["statements"]) <= limit
            seen += page["statements"]
            if not page["more"]:
                break
            link = str(both[0].base_url.join(page["more"]))
        ids = [statement["id"] for statement in seen]
        assert len(ids) == len(set(ids))
        stored = [statement["stored"] for statement in seen]
        assert stored == sorted(stored, reverse=not ascending)
        # Newest first leads back from where it began; ascending follows what arrives up to its last page.
        assert set(ids) >= (last if ascending else before)

    async def keep_walking(limit: int, *, ascending: bool) -> None:
        while not writing.done:
            await walk(limit, ascending=ascending)

    writing.done = False
    await asyncio.gather(
        writing.write(both, 25),
        *(keep_walking(limit, ascending=ascending) for limit in (2, 7) for ascending in (True, False)),
    )
    await walk(11, ascending=True)
    await walk(11, ascending=False)


async def test_an_answer_holds_all_that_was_stored_by_the_instant_it_names(both: Pair) -> None:
    writing = Writing()
    answers: list[tuple[datetime, set[str]]] = []

    async def read(lrs: httpx.AsyncClient) -> None:
        while not writing.done:
            accepted = set(writing.accepted)
            answer = await lrs.get("statements", params={"limit": 500})
            ids = {statement["id"] for statement in answer.json()["statements"]}
            assert ids >= accepted
            answers.append((datetime.fromisoformat(answer.headers["X-Experience-API-Consistent-Through"]), ids))

    await asyncio.gather(writing.write(both, 60), *(read(lrs) for lrs in both for _ in range(3)))
    every = (await both[0].get("statements", params={"limit": 500})).json()["statements"]
    assert {statement["id"] for statement in every} == writing.accepted
    stored = [(datetime.fromisoformat(statement["stored"]), statement["id"]) for statement in every]
    assert len(answers) > 10
    for through, ids in answers:
        assert ids >= {statement_id for moment, statement_id in stored if moment <= through}


async def test_a_link_outlives_its_process_and_is_of_no_use_to_another_credential(
    stack: Stack, tenant: TenantAccess
) -> None:
    sent = [new() for _ in range(4)]
    async with open_lrs(stack, tenant) as lrs:
        assert await post(lrs, *sent) == 200
        first = (await lrs.get("statements", params={"limit": 2})).json()
    async with open_lrs(stack, tenant) as restarted, connect_lrs(stack, tenant) as other:
        for reading in (restarted, other):
            second = (await reading.get(str(reading.base_url.join(first["more"])))).json()
            assert [one["id"] for one in first["statements"] + second["statements"]] == [
                one["id"] for one in reversed(sent)
            ]
            assert second["more"] == ""
    with stack.add_tenant() as stranger:
        refused = stranger.http.get(str(stranger.http.base_url.join(first["more"])))
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid-cursor")


async def test_a_hundred_readers_and_writers_at_once_are_all_served(both: Pair) -> None:
    statuses: list[int] = []
    every_id: set[str] = set()

    async def write(lrs: httpx.AsyncClient) -> None:
        for _ in range(4):
            statement = new()
            statuses.append(await post(lrs, statement))
            every_id.add(statement["id"])

    async def read(lrs: httpx.AsyncClient) -> None:
        answers = [await lrs.get("statements", params={"limit": limit}) for limit in (1, 25, 100, 0)]
        statuses.extend(answer.status_code for answer in answers)

    await asyncio.gather(*(work(lrs) for _ in range(25) for work in (write, read) for lrs in both))
    assert statuses == [200] * 400
    assert set(await list_ids(both[0], limit=0)) == every_id


async def test_the_largest_batch_and_the_largest_page_work(tenant: TenantAccess, both: Pair) -> None:
    batch = [new() for _ in range(5_000)]
    assert await post(both[0], *batch) == 200
    assert await post(both[0], *batch, new()) == 413
    assert await list_ids(both[1], limit=0) == [one["id"] for one in reversed(batch[-500:])]
    assert tenant.reader.query("SELECT count() FROM current_statements").result_rows == [(5_000,)]
