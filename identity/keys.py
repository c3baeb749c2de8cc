"""Keys held in memory: the master key that opens the vault, and the keys of one tenant.

Their text form never shows a byte of them, so that no log or traceback can.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from identity.errors import MasterKeyUnusable, VaultUnavailable

KEY_BYTES = 32
NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class TenantKeys:
    """The keys of one tenant, 32 bytes each. `version` is the pseudonym key's."""

    tenant: str
    version: int
    pseudonym: bytes = field(repr=False)
    fingerprint: bytes = field(repr=False)
    dead_letter: bytes = field(repr=False)
    content: bytes = field(repr=False)
    """Seals what is kept beside statements and is nobody's in particular: attachments, activity profiles."""


class MasterKey:
    """The key that wraps every other one; whoever has it and the database can identify every learner."""

    __slots__ = ("_cipher",)

    def __init__(self, key: bytes) -> None:
        """Take 32 random bytes; raises MasterKeyUnusable for any other length."""
        if len(key) != KEY_BYTES:
            raise MasterKeyUnusable(f"A master key has {KEY_BYTES} bytes: make one with `jalon up`.")
        self._cipher = AESGCM(key)

    def __repr__(self) -> str:
        return "MasterKey(…)"

    @classmethod
    def read(cls, path: Path | str, *, create: bool = False) -> MasterKey:
        """Return the key in the file at `path`: 32 bytes in base64, readable by its owner alone.

        With `create`, a missing file is made first, whole or not at all; several processes that do so at once
        get the same key. Raises MasterKeyUnusable.
        """
        path = Path(path)
        try:
            if create and not path.exists():
                _create_key_file(path)
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(1024)
        except FileNotFoundError:
            raise MasterKeyUnusable(
                f"There is no master key at {path}: restore it from its backup, or start anew with `jalon up`."
            ) from None
        except OSError as error:
            raise MasterKeyUnusable(f"The master key {path} cannot be read: {error.strerror}.") from None
        if stat.S_IMODE(mode) & 0o077:
            raise MasterKeyUnusable(f"The master key {path} is open to other users: run `chmod 600 {path}`.")
        try:
            key = base64.b64decode(content.strip(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            raise MasterKeyUnusable(
                f"The master key {path} is not {KEY_BYTES} bytes in base64: restore it from its backup."
            )
        return cls(key)

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
                f"The master key does not open the {purpose} key of tenant {tenant!r}: "
                "check that the master key file is the one this database was made with."
            ) from None


def _binding(tenant: str, purpose: str, identifier: str) -> bytes:
    return f"jalon\0{tenant}\0{purpose}\0{identifier}".encode()


def _create_key_file(path: Path) -> None:
    descriptor, draft = tempfile.mkstemp(prefix=".master-key-", dir=path.parent)  # 0600 from the start
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            Path(path).hardlink_to(draft)  # unlike a rename, it never replaces another process's key
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()
