"""How an attachment lies in the object store: sealed in chunks, so that a large one streams both ways.

The chunks are those of the STREAM construction: AES-256-GCM under a key that only this object has (HKDF of the
tenant's key and a random salt), with a nonce made of the chunk's number and of whether it is the last. So none can be
left out, added, put in another place or moved to another object without the next `update` or `finish` refusing it.

An object is a format byte, 32 bytes of salt, then chunks of 65,552 bytes (64 KiB and their tag), the last one shorter
or as long.
"""

from __future__ import annotations

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
_SALT_BYTES: Final = 32
_FORMAT: Final = b"\x01"
_HEADER_BYTES: Final = len(_FORMAT) + _SALT_BYTES
_KEY_BYTES: Final = 32
_COUNTER_BYTES: Final = 11  # of a nonce's 12; the last is the flag


class DamagedContent(Exception):
    """The sealed bytes are not, whole and in order, what was sealed for this place under this key."""


class Sealer:
    """Seals one object. `binding` says whose and which it is; it opens under the same one only."""

    def __init__(self, key: bytes, binding: bytes) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._cipher = _Cipher(key, salt, binding)
        self._ready = _FORMAT + salt
        self._held = bytearray()

    def update(self, data: bytes) -> bytes:
        """Take more of the content; return what is sealed so far and was not returned yet."""
        self._held += data
        pieces = [self._ready]
        self._ready = b""
        # The last chunk is another one than a middle one, so one chunk waits until more is there.
        while len(self._held) > CHUNK_BYTES:
            pieces.append(self._cipher.seal(bytes(self._held[:CHUNK_BYTES]), last=False))
            del self._held[:CHUNK_BYTES]
        return b"".join(pieces)

    def finish(self) -> bytes:
        """Return the rest of the object."""
        return self._ready + self._cipher.seal(bytes(self._held), last=True)


class Opener:
    """Opens one object, in pieces of any size."""

    def __init__(self, key: bytes, binding: bytes) -> None:
        self._key = key
        self._binding = binding
        self._cipher: _Cipher | None = None
        self._held = bytearray()

    def update(self, data: bytes) -> bytes:
        """Take more of the object; return the content that is certain. Raises DamagedContent."""
        self._held += data
        if self._cipher is None:
            if len(self._held) < _HEADER_BYTES:
                return b""
            if self._held[: len(_FORMAT)] != _FORMAT:
                raise DamagedContent("the object has another format")
            self._cipher = _Cipher(self._key, bytes(self._held[len(_FORMAT) : _HEADER_BYTES]), self._binding)
            del self._held[:_HEADER_BYTES]
        pieces = []
        while len(self._held) > CHUNK_BYTES + TAG_BYTES:
            pieces.append(self._cipher.open(bytes(self._held[: CHUNK_BYTES + TAG_BYTES]), last=False))
            del self._held[: CHUNK_BYTES + TAG_BYTES]
        return b"".join(pieces)

    def finish(self) -> bytes:
        """Return the rest of the content. Raises DamagedContent, also when the object is not there to its end."""
        if self._cipher is None:
            raise DamagedContent("the object has no header")
        return self._cipher.open(bytes(self._held), last=True)


class _Cipher:
    """Counts chunks and seals or opens each under its number."""

    def __init__(self, key: bytes, salt: bytes, binding: bytes) -> None:
        derived = HKDF(SHA256(), _KEY_BYTES, salt, b"jalon\0attachment\0" + _FORMAT + binding).derive(key)
        self._cipher = AESGCM(derived)
        self._count = 0

    def seal(self, chunk: bytes, *, last: bool) -> bytes:
        return self._cipher.encrypt(self._nonce(last=last), chunk, None)

    def open(self, sealed: bytes, *, last: bool) -> bytes:
        try:
            return self._cipher.decrypt(self._nonce(last=last), sealed, None)
        except (InvalidTag, ValueError):
            raise DamagedContent(f"chunk {self._count - 1} does not open") from None

    def _nonce(self, *, last: bool) -> bytes:
        nonce = self._count.to_bytes(_COUNTER_BYTES, "big") + bytes([last])
        self._count += 1
        return nonce
