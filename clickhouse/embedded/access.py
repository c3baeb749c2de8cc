"""Who may use the server, kept beside the data, and the SQL that changes it.

The engine takes its users only from a file read when it starts, so logins are the server's own: names, hashes of
passwords and grants in one file that only its owner can read. Each login's grants become a role of the engine, and it
is the engine that enforces them (see `engine`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections import OrderedDict
from dataclasses import asdict
from pathlib import Path
from typing import Any

from clickhouse.embedded.entities import Change, Entities, Grant, Profile, User, apply_change, hash_word
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.quotas import Quota

_VERIFIED_MAX = 1024


class Users:
    """The logins in one file (mode 0600), written whole and flushed to disk before a change is acknowledged."""

    def __init__(self, path: Path, owner: str, owner_password: str) -> None:
        self._path = path
        self.owner = owner
        self._pepper = secrets.token_bytes(32)
        self._owner_digest = self._digest(owner, owner_password)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()
        self._entities = self._read()

    def _read(self) -> Entities:
        if not self._path.exists():
            return Entities()
        stored = json.loads(self._path.read_text())
        profiles = {
            name: Profile(_to_pairs(entry["settings"]), _to_pairs(entry["ceilings"]))
            for name, entry in stored["profiles"].items()
        }
        users = {
            name: User(
                name,
                **{**entry, "grants": tuple(Grant(*grant) for grant in entry["grants"])},
                limits=profiles.get(entry["profile"], Profile()),
            )
            for name, entry in stored["users"].items()
        }
        quotas = {
            name: Quota(name, entry["seconds"], _to_pairs(entry["limits"]), tuple(entry["logins"]))
            for name, entry in stored["quotas"].items()
        }
        return Entities(users, profiles, quotas)

    def _write(self, entities: Entities) -> None:
        kept = ("salt", "hash", "grants", "presalt", "locked", "database", "profile")
        content: dict[str, Any] = {
            "version": 2,
            "users": {
                name: {key: value for key, value in asdict(user).items() if key in kept}
                | {"grants": [[grant.database, grant.table] for grant in user.grants]}
                for name, user in entities.users.items()
            },
            "profiles": {name: asdict(profile) for name, profile in entities.profiles.items()},
            "quotas": {name: asdict(quota) for name, quota in entities.quotas.items()},
        }
        draft = self._path.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _digest(self, name: str, password: str) -> bytes:
        return hmac.digest(self._pepper, name.encode() + b"\0" + password.encode(), "sha256")

    def all(self) -> list[User]:
        """Return every login but the owner, by name."""
        users = self._entities.users
        return [users[name] for name in sorted(users)]

    def quotas(self) -> list[Quota]:
        """Return every quota."""
        return list(self._entities.quotas.values())

    def is_verified(self, name: str, password: str) -> bool:
        """Whether this name and password were found right before, which costs nothing to say."""
        digest = self._digest(name, password)
        if hmac.compare_digest(digest, self._owner_digest):
            return True
        with self._lock:
            return name in self._entities.users and digest in self._verified

    def authenticate(self, name: str, password: str) -> User | None:
        """Return the login, None for the owner. Takes some 20 ms the first time: call it off the event loop.

        Raises ServerError (AUTHENTICATION_FAILED), with the same words whether the name or the password is wrong.
        """
        digest = self._digest(name, password)
        if hmac.compare_digest(digest, self._owner_digest):
            return None
        with self._lock:
            user = self._entities.users.get(name)
            known = digest in self._verified
        if user is not None and known:
            return user
        presalt = user.presalt if user else None
        word = password if presalt is None else hashlib.sha256((password + presalt).encode()).hexdigest()
        found = hash_word(word, user.salt if user else "00" * 16)
        # A login that may sign in from no host is refused as one whose password is wrong.
        if user is None or not hmac.compare_digest(found, user.hash) or user.locked:
            raise ServerError(
                "AUTHENTICATION_FAILED",
                f"{name}: Authentication failed: password is incorrect, or there is no user with such name",
            )
        with self._lock:
            self._verified[digest] = None
            while len(self._verified) > _VERIFIED_MAX:
                self._verified.popitem(last=False)
        return user

    def apply(self, change: Change) -> bool:
        """Make the change durable; return whether what the engine enforces has changed.

        Raises ServerError for a name that exists already or does not exist.
        """
        with self._lock:
            old, new = self._entities, apply_change(self._entities, change, self.owner)
            if new != old:
                self._write(new)
                self._entities = new
                self._verified.clear()
            before = {user.name: user.grants for user in old.users.values() if user.grants}
            after = {user.name: user.grants for user in new.users.values() if user.grants}
            return any(before.get(name) != grants for name, grants in after.items()) or any(
                name not in after and name in new.users for name in before
            )


def _to_pairs(stored: list[list[Any]]) -> tuple[tuple[str, Any], ...]:
    return tuple((name, value) for name, value in stored)
