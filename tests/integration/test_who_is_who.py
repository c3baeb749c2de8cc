"""Whatever is linked, unlinked and rotated: reads and boards agree with who is who."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clickhouse.connection import AsyncClient, connect, connect_async
from clickhouse.databases import name_tenant_database
from clickhouse.persons import join_persons
from clickhouse.statement_query import StatementQuery, query_statements
from identity.errors import InvalidValue
from identity.hiding import hide_iri
from identity.linking import link, rotate_key, unlink
from identity.orders import Order
from identity.persons import find_spans, name_versions
from identity.standing import Standing
from identity.vault import Vault
from jalon.installation import Installation
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from stream_processors.store import ClickHouseStore
from tests.stack import Stack
from tests.statements import make_statement
from xapi_profiles.record import build_headers

pytestmark = pytest.mark.integration

PEOPLE = range(4)
START = int(datetime(2026, 11, 20, 8, tzinfo=UTC).timestamp() * 1000)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("state"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("state"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("link"), st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), st.booleans()),
        st.tuples(st.just("unlink"), st.sampled_from(PEOPLE)),
        st.tuples(st.just("rotate")),
    ),
    min_size=2,
    max_size=8,
)


class Oracle:
    """Who is whom by identifiers alone: it knows neither keys nor pseudonyms, so no rotation can show in it."""

    def __init__(self) -> None:
        self.parents: dict[int, tuple[int, int | None]] = {}
        self.stated: list[tuple[str, int, int]] = []

    def path(self, one: int) -> list[int]:
        path = [one]
        while path[-1] in self.parents:
            path.append(self.parents[path[-1]][0])
        return path

    def link(self, person: int, other: int, since: int | None) -> bool:
        """Return whether this can be linked."""
        root, beneath = self.path(person)[-1], self.path(other)[-1]
        if root == beneath:
            if since is None:
                for one in (*self.path(person)[:-1], *self.path(other)[:-1]):
                    self.parents[one] = (self.parents[one][0], None)
            return True
        below = [one for one in self.parents if beneath in self.path(one)]
        if since is not None and any(self.parents[one][1] is not None for one in below):
            return False
        self.parents[beneath] = (root, since)
        return True

    def person(self, one: int, at: int) -> int:
        while one in self.parents and (self.parents[one][1] is None or at >= (self.parents[one][1] or 0)):
            one = self.parents[one][0]
        return one

    def find(self, asked: int) -> set[str]:
        persons = {asked, self.person(asked, 0), self.person(asked, 2**62)}
        return {name for name, one, at in self.stated if one == asked or self.person(one, at) in persons}

    def count(self) -> int:
        return len({self.person(one, at) for _, one, at in self.stated})


class Store(ClickHouseStore):
    """ClickHouse under a topic that no worker reads."""

    async def read_progress(self, topic: str) -> dict[int, int]:
        """Nothing was stored before."""
        del topic
        return {}

    async def insert_shared(self, rows: Any, token: str) -> None:
        """Keep no progress: that of the LRS's topic is not this test's."""


async def no_pause(_: float) -> None:
    await asyncio.sleep(0)


async def play(stack: Stack, tenant: str, told: list[Any]) -> None:
    """Do the steps as operators and two workers do, each with a memory of its own, and hold what comes out."""
    installation = stack.installation
    client = await connect_async(installation.owner_address)
    try:
        await follow(installation, client, tenant, told)
    finally:
        await client.close()


async def follow(installation: Installation, client: AsyncClient, tenant: str, told: list[Any]) -> None:
    workers = [
        Processor(
            Store(client),
            Vault(installation.engine, installation.master),
            installation.master,
            Standing(installation.engine).find,
            pause=no_pause,
        )
        for _ in range(2)
    ]
    # Letters alone: a run of digits looks like a telephone number, and the tenant's policy would hide it in an IRI.
    mark = "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex)
    agents = [{"mbox": f"mailto:{mark}-{one}@example.org"} for one in PEOPLE]
    activity = f"https://example.org/{mark}"
    oracle, order = Oracle(), Order(tenant, "operator:tests")
    # All state something before and after: what holds for the past and what from a moment on shows in each case.
    for number, (step, *about) in enumerate([("state", *PEOPLE), *told, ("state", *PEOPLE)]):
        now = START + 1000 * number
        vault = Vault(installation.engine, installation.master)
        if step == "state":
            statements = [
                make_statement(id=str(uuid.uuid4()), actor=agents[one], object={"id": activity}) for one in about
            ]
            headers = tuple(build_headers(tenant, "tests"))
            await workers[number % 2].process([IncomingRecord(mark, 0, number, now, headers, orjson.dumps(statements))])
            oracle.stated += [(statement["id"], one, now) for statement, one in zip(statements, about, strict=True)]
        elif step == "link":
            since = datetime.fromtimestamp(now / 1000, UTC) if about[2] else None
            can = oracle.link(about[0], about[1], now if about[2] else None)
            people = [[agents[about[0]], agents[about[1]]]]
            if can:
                link(vault, installation.audit, order, people, since=since)
            else:
                with pytest.raises(InvalidValue):
                    link(vault, installation.audit, order, people, since=since)
        elif step == "unlink":
            with nullcontext() if about[0] in oracle.parents else pytest.raises(InvalidValue):
                unlink(vault, installation.audit, order, [agents[about[0]]])
            oracle.parents.pop(about[0], None)
        else:
            rotate_key(vault, installation.audit, order)
    database = name_tenant_database(tenant)
    keys = Vault(installation.engine, installation.master).tenant_keys(tenant)
    for worker in workers:  # as they do once a second, whatever they are given
        await worker._persons.find_restricted(tenant, (), now=True)
    for one in PEOPLE:
        spans = tuple(find_spans(installation.engine, tenant, name_versions(keys, agents[one])))
        query = StatementQuery(spans=spans, activity=hide_iri(activity, keys))
        found = [str(statement.id) for statement in await query_statements(client, database, query)]
        assert len(found) == len(set(found))
        assert set(found) == oracle.find(one)
    counted = await client.query(
        f"SELECT uniqExact(actor) FROM {database}.current_statements WHERE activity = '{activity}'"
    )
    assert counted.result_rows[0][0] == oracle.count()


@pytest.fixture(scope="module")
def joined(stack: Stack) -> Iterator[str]:
    """A tenant whose views join persons."""
    with stack.add_tenant() as access:
        client = connect(stack.installation.owner_address)
        join_persons(client, access.id)
        client.close()
        yield access.id


@given(told=steps)
@example(told=[("link", 0, 1, True), ("rotate",), ("state", 1), ("link", 2, 0, False)])
@example(told=[("rotate",), ("link", 0, 1, False), ("link", 3, 2, True), ("unlink", 1), ("rotate",)])
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_is_linked_and_rotated_reads_and_boards_agree_with_who_is_who(
    stack: Stack, joined: str, told: list[Any]
) -> None:
    asyncio.run(play(stack, joined, told))
