"""Files that hold a master key: readable by their owner alone, changed whole or not at all."""

from __future__ import annotations

import base64
import binascii
import os
import stat
import tempfile
from pathlib import Path

from identity.errors import MasterKeyUnusable
from identity.keys import KEY_BYTES, draw_key

_LARGEST = 1024


def read_key_file(path: Path) -> list[bytes]:
    """Return the keys of the file at `path`, one or two lines of base64. Raises MasterKeyUnusable."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(_LARGEST)
    except FileNotFoundError:
        raise MasterKeyUnusable(f"There is no master key at {path}: restore it from its backup.") from None
    except OSError as error:
        raise MasterKeyUnusable(f"The master key {path} cannot be read: {error.strerror}.") from None
    if stat.S_IMODE(mode) & 0o077:
        raise MasterKeyUnusable(f"The master key {path} is open to other users: run `chmod 600 {path}`.")
    keys = [decode_key(line) for line in content.split(b"\n") if line.strip()]
    whole = [key for key in keys if key is not None]
    if len(whole) != len(keys) or len(keys) not in {1, 2}:
        raise MasterKeyUnusable(
            f"The master key {path} is not {KEY_BYTES} bytes in base64: restore it from its backup."
        )
    return whole


def create_key_file(path: Path) -> None:
    """Make a file with a new key unless there is one; several processes that do so at once get the same key."""
    try:
        draft = _write_draft(path, [draw_key()])
    except OSError as error:
        raise MasterKeyUnusable(f"The master key {path} cannot be made: {error.strerror}.") from None
    try:
        path.hardlink_to(draft)  # unlike a rename, it never replaces another process's key
    except FileExistsError:
        return
    finally:
        draft.unlink()


def write_key_file(path: Path, keys: list[bytes]) -> None:
    """Replace what the file holds. Raises MasterKeyUnusable."""
    try:
        _write_draft(path, keys).replace(path)
    except OSError as error:
        raise MasterKeyUnusable(f"The master key {path} cannot be replaced: {error.strerror}.") from None


def decode_key(text: bytes) -> bytes | None:
    """Return the key that a line of base64 holds, None when it holds none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        return None
    return key if len(key) == KEY_BYTES else None


def _write_draft(path: Path, keys: list[bytes]) -> Path:
    descriptor, draft = tempfile.mkstemp(prefix=".master-key-", dir=path.parent)  # 0600 from the start
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(base64.b64encode(key) + b"\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    return Path(draft)
