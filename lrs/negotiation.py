"""Which version of the specification a request speaks, and which content it may carry: pure functions over headers."""

from __future__ import annotations

from email.message import Message
from typing import Final

from lrs.errors import BadRequest, UnsupportedEncoding

VERSION_HEADER: Final = "X-Experience-API-Version"
CONSISTENT_HEADER: Final = "X-Experience-API-Consistent-Through"
DUPLICATES_HEADER: Final = "X-Jalon-Duplicates"

V1: Final = "1.0.3"
V2: Final = "2.0.0"
SUPPORTED: Final = ("1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0")

VERSION_FORM: Final = r"^(1\.0(\.[0-3])?|2\.0(\.[0-9]+)?)$"
"""What a request may say, for those who describe it."""

# What a client may write, and the version it is answered in.
_ANSWERED: Final = {"1.0": V1, "1.0.0": V1, "1.0.1": V1, "1.0.2": V1, "1.0.3": V1, "2.0": V2}


def negotiate_version(header: str | None) -> str:
    """Return "1.0.3" or "2.0.0", in which a request with this version header is answered. Raises BadRequest."""
    if header is None:
        raise BadRequest(
            f"The request has no {VERSION_HEADER} header: send one of {', '.join(SUPPORTED)}.", code="version-missing"
        )
    answered = _ANSWERED.get(header)
    if answered is None and header.startswith("2.0.") and header[4:].isascii() and header[4:].isdigit():
        answered = V2
    if answered is None:
        raise BadRequest(
            f"This version of xAPI is not known here: send one of {', '.join(SUPPORTED)}.", code="version-unknown"
        )
    return answered


def check_json_content(content_type: str | None, encoding: str | None) -> None:
    """Check that a body is said to be plain UTF-8 JSON. Raises BadRequest, UnsupportedEncoding."""
    if content_type != "application/json":
        _check_content_type(content_type)
    check_encoding(encoding)


def check_encoding(encoding: str | None) -> None:
    """Check that a body is not compressed. Raises UnsupportedEncoding."""
    if encoding is not None and encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedEncoding("Compressed bodies are not read here: send the body without Content-Encoding.")


def _check_content_type(content_type: str | None) -> None:
    if content_type is None:
        raise BadRequest("The request has no Content-Type: send application/json.", code="content-type")
    parsed = Message()
    parsed["content-type"] = content_type
    media = parsed.get_content_type() if "/" in content_type else ""
    if media != "application/json":
        raise BadRequest(
            "Statements are sent as application/json, or with attachments as multipart/mixed.", code="content-type"
        )
    charset = parsed.get_content_charset("utf-8")
    if charset not in ("utf-8", "utf8", "us-ascii"):
        raise BadRequest("JSON is read as UTF-8 only: send charset=utf-8 or none.", code="charset")
