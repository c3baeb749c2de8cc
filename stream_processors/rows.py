"""From settled candidates to the rows of the tenant's tables, with every identity replaced and sealed."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clickhouse.statements import VOIDED, Row
from identity.keys import MasterKey
from identity.sealing import Sealed, name_authority, pseudonymise, seal_agent
from stream_processors.reading import Candidate, IncomingRecord, Refused, TenantBatch
from stream_processors.relations import find_reference, list_terms
from stream_processors.seen import Seen
from xapi_profiles.json_text import dump_json


class AgentRow(NamedTuple):
    """The columns of `agents`: a form in which an agent was named."""

    pseudonym: str
    digest: int
    stored: datetime
    sealed: str


class ActivityRow(NamedTuple):
    """The columns of `activities`: a definition that an activity was given."""

    id: str
    digest: int
    stored: datetime
    partition: int
    offset: int
    position: int
    definition: str


class VoidingRow(NamedTuple):
    """The columns of `voidings`: what is voided, and by which statement."""

    target: UUID
    id: UUID


class OpenReferenceRow(NamedTuple):
    """The columns of `open_references`: a reference to what had not come yet."""

    target: UUID
    id: UUID
    stored: int
    partition: int
    offset: int
    position: int


class TenantRows(NamedTuple):
    """What is inserted of a batch into one tenant's database, beside its ledger and dead letters."""

    statements: list[Row]
    activities: list[ActivityRow]
    agents: list[AgentRow]


FindLearnerKeys = Callable[[str, Iterable[str]], dict[str, bytes]]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NONCE_BYTES = 12


class LedgerRow(NamedTuple):
    """The columns of `ledger`: what became of one record."""

    topic: str
    partition: int
    offset: int
    source: str
    at: datetime
    accepted: int
    stored: int
    duplicate: int
    dead: int


class DeadLetterRow(NamedTuple):
    """The columns of a tenant's `dead_letters`."""

    topic: str
    partition: int
    offset: int
    position: int
    at: datetime
    source: str
    code: str
    rule: str
    pointer: str
    detail: str
    payload: str


class StrayRow(NamedTuple):
    """The columns of the shared `dead_letters`: records of no known tenant."""

    topic: str
    partition: int
    offset: int
    at: datetime
    code: str
    detail: str
    payload: str


class ProgressRow(NamedTuple):
    """The columns of `progress`."""

    topic: str
    partition: int
    next_offset: int


def to_rows(
    batch: TenantBatch, candidates: Sequence[Candidate], learner_keys: FindLearnerKeys, seen: Seen
) -> TenantRows:
    """Pseudonymise and seal candidates of one tenant. Raises VaultUnavailable: then nothing may be written."""
    keys = batch.keys
    statements = [candidate.statement for candidate in candidates]
    sealed = pseudonymise(statements, keys, lambda pseudonyms: learner_keys(keys.tenant, pseudonyms))
    return TenantRows(
        [
            _to_row(candidate, one, batch.tallies[candidate.record].source)
            for candidate, one in zip(candidates, sealed, strict=True)
        ],
        [
            ActivityRow(
                activity,
                _digest(definition, b""),
                to_datetime(candidate.record.timestamp),
                candidate.record.partition,
                candidate.record.offset,
                candidate.position,
                definition.decode(),
            )
            for candidate, activity, definition in seen.list_new_definitions(keys.tenant, candidates)
        ],
        _to_agent_rows(batch, candidates, sealed, learner_keys, seen),
    )


def _to_agent_rows(
    batch: TenantBatch,
    candidates: Sequence[Candidate],
    sealed: Sequence[Sealed],
    learner_keys: FindLearnerKeys,
    seen: Seen,
) -> list[AgentRow]:
    keys = batch.keys
    originals = [
        (candidate.record.timestamp, *original)
        for candidate, one in zip(candidates, sealed, strict=True)
        for original in one.originals
    ]
    new = list(seen.list_new_agents(keys.tenant, originals))
    if not new:
        return []
    sealing = learner_keys(keys.tenant, {pseudonym for _, pseudonym, _ in new})
    return [
        AgentRow(
            pseudonym,
            # Keyed, because few people share a name and all names can be tried.
            _digest(original, keys.fingerprint),
            to_datetime(timestamp),
            seal_agent(pseudonym, original, sealing[pseudonym]),
        )
        for timestamp, pseudonym, original in new
    ]


def to_voiding_rows(rows: Iterable[Row]) -> list[VoidingRow]:
    """Return what rows void, whether or not it is there."""
    return [VoidingRow(row.refers_to, row.id) for row in rows if row.refers_to is not None and row.verb == VOIDED]


def to_open_reference_rows(rows: Iterable[Row]) -> list[OpenReferenceRow]:
    """Return which rows refer to what had not come."""
    return [
        OpenReferenceRow(row.open_reference, row.id, row.stored, row.partition, row.offset, row.position)
        for row in rows
        if row.open_reference is not None
    ]


def _digest(content: bytes, key: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8, key=key).digest(), "little")


def to_ledger_rows(batch: TenantBatch) -> list[LedgerRow]:
    """Return one row for each of the tenant's records in the batch."""
    return [
        LedgerRow(
            record.topic,
            record.partition,
            record.offset,
            tally.source,
            to_datetime(record.timestamp),
            tally.accepted,
            tally.stored,
            tally.duplicate,
            tally.dead,
        )
        for record, tally in batch.tallies.items()
    ]


def to_dead_letter_rows(batch: TenantBatch) -> list[DeadLetterRow]:
    """Return what was refused, its payload sealed under the tenant's dead-letter key."""
    return [
        DeadLetterRow(
            refused.record.topic,
            refused.record.partition,
            refused.record.offset,
            refused.position,
            to_datetime(refused.record.timestamp),
            batch.tallies[refused.record].source,
            refused.reason.code,
            refused.reason.rule,
            refused.reason.pointer,
            refused.reason.detail,
            seal_payload(batch.keys.dead_letter, refused.payload, refused.record),
        )
        for refused in batch.refused
    ]


def to_stray_rows(stray: Iterable[Refused], master: MasterKey) -> list[StrayRow]:
    """Return the records of no known tenant, their payload sealed under the operator's master key."""
    return [
        StrayRow(
            refused.record.topic,
            refused.record.partition,
            refused.record.offset,
            to_datetime(refused.record.timestamp),
            refused.reason.code,
            refused.reason.detail,
            base64.b64encode(
                master.wrap(refused.payload, tenant="", purpose="stray", id=_name_place(*refused.record.place))
            ).decode(),
        )
        for refused in stray
    ]


def seal_payload(key: bytes, payload: bytes, record: IncomingRecord) -> str:
    """Seal a dead letter's payload under a tenant's key (AES-GCM, bound to its place in the log), as base64."""
    nonce = os.urandom(_NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, payload, _name_place(*record.place).encode())).decode()


def open_payload(key: bytes, sealed: str, *, topic: str, partition: int, offset: int) -> bytes:
    """Give back what seal_payload sealed; raises cryptography's InvalidTag for another key or place."""
    raw = base64.b64decode(sealed)
    return AESGCM(key).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], _name_place(topic, partition, offset).encode())


def to_datetime(milliseconds: int) -> datetime:
    """Return milliseconds since 1970 UTC as an aware datetime."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _name_place(topic: str, partition: int, offset: int) -> str:
    return f"{topic}/{partition}/{offset}"


def _to_row(candidate: Candidate, sealed: Sealed, source: str) -> Row:
    record, columns = candidate.record, candidate.enrichment
    return Row(
        id=candidate.id,
        stored=record.timestamp,
        timestamp=columns.timestamp,
        source=source,
        actor=sealed.actor,
        authority=name_authority(sealed.statement["authority"]),
        verb=columns.verb,
        activity=columns.activity.id,
        activity_type=columns.activity_type,
        activity_name=columns.activity.name,
        registration=columns.registration,
        session=columns.session.id,
        session_name=columns.session.name,
        module=columns.module.id,
        module_name=columns.module.name,
        pathway=columns.pathway.id,
        pathway_name=columns.pathway.name,
        modality=columns.modality,
        place=columns.place,
        connection=columns.connection,
        half_day=columns.half_day,
        planned_start=columns.planned_start,
        planned_seconds=columns.planned_seconds,
        duration_ms=columns.duration_ms,
        completion=columns.completion,
        success=columns.success,
        score_scaled=columns.score_scaled,
        statement=dump_json(sealed.statement).decode(),
        sealed=sealed.sealed,
        fingerprint=candidate.fingerprint,
        terms=list_terms(sealed.statement),
        inherited=(),
        refers_to=find_reference(sealed.statement),
        open_reference=None,
        partition=record.partition,
        offset=record.offset,
        position=candidate.position,
    )
