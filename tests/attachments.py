"""Attachments for tests: descriptions, multipart bodies to send, answers read back, and signatures."""

from __future__ import annotations

import base64
import email
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

SIGNATURE = "http://adlnet.gov/expapi/attachments/signature"
BOUNDARY = "-------314159265358979323846"
MULTIPART = {"Content-Type": f"multipart/mixed; boundary={BOUNDARY}"}
PDF = {"usageType": "http://id.tincanapi.com/attachment/certificate-of-completion", "contentType": "application/pdf"}
SIGNED = {"usageType": SIGNATURE, "contentType": "application/octet-stream"}


def describe(content: bytes, **changes: Any) -> dict[str, Any]:
    """Return what a statement says about an attachment with this content."""
    return {
        **PDF,
        "display": {"en": "A certificate"},
        "length": len(content),
        "sha2": hashlib.sha256(content).hexdigest(),
        **changes,
    }


@dataclass
class Part:
    """A part of a body: its headers as lines, and its content."""

    headers: Sequence[str]
    content: bytes

    @classmethod
    def of_statements(cls, statements: Any) -> Part:
        return cls(["Content-Type: application/json"], json.dumps(statements).encode())

    @classmethod
    def of_attachment(cls, content: bytes, sha2: str | None = None, kind: str = "application/pdf") -> Part:
        return cls(
            [
                f"Content-Type: {kind}",
                "Content-Transfer-Encoding: binary",
                f"X-Experience-API-Hash: {sha2 or hashlib.sha256(content).hexdigest()}",
            ],
            content,
        )


def write_parts(parts: Iterable[Part], boundary: str = BOUNDARY) -> bytes:
    """Return a multipart body."""
    body = b""
    for part in parts:
        lines = "".join(f"{line}\r\n" for line in part.headers)
        body += f"--{boundary}\r\n{lines}\r\n".encode() + part.content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def write_body(statements: Any, *contents: bytes) -> bytes:
    """Return a multipart body with statements and the contents of their attachments."""
    return write_parts([Part.of_statements(statements), *map(Part.of_attachment, contents)])


@dataclass
class Answer:
    """A multipart answer: the JSON of its first part, and the others."""

    json: Any
    parts: list[Message]

    @property
    def contents(self) -> list[bytes]:
        return [read_content(part) for part in self.parts]


def read_answer(content_type: str, body: bytes) -> Answer:
    """Read a multipart answer as Python's own e-mail parser does, and hold every part's hash against its content."""
    message = email.message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    assert message.get_content_type() == "multipart/mixed"
    assert message.defects == []
    first, *others = message.get_payload()
    assert first.get_content_type() == "application/json"
    for part in others:
        assert part["Content-Transfer-Encoding"] == "binary"
        assert part["X-Experience-API-Hash"] == hashlib.sha256(read_content(part)).hexdigest()
    return Answer(json.loads(read_content(first)), others)


def read_content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@dataclass
class Objects:
    """The folder of an object store, to look into, to spoil and to take away."""

    folder: Path

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def identities(self) -> list[int]:
        """What changes when a file is written anew."""
        return [(self.folder / name).stat().st_ino for name in self.files()]

    def spoil(self, change: Callable[[bytes], bytes]) -> None:
        for path in self.folder.rglob("content/*"):
            path.write_bytes(change(path.read_bytes()))

    def take_away(self) -> None:
        self.folder.rename(self.folder.with_name("away"))
        self.folder.write_text("no directory any more")

    def bring_back(self) -> None:
        self.folder.unlink()
        self.folder.with_name("away").rename(self.folder)


@cache
def make_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


@cache
def make_other_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def certify(key: rsa.RSAPrivateKey, issuer: rsa.RSAPrivateKey | None = None, name: str = "Signer") -> str:
    """Return a certificate as x5c holds it."""
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    by = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Issuer")]) if issuer else subject
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(issuer or key, SHA256())
    )
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


def sign(payload: Any, *, algorithm: str = "RS256", key: rsa.RSAPrivateKey | None = None, **header: Any) -> bytes:
    """Return a signature of a statement (or of the bytes given) in compact form."""
    content = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    registry.max_header_length = 2**20
    used: Any = OctKey.generate_key(256) if algorithm == "HS256" else RSAKey.import_key(key or make_key())
    return jws.serialize_compact({"alg": algorithm, **header}, content, used, registry=registry).encode()


def attach_signature(statement: dict[str, Any], signature: bytes, **changes: Any) -> dict[str, Any]:
    """Return the statement with a signature among its attachments."""
    return {
        **statement,
        "attachments": [*statement.get("attachments", ()), describe(signature, **{**SIGNED, **changes})],
    }
