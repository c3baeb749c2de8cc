"""Keys held in memory: those that wrap others, and the keys of one tenant.

Their text form never shows a byte of them, so that no log or traceback can.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from identity.errors import MasterKeyUnusable, VaultUnavailable

KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """The keys of one tenant, 32 bytes each. `version` is the pseudonym key's; `older` are those before it, newest
    first, under which the same identifiers have other pseudonyms.
    """

    tenant: str
    version: int
    pseudonym: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    dead_letter: bytes = field(repr=False)
    content: bytes = field(repr=False)
    """Seals what is kept beside statements and is nobody's in particular: attachments, activity profiles."""
    older: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)

    def list_versions(self) -> list[TenantKeys]:
        """Return these keys as they are and as they were under each older pseudonym key, the newest first."""
        return [self, *(replace(self, version=version, pseudonym=key, older=()) for version, key in self.older)]


class MasterKey:
    """A key that wraps others: the master key, which wraps the vault's, and the vault's, which wraps all the rest.

    Whoever has one of them and the database can identify every learner.
    """

    __slots__ = ("_cipher", "_key")

    def __init__(self, key: bytes) -> None:
        """Take 32 random bytes; raises MasterKeyUnusable for any other length."""
        if len(key) != KEY_BYTES:
            raise MasterKeyUnusable(f"A key that wraps others has {KEY_BYTES} bytes.")
        self._key = key
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "MasterKey(…)"

    def derive(self, purpose: str) -> bytes:
        """Return another key of 32 bytes, always the same for one purpose, that tells nothing of this one."""
        return HKDFExpand(SHA256(), KEY_BYTES, f"jalon {purpose}".encode()).derive(self._key)

    def wrap(self, key: bytes, *, tenant: str, purpose: str, id: str) -> bytes:  # noqa: A002 (the field's name)
        """Return `key` encrypted so that it opens for this tenant, purpose and id only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key, _binding(tenant, purpose, id))

    def unwrap(self, wrapped: bytes, *, tenant: str, purpose: str, id: str) -> bytes:  # noqa: A002 (the field's name)
        """Return what `wrap` was given. Raises VaultUnavailable when it does not open."""
        try:
            return self._cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], _binding(tenant, purpose, id))
        except (InvalidTag, ValueError):
            raise VaultUnavailable(
                f"The {purpose} key of tenant {tenant!r} does not open under this vault's key: "
                "compare the database with its backups."
            ) from None


def draw_key() -> bytes:
    """Return a new random key of 32 bytes."""
    return secrets.token_bytes(KEY_BYTES)


def _binding(tenant: str, purpose: str, identifier: str) -> bytes:
    return f"jalon\0{tenant}\0{purpose}\0{identifier}".encode()
