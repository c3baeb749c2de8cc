"""How the LRS tells the stream processors, past any doubt, that it has checked a record, so that they need not again.

Producers write to Kafka too, so nothing about a record is taken for granted. But a record that carries a keyed digest
over all of it, under a key that only this product's own processes can have of the vault, was written by one of them.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from identity.fingerprint import FINGERPRINT_CHARACTERS
from identity.keys import TenantKeys

_DIGEST_BYTES = 16
_FINGERPRINT_BYTES = FINGERPRINT_CHARACTERS // 2
_PURPOSE = b"jalon checked"  # BLAKE2's own way to keep uses of one key apart


def attest(keys: TenantKeys, origin: str, value: bytes, fingerprints: Sequence[str]) -> bytes:
    """Return the attestation that the statements in `value` are valid and have these fingerprints, in their order.

    `origin` is what else about the record must not be altered: whose it is and how it is to be read.
    """
    told = b"".join(bytes.fromhex(fingerprint) for fingerprint in fingerprints)
    return _digest(keys, origin, value, told) + told


def read_attestation(keys: TenantKeys, origin: str, value: bytes, attestation: bytes) -> list[str] | None:
    """Return the fingerprints attested, None when the attestation is not one of this very record."""
    digest, told = attestation[:_DIGEST_BYTES], attestation[_DIGEST_BYTES:]
    if len(told) % _FINGERPRINT_BYTES or not hmac.compare_digest(digest, _digest(keys, origin, value, told)):
        return None
    return [told[place : place + _FINGERPRINT_BYTES].hex() for place in range(0, len(told), _FINGERPRINT_BYTES)]


def _digest(keys: TenantKeys, origin: str, value: bytes, told: bytes) -> bytes:
    digest = hashlib.blake2b(key=keys.fingerprint, digest_size=_DIGEST_BYTES, person=_PURPOSE)
    for part in (origin.encode(), told):
        digest.update(len(part).to_bytes(8, "little") + part)
    digest.update(value)
    return digest.digest()
