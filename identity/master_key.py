"""Where the master key comes from: a file or the environment; a key service is in identity/transit.py.

The master key does one thing: it wraps the vault's key, which lies in the database and wraps all others
(identity/vault_key.py). So it is asked for once when a process starts, never for a statement, and replacing it changes
one row while everything runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from identity.errors import MasterKeyUnusable, VaultUnavailable
from identity.key_files import create_key_file, decode_key, read_key_file, write_key_file
from identity.keys import KEY_BYTES, MasterKey, draw_key

_PLACE = {"tenant": "", "purpose": "vault", "id": "1"}


class MasterKeySource(Protocol):
    """Wraps and unwraps the vault's key. Its text form says where the master key is, and nothing of it."""

    @property
    def kind(self) -> str:
        """Return `file`, `environment` or `transit`."""

    def wrap(self, key: bytes) -> bytes:
        """Return `key` encrypted. Raises MasterKeyUnusable, or VaultUnavailable when it may pass."""

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what `wrap` was given. Raises MasterKeyUnusable, or VaultUnavailable when it may pass."""


class KeyFile:
    """A master key in a file that only its owner can read, one line of base64.

    While it is being replaced the file holds two lines, the new key first: a process that starts meanwhile opens the
    vault with either.
    """

    kind = "file"

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return f"the file {self.path}"

    def wrap(self, key: bytes) -> bytes:
        """Return `key` encrypted under the file's first key; a missing file is made. Raises MasterKeyUnusable."""
        if not self.path.exists():
            create_key_file(self.path)
        return MasterKey(read_key_file(self.path)[0]).wrap(key, **_PLACE)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what `wrap` was given. Never makes a file. Raises MasterKeyUnusable."""
        return _unwrap([MasterKey(key) for key in read_key_file(self.path)], wrapped, self)

    def begin_renewal(self) -> None:
        """Put a new key before the one that is there, unless an earlier renewal, broken off, has done so."""
        keys = read_key_file(self.path)
        if len(keys) == 1:
            write_key_file(self.path, [draw_key(), *keys])

    def end_renewal(self) -> None:
        """Take away the key that nothing is wrapped by any more."""
        write_key_file(self.path, read_key_file(self.path)[:1])


class KeyText:
    """A master key given as text, 32 bytes in base64; `variable` names where it stood, for people."""

    kind = "environment"

    def __init__(self, text: str, variable: str) -> None:
        self._text = text
        self._variable = variable

    def __str__(self) -> str:
        return f"the environment variable {self._variable}"

    def __repr__(self) -> str:
        return f"KeyText({self._variable})"

    def wrap(self, key: bytes) -> bytes:
        """Return `key` encrypted. Raises MasterKeyUnusable."""
        return self._key().wrap(key, **_PLACE)

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what `wrap` was given. Raises MasterKeyUnusable."""
        return _unwrap([self._key()], wrapped, self)

    def _key(self) -> MasterKey:
        key = decode_key(self._text.encode())
        if key is None:
            problem = "does not hold" if self._text.strip() else "is not set; it must hold"
            raise MasterKeyUnusable(
                f"{self._variable} {problem} {KEY_BYTES} bytes in base64: give the key that this vault was made with, "
                f"or, for a new one, what `openssl rand -base64 {KEY_BYTES}` prints."
            )
        return MasterKey(key)


def _unwrap(keys: Sequence[MasterKey], wrapped: bytes, source: MasterKeySource) -> bytes:
    for key in keys:
        try:
            return key.unwrap(wrapped, **_PLACE)
        except VaultUnavailable:
            continue
    raise MasterKeyUnusable(
        f"The master key in {source} is not the one that this vault was made with: restore it from its backup."
    )
