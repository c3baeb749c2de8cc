"""From settled candidates to the rows of the tenant's tables, with every identity replaced and sealed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol
from uuid import UUID

from clickhouse.persons import PersonRow
from clickhouse.statements import VOIDED, Row
from identity.policy import Policy
from identity.sealing import Sealed, name_authority, pseudonymise, seal_agent, seal_definition
from stream_processors.conformance import tell_conformance
from stream_processors.enrichment import enrich
from stream_processors.reading import Candidate, TenantBatch
from stream_processors.relations import find_reference, list_terms
from stream_processors.seen import Seen


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
    sealed: str


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


class FindLearnerKeys(Protocol):
    """Gives learners' keys, as Vault.learner_keys does."""

    def __call__(
        self,
        tenant: str,
        pseudonyms: Iterable[str],
        *,
        version: int | None = None,
        older: Mapping[str, Sequence[str]] | None = None,
    ) -> dict[str, bytes]:
        """Return a key for each pseudonym, made where there was none."""


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_CHECKED = ("", "", "", "")


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
    version: str
    defines: bool
    fingerprint: str
    replayed_at: datetime | None
    persons: list[str]
    readable: bool


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


TenantRow = Row | ActivityRow | AgentRow | VoidingRow | OpenReferenceRow | LedgerRow | DeadLetterRow | PersonRow
SharedRow = StrayRow | ProgressRow
TABLES: dict[type[TenantRow | SharedRow], str] = {
    Row: "statements",
    ActivityRow: "activities",
    AgentRow: "agents",
    VoidingRow: "voidings",
    OpenReferenceRow: "open_references",
    LedgerRow: "ledger",
    DeadLetterRow: "dead_letters",
    PersonRow: "persons",
    StrayRow: "dead_letters",
    ProgressRow: "progress",
}
"""Which table each kind of row belongs to, of the tenant's or, for SharedRow, of all tenants'."""


def seal_statements(
    batch: TenantBatch, candidates: Sequence[Candidate], learner_keys: FindLearnerKeys, policy: Policy
) -> list[Sealed]:
    """Pseudonymise and seal candidates of one tenant, as its policy has it.

    Raises UnidentifiedAgent, and VaultUnavailable: then nothing may be written.
    """
    keys = batch.keys
    return pseudonymise(
        [candidate.statement for candidate in candidates],
        keys,
        lambda names: learner_keys(keys.tenant, names, version=keys.version, older=names),
        policy,
        _rename(batch, candidates),
    )


def to_rows(
    batch: TenantBatch,
    candidates: Sequence[Candidate],
    sealed: Sequence[Sealed],
    learner_keys: FindLearnerKeys,
    seen: Seen,
) -> TenantRows:
    """Return the rows of candidates that were sealed. Raises VaultUnavailable: then nothing may be written."""
    return TenantRows(
        [_to_row(candidate, one, batch) for candidate, one in zip(candidates, sealed, strict=True)],
        _to_activity_rows(batch, candidates, sealed, learner_keys, seen),
        _to_agent_rows(batch, candidates, sealed, learner_keys, seen),
    )


def _rename(batch: TenantBatch, candidates: Sequence[Candidate]) -> Callable[[int, tuple[str, ...]], str] | None:
    """Return how those are named who were erased: by when their statement was accepted."""
    erased, keys = batch.erased, batch.keys
    if not erased:
        return None
    return lambda index, names: erased.name(keys, names, candidates[index].record.timestamp)


def _to_activity_rows(
    batch: TenantBatch,
    candidates: Sequence[Candidate],
    sealed: Sequence[Sealed],
    learner_keys: FindLearnerKeys,
    seen: Seen,
) -> list[ActivityRow]:
    keys = batch.keys
    rows = []
    for candidate, one, new in seen.list_new_definitions(keys.tenant, zip(candidates, sealed, strict=True)):
        record, is_whole = candidate.record, new.original == new.content
        box = ""
        if not is_whole:
            owners = one.owners
            box = seal_definition(new.activity, new.original, owners, learner_keys(keys.tenant, owners))
        rows.append(
            ActivityRow(
                new.activity,
                # Keyed where something was taken out, because what that was could be tried.
                _digest(new.original, b"" if is_whole else keys.fingerprint),
                to_datetime(record.timestamp),
                record.partition,
                record.offset,
                candidate.position,
                new.content.decode(),
                box,
            )
        )
    return rows


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
        if original[0] not in batch.erased
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
    """Return one row for each of the tenant's records in the batch, but for those past the ledger's period."""
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
        if record.timestamp >= batch.ledger_since
    ]


def to_datetime(milliseconds: int) -> datetime:
    """Return milliseconds since 1970 UTC as an aware datetime."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def _to_row(candidate: Candidate, sealed: Sealed, batch: TenantBatch) -> Row:
    record = candidate.record
    # What boards show comes from what is stored: neither a name nor an IRI that the policy hides is in a column.
    columns = enrich(sealed.statement, batch.zone) if sealed.redacted else candidate.enrichment
    conformance, profile, template, failed_rule = tell_conformance(candidate, sealed) or _NOT_CHECKED
    return Row(
        id=candidate.id,
        stored=record.timestamp,
        timestamp=columns.timestamp,
        source=batch.tallies[record].source,
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
        conformance=conformance,
        profile=profile,
        template=template,
        failed_rule=failed_rule,
        statement=sealed.text,
        sealed=sealed.sealed,
        fingerprint=candidate.fingerprint,
        terms=list_terms(sealed.statement, batch.keys),
        inherited=(),
        refers_to=find_reference(sealed.statement),
        open_reference=None,
        partition=record.partition,
        offset=record.offset,
        position=candidate.position,
    )
