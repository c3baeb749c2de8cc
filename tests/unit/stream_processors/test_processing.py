from __future__ import annotations

import itertools
import uuid
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clickhouse.errors import StoreUnavailable
from identity.attestation import attest
from identity.standing import Standing
from identity.vault import Vault
from stream_processors.dead_letters import open_payload
from stream_processors.processing import Processor, name_token
from stream_processors.reading import IncomingRecord
from tests.unit.stream_processors.conftest import TENANT
from tests.unit.stream_processors.doubles import MemoryStore
from xapi_profiles.record import ATTESTATION, TOPIC, build_headers, parse_headers

_NOW = 1_795_000_000_000
_offsets = itertools.count()


def make_statement(**changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "actor": {"mbox": "mailto:camille.martin@example.org", "name": "Camille Martin"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
        "object": {"id": "https://example.org/activities/1"},
        **changes,
    }


def make_record(
    statements: Any, *, tenant: str = TENANT, offset: int | None = None, partition: int = 0, source: str = "lrs"
) -> IncomingRecord:
    place = next(_offsets) if offset is None else offset
    value = statements if isinstance(statements, bytes) else orjson.dumps(statements)
    return IncomingRecord(TOPIC, partition, place, _NOW + place, tuple(build_headers(tenant, source)), value)


def tally(store: MemoryStore, record: IncomingRecord, tenant: str = TENANT) -> tuple[int, int, int, int]:
    row = store.ledger[tenant][record.partition, record.offset]
    assert row.accepted == row.stored + row.duplicate + row.dead
    return row.accepted, row.stored, row.duplicate, row.dead


async def test_a_record_is_stored_pseudonymised_with_its_progress(processor: Processor, store: MemoryStore) -> None:
    statement = make_statement()
    record = make_record([statement])
    await processor.process([record])

    row = store.statements[TENANT][uuid.UUID(statement["id"])]
    assert row.verb == "http://adlnet.gov/expapi/verbs/experienced"
    assert row.source == "lrs"
    assert row.stored == record.timestamp == row.timestamp
    assert "camille" not in repr(row).lower()
    assert orjson.loads(row.statement)["actor"]["account"]["name"] == row.actor
    assert store.progress == {0: record.offset + 1}
    assert tally(store, record) == (1, 1, 0, 0)


async def test_the_same_statement_again_is_a_duplicate_and_a_different_one_a_dead_letter(
    processor: Processor, store: MemoryStore
) -> None:
    first = make_statement()
    original = make_record([first])
    again = make_record([first])
    different = make_record([{**first, "verb": {"id": "https://example.org/verbs/other"}}])
    await processor.process([original])
    await processor.process([again, different])

    assert len(store.statements[TENANT]) == 1
    assert tally(store, again) == (1, 0, 1, 0)
    assert tally(store, different) == (1, 0, 0, 1)
    assert store.dead_letters[TENANT][0, different.offset, 0].code == "conflict"
    assert store.statements[TENANT][uuid.UUID(first["id"])].verb == "http://adlnet.gov/expapi/verbs/experienced"


async def test_the_first_of_two_versions_in_one_batch_wins_whatever_their_order_of_arrival(
    processor: Processor, store: MemoryStore
) -> None:
    first = make_statement()
    later = make_record([{**first, "verb": {"id": "https://example.org/verbs/other"}}], offset=9_001, partition=1)
    earlier = make_record([first], offset=9_000, partition=2)
    await processor.process([later, earlier])

    assert store.statements[TENANT][uuid.UUID(first["id"])].offset == 9_000
    assert tally(store, later) == (1, 0, 0, 1)


async def test_one_bad_statement_of_a_record_is_a_dead_letter_and_its_neighbours_are_stored(
    processor: Processor, store: MemoryStore, vault: Vault
) -> None:
    bad = make_statement(verb={"id": "not an iri"})
    record = make_record([make_statement(), bad, make_statement()])
    await processor.process([record])

    assert tally(store, record) == (3, 2, 0, 1)
    letter = store.dead_letters[TENANT][0, record.offset, 1]
    assert letter.code == "invalid-statement"
    assert letter.pointer.startswith("/verb/id")
    assert letter.rule
    assert "camille" not in repr(letter).lower()
    keys = vault.tenant_keys(TENANT)
    payload = open_payload(keys.dead_letter, letter.payload, topic=TOPIC, partition=0, offset=record.offset)
    assert orjson.loads(payload) == bad


@pytest.mark.parametrize(
    ("value", "code"),
    [(b"{", "malformed-json"), (b"", "malformed-json"), (b"[]", "empty-record"), (b"7", "invalid-statement")],
)
async def test_what_is_no_statement_becomes_a_dead_letter_and_the_flow_goes_on(
    processor: Processor, store: MemoryStore, value: bytes, code: str
) -> None:
    poison, sound = make_record(value), make_record([make_statement()])
    await processor.process([poison, sound])

    assert store.dead_letters[TENANT][0, poison.offset, 0].code == code
    assert tally(store, poison) == (1, 0, 0, 1)
    assert tally(store, sound) == (1, 1, 0, 0)


async def test_records_of_no_known_tenant_are_kept_apart(processor: Processor, store: MemoryStore) -> None:
    unknown = make_record([make_statement()], tenant="nobody")
    nameless = IncomingRecord(TOPIC, 0, next(_offsets), _NOW, (), b"[]")
    await processor.process([unknown, nameless])

    assert {row.offset: row.code for row in store.stray.values()} == {
        unknown.offset: "unknown-tenant",
        nameless.offset: "missing-tenant",
    }
    assert "camille" not in repr(store.stray).lower()
    assert store.progress[0] == nameless.offset + 1


async def test_the_same_id_in_two_tenants_is_two_statements(processor: Processor, store: MemoryStore) -> None:
    statement = make_statement()
    await processor.process([make_record([statement]), make_record([statement], tenant="other")])

    mine = store.statements[TENANT][uuid.UUID(statement["id"])]
    theirs = store.statements["other"][uuid.UUID(statement["id"])]
    assert mine.actor != theirs.actor
    assert mine.fingerprint != theirs.fingerprint


async def test_an_outage_of_the_store_is_waited_out_and_nothing_is_stored_twice(
    processor: Processor, store: MemoryStore, pauses: list[float]
) -> None:
    for where in ("find_ids", "statements", "ledger", "progress"):
        store.fail_next(where, StoreUnavailable("down"))
    record = make_record([make_statement(), make_statement()])
    await processor.process([record])

    # Statements and ledger are written side by side, and fail side by side.
    assert pauses == [0.1, 0.2, 0.4]
    assert len(set(store.inserted)) == 2
    assert tally(store, record) == (2, 2, 0, 0)
    assert store.progress[0] == record.offset + 1


async def test_rows_that_clickhouse_refuses_are_found_and_the_others_stored(
    processor: Processor, store: MemoryStore
) -> None:
    store.refused_verbs = {"https://example.org/verbs/refused"}
    statements = [make_statement() for _ in range(9)]
    statements[4]["verb"] = {"id": "https://example.org/verbs/refused"}
    record = make_record(statements)
    await processor.process([record])

    assert tally(store, record) == (9, 8, 0, 1)
    assert store.dead_letters[TENANT][0, record.offset, 4].code == "rows-refused"


async def test_an_agent_that_identifies_nobody_is_a_dead_letter(
    processor: Processor, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Validation would refuse it first; what is tried here is that the second line holds as well.
    monkeypatch.setattr("stream_processors.reading.check_statements", lambda statements, version: statements)
    record = make_record([make_statement(), make_statement(actor={"name": "nobody"}), make_statement()])
    await processor.process([record])

    assert tally(store, record) == (3, 2, 0, 1)
    assert store.dead_letters[TENANT][0, record.offset, 1].code == "unidentified-agent"


async def test_a_fault_of_ours_in_one_statement_is_kept_and_logged_without_a_name(
    processor: Processor, store: MemoryStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> None:
        raise KeyError("camille.martin@example.org")

    monkeypatch.setattr("stream_processors.reading.enrich", fail)
    record = make_record([make_statement()])
    await processor.process([record])

    assert store.dead_letters[TENANT][0, record.offset, 0].code == "processing-error"
    assert "camille" not in caplog.text + repr([vars(one) for one in caplog.records])


async def test_a_statement_without_an_id_gets_the_same_one_when_it_is_read_again(
    processor: Processor, store: MemoryStore
) -> None:
    statement = make_statement()
    del statement["id"]
    record = make_record([statement])
    await processor.process([record])
    store.progress.clear()
    processor.forget_progress()
    await processor.process([record])

    assert len(set(store.inserted)) == 1
    assert tally(store, record) == (1, 1, 0, 0)


async def test_what_progress_says_is_stored_is_skipped(processor: Processor, store: MemoryStore) -> None:
    record = make_record([make_statement()])
    store.progress[0] = record.offset + 1
    await processor.process([record])
    assert store.inserted == []


class Crash(BaseException):
    """SIGKILL, as far as one process can play it."""


@given(
    cuts=st.lists(st.integers(1, 6), max_size=6),
    crashes=st.lists(
        st.sampled_from(["find_ids", "statements", "agents", "ledger", "progress", None]),
        max_size=6,
    ),
    choices=st.lists(st.integers(0, 3), min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_crashes_at_any_point_lose_nothing_and_count_nothing_twice(
    engine: Any,
    vault: Vault,
    master: Any,
    cuts: list[int],
    crashes: list[str | None],
    choices: list[int],
) -> None:
    """The oracle: statements in the order of the log, the first version of an id stands."""
    ids = [str(uuid.uuid4()) for _ in range(4)]
    log = [make_record([make_statement(id=ids[choice])], offset=index) for index, choice in enumerate(choices)]
    store = MemoryStore()
    position, crash_plan = 0, iter(crashes)
    for size in itertools.chain(cuts, itertools.repeat(3)):
        if position >= len(log):
            break
        restarted = Processor(store, vault, master, Standing(engine).find)
        point = next(crash_plan, None)
        if point is not None:
            store.fail_next(point, Crash())
        try:
            await restarted.process(log[position : position + size])
        except Crash:
            continue
        else:
            position += size
        finally:
            store.failures.clear()

    assert {str(one) for one in store.statements[TENANT]} == {ids[choice] for choice in choices}
    # What is read again after a crash is written again, and replaces itself: an id never comes from two places.
    assert len(set(store.inserted)) == len(store.statements[TENANT])
    rows = store.ledger[TENANT].values()
    assert len(rows) == len(choices)
    assert sum(row.stored for row in rows) == len(set(choices))
    assert sum(row.duplicate for row in rows) == len(choices) - len(set(choices))
    first_offsets = {ids[choice]: choices.index(choice) for choice in choices}
    assert {str(one): row.offset for one, row in store.statements[TENANT].items()} == first_offsets


def test_a_token_names_topic_partitions_and_offsets() -> None:
    records = [make_record([], offset=offset, partition=partition) for partition, offset in [(1, 7), (0, 3), (1, 9)]]
    assert name_token(records) == f"{TOPIC}/0:3-3,1:7-9"


async def test_a_dead_letter_does_not_repeat_a_key_that_the_sender_made_up(
    processor: Processor, store: MemoryStore
) -> None:
    record = make_record([make_statement(context={"camille.martin@example.org": 1})])
    await processor.process([record])
    letter = store.dead_letters[TENANT][0, record.offset, 0]
    assert letter.pointer == "/context/…"
    assert "camille" not in repr(letter).lower()


def make_attested(vault: Vault, statements: list[Any], fingerprints: list[str], tenant: str = TENANT) -> IncomingRecord:
    record = make_record(statements, tenant=tenant)
    attestation = attest(vault.tenant_keys(TENANT), str(parse_headers(record.headers)), record.value, fingerprints)
    return replace(record, headers=(*record.headers, (ATTESTATION, attestation)))


async def test_a_record_that_our_lrs_attests_is_taken_at_its_word(
    processor: Processor, store: MemoryStore, vault: Vault
) -> None:
    statement = make_statement()
    record = make_attested(vault, [statement], ["ab" * 16])
    await processor.process([record])
    assert store.statements[TENANT][uuid.UUID(statement["id"])].fingerprint == "ab" * 16


@pytest.mark.parametrize("fingerprints", [[], ["ab" * 16, "cd" * 16]])
async def test_an_attestation_that_does_not_fit_spares_nothing(
    processor: Processor, store: MemoryStore, vault: Vault, fingerprints: list[str]
) -> None:
    record = make_attested(vault, [make_statement(verb={"id": "not an iri"})], fingerprints)
    await processor.process([record])
    assert tally(store, record) == (1, 0, 0, 1)


async def test_an_attestation_of_one_tenant_spares_nothing_in_another(
    processor: Processor, store: MemoryStore, vault: Vault
) -> None:
    record = make_attested(vault, [make_statement(verb={"id": "not an iri"})], ["ab" * 16], tenant="other")
    await processor.process([record])
    assert tally(store, record, "other") == (1, 0, 0, 1)


async def test_an_altered_record_is_checked_as_any_other(
    processor: Processor, store: MemoryStore, vault: Vault
) -> None:
    sound = make_attested(vault, [make_statement()], ["ab" * 16])
    altered = replace(sound, value=sound.value.replace(b'"http://adlnet.gov', b'"no iri'))
    await processor.process([altered])
    assert tally(store, altered) == (1, 0, 0, 1)


async def test_voidings_and_references_to_what_has_not_come_are_written_beside_the_statements(
    processor: Processor, store: MemoryStore
) -> None:
    there, missing = make_statement(), str(uuid.uuid4())
    voided = {"id": "http://adlnet.gov/expapi/verbs/voided"}
    voiding = make_statement(verb=voided, object={"objectType": "StatementRef", "id": there["id"]})
    comment = make_statement(object={"objectType": "StatementRef", "id": missing})
    await processor.process([make_record([there])])
    await processor.process([make_record([voiding, comment])])

    assert store.voidings[TENANT].keys() == {(uuid.UUID(there["id"]), uuid.UUID(voiding["id"]))}
    (reference,) = store.open_references[TENANT].values()
    assert (reference.target, reference.id) == (uuid.UUID(missing), uuid.UUID(comment["id"]))
    row = store.statements[TENANT][uuid.UUID(voiding["id"])]
    assert row.inherited == [store.statements[TENANT][uuid.UUID(there["id"])].terms]
