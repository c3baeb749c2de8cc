"""A key service as its clients see it: the transit engine of HashiCorp Vault and OpenBao, as far as Jalon speaks to it.

Written after the published API (https://openbao.org/api-docs/secret/transit/) and the answers of its handlers: paths,
headers, the forms of requests, answers and errors, versions of keys.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, status: int, *errors: str) -> None:
        super().__init__(status)
        self.status = status
        self.body = json.dumps({"errors": list(errors)}).encode()


@dataclass
class TransitKey:
    """The versions of a named key, the first being 1."""

    versions: list[bytes] = field(default_factory=lambda: [os.urandom(32)])
    min_decryption_version: int = 1

    def rotate(self) -> None:
        self.versions.append(os.urandom(32))

    def encrypt(self, plaintext: str) -> str:
        raw, nonce = base64.b64decode(plaintext, validate=True), os.urandom(12)
        sealed = nonce + AESGCM(self.versions[-1]).encrypt(nonce, raw, None)
        return f"vault:v{len(self.versions)}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, ciphertext: str) -> str:
        if not ciphertext.startswith("vault:v"):
            raise Refused(400, "invalid ciphertext: no prefix")
        version, _, encoded = ciphertext.removeprefix("vault:v").partition(":")
        if int(version) < self.min_decryption_version:
            raise Refused(400, "ciphertext or signature version is disallowed by policy (too old)")
        if int(version) > len(self.versions):
            raise Refused(400, "invalid ciphertext: version is too new")
        sealed = base64.b64decode(encoded)
        try:
            raw = AESGCM(self.versions[int(version) - 1]).decrypt(sealed[:12], sealed[12:], None)
        except InvalidTag:
            raise Refused(400, "cipher: message authentication failed") from None
        return base64.b64encode(raw).decode()


@dataclass
class TransitServer:
    """What the service holds; tests change it while it runs."""

    address: str
    mount: str = "transit"
    namespace: str = ""
    token: str = "s.a-token"
    sealed: bool = False
    keys: dict[str, TransitKey] = field(default_factory=lambda: {"jalon": TransitKey()})
    answer: tuple[int, dict[str, str], bytes] | None = None
    """What is answered whatever is asked, if anything."""
    requests: list[str] = field(default_factory=list)

    def handle(self, path: str, headers: Any, body: bytes) -> dict[str, Any]:
        if self.sealed:
            raise Refused(503, "Vault is sealed")
        if headers.get("X-Vault-Namespace", "") != self.namespace:
            raise Refused(404, "no handler for route: namespace not found")
        if headers.get("X-Vault-Token") != self.token:
            raise Refused(403, "permission denied")
        mount, verb, name = path.removeprefix("/v1/").rsplit("/", 2)
        if mount != self.mount:
            raise Refused(404, f'no handler for route "{mount}/{verb}/{name}". route entry not found.')
        key, asked = self.keys.get(name), json.loads(body)
        if key is None:
            raise Refused(400, "encryption key not found")
        if verb == "encrypt":
            return {"ciphertext": key.encrypt(asked["plaintext"]), "key_version": len(key.versions)}
        if verb == "decrypt":
            return {"plaintext": key.decrypt(asked["ciphertext"])}
        raise Refused(404, "unsupported path")


@contextmanager
def run_transit_server(**state: Any) -> Iterator[TransitServer]:
    """Run a service on a free port of loopback until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            server.requests.append(self.path)
            extra: dict[str, str] = {}
            try:
                if server.answer is None:
                    data = server.handle(self.path, self.headers, body)
                    status, content = 200, json.dumps({"request_id": "r", "data": data}).encode()
                else:
                    status, extra, content = server.answer
            except Refused as refused:
                status, content = refused.status, refused.body
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                **extra,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        server = TransitServer(f"http://127.0.0.1:{listener.server_port}", **state)
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            listener.shutdown()
            thread.join()
