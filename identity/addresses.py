"""Secret ends of addresses: told once when they are drawn, and known here by a keyed digest only."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from identity.keys import MasterKey

_MOST_TOKEN = 128

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Addresses:
    """The addresses of one purpose, such as "webhook addresses": their digests are no other purpose's."""

    master: MasterKey
    purpose: str

    def draw(self) -> tuple[str, str]:
        """Return a new token, drawn at random, and its digest."""
        token = secrets.token_urlsafe(32)
        return token, self._digest(token)

    def find(self, known: Mapping[str, T], token: str) -> T | None:
        """Return what is known under the digest of a token, None where there is nothing."""
        return known.get(self._digest(token)) if len(token) <= _MOST_TOKEN else None

    def _digest(self, token: str) -> str:
        return hmac.digest(self.master.derive(self.purpose), token.encode("utf-8", "surrogatepass"), "sha256").hex()
