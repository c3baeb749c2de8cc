"""What a worker makes of a person who was erased: before and after, in statements and in dead letters."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from identity.audit import AuditTrail
from identity.erasures import Later, erase
from identity.keys import MasterKey
from identity.persons import list_pseudonyms, name_versions
from identity.sealing import restore
from identity.standing import Standing
from identity.vault import Vault
from stream_processors.dead_letters import open_payload
from stream_processors.erased_persons import find_named
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from tests.unit.stream_processors.conftest import TENANT
from tests.unit.stream_processors.doubles import MemoryStore
from tests.unit.stream_processors.test_processing import make_record, make_statement, tally
from xapi_profiles.json_text import dump_json, parse_json
from xapi_profiles.record import TOPIC

Erase = Callable[..., None]


@pytest.fixture
def ada() -> dict[str, Any]:
    return {"name": "Ada", "mbox": f"mailto:{secrets.token_hex(8)}@example.org"}


@pytest.fixture
def erase_at(engine: Engine, master: MasterKey, vault: Vault) -> Erase:
    def erase_one(agent: dict[str, Any], after: IncomingRecord, later: Later = "refuse") -> None:
        at = datetime.fromtimestamp((after.timestamp + 1) / 1000, UTC)
        names = sorted(list_pseudonyms(vault, TENANT, [agent]))
        erase(engine, AuditTrail(engine, master), TENANT, names, later=later, who="operator:o", why="asked", at=at)

    return erase_one


def name(vault: Vault, agent: dict[str, Any]) -> str:
    return name_versions(vault.tenant_keys(TENANT), agent)[0]


def reopen(vault: Vault, store: MemoryStore) -> list[dict[str, Any]]:
    """Read everything as a credential that sees identities does."""
    rows = store.statements[TENANT].values()
    keys = vault.find_learner_keys(TENANT, {name for row in rows for _, name, _ in parse_json(row.sealed.encode())})
    return [restore(parse_json(row.statement.encode()), row.sealed, keys) for row in rows]


def open_letters(vault: Vault, store: MemoryStore) -> bytes:
    key = vault.tenant_keys(TENANT).dead_letter
    return b"".join(
        open_payload(key, letter.payload, topic=TOPIC, partition=letter.partition, offset=letter.offset)
        for letter in store.dead_letters[TENANT].values()
        if letter.payload
    )


async def test_a_log_that_is_read_again_counts_an_erased_person_and_names_nobody(
    processor: Processor,
    store: MemoryStore,
    vault: Vault,
    master: MasterKey,
    engine: Engine,
    ada: dict[str, Any],
    erase_at: Erase,
) -> None:
    other = {"name": "Grace", "mbox": "mailto:grace@example.org"}
    statements = [make_statement(actor=ada), make_statement(actor=other, context={"instructor": ada})]
    invalid = {**make_statement(actor=ada), "unknown": 1}
    record, broken = make_record(statements), make_record([invalid])
    await processor.process([record, broken])
    assert ada in [one["actor"] for one in reopen(vault, store)]
    assert ada["mbox"].encode() in open_letters(vault, store)
    erase_at(ada, after=broken)

    lost = MemoryStore()
    for again, worker in ((lost, Processor(lost, vault, master, Standing(engine).find)), (store, processor)):
        worker.forget_progress()
        again.progress.clear()
        again.agents.clear()
        again.tokens.clear()
        await worker.process([record, broken])
        assert tally(again, record) == (2, 2, 0, 0)
        assert tally(again, broken) == (1, 0, 0, 1)
        pseudonym = name(vault, ada)
        assert again.statements[TENANT][uuid.UUID(statements[0]["id"])].actor == pseudonym
        assert pseudonym not in {row.pseudonym for row in again.agents[TENANT].values()}
    for seen in (store, lost):
        read = dump_json(reopen(vault, seen))
        assert ada["mbox"].encode() not in read
        assert b"Ada" not in read
        assert other["mbox"].encode() in read
    assert open_letters(vault, lost) == b""


async def test_later_statements_are_refused_and_what_they_said_is_not_kept(
    processor: Processor, store: MemoryStore, vault: Vault, ada: dict[str, Any], erase_at: Erase
) -> None:
    before = make_record([make_statement(actor=ada)])
    erase_at(ada, after=before)
    named = make_statement(context={"team": {"objectType": "Group", "member": [ada]}})
    later = make_record([make_statement(), named, make_statement(actor=ada)])
    await processor.process([before, later])

    assert tally(store, before) == (1, 1, 0, 0)
    assert tally(store, later) == (3, 1, 0, 2)
    letters = [store.dead_letters[TENANT][0, later.offset, position] for position in (1, 2)]
    assert [letter.code for letter in letters] == ["person-erased"] * 2
    assert [letter.pointer for letter in letters] == ["/context/team/member/0", "/actor"]
    assert [(letter.persons, letter.readable) for letter in letters] == [([], True)] * 2
    assert open_letters(vault, store) == b""
    assert len(store.statements[TENANT]) == 2


async def test_a_person_who_comes_back_as_a_new_one_has_another_pseudonym_and_a_key(
    processor: Processor, store: MemoryStore, vault: Vault, ada: dict[str, Any], erase_at: Erase
) -> None:
    before = make_record([make_statement(actor=ada)])
    await processor.process([before])
    erase_at(ada, after=before, later="new-person")
    later = make_record([make_statement(actor=ada), {**make_statement(actor=ada), "unknown": 1}])
    await processor.process([later])

    old, new = (row.actor for row in store.statements[TENANT].values())
    assert old == name(vault, ada) != new
    assert [one["actor"] == ada for one in reopen(vault, store)] == [False, True]
    (letter,) = store.dead_letters[TENANT].values()
    assert new in letter.persons
    assert old not in letter.persons
    assert ada["mbox"].encode() in open_letters(vault, store)
    assert new in {row.pseudonym for row in store.agents[TENANT].values()}


async def test_an_erasure_while_a_batch_is_under_way_leaves_noise(
    processor: Processor, store: MemoryStore, vault: Vault, ada: dict[str, Any], erase_at: Erase
) -> None:
    """The worker has the key already, and writes with it after it was destroyed."""
    record = make_record([make_statement(actor=ada)])
    sealing = vault.learner_keys

    def seal_late(*arguments: Any, **more: Any) -> dict[str, bytes]:
        keys = sealing(*arguments, **more)
        erase_at(ada, after=record)
        return keys

    processor._vault.learner_keys = seal_late  # type: ignore[method-assign]
    try:
        await processor.process([record])
    finally:
        del processor._vault.learner_keys
    assert tally(store, record) == (1, 1, 0, 0)
    assert ada["mbox"].encode() not in dump_json(reopen(vault, store))


async def test_a_batch_of_refused_statements_is_decided_in_one_pass(
    processor: Processor, store: MemoryStore, ada: dict[str, Any], erase_at: Erase, monkeypatch: pytest.MonkeyPatch
) -> None:
    erase_at(ada, after=make_record([]))
    asked: list[int] = []
    keys_of = processor._vault.learner_keys

    def count(*arguments: Any, **more: Any) -> dict[str, bytes]:
        asked.append(1)
        return keys_of(*arguments, **more)

    monkeypatch.setattr(processor._vault, "learner_keys", count)
    record = make_record([make_statement(actor=ada) for _ in range(100)] + [make_statement()])
    await processor.process([record])
    assert tally(store, record) == (101, 1, 0, 100)
    assert len(asked) <= 2  # for statements, and for the forms of agents


@given(st.binary(max_size=40), st.sampled_from((b"", b'"', b"<", b"mailto:", b" ")))
def test_addresses_are_found_in_what_is_no_json(vault: Vault, noise: bytes, before: bytes) -> None:
    keys = vault.tenant_keys(TENANT)
    (ada,) = list_pseudonyms(vault, TENANT, [{"mbox": "mailto:ada@example.org"}])
    named = find_named(b"{" + noise.replace(b"@", b"") + b" " + before + b"Ada@Example.org, " + noise, keys)
    assert not named.readable
    assert (ada,) in named.persons


def test_agents_are_found_wherever_a_payload_has_them(vault: Vault) -> None:
    keys = vault.tenant_keys(TENANT)
    agents = [
        {"mbox": "mailto:a@example.org"},
        {"account": {"homePage": "https://example.org", "name": "b"}},
        {"openid": "https://c.example.org/"},
        {"mbox_sha1sum": "d" * 40},
    ]
    payload = dump_json([{"actor": agents[0], "extensions": {"x": [[agents[1]], {"y": agents[2]}]}}, 5, agents[3]])
    assert find_named(payload, keys) == ({(name,) for name in list_pseudonyms(vault, TENANT, agents)}, True)
