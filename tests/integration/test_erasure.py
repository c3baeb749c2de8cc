"""A person is erased, and then looked for: in reads, on boards, in the log read again, in restored backups."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from clickhouse.connection import connect_async
from clickhouse.databases import name_tenant_database
from identity import receipts
from identity.erasures import list_numbers
from identity.persons import name_versions
from identity.standing import Standing
from identity.tables import LEARNER_KEYS
from identity.vault import Vault
from jalon.erasing import Erasing
from jalon.installation import Installation
from stream_processors.dead_letters import open_payload
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from stream_processors.store import ClickHouseStore
from tests.attachments import MULTIPART, attach_signature, describe, read_answer, sign, write_body
from tests.stack import Stack, TenantAccess
from tests.statements import make_statement
from tests.waiting import eventually
from xapi_profiles.record import build_headers

pytestmark = pytest.mark.integration

STATE = "activities/state"


class Person:
    """Somebody whose every name holds a marker that nothing else has."""

    def __init__(self) -> None:
        self.marker = f"m{uuid.uuid4().hex}"
        self.agent = {"objectType": "Agent", "name": f"Ada {self.marker}", "mbox": f"mailto:{self.marker}@example.org"}

    @property
    def asked(self) -> str:
        return json.dumps({"mbox": self.agent["mbox"]})

    def pseudonym(self, stack: Stack, tenant: TenantAccess) -> str:
        return name_versions(stack.installation.vault.tenant_keys(tenant.id), self.agent)[0]


@pytest.fixture
def tenant(stack: Stack) -> Iterator[TenantAccess]:
    with stack.add_tenant(scopes=("all",)) as access:
        yield access


@pytest.fixture
def ada() -> Person:
    return Person()


@pytest.fixture
def grace() -> Person:
    return Person()


@contextmanager
def sending(stack: Stack) -> Iterator[KafkaProducer]:
    with closing(KafkaProducer(bootstrap_servers=stack.settings.kafka_servers, acks="all")) as producer:
        yield producer


def send(stack: Stack, tenant: TenantAccess, *values: bytes, source: str = "tests") -> None:
    with sending(stack) as producer:
        for value in values:
            producer.send(stack.settings.topic, value=value, headers=build_headers(tenant.id, source)).get(timeout=30)


def call_erase(stack: Stack, tenant: TenantAccess, person: Person, *options: str) -> dict[str, Any]:
    """Erase as an officer does, at the command line."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("JALON_")}
    address = person.agent["mbox"].removeprefix("mailto:")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "jalon",
            "subject",
            "erase",
            tenant.id,
            "-",
            "--why",
            "asked",
            "--yes",
            "--json",
            *options,
        ],
        input=f"{address}\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment | {"JALON_DATA_DIR": str(stack.settings.data_dir)},
    )
    assert done.returncode == 0, done.stderr
    assert person.marker not in done.stdout + done.stderr
    receipt: dict[str, Any] = json.loads(done.stdout)
    return receipt


def erase(stack: Stack, tenant: TenantAccess, person: Person) -> int:
    erasing = Erasing(stack.installation)
    (number,) = erasing.order(tenant.id, [person.agent], later="refuse", who="operator:tests", why="asked")
    erasing.finish(number, [person.agent])
    return number


def read_all(tenant: TenantAccess) -> str:
    """Return all statements as a credential that sees identities reads them."""
    answer = tenant.http.get("statements", params={"limit": 500})
    assert answer.status_code == 200, answer.text
    return answer.text


def read_ledger(tenant: TenantAccess) -> tuple[int, ...]:
    return tenant.reader.query(
        "SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM ledger FINAL"
    ).result_rows[0]


def await_ledger(tenant: TenantAccess, *expected: int) -> None:
    """Wait until accepted, stored, duplicate and dead are these."""
    assert eventually(lambda: read_ledger(tenant)[0] >= expected[0])
    assert read_ledger(tenant) == expected


def open_letters(stack: Stack, tenant: TenantAccess) -> bytes:
    key = stack.installation.vault.tenant_keys(tenant.id).dead_letter
    rows = tenant.reader.query("SELECT payload, topic, partition, offset FROM dead_letters WHERE payload != ''")
    return b"".join(
        open_payload(key, payload, topic=topic, partition=partition, offset=offset)
        for payload, topic, partition, offset in rows.result_rows
    )


def count_persons(tenant: TenantAccess) -> tuple[int, int]:
    """Return how many statements and actors a board counts."""
    statements, actors = tenant.reader.query("SELECT count(), uniqExact(actor) FROM current_statements").result_rows[0]
    return statements, actors


def count_forms(tenant: TenantAccess, pseudonym: str) -> int:
    """Return how many sealed names there are of somebody."""
    rows = tenant.reader.query(f"SELECT count() FROM agents WHERE pseudonym = '{pseudonym}'").result_rows
    return int(rows[0][0])


def test_an_erased_person_is_found_nowhere_and_counts_stay(
    stack: Stack, tenant: TenantAccess, ada: Person, grace: Person, tmp_path: Path
) -> None:
    statements = [
        make_statement(actor=ada.agent),
        make_statement(actor=grace.agent, context={"instructor": ada.agent}),
        make_statement(actor=grace.agent),
    ]
    assert tenant.http.post("statements", json=statements).status_code == 200
    place = {"activityId": "https://example.org/a", "stateId": "s"}
    for person in (ada, grace):
        answer = tenant.http.put(STATE, params=place | {"agent": person.asked}, json={"of": person.marker})
        assert answer.status_code == 204
    invalid = orjson.dumps({**make_statement(actor=ada.agent), "unknown": 1})
    send(stack, tenant, invalid, f'{{"of {ada.marker}@example.org'.encode(), f"{{ not of {grace.marker}".encode())
    await_ledger(tenant, 6, 3, 0, 3)
    assert ada.marker in read_all(tenant)
    assert ada.marker.encode() in open_letters(stack, tenant)
    counted, pseudonym = count_persons(tenant), ada.pseudonym(stack, tenant)

    proof = tmp_path / "proof.jws"
    receipt = call_erase(stack, tenant, ada, "--receipt", str(proof))
    assert receipt == receipts.read(stack.installation.master, proof.read_text())
    assert receipt["audit_head"] == str(stack.installation.audit.head())
    assert receipt["pseudonyms"] == [pseudonym]
    assert receipt["reached"] == {
        "keys_destroyed": 1,
        "documents_removed": 1,
        "statements_made_nobodys": 2,
        "postings_made_nobodys": 3,
        "names_removed": 1,
        "dead_letters_emptied": 2,
        "dead_letters_unreadable": 1,
        "attachments_removed": 0,
        "attachments_kept_for_others": 0,
    }

    # What is read, with a credential that sees people.
    assert ada.marker not in read_all(tenant)
    assert grace.marker in read_all(tenant)
    asked = {"agent": ada.asked, "related_agents": "true"}
    assert eventually(lambda: not tenant.http.get("statements", params=asked).json()["statements"])
    person = tenant.http.get("agents", params={"agent": ada.asked}).json()
    assert person == {"objectType": "Person", "mbox": [ada.agent["mbox"]]}
    assert tenant.http.get(STATE, params=place | {"agent": ada.asked}).status_code == 404
    assert tenant.http.get(STATE, params=place | {"agent": grace.asked}).json() == {"of": grace.marker}
    # What lies in ClickHouse.
    assert count_persons(tenant) == counted
    assert count_forms(tenant, pseudonym) == 0
    assert ada.marker.encode() not in open_letters(stack, tenant)
    assert grace.marker.encode() in open_letters(stack, tenant)
    # What comes later.
    refused = tenant.http.post("statements", json=[make_statement(actor=ada.agent)])
    assert (refused.status_code, refused.json()["code"]) == (403, "person-erased")
    send(stack, tenant, orjson.dumps([make_statement(actor=ada.agent), make_statement(actor=grace.agent)]))
    await_ledger(tenant, 8, 4, 0, 4)
    assert ada.marker.encode() not in open_letters(stack, tenant)

    # The log, read again by a worker that starts anew, after ClickHouse has lost what it had.
    records = read_log(stack, tenant)
    assert ada.marker.encode() in b"".join(record.value for record in records)
    lose_tables(stack, tenant)
    asyncio.run(read_again(stack, records))
    assert read_ledger(tenant) == (8, 4, 0, 4)
    assert count_persons(tenant) == (counted[0] + 1, counted[1])
    assert ada.marker not in read_all(tenant)
    assert ada.marker.encode() not in open_letters(stack, tenant)
    assert count_forms(tenant, pseudonym) == 0


def read_log(stack: Stack, tenant: TenantAccess) -> list[IncomingRecord]:
    """Return the tenant's records, from where the ledger says they lie."""
    rows = tenant.reader.query("SELECT partition, groupArray(offset) FROM ledger FINAL GROUP BY partition").result_rows
    places = {TopicPartition(stack.settings.topic, partition): set(offsets) for partition, offsets in rows}
    records = []
    with closing(KafkaConsumer(bootstrap_servers=stack.settings.kafka_servers)) as consumer:
        consumer.assign(list(places))
        for partition, offsets in places.items():
            consumer.seek(partition, min(offsets))
        while any(consumer.position(partition) <= max(offsets) for partition, offsets in places.items()):
            for partition, found in consumer.poll(timeout_ms=200).items():
                records += [
                    IncomingRecord(
                        one.topic, one.partition, one.offset, one.timestamp, tuple(one.headers), one.value or b""
                    )
                    for one in found
                    if one.offset in places[partition]
                ]
    return records


def lose_tables(stack: Stack, tenant: TenantAccess) -> None:
    with stack.connect_owner() as owner:
        for table in ("statements", "postings", "agents", "dead_letters", "ledger"):
            owner.command(f"TRUNCATE TABLE {name_tenant_database(tenant.id)}.{table}")


async def read_again(stack: Stack, records: list[IncomingRecord]) -> None:
    installation = stack.installation
    store = ClickHouseStore(await connect_async(installation.owner_address))
    vault = Vault(installation.engine, installation.master)
    processor = Processor(store, vault, installation.master, Standing(installation.engine).find)
    # As if nothing were recorded of how far the log is stored; what is recorded in the end is true already.
    processor._progress = {}
    await processor.process(records)
    await store.close()


def test_attachments_go_unless_they_are_somebody_elses_too(
    stack: Stack, tenant: TenantAccess, ada: Person, grace: Person
) -> None:
    own, shared, hers = (f"{uuid.uuid4()}".encode() for _ in range(3))
    signed = make_statement(id=str(uuid.uuid4()), actor=grace.agent, context={"instructor": ada.agent})
    signature = sign(signed)
    described = {"usageType": "https://example.org/photo", "fileUrl": "https://example.org/photo"}
    for statement, *contents in (
        (make_statement(actor=ada.agent, attachments=[describe(own, **described), describe(shared)]), own, shared),
        (make_statement(actor=grace.agent, attachments=[describe(shared)]), shared),
        (make_statement(actor=grace.agent, context={"instructor": ada.agent}, attachments=[describe(hers)]), hers),
        (attach_signature(signed, signature), signature),
    ):
        answer = tenant.http.post("statements", content=write_body([statement], *contents), headers=MULTIPART)
        assert answer.status_code == 200, answer.text

    number = erase(stack, tenant, ada)
    receipt = receipts.read(
        stack.installation.master, Erasing(stack.installation).locate_receipt(tenant.id, number).read_text()
    )
    assert receipt["reached"]["attachments_removed"] == 2
    assert receipt["reached"]["attachments_kept_for_others"] == 2
    whole = tenant.http.get("statements", params={"attachments": "true"})
    assert sorted(read_answer(whole.headers["content-type"], whole.content).contents) == sorted([shared, hers])
    if stack.instance is not None:
        folder = stack.settings.data_dir / "attachments" / tenant.id
        kept = {path.relative_to(folder).parts[0] for path in folder.rglob("*") if path.is_file()}
        assert kept == {"content", "erased"}
        assert len(list((folder / "content").iterdir())) == 2


def test_a_new_person_is_taken_in_and_erased_in_turn(stack: Stack, tenant: TenantAccess, ada: Person) -> None:
    statement = make_statement(id=str(uuid.uuid4()), actor=ada.agent)
    assert tenant.http.post("statements", json=[statement]).status_code == 200
    erasing = Erasing(stack.installation)
    erasing.order(tenant.id, [ada.agent], later="new-person", who="operator:tests", why="asked")
    # The command was broken off here; the next start completes it.
    with stack.connect_owner() as owner:
        erasing.reconcile(owner)
    assert list_numbers(stack.installation.engine, tenant.id, unfinished=True) == []
    assert tenant.http.post("statements", json=[make_statement(actor=ada.agent)]).status_code == 200

    def find() -> list[Any]:
        return tenant.http.get("statements", params={"agent": ada.asked}).json()["statements"]

    assert eventually(lambda: [one["actor"] for one in find()] == [ada.agent])
    actors = tenant.reader.query("SELECT uniqExact(actor), count() FROM current_statements").result_rows
    assert actors == [(2, 2)]
    person = tenant.http.get("agents", params={"agent": ada.asked}).json()
    assert person["name"] == [ada.agent["name"]]
    erase(stack, tenant, ada)
    assert eventually(lambda: not find())
    assert ada.marker not in read_all(tenant)
    assert tenant.http.post("statements", json=[make_statement(actor=ada.agent)]).status_code == 403


def test_an_erasure_amid_statements_and_a_killed_worker_leaves_nobody(
    stack: Stack, tenant: TenantAccess, ada: Person
) -> None:
    if stack.instance is None:
        pytest.skip("the worker runs elsewhere")
    answers: list[int] = []
    begun = threading.Event()

    def stream() -> None:
        with httpx.Client(
            base_url=stack.xapi, auth=(tenant.key, tenant.secret), headers=tenant.http.headers, trust_env=False
        ) as http:
            while not answers or answers[-1] == 200:
                batch = [make_statement(actor=ada.agent) for _ in range(20)]
                answers.append(http.post("statements", json=batch, timeout=30).status_code)
                if len(answers) > 10:
                    begun.set()

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        assert begun.wait(60)
        erasing = Erasing(stack.installation)
        (number,) = erasing.order(tenant.id, [ada.agent], later="refuse", who="operator:tests", why="asked")
        worker = next(one for one in stack.instance.list_processes() if one.name == "worker-1")
        assert worker.pid is not None
        os.kill(worker.pid, 9)
    finally:
        thread.join(60)
    assert answers[-1] == 403
    erasing.finish(number, [ada.agent])
    accepted = 20 * answers.count(200)
    assert read_ledger(tenant)[0] == accepted
    _, stored, duplicate, dead = read_ledger(tenant)
    assert (stored + dead, duplicate) == (accepted, 0)
    assert stored >= 200
    assert ada.marker not in read_all(tenant)
    assert ada.marker.encode() not in open_letters(stack, tenant)
    vault = Vault(stack.installation.engine, stack.installation.master)
    assert vault.find_learner_keys(tenant.id, [ada.pseudonym(stack, tenant)]) == {}


class Restored:
    """A copy of the identity database from before an erasure, and an installation over it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        engine = stack.installation.engine
        if engine.dialect.name != "sqlite":
            pytest.skip("copies SQLite's file")
        self._stack = stack
        self._folder = folder
        folder.mkdir()
        with closing(sqlite3.connect(str(engine.url.database))) as source:
            source.execute(f"VACUUM INTO '{folder / 'identity.sqlite3'}'")
        shutil.copy(stack.settings.master_key_path, folder / "master.key")

    def open(self, tenant: TenantAccess, name: str, **changes: Any) -> Installation:
        """Return an installation with its own copy, which knows no tenant but this one."""
        data = self._folder / name
        data.mkdir()
        shutil.copy(self._folder / "identity.sqlite3", data)
        with closing(sqlite3.connect(data / "identity.sqlite3")) as copy:
            copy.execute("DELETE FROM learner_keys WHERE tenant != ?", [tenant.id])
            copy.execute("DELETE FROM tenants WHERE id != ?", [tenant.id])
            copy.commit()
        (data / "identity.sqlite3").chmod(0o600)
        settings = self._stack.settings
        values = {
            "data_dir": data,
            "master_key_file": self._folder / "master.key",
            "attachments_url": settings.attachments_address,
        }
        return Installation(settings.model_copy(update=values | changes))


def has_key(installation: Installation, tenant: TenantAccess, pseudonym: str) -> bool:
    where = (LEARNER_KEYS.c.tenant == tenant.id) & (LEARNER_KEYS.c.pseudonym == pseudonym)
    with installation.engine.connect() as connection:
        return connection.execute(LEARNER_KEYS.select().where(where)).one_or_none() is not None


def test_a_restored_identity_database_is_told_by_every_other_place(
    stack: Stack, tenant: TenantAccess, ada: Person, tmp_path: Path
) -> None:
    content = f"file of {ada.marker}".encode()
    statement = make_statement(id=str(uuid.uuid4()), actor=ada.agent, attachments=[describe(content)])
    body = write_body(statement, content)
    assert tenant.http.post("statements", content=body, headers=MULTIPART).status_code == 200
    assert ada.marker in read_all(tenant)
    pseudonym = ada.pseudonym(stack, tenant)
    backup = Restored(stack, tmp_path / "backup")
    kept = stack.settings.data_dir / "attachments" / tenant.id
    shutil.copytree(kept, tmp_path / "objects" / tenant.id)
    number = erase(stack, tenant, ada)
    receipt = Erasing(stack.installation).locate_receipt(tenant.id, number)
    elsewhere = {"attachments_url": (tmp_path / "objects").as_uri()}

    by_objects = backup.open(tenant, "by-objects")
    assert has_key(by_objects, tenant, pseudonym)
    by_objects.prepare_identity()
    assert not has_key(by_objects, tenant, pseudonym)
    assert "erasure-repeated" in {entry.event.action for entry in by_objects.audit.read(tenant=tenant.id)}

    by_receipts = backup.open(tenant, "by-receipts", **elsewhere)
    by_receipts.settings.receipts.mkdir()
    shutil.copy(receipt, by_receipts.settings.receipts)
    by_receipts.prepare_identity()
    assert not has_key(by_receipts, tenant, pseudonym)

    by_clickhouse = backup.open(tenant, "by-clickhouse", **elsewhere)
    by_clickhouse.prepare_identity()
    assert has_key(by_clickhouse, tenant, pseudonym)
    by_clickhouse.migrate()
    assert not has_key(by_clickhouse, tenant, pseudonym)
    # The objects were restored too: the file that is back goes again.
    assert not list((tmp_path / "objects" / tenant.id / "content").iterdir())

    by_hand = backup.open(tenant, "by-hand", **elsewhere)
    shutil.rmtree(tmp_path / "objects" / tenant.id)
    with stack.connect_owner() as owner:
        owner.command(f"TRUNCATE TABLE {name_tenant_database(tenant.id)}.erasures")
    by_hand.migrate()
    assert has_key(by_hand, tenant, pseudonym)
    Erasing(by_hand).apply(receipt.read_text(), who="operator:tests", why="restored")
    assert not has_key(by_hand, tenant, pseudonym)
    with stack.connect_owner() as owner:
        marks = owner.query(f"SELECT pseudonym FROM {name_tenant_database(tenant.id)}.erasures FINAL").result_rows
    assert marks == [(pseudonym,)]
    for installation in (by_objects, by_receipts, by_clickhouse, by_hand):
        assert installation.audit.verify()
        installation.close()
    assert has_key(stack.installation, tenant, pseudonym) is False
