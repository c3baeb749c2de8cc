"""What a document is at rest: found by keyed digests, and closed to whoever has the database alone.

The digests tell neither activity nor id; the seals open for this tenant, context and document only, under the
learner's own key, or under the tenant's where a document is nobody's in particular.
"""

from __future__ import annotations

import functools
import hmac
import os
from dataclasses import dataclass

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from identity.keys import KEY_BYTES, NONCE_BYTES, TenantKeys
from lrs.documents.places import Context

_DIGEST_CHARACTERS = 32
_LABEL = "label"
_CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Label:
    """What is told of a document beside its content."""

    id: str
    activity: str
    content_type: str


@dataclass(frozen=True, slots=True)
class Place:
    """The row of one document."""

    tenant: str
    context: str
    registration: str
    name: str


def locate_context(keys: TenantKeys, context: Context) -> str:
    """Return the digest of a context: the same for every registration, which has a column of its own."""
    return _digest(keys, "context", context.resource, context.activity, context.agent)


def locate(keys: TenantKeys, context: Context, document_id: str) -> Place:
    """Return the place of a document."""
    return Place(
        keys.tenant,
        locate_context(keys, context),
        context.registration,
        _digest(keys, "name", document_id),
    )


def seal(key: bytes, place: Place, label: Label, content: bytes) -> tuple[bytes, bytes]:
    """Return label and content sealed under `key` for this place."""
    text = orjson.dumps([label.id, label.activity, label.content_type])
    return _seal(key, place, _LABEL, text), _seal(key, place, _CONTENT, content)


def open_label(key: bytes, place: Place, sealed: bytes) -> Label | None:
    """Return the label, or None when it does not open: the key that it was sealed under is gone."""
    text = _open(key, place, _LABEL, sealed)
    return None if text is None else Label(*orjson.loads(text))


def open_content(key: bytes, place: Place, sealed: bytes) -> bytes | None:
    """Return the content, or None when it does not open."""
    return _open(key, place, _CONTENT, sealed)


def _digest(keys: TenantKeys, *parts: str) -> str:
    # As a JSON array: no other parts come to the same text.
    message = orjson.dumps(parts)
    return hmac.digest(_look_up_key(keys.content), message, "sha256").hex()[:_DIGEST_CHARACTERS]


@functools.lru_cache(maxsize=1_000)
def _look_up_key(content: bytes) -> bytes:
    # One key seals and another one looks up, so that neither use tells anything of the other.
    return HKDFExpand(SHA256(), KEY_BYTES, b"jalon documents look-up").derive(content)


def _binding(place: Place, part: str) -> bytes:
    row = f"{place.tenant}\0{place.context}\0{place.registration}\0{place.name}"
    return f"jalon document\0{row}\0{part}".encode()


def _seal(key: bytes, place: Place, part: str, plain: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, _binding(place, part))


def _open(key: bytes, place: Place, part: str, sealed: bytes) -> bytes | None:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _binding(place, part))
    except InvalidTag:
        return None
