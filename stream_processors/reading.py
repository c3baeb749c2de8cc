"""From raw Kafka records to candidates for storing: the pure part that runs before ClickHouse is asked anything.

Producers write to Kafka directly, so nothing about a record is taken for granted: what does not hold becomes a dead
letter with its reason, never an exception of the stream.
"""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5
from zoneinfo import ZoneInfo

from identity.attestation import read_attestation
from identity.erasures import NOBODY, Erased
from identity.fingerprint import fingerprint
from identity.keys import TenantKeys
from identity.tenants import Tenant
from stream_processors.completion import complete
from stream_processors.enrichment import Enrichment, enrich
from stream_processors.errors import DeadLetter
from xapi_profiles.errors import InvalidStatement, MalformedJson, MalformedRecord
from xapi_profiles.json_text import dump_json, parse_json
from xapi_profiles.record import ATTESTATION, RecordOrigin, find_header, parse_headers
from xapi_profiles.statement import PROPERTY_NAMES
from xapi_profiles.templates import Conformance, ConformanceChecker
from xapi_profiles.validation import check_statements

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class IncomingRecord:
    """A Kafka record as it came: `timestamp` is the broker's append time in milliseconds, which becomes `stored`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    headers: tuple[tuple[str, bytes | None], ...]
    value: bytes

    @property
    def place(self) -> tuple[str, int, int]:
        """Topic, partition and offset, which name the record."""
        return self.topic, self.partition, self.offset


@dataclass(frozen=True, slots=True)
class Candidate:
    """A valid statement with its columns, to be stored unless its id is known."""

    record: IncomingRecord
    position: int
    id: UUID
    statement: dict[str, Any]
    fingerprint: str
    enrichment: Enrichment
    defines: bool
    """Whether the activities of the statement are given its definitions."""
    conformance: Conformance | None = None
    """How it stands to the profiles that it claims; None where that could not be found out."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A dead letter before it is sealed: the whole record, or the statement at `position` of it.

    `fingerprint` is that of a valid statement, which the payload has completed; "" where there was none to be had.
    """

    record: IncomingRecord
    position: int
    reason: DeadLetter
    payload: bytes
    fingerprint: str = ""


@dataclass(slots=True)
class Tally:
    """What became of one record's statements: accepted = stored + duplicate + dead."""

    source: str
    version: str
    defines: bool
    accepted: int = 0
    stored: int = 0
    duplicate: int = 0
    dead: int = 0


@dataclass(slots=True)
class TenantBatch:
    """The part of a batch that belongs to one tenant."""

    tenant: Tenant
    keys: TenantKeys
    zone: ZoneInfo
    checker: ConformanceChecker
    candidates: list[Candidate] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    tallies: dict[IncomingRecord, Tally] = field(default_factory=dict)
    erased: Erased = NOBODY
    dead_letters_since: int = 0
    """Of records appended before (milliseconds), no dead letter is kept any more, and of those before the next no row
    of the ledger."""
    ledger_since: int = 0

    def copy(self) -> TenantBatch:
        """Return a batch with counts and refusals of its own."""
        tallies = {record: replace(tally) for record, tally in self.tallies.items()}
        return replace(self, refused=list(self.refused), tallies=tallies)

    def refuse(
        self, record: IncomingRecord, position: int, reason: DeadLetter, payload: bytes, fingerprint: str = ""
    ) -> None:
        """Count and keep what cannot be stored."""
        self.refused.append(Refused(record, position, reason, payload, fingerprint))
        self.tallies[record].dead += 1


@dataclass(slots=True)
class Batch:
    """A batch of records, sorted by tenant; `stray` are the records of no known tenant.

    `dropped` counts, by tenant, the records of those that were removed: nothing of them is kept.
    """

    tenants: dict[str, TenantBatch] = field(default_factory=dict)
    stray: list[Refused] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)

    def copy(self) -> Batch:
        """Return a batch whose counts and refusals can go on without changing these: storing may be tried again."""
        return Batch({tenant: part.copy() for tenant, part in self.tenants.items()}, self.stray, self.dropped)


def read_records(
    records: Iterable[IncomingRecord],
    find_tenant: Callable[[str], Tenant | None],
    find_keys: Callable[[str], TenantKeys],
    find_checker: Callable[[str], ConformanceChecker],
) -> Batch:
    """Parse, validate, complete and enrich every statement of the records, in the order in which they were appended.

    Raises only what the look-ups raise when the vault is out of reach: then nothing of the batch is decided.
    """
    batch = Batch()
    for record in sorted(records, key=lambda record: (record.timestamp, record.partition, record.offset)):
        try:
            origin = parse_headers(record.headers)
        except MalformedRecord as error:
            batch.stray.append(Refused(record, 0, DeadLetter(error.code, str(error)), record.value))
            continue
        part = batch.tenants.get(origin.tenant)
        if part is None:
            tenant = find_tenant(origin.tenant)
            if tenant is None:
                reason = DeadLetter("unknown-tenant", "No tenant of this name exists; add it, then replay the record.")
                batch.stray.append(Refused(record, 0, reason, record.value))
                continue
            if tenant.is_gone:
                batch.dropped[origin.tenant] += 1
                continue
            part = batch.tenants[origin.tenant] = TenantBatch(
                tenant, find_keys(origin.tenant), ZoneInfo(tenant.timezone), find_checker(origin.tenant)
            )
        _read_record(record, origin, part)
    return batch


def _read_record(record: IncomingRecord, origin: RecordOrigin, part: TenantBatch) -> None:
    tally = part.tallies[record] = Tally(origin.source, origin.version, origin.defines)
    try:
        parsed = parse_json(record.value)
    except MalformedJson as error:
        tally.accepted = 1
        part.refuse(record, 0, DeadLetter(error.code, str(error)), record.value)
        return
    statements: Sequence[Any] = parsed if isinstance(parsed, list) else [parsed]
    if not statements:
        tally.accepted = 1
        part.refuse(record, 0, DeadLetter("empty-record", "The record holds no statement."), record.value)
        return
    tally.accepted = len(statements)
    fingerprints = _read_fingerprints(record, origin, part.keys, len(statements))
    whole_record_is_valid = fingerprints is not None or _is_valid(statements, origin.version)
    for position, statement in enumerate(statements):
        try:
            if not whole_record_is_valid:
                _check(statement, origin.version)
            digest = fingerprints[position] if fingerprints else fingerprint(statement, part.keys.fingerprint)
            part.candidates.append(_to_candidate(record, position, statement, origin, part, digest))
        except DeadLetter as reason:
            part.refuse(record, position, reason, dump_json(statement))
        except Exception as error:  # noqa: BLE001 (no exception leaves the stream)
            # A fault of ours in one statement must not stop the stream: it is kept, to be replayed when mended.
            # Only where it happened is logged: the text of an exception may hold a name.
            logger.error(  # noqa: TRY400 (see above)
                "statement-not-processed",
                extra={
                    "partition": record.partition,
                    "offset": record.offset,
                    "position": position,
                    "error": locate(error),
                },
            )
            part.refuse(
                record,
                position,
                DeadLetter("processing-error", type(error).__name__),
                dump_json(statement),
            )


def _read_fingerprints(
    record: IncomingRecord, origin: RecordOrigin, keys: TenantKeys, statements: int
) -> list[str] | None:
    """Return the fingerprints of a record that our own LRS has checked, None of any other."""
    attestation = find_header(record.headers, ATTESTATION)
    if attestation is None:
        return None
    fingerprints = read_attestation(keys, str(origin), record.value, attestation)
    return fingerprints if fingerprints is not None and len(fingerprints) == statements else None


def _is_valid(statements: Sequence[Any], version: str) -> bool:
    try:
        check_statements(statements, version)
    except InvalidStatement:
        return False
    return True


def _check(statement: object, version: str) -> None:
    """Raise a DeadLetter for a statement that is itself invalid; its neighbours in the record are not."""
    try:
        check_statements([statement], version)
    except InvalidStatement as error:
        problem = error.problems[0]
        raise DeadLetter(
            error.code, problem.message, rule=problem.rule, pointer=mask_pointer(problem.pointer.removeprefix("/0"))
        ) from None


def mask_pointer(pointer: str) -> str:
    """Keep of a JSON pointer what the specification names; a key that a sender made up may be a name."""
    return "/".join(
        part if not part or part.isdecimal() or part in PROPERTY_NAMES else "…" for part in pointer.split("/")
    )


def _to_candidate(
    record: IncomingRecord,
    position: int,
    statement: dict[str, Any],
    origin: RecordOrigin,
    part: TenantBatch,
    digest: str,
) -> Candidate:
    told_id = statement.get("id")
    # Without an id of its own, a statement is named by its place in the log: the same one when it is read again.
    statement_id = (
        UUID(told_id)
        if told_id
        else uuid5(NAMESPACE_URL, f"jalon:{record.topic}/{record.partition}/{record.offset}/{position}")
    )
    completed = complete(statement, statement_id, origin, record.timestamp)
    return Candidate(
        record,
        position,
        statement_id,
        completed,
        digest,
        enrich(completed, part.zone),
        origin.defines,
        _find_conformance(completed, part.checker),
    )


def _find_conformance(statement: dict[str, Any], checker: ConformanceChecker) -> Conformance | None:
    try:
        return checker.check(statement)
    except Exception as error:  # noqa: BLE001 (no statement is lost for what a profile asks)
        logger.error("conformance-not-checked", extra={"error": locate(error)})  # noqa: TRY400 (its text may hold a name)
        return None


def locate(error: BaseException) -> str:
    """Name the class of an exception and the line that raised it, without its text, which may hold a name."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return type(error).__name__ + place
