"""Hashing of secrets with argon2id, and a check that takes as long for an unknown name as for a wrong secret."""

from __future__ import annotations

import functools

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

# OWASP's smallest recommended setting: 20 ms and 19 MiB a check, so that a burst of sign-ins fits a small machine.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1, type=Type.ID)


def hash_secret(secret: str) -> str:
    """Return the argon2id hash of `secret`, salted, in its usual text form."""
    return _HASHER.hash(_encode(secret))


def verify_secret(stored: str | None, secret: str) -> bool:
    """Tell whether `secret` is the one hashed as `stored`; None is never matched, at the same cost."""
    try:
        _HASHER.verify(stored or _unmatched(), _encode(secret))
    except VerifyMismatchError:
        return False
    return stored is not None


@functools.cache
def _unmatched() -> str:
    return _HASHER.hash("")


def _encode(secret: str) -> bytes:
    return secret.encode("utf-8", "surrogatepass")  # what was sent may be no valid text: it is wrong, not an error
