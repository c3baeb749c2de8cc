"""Signed statements (Data 2.6): whether a signature is well-formed, and signs the statement that it is attached to.

What is checked: it is a JWS in compact form, made with RS256, RS384 or RS512; its payload is the statement as it was
before the signature was added; and, where the JWS brings certificates (x5c), it verifies with the first of them.
Whether that certificate is to be trusted is the reader's to judge: nothing here follows a link or knows an authority.
"""

from __future__ import annotations

import base64
import binascii
import re
from itertools import pairwise
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from identity.fingerprint import fingerprint
from lrs.attachments import refusals
from lrs.attachments.descriptions import SIGNATURE
from lrs.attachments.refusals import refuse
from lrs.errors import BadRequest
from xapi_profiles.datatypes import read_timestamp
from xapi_profiles.errors import InvalidStatement, MalformedJson
from xapi_profiles.json_text import parse_json
from xapi_profiles.validation import check_statements

ALGORITHMS: Final = ("RS256", "RS384", "RS512")
MAX_CERTIFICATES: Final = 10
_LEAST_KEY_BITS: Final = 2048  # RFC 7518, 3.3

_COMPACT: Final = re.compile(rb"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_BY_THE_STORE: Final = frozenset({"authority", "stored", "version"})


class _Registry(jws.JWSRegistry):
    """joserfc's bounds suit tokens in headers; here a body bounds the whole, and x5c holds certificates."""

    max_header_length = 128 * 1024
    max_payload_length = 2**31
    max_signature_length = 4096


def check_signature(
    token: bytes, statement: dict[str, Any], *, given_id: bool, version: str, key: bytes, pointer: str
) -> None:
    """Check the content of a signature attachment of `statement`, which is valid.

    `given_id` tells whether the client chose the statement's id; `key` is the tenant's key of fingerprints.
    Raises BadRequest with the rule that is broken.
    """
    registry = _Registry(algorithms=ALGORITHMS, strict_check_header=False)
    if not _COMPACT.fullmatch(token):
        raise _malformed(pointer, "not three base64url parts with dots between them")
    try:
        signature = jws.extract_compact(token, registry=registry)
        header = signature.headers()
        if header.get("alg") not in ALGORITHMS:
            raise refuse(
                "signature",
                refusals.SIGNATURE_ALGORITHM,
                f"a signature is made with one of {', '.join(ALGORITHMS)}.",
                str(header.get("alg")),
                pointer=pointer,
            )
        registry.check_header(header)
        if "b64" in header:
            raise _malformed(pointer, "the header b64")
        if "x5c" in header:
            certified = _read_key(header["x5c"], pointer)
            if not jws.validate_compact(signature, certified, registry=registry):
                raise refuse(
                    "signature",
                    refusals.SIGNATURE_ALGORITHM,
                    "the signature does not verify with the first certificate of its x5c.",
                    "another signature",
                    pointer=pointer,
                )
    except (JoseError, ValueError, TypeError) as error:
        raise _malformed(pointer, type(error).__name__) from None
    signed = _read_payload(signature.payload, version, pointer)
    _compare(signed, statement, given_id=given_id, key=key, pointer=pointer)


def _read_key(chain: object, pointer: str) -> RSAKey:
    """Return the key that the first certificate certifies, each being issued by the next one."""
    if not isinstance(chain, list) or not 1 <= len(chain) <= MAX_CERTIFICATES:
        raise _malformed(pointer, f"x5c is not an array of 1 to {MAX_CERTIFICATES} certificates")
    try:
        certificates = [x509.load_der_x509_certificate(base64.b64decode(one, validate=True)) for one in chain]
        for issued, issuer in pairwise(certificates):
            issued.verify_directly_issued_by(issuer)
        key = certificates[0].public_key()
    except (binascii.Error, ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise _malformed(pointer, f"x5c is not a chain of X.509 certificates ({type(error).__name__})") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < _LEAST_KEY_BITS:
        raise _malformed(pointer, f"x5c certifies no RSA key of {_LEAST_KEY_BITS} bits or more")
    return RSAKey.import_key(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def _read_payload(payload: bytes, version: str, pointer: str) -> dict[str, Any]:
    try:
        content = parse_json(payload)
        if not isinstance(content, dict):
            raise _unsigned(pointer, "JSON other than an object")
        # Any store may have set these, by the rules of another version.
        (signed,) = check_statements(
            {name: part for name, part in content.items() if name not in _BY_THE_STORE}, version
        )
    except MalformedJson as error:
        raise _unsigned(pointer, f"no JSON: {error}") from None
    except InvalidStatement as error:
        problem = error.problems[0]
        raise _unsigned(pointer, f"{problem.pointer.removeprefix('/0')}: {problem.message}") from None
    return signed


def _compare(signed: dict[str, Any], statement: dict[str, Any], *, given_id: bool, key: bytes, pointer: str) -> None:
    """Refuse what differs in more than a store may have changed, and than signatures that came later."""
    signatures = [one for one in statement["attachments"] if one["usageType"] == SIGNATURE]
    if any(one["usageType"] == SIGNATURE and one not in signatures for one in signed.get("attachments", ())):
        raise _unsigned(pointer, "a signature that the statement does not have")
    if given_id and "id" in signed and signed["id"].lower() != statement["id"].lower():
        raise _unsigned(pointer, "another id")
    both = "timestamp" in signed and "timestamp" in statement
    # A store may cut off what is below a millisecond.
    if both and _instant(signed["timestamp"]) != _instant(statement["timestamp"]):
        raise _unsigned(pointer, "another timestamp")
    if fingerprint(_without_signatures(signed), key) != fingerprint(_without_signatures(statement), key):
        raise _unsigned(pointer, "another statement")


def _without_signatures(statement: dict[str, Any]) -> dict[str, Any]:
    kept = {name: part for name, part in statement.items() if name not in ("timestamp", "attachments")}
    attachments = [one for one in statement.get("attachments", ()) if one["usageType"] != SIGNATURE]
    return {**kept, "attachments": attachments} if attachments else kept


def _instant(timestamp: str) -> str:
    return read_timestamp(timestamp).isoformat(timespec="milliseconds")


def _malformed(pointer: str, found: str) -> BadRequest:
    return refuse(
        "signature",
        refusals.SIGNATURE_ATTACHED,
        "a signature is a JSON web signature in compact form (RFC 7515).",
        found,
        pointer=pointer,
    )


def _unsigned(pointer: str, found: str) -> BadRequest:
    return refuse(
        "signature",
        refusals.SIGNED_STATEMENT,
        "a signature's payload is the statement it is attached to, in JSON, as it was before the signature was added.",
        found,
        pointer=pointer,
    )
