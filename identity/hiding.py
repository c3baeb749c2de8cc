"""What stands in the place of what a tenant's policy does not keep.

Digests are keyed by tenant: equal values can be counted and joined within it, and nobody who has not its keys can find
the value by trying.
"""

from __future__ import annotations

import functools
import hmac
import re
from typing import Final

from identity.keys import TenantKeys
from xapi_profiles.json_text import dump_canonical_json

HIDDEN: Final = "https://w3id.org/jalon/hidden/"
"""How an IRI begins that stands for another; what follows is a digest of that one."""
DROPPED_IRI: Final = "https://w3id.org/jalon/dropped"
SEALED_TEXT: Final = "[sealed]"
DROPPED_TEXT: Final = "[dropped]"

_HIDDEN_IRI = re.compile(re.escape(HIDDEN) + r"[0-9a-f]{32}")


def hide_iri(iri: str, keys: TenantKeys) -> str:
    """Return the IRI that stands for another in the statements of this tenant, always the same one.

    One that stands for another already, as in statements that were exported without identities, stays.
    """
    return iri if _HIDDEN_IRI.fullmatch(iri) else HIDDEN + _digest(keys.fingerprint, iri)


def hide_tag(tag: str, keys: TenantKeys) -> str:
    """Return the language tag that stands for another, one for private use."""
    return f"x-{_digest(keys.fingerprint, tag)[:8]}"


def hash_value(value: object, keys: TenantKeys) -> str:
    """Return the text that stands for a value of JSON; equal values have it in common."""
    content = value if isinstance(value, str) else dump_canonical_json(value).decode()
    return f"[hash {_digest(keys.fingerprint, content)}]"


@functools.lru_cache(maxsize=20_000)
def _digest(key: bytes, text: str) -> str:
    return hmac.digest(_derive(key), text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]


@functools.lru_cache(maxsize=1_000)
def _derive(key: bytes) -> bytes:
    return hmac.digest(key, b"jalon hidden", "sha256")
