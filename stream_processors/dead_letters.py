"""From what was refused to the rows that keep it: sealed, and with no more told than where it was and why."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity.keys import NONCE_BYTES, MasterKey
from stream_processors.erased_persons import find_named, names_erased
from stream_processors.reading import IncomingRecord, Refused, TenantBatch
from stream_processors.rows import DeadLetterRow, StrayRow, to_datetime


def to_dead_letter_rows(batch: TenantBatch) -> list[DeadLetterRow]:
    """Return what was refused and is within its period, the payload sealed under the tenant's dead-letter key.

    Beside it are the pseudonyms of whom it names, for an erasure to find it by. Of a person who is erased already
    nothing is kept but that there was something: the payload is "".
    """
    return [
        _to_dead_letter_row(batch, refused)
        for refused in batch.refused
        if refused.record.timestamp >= batch.dead_letters_since
    ]


def _to_dead_letter_row(batch: TenantBatch, refused: Refused) -> DeadLetterRow:
    record, reason, keys = refused.record, refused.reason, batch.keys
    tally, sealed = batch.tallies[record], seal_payload(keys.dead_letter, refused.payload, record)
    named, readable = find_named(refused.payload, keys)
    if names_erased(batch, named, record.timestamp):
        sealed, named, readable = "", frozenset(), True
    return DeadLetterRow(
        record.topic,
        record.partition,
        record.offset,
        refused.position,
        to_datetime(record.timestamp),
        tally.source,
        reason.code,
        reason.rule,
        reason.pointer,
        reason.detail,
        sealed,
        tally.version,
        tally.defines,
        refused.fingerprint,
        None,
        sorted(batch.erased.name(keys, names, record.timestamp) for names in named),
        readable,
    )


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
    nonce = os.urandom(NONCE_BYTES)
    return base64.b64encode(nonce + AESGCM(key).encrypt(nonce, payload, _name_place(*record.place).encode())).decode()


def open_payload(key: bytes, sealed: str, *, topic: str, partition: int, offset: int) -> bytes:
    """Give back what seal_payload sealed; raises cryptography's InvalidTag for another key or place."""
    raw = base64.b64decode(sealed)
    return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], _name_place(topic, partition, offset).encode())


def _name_place(topic: str, partition: int, offset: int) -> str:
    return f"{topic}/{partition}/{offset}"
