"""First wins: which candidates are new, which are the same again, and which contradict a known statement."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from clickhouse.statements import Existing
from stream_processors.errors import DeadLetter
from stream_processors.reading import Candidate, TenantBatch
from xapi_profiles.json_text import dump_json


def settle(batch: TenantBatch, existing: Mapping[UUID, Existing]) -> list[Candidate]:
    """Return the candidates to insert, and count every one: stored, duplicate, or dead for contradicting.

    A candidate that is itself already stored (the same place in the log, read again after a crash) counts as stored and
    is inserted again: the crash may have come between its row and what ClickHouse derives from it, and the same row
    replaces itself. Candidates come in the order of appending, so the first version of an id in a batch wins.
    """
    known = dict(existing)
    new = []
    for candidate in batch.candidates:
        record = candidate.record
        tally = batch.tallies[record]
        first = known.get(candidate.id)
        if first is None:
            known[candidate.id] = Existing(candidate.fingerprint, record.partition, record.offset, candidate.position)
            new.append(candidate)
            tally.stored += 1
        elif (first.partition, first.offset, first.position) == (
            record.partition,
            record.offset,
            candidate.position,
        ):
            new.append(candidate)
            tally.stored += 1
        elif first.fingerprint == candidate.fingerprint:
            tally.duplicate += 1
        else:
            reason = DeadLetter(
                "conflict",
                "A different statement with this id is already stored; the first one stands.",
                rule="XAPI-00142",
            )
            batch.refuse(record, candidate.position, reason, dump_json(candidate.statement), candidate.fingerprint)
    return new
