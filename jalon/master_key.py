"""The master key's source, as the settings name it."""

from __future__ import annotations

from pathlib import Path

from identity.errors import MasterKeyUnusable
from identity.master_key import KeyFile, KeyText, MasterKeySource
from identity.transit import Transit
from jalon.settings import Settings, variable


def build_source(settings: Settings) -> MasterKeySource:
    """Return where the master key is. Nothing is read or asked before it is used."""
    match settings.master_key_source:
        case "environment":
            return KeyText(settings.master_key.get_secret_value(), variable("master_key"))
        case "transit":
            return build_transit(settings, settings.transit_key)
        case "file":
            return KeyFile(settings.master_key_path)


def build_transit(settings: Settings, key: str) -> Transit:
    """Return a transit key of the key service that the settings name."""
    return Transit(
        settings.transit_url,
        mount=settings.transit_mount,
        key=key,
        token=lambda: _read_token(settings),
        namespace=settings.transit_namespace,
    )


def _read_token(settings: Settings) -> str:
    token, place = settings.transit_token.get_secret_value(), variable("transit_token")
    if settings.transit_token_file is not None:
        place = str(settings.transit_token_file)
        token = _read_file(settings.transit_token_file)
    if not token.isascii() or not token.isprintable() or not token:
        raise MasterKeyUnusable(f"{place} holds no token for the key service: give one that may use the transit key.")
    return token


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise MasterKeyUnusable(f"The token file {path} cannot be read: {error.strerror}.") from None
