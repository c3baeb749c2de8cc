"""Boxes: what is sealed under learners' keys, each bound to its place: base64 of a nonce and AES-256-GCM ciphertext."""

from __future__ import annotations

import binascii
import functools
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity.keys import NONCE_BYTES
from xapi_profiles.json_text import parse_json


def bind(identifier: str, pointer: str) -> bytes:
    """Return what binds a box to its statement and place, so that none can be moved to another."""
    return f"{identifier}\n{pointer}".encode()


def join_keys(owners: Sequence[str], learner_keys: Mapping[str, bytes]) -> bytes:
    """Return the key of one learner, or the one that the keys of several make together. Raises KeyError."""
    if len(owners) == 1:
        return learner_keys[owners[0]]
    return hashlib.sha256(b"jalon group" + b"".join(learner_keys[name] for name in owners)).digest()


def seal_box(original: bytes, key: bytes, binding: bytes, nonce: bytes) -> str:
    """Seal; the nonce is random and used once."""
    return binascii.b2a_base64(nonce + _cipher(key).encrypt(nonce, original, binding), newline=False).decode()


def open_box(token: str, owners: Sequence[str], learner_keys: Mapping[str, bytes], binding: bytes) -> Any:  # noqa: ANN401 (what was sealed, or None)
    """Return the JSON that was sealed, None where a key is gone or another one made since."""
    if not all(name in learner_keys for name in owners):
        return None
    box = binascii.a2b_base64(token)
    try:
        plain = _cipher(join_keys(owners, learner_keys)).decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], binding)
    except InvalidTag:
        return None
    return parse_json(plain)


def forget_ciphers() -> None:
    """Forget the keys that were lately used: some of them may have been destroyed."""
    _cipher.cache_clear()


@functools.lru_cache(maxsize=50_000)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)
