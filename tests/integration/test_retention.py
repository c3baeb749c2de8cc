"""What has passed its period is gone wherever it lay, and everything else is as it was: held against an oracle."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from sqlalchemy import update

from clickhouse.connection import connect, connect_async
from clickhouse.databases import name_tenant_database
from clickhouse.retention import count_strays, delete_strays
from identity.database import writing
from identity.duties import Duties
from identity.persons import list_pseudonyms
from identity.restrictions import Order, release, restrict
from identity.retention import Rule, set_period
from identity.standing import Standing
from identity.tables import DOCUMENTS, DUTIES
from identity.vault import Vault
from jalon.retention import DUTY, Outcome, Retention
from stream_processors.expiry import PeriodsOfTenants
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from stream_processors.rows import SharedRow
from stream_processors.store import ClickHouseStore
from tests.attachments import describe
from tests.documents import AGENT_PROFILE, NEW, STATE, make_parameters
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually
from xapi_profiles.record import build_headers

pytestmark = pytest.mark.integration

ATTENDED = "http://adlnet.gov/expapi/verbs/attended"
WATCHED = "https://example.org/verbs/watched"
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
VIDEO = "https://w3id.org/xapi/video/activity-type/video"
RULES = (
    Rule("attendance", 400, verbs=(ATTENDED,)),
    Rule("kept", None, sources=("archive",)),
    Rule("media", 30, activity_types=(VIDEO,)),
    Rule("statements", 100),
    Rule("state", 50),
    Rule("dead-letters", 20),
    Rule("ledger", 300),
)
PEOPLE = [{"mbox": f"mailto:learner-{number}@example.org", "name": f"Learner {number}"} for number in range(5)]


class Store(ClickHouseStore):
    """ClickHouse under a topic that no worker reads."""

    async def insert_shared(self, rows: Sequence[SharedRow], token: str) -> None:
        """Keep no progress: that of the LRS's topic is not this test's."""


@dataclass
class History:
    """What a tenant was sent over the years: records with how many days ago they were accepted."""

    tenant: str
    sent: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)

    def add(self, days: int, statement: dict[str, Any] | None = None, source: str = "lrs", **changes: Any) -> str:
        made = statement or make_statement(
            **{"id": str(uuid.uuid4()), "actor": PEOPLE[0], "verb": {"id": WATCHED}, **changes}
        )
        self.sent.append((days, source, made))
        return str(made.get("id", ""))

    def to_records(self) -> list[IncomingRecord]:
        now = int(time.time() * 1000)
        return [
            IncomingRecord(
                f"topic-of-{self.tenant}",
                0,
                offset,
                now - days * 86_400_000 - 3_600_000,
                tuple(build_headers(self.tenant, source)),
                orjson.dumps([statement]),
            )
            for offset, (days, source, statement) in enumerate(self.sent)
        ]

    def list_left(self) -> set[str]:
        """Return the ids of what must stay, told without any of the product's code."""
        left = set()
        for days, source, statement in self.sent:
            if "id" not in statement:
                continue
            definition = statement["object"].get("definition") or {}
            if statement["verb"]["id"] == ATTENDED:
                period = 400
            elif source == "archive":
                period = 10**6
            elif definition.get("type") == VIDEO:
                period = 30
            else:
                period = 100
            if days < period:
                left.add(statement["id"])
        return left


@pytest.fixture
def tenant(stack: Stack) -> Iterator[TenantAccess]:
    with stack.add_tenant(scopes=("all",)) as access:
        eventually(lambda: keep_scheduler_away(stack, access.id))
        for rule in RULES:
            set_period(stack.installation.engine, access.id, rule)
        yield access


def keep_scheduler_away(stack: Stack, tenant: str) -> bool:
    """Have the running product's own scheduler take the tenant's retention for done; the test says when it runs."""
    with Duties(stack.installation.engine, "tests").holding(DUTY, tenant, "9999-12-31") as ours:
        return ours


@pytest.fixture
async def store(stack: Stack) -> AsyncIterator[Store]:
    store = Store(await connect_async(stack.installation.owner_address))
    yield store
    await store.close()


@pytest.fixture
def retain(stack: Stack, tenant: TenantAccess) -> Iterator[Callable[[], Retention]]:
    client = connect(stack.installation.owner_address)
    yield lambda: Retention(stack.installation, client, tenant.id)
    client.close()


def make_processor(stack: Stack, store: Store, **options: Any) -> Processor:
    installation = stack.installation
    return Processor(store, installation.vault, installation.master, Standing(installation.engine).find, **options)


def read_ids(tenant: TenantAccess, **parameters: Any) -> set[str]:
    """Return the ids of all pages."""
    found: set[str] = set()
    answer = tenant.http.get("statements", params={"limit": 25, **parameters}).json()
    while True:
        found |= {statement["id"] for statement in answer["statements"]}
        if not answer["more"]:
            return found
        answer = tenant.http.get(tenant.http.base_url.join(answer["more"])).json()


def count(tenant: TenantAccess, what: str) -> Any:
    [row] = tenant.reader.query(f"SELECT {what}").result_rows
    return row if len(row) > 1 else row[0]


def tell(outcome: Outcome) -> dict[tuple[str, str], int]:
    return {(share.purpose, share.place): share.count for share in outcome.shares}


def make_random_history(tenant: str) -> History:
    draw = random.Random(5)
    history = History(tenant)
    for _ in range(90):
        activity: dict[str, Any] = {"id": f"https://example.org/activities/{draw.randrange(9)}"}
        if draw.random() < 0.4:
            activity["definition"] = {"type": VIDEO, "name": {"en": "A video"}}
        history.add(
            draw.choice([0, 10, 29, 31, 99, 101, 200, 399, 401]),
            source=draw.choice(["lrs", "lrs", "archive"]),
            actor=draw.choice(PEOPLE),
            verb={"id": draw.choice([ATTENDED, WATCHED])},
            object=activity,
        )
    return history


async def test_what_has_passed_its_period_goes_and_nothing_else(
    stack: Stack, tenant: TenantAccess, store: Store, retain: Callable[[], Retention]
) -> None:
    history = make_random_history(tenant.id)
    broken = {"actor": PEOPLE[0], "verb": {"id": "no IRI"}}
    for days in (10, 30):
        history.add(days, broken)
    leaver, stayer = ({"mbox": f"mailto:{name}@example.org", "name": name} for name in ("leaver", "stayer"))
    once = "https://example.org/activities/it's"
    history.add(150, actor=leaver, object={"id": once, "definition": {"name": {"en": "Only once"}}})
    history.add(150, actor=stayer)
    history.add(1, actor=PEOPLE[0], context={"instructor": stayer})
    records, left = history.to_records(), history.list_left()
    await make_processor(stack, store).process(records)
    everything = {statement["id"] for _, _, statement in history.sent if "id" in statement}
    assert read_ids(tenant) == everything
    sums = "sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL"
    ledger = count(tenant, f"{sums} WHERE at > now() - INTERVAL 300 DAY")

    planned = retain().plan()
    assert read_ids(tenant) == everything
    assert tell(planned)["statements", "learners"] >= 1
    ran = retain().run("operator:test", "a test")
    assert tell(ran) == tell(planned)
    assert sum(share.count for share in ran.shares if share.place == "statements") == len(everything - left)

    assert read_ids(tenant) == left
    assert {str(row[0]) for row in tenant.reader.query("SELECT DISTINCT id FROM postings").result_rows} == left
    assert count(tenant, "count() FROM current_statements") == len(left)
    assert tenant.http.get("statements", params={"statementId": min(everything - left)}).status_code == 404
    for person in PEOPLE:
        of_person = {one["id"] for _, _, one in history.sent if one.get("id") in left and one["actor"] == person}
        assert read_ids(tenant, agent=json.dumps(person)) == of_person
    oldest = {share.purpose: share.oldest_left for share in ran.shares if share.place == "statements"}
    assert oldest["media"] is not None
    assert oldest["media"] > datetime.now(UTC) - timedelta(days=30)

    vault, engine = stack.installation.vault, stack.installation.engine
    for person, known in ((leaver, 0), (stayer, 1)):
        [name] = list_pseudonyms(vault, tenant.id, [person])
        assert count(tenant, f"count() FROM agents FINAL WHERE pseudonym = '{name}'") == known
        assert len(Vault(engine, stack.installation.master).find_learner_keys(tenant.id, [name])) == known
    assert count(tenant, "count() FROM activities WHERE id LIKE '%it_s'") == 0
    assert count(tenant, "count() FROM dead_letters") == 1
    entries = [one.event for one in stack.installation.audit.read(tenant=tenant.id, limit=1_000)]
    [told] = [event for event in entries if event.action == "retention-applied"]
    assert told.who == "operator:test"
    assert told.details["deleted"]["statements/statements"] == tell(ran)["statements", "statements"]

    assert set(tell(retain().run("operator:test", "again")).values()) == {0}

    # The log is read again, as after a crash or by an operator: nothing comes back, and the ledger is what it was.
    worker = make_processor(stack, store, find_periods=PeriodsOfTenants(engine).find)
    for batch in (records[:7], records[7:]):  # other batches than before, or ClickHouse would know them by their tokens
        await worker.process(batch)
    assert read_ids(tenant) == left
    assert count(tenant, "count() FROM dead_letters FINAL") == 1
    assert count(tenant, sums) == ledger
    assert ledger[0] == sum(ledger[1:])


async def test_voidings_and_references_across_the_border_are_read_as_before(
    stack: Stack, tenant: TenantAccess, store: Store, retain: Callable[[], Retention]
) -> None:
    def refer(days: int, target: str, verb: str = VOIDED) -> str:
        return history.add(days, verb={"id": verb}, object={"objectType": "StatementRef", "id": target})

    history = History(tenant.id)
    hidden, gone = history.add(200, verb={"id": ATTENDED}), history.add(200)
    went, stays = refer(150, hidden), refer(50, gone)
    never_came = str(uuid.uuid4())
    early = refer(50, never_came)
    target = history.add(200, actor=PEOPLE[1])
    reference = refer(50, target, "https://example.org/verbs/commented")
    await make_processor(stack, store).process(history.to_records())
    assert read_ids(tenant) == {went, stays, early, target, reference}

    retain().run("operator:test", "a test")
    # Its voiding has passed its period, and what it voids has not: it must not be shown again.
    assert read_ids(tenant) == {stays, early, reference}
    assert tenant.http.get("statements", params={"voidedStatementId": hidden}).status_code == 200
    assert tenant.http.get("statements", params={"statementId": hidden}).status_code == 404
    assert count(tenant, "count() FROM current_statements") == 3
    for read in ({"statementId": reference}, {"agent": json.dumps(PEOPLE[1])}, {"statementId": stays}):
        assert tenant.http.get("statements", params=read).status_code == 200
    assert {str(row[0]) for row in tenant.reader.query("SELECT target FROM voidings FINAL").result_rows} == {
        hidden, gone, never_came,
    }  # fmt: skip

    # Nothing is left that names whoever is in the target alone; the reference only refers to it.
    [name] = list_pseudonyms(stack.installation.vault, tenant.id, [PEOPLE[1]])
    fresh = Vault(stack.installation.engine, stack.installation.master)
    assert fresh.find_learner_keys(tenant.id, [name]) == {}

    # When both are gone, so is what they had to do with each other.
    set_period(stack.installation.engine, tenant.id, Rule("attendance", 190, verbs=(ATTENDED,)))
    set_period(stack.installation.engine, tenant.id, Rule("statements", 40))
    retain().run("operator:test", "a test")
    assert read_ids(tenant) == set()
    for table in ("statements", "postings", "open_references", "voidings"):
        assert count(tenant, f"count() FROM {table}") == 0, table


async def test_nothing_goes_of_whose_processing_is_paused(
    stack: Stack, tenant: TenantAccess, store: Store, retain: Callable[[], Retention]
) -> None:
    installation = stack.installation
    history = History(tenant.id)
    paused, content = PEOPLE[0], uuid.uuid4().bytes
    did = history.add(200, actor=paused, attachments=[describe(content)])
    named = history.add(200, actor=PEOPLE[1], context={"instructor": paused})
    gone = history.add(200, actor=PEOPLE[1])
    await asyncio.to_thread(put_contents, stack, tenant.id, content)
    await make_processor(stack, store).process(history.to_records())
    restrict(installation.vault, installation.audit, Order(tenant.id, "operator:test", "a test"), paused)
    set_period(installation.engine, tenant.id, Rule("attachments", 10))

    retain().run("operator:test", "a test")
    left = {str(row[0]) for row in tenant.reader.query("SELECT id FROM postings").result_rows}
    with stack.connect_owner() as owner:
        rows = owner.query(f"SELECT id FROM {name_tenant_database(tenant.id)}.statements").result_rows
    assert {str(row[0]) for row in rows} == {did, named}
    assert gone not in left
    assert list_contents(stack, tenant.id) == {hashlib.sha256(content).hexdigest()}

    release(installation.vault, installation.audit, Order(tenant.id, "operator:test", "a test"), paused)
    retain().run("operator:test", "a test")
    with stack.connect_owner() as owner:
        assert owner.query(f"SELECT count() FROM {name_tenant_database(tenant.id)}.statements").result_rows == [(0,)]
    assert list_contents(stack, tenant.id) == set()


async def test_documents_and_attachments_go_with_their_periods_and_with_what_they_belong_to(
    stack: Stack, tenant: TenantAccess, store: Store, retain: Callable[[], Retention]
) -> None:
    parameters = {resource: make_parameters(resource) for resource in (STATE, AGENT_PROFILE)}
    for resource, asked in parameters.items():
        path = resource.removeprefix("/xAPI/")
        assert tenant.http.put(path, params=asked, content=b"{}", headers=NEW).status_code == 204
    with writing(stack.installation.engine) as connection:
        old = datetime.now(UTC) - timedelta(days=60)
        connection.execute(update(DOCUMENTS).where(DOCUMENTS.c.tenant == tenant.id).values(stored_at=old))
    history = History(tenant.id)
    gone, kept = uuid.uuid4().bytes, uuid.uuid4().bytes
    history.add(150, attachments=[describe(gone)])
    history.add(150, attachments=[describe(kept)])
    left = history.add(50, attachments=[describe(kept)])
    await asyncio.to_thread(put_contents, stack, tenant.id, gone, kept)
    await make_processor(stack, store).process(history.to_records())

    ran = tell(retain().run("operator:test", "a test"))
    assert ran["state", "documents"] == 1
    assert ("agent-profile", "documents") not in ran
    for resource, status in ((STATE, 404), (AGENT_PROFILE, 200)):
        path = resource.removeprefix("/xAPI/")
        assert tenant.http.get(path, params=parameters[resource]).status_code == status
    assert read_ids(tenant) == {left}
    assert list_contents(stack, tenant.id) == {hashlib.sha256(kept).hexdigest()}


async def test_the_scheduler_does_so_by_itself_when_a_day_has_begun(
    stack: Stack, tenant: TenantAccess, store: Store
) -> None:
    history = History(tenant.id)
    gone, left = history.add(150), history.add(50)
    await make_processor(stack, store).process(history.to_records())
    assert read_ids(tenant) == {gone, left}
    with writing(stack.installation.engine) as connection:
        connection.execute(update(DUTIES).where(DUTIES.c.tenant == tenant.id).values(day="2000-01-01"))
    eventually(lambda: read_ids(tenant) == {left}, pause=0.5)
    told = [one.event for one in stack.installation.audit.read(tenant=tenant.id, limit=1_000)]
    assert [one.who for one in told if one.action == "retention-applied"] == ["process:scheduler"]


def test_records_of_no_tenant_go_by_their_age(stack: Stack) -> None:
    topic = f"topic-{uuid.uuid4()}"
    find = f"SELECT offset FROM jalon.dead_letters WHERE topic = '{topic}'"
    with stack.connect_owner() as owner:
        rows = [[topic, 0, offset, datetime(year, 1, 1, tzinfo=UTC)] for offset, year in ((1, 1980), (2, 2000))]
        owner.insert("dead_letters", rows, ["topic", "partition", "offset", "at"], database="jalon")
        cutoff = int(datetime(1990, 1, 1, tzinfo=UTC).timestamp() * 1000)
        assert count_strays(owner, cutoff) == 1
        delete_strays(owner, cutoff)
        assert owner.query(find).result_rows == [(2,)]


def find_folder(stack: Stack, tenant: str) -> Path:
    address = urlsplit(stack.settings.attachments_address)
    if address.scheme != "file":
        pytest.skip("the attachments lie in a remote store")
    return Path(address.path) / tenant / "content"


def put_contents(stack: Stack, tenant: str, *contents: bytes) -> None:
    """Have contents in the object store for long."""
    keys, attachments = stack.installation.vault.tenant_keys(tenant), stack.installation.open_attachments()

    async def put() -> None:
        for content in contents:
            sha2 = hashlib.sha256(content).hexdigest()
            staged = await attachments.stage(keys, sha2)
            await staged.write(content)
            await staged.finish()
            await attachments.keep(staged, tenant, sha2)

    asyncio.run(put())
    for path in find_folder(stack, tenant).iterdir():
        os.utime(path, (0, 0))


def list_contents(stack: Stack, tenant: str) -> set[str]:
    return {path.name for path in find_folder(stack, tenant).iterdir()}
