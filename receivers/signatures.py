"""Whether what was sent comes from who knows the secret, by the rules of each system. Pure: no clock but the one given.

All comparisons take the same time wherever two texts differ.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from receivers.errors import WrongSignature

OLDEST: Final = timedelta(hours=2)
"""How old a signed event of Zoom may be: its last attempt comes 85 minutes after the first."""
NEWEST: Final = timedelta(minutes=5)
"""How far its clock may be ahead."""

# By the length of what they give: bbb-webhooks names its algorithm nowhere else (hookChecksumAlgorithm).
_ALGORITHMS: Final = {40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
_CHECKSUM = re.compile(rb"(?:(?P<rest>.*)&)?checksum=(?P<checksum>[0-9a-fA-F]+)")
_BEARER = "bearer "
# Without a colon, a challenge cannot be the text whose signature lets an event in (`v0:…`): Zoom signs both alike.
_CHALLENGE = re.compile(r"[A-Za-z0-9+/=_-]{1,128}")


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as it came: `address` is the webhook's own as the system knows it, without query."""

    address: str
    query: bytes
    headers: dict[str, str]
    body: bytes


def check_bigbluebutton(sent: Sent, secret: bytes) -> None:
    """Return if bbb-webhooks signed it: by a checksum in the query, or with the secret as a bearer token.

    The checksum is the digest (SHA-1, 256, 384 or 512) of callback address, body and secret, one after the other.
    Raises WrongSignature.
    """
    authorization = sent.headers.get("authorization", "")
    if authorization[: len(_BEARER)].lower() == _BEARER:
        if hmac.compare_digest(authorization[len(_BEARER) :].strip().encode(), secret):
            return
        raise WrongSignature("The bearer token is not the secret of this webhook.")
    found = _CHECKSUM.fullmatch(sent.query)
    algorithm = _ALGORITHMS.get(len(found["checksum"])) if found else None
    if found is None or algorithm is None:
        raise WrongSignature("There is no checksum: bbb-webhooks sends one as the last parameter of the query.")
    callback = sent.address.encode() + (b"?" + found["rest"] if found["rest"] else b"")
    digest = hashlib.new(algorithm, callback + sent.body + secret, usedforsecurity=False).hexdigest()
    if not hmac.compare_digest(digest.encode(), found["checksum"].lower()):
        raise WrongSignature(
            "The checksum is not that of this address, body and secret: check the secret, "
            "and that the callback address is the one that `jalon webhook add` showed."
        )


def check_zoom(sent: Sent, secret: bytes, now: float) -> None:
    """Return if Zoom signed it lately: `x-zm-signature` is the HMAC of `v0:`, the timestamp, `:` and the body.

    `now` in seconds since 1970. Raises WrongSignature.
    """
    timestamp = sent.headers.get("x-zm-request-timestamp", "")
    signature = sent.headers.get("x-zm-signature", "")
    if not (signature and timestamp.isascii() and timestamp.isdigit()):
        raise WrongSignature("There is no signature: Zoom sends x-zm-signature and x-zm-request-timestamp.")
    digest = hmac.digest(secret, b"v0:" + timestamp.encode() + b":" + sent.body, "sha256").hex()
    if not hmac.compare_digest(f"v0={digest}".encode(), signature.encode()):
        raise WrongSignature("The signature is not that of this body and secret: check the webhook's secret token.")
    age = now - int(timestamp)
    if age > OLDEST.total_seconds() or -age > NEWEST.total_seconds():
        raise WrongSignature("The request was signed too long ago, or ahead of time: check the clocks.")


def answer_challenge(token: object, secret: bytes) -> dict[str, str] | None:
    """Return what Zoom wants to hear at a challenge, None for one that is no token. Tells nothing of the secret."""
    if not isinstance(token, str) or not _CHALLENGE.fullmatch(token):
        return None
    return {"plainToken": token, "encryptedToken": hmac.digest(secret, token.encode(), "sha256").hex()}
