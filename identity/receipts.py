"""Signed receipts: what was erased or removed, in a form that can be shown to a third party years later.

A receipt is a JWS (RFC 7515) in its compact form, signed with Ed25519 under a key derived from the master key, with the
public key in its header. Anybody can check that it is whole; the installation can tell that it is its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from identity.errors import InvalidValue
from identity.keys import MasterKey

_PURPOSE = "receipts"
_ALGORITHM = "Ed25519"


def sign(master: MasterKey, content: Mapping[str, Any]) -> str:
    """Return a receipt of `content`, which JSON can hold and which names nobody."""
    key = _signing_key(master)
    header = {"alg": _ALGORITHM, "typ": "jalon-receipt", "jwk": key.as_dict(private=False)}
    return jws.serialize_compact(header, json.dumps(dict(content), sort_keys=True).encode(), key, [_ALGORITHM])


def read(master: MasterKey, receipt: str) -> dict[str, Any]:
    """Return the content of a receipt that this installation signed. Raises InvalidValue for any other."""
    try:
        opened = jws.deserialize_compact(receipt.strip(), _signing_key(master), [_ALGORITHM])
        content = json.loads(opened.payload)
    except (JoseError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise InvalidValue("This is no receipt of this installation, or it was changed since.")
    return content


def _signing_key(master: MasterKey) -> OKPKey:
    private = Ed25519PrivateKey.from_private_bytes(master.derive(_PURPOSE))
    return OKPKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
