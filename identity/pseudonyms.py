"""From an agent to its normalised identifier, and from an identifier to a pseudonym.

The same person, written in another case or as the SHA-1 of the same address, is one identifier; a keyed digest of it
is the pseudonym, so that nobody without the tenant's key can find it by trying addresses.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
import unicodedata
from typing import Any

from identity.keys import TenantKeys

PSEUDONYM_CHARACTERS = 32
_AUTHORITY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)(.*)", re.DOTALL)
_MAILTO = "mailto:"


def identify(agent: dict[str, Any]) -> str | None:
    """Return the normalised identifier of an agent or identified group, None for an anonymous group.

    `mbox_sha1sum:<hex>` for an mbox (lower-cased, as the SHA-1 of the same address is) and for an mbox_sha1sum,
    `openid:<IRI>`, or `account:<home page>|<name>`. Of an IRI, scheme and host are lower-cased and a path of
    nothing but "/" dropped; an account's name is taken exactly. None too where an identifier is no string.
    """
    account = agent.get("account")
    if isinstance(account, dict):
        home, name = account.get("homePage"), account.get("name")
        if isinstance(home, str) and isinstance(name, str):
            return f"account:{_normalise_home_page(home)}|{name}"
    mbox = agent.get("mbox")
    if isinstance(mbox, str):
        return f"mbox_sha1sum:{_hash_address(mbox)}"
    sha1sum = agent.get("mbox_sha1sum")
    if isinstance(sha1sum, str):
        return f"mbox_sha1sum:{sha1sum.lower()}"
    openid = agent.get("openid")
    if isinstance(openid, str):
        return f"openid:{_normalise_iri(openid)}"
    return None


def pseudonym(keys: TenantKeys, identifier: str) -> str:
    """Return the pseudonym of a normalised identifier in this tenant: 32 hexadecimal characters."""
    return _digest(keys.pseudonym, keys.version, identifier)


def older_pseudonyms(keys: TenantKeys, identifier: str) -> tuple[str, ...]:
    """Return the pseudonyms that the identifier had under the tenant's keys before this one, the newest first."""
    return tuple(_digest(key, version, identifier) for version, key in keys.older)


def list_versions(keys: TenantKeys, identifier: str) -> tuple[str, ...]:
    """Return the pseudonyms that the identifier has under this key of the tenant and those before it, newest first."""
    return (pseudonym(keys, identifier), *older_pseudonyms(keys, identifier))


def normalise_mbox(mbox: str) -> str:
    """Return a mailto IRI with everything lower-cased: `mailto:ada@example.org`."""
    address = mbox.strip()
    if not address.isascii():
        address = unicodedata.normalize("NFC", address)
    address = address.lower()
    return address if address.startswith(_MAILTO) else _MAILTO + address


@functools.lru_cache(maxsize=50_000)
def _digest(key: bytes, version: int, identifier: str) -> str:
    message = f"v{version}:{identifier}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, message, "sha256").hex()[:PSEUDONYM_CHARACTERS]


def _hash_address(mbox: str) -> str:
    # SHA-1 because mbox_sha1sum is defined so; it protects nothing here, the keyed digest above does.
    address = normalise_mbox(mbox).encode("utf-8", "surrogatepass")
    return hashlib.sha1(address, usedforsecurity=False).hexdigest()


@functools.lru_cache(maxsize=1_000)
def _normalise_home_page(home: str) -> str:
    # A bar in the home page would make two accounts of one identifier possible.
    return _normalise_iri(home).replace("|", "%7C")


def _normalise_iri(iri: str) -> str:
    match = _AUTHORITY.fullmatch(iri)
    if match is None:
        return iri
    scheme, authority, rest = match.groups()
    user, at, host = authority.rpartition("@")
    return f"{scheme.lower()}{user}{at}{host.lower()}{'' if rest == '/' else rest}"
