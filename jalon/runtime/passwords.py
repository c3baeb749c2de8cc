"""Passwords that nobody has to choose: made at the first start and kept in the data directory, for its owner only."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from pathlib import Path

from pydantic import SecretStr

from jalon.errors import WrongSettings
from jalon.settings import Settings

_GENERATED = ("clickhouse_password", "boards_secret")


def complete(settings: Settings) -> Settings:
    """Return the settings with the passwords that were left empty, made now or at an earlier start.

    An external ClickHouse has a password of its own, so none is made for it.
    """
    wanted = [
        name
        for name in _GENERATED
        if not getattr(settings, name).get_secret_value()
        and not (name == "clickhouse_password" and settings.runtime == "external")
    ]
    if not wanted:
        return settings
    kept = _read_or_create(settings.data_dir / "passwords.json")
    return settings.model_copy(update={name: SecretStr(kept[name]) for name in wanted})


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _write_draft(path, text)
    draft.replace(path)


def _read_or_create(path: Path) -> dict[str, str]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        draft = _write_draft(path, json.dumps({name: secrets.token_urlsafe(32) for name in _GENERATED}))
        try:
            path.hardlink_to(draft)  # unlike a rename, it never replaces what another process has just made
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {name: str(kept[name]) for name in _GENERATED}
    except (OSError, ValueError, KeyError, TypeError):
        raise WrongSettings(f"{path} cannot be read as Jalon's passwords: restore it from its backup.") from None


def _write_draft(path: Path, text: str) -> Path:
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)  # 0600 from the start
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(draft)
