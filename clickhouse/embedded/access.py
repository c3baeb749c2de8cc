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
import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from clickhouse.embedded.errors import ServerError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_VERIFIED_MAX = 1024
ANY = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """SELECT on one table of a database, or on all of them (`*`)."""

    database: str
    table: str = ANY


@dataclass(frozen=True, slots=True)
class User:
    """A login that is not the owner. It may read what is granted to it and nothing else."""

    name: str
    salt: str
    hash: str
    grants: tuple[Grant, ...] = ()

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases it may read, in the order in which they were granted."""
        return tuple(dict.fromkeys(grant.database for grant in self.grants))


@dataclass(frozen=True, slots=True)
class Change:
    """What an access statement asks for."""

    verb: str
    names: tuple[str, ...] = ()
    password: str = field(default="", repr=False)
    grants: tuple[Grant, ...] = ()
    lenient: bool = False
    replaces: bool = False


def _hash(password: str, salt: str) -> str:
    return hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=2**13, r=8, p=1, maxmem=64 << 20).hex()


class Users:
    """The logins in one file (mode 0600), written whole and flushed to disk before a change is acknowledged."""

    def __init__(self, path: Path, owner: str, owner_password: str) -> None:
        self._path = path
        self.owner = owner
        self._pepper = secrets.token_bytes(32)
        self._owner_digest = self._digest(owner, owner_password)
        self._verified: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()
        self._users: dict[str, User] = self._read()

    def _read(self) -> dict[str, User]:
        if not self._path.exists():
            return {}
        stored = json.loads(self._path.read_text())
        return {
            name: User(name, entry["salt"], entry["hash"], tuple(Grant(*grant) for grant in entry["grants"]))
            for name, entry in stored["users"].items()
        }

    def _write(self, users: Mapping[str, User]) -> None:
        content: dict[str, Any] = {
            "version": 1,
            "users": {
                user.name: {
                    "salt": user.salt,
                    "hash": user.hash,
                    "grants": [[grant.database, grant.table] for grant in user.grants],
                }
                for user in users.values()
            },
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
        return [self._users[name] for name in sorted(self._users)]

    def is_verified(self, name: str, password: str) -> bool:
        """Whether this name and password were found right before, which costs nothing to say."""
        digest = self._digest(name, password)
        if hmac.compare_digest(digest, self._owner_digest):
            return True
        with self._lock:
            return name in self._users and digest in self._verified

    def authenticate(self, name: str, password: str) -> User | None:
        """Return the login, None for the owner. Takes some 20 ms the first time: call it off the event loop.

        Raises ServerError (AUTHENTICATION_FAILED), with the same words whether the name or the password is wrong.
        """
        digest = self._digest(name, password)
        if hmac.compare_digest(digest, self._owner_digest):
            return None
        with self._lock:
            user = self._users.get(name)
            known = digest in self._verified
        if user is not None and known:
            return user
        found = _hash(password, user.salt if user else "00" * 16)
        if user is None or not hmac.compare_digest(found, user.hash):
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
            users = dict(self._users)
            for name in change.names:
                _CHANGES[change.verb](users, name, change, self.owner)
            before = {user.name: user.grants for user in self._users.values() if user.grants}
            after = {user.name: user.grants for user in users.values() if user.grants}
            if users != self._users:
                self._write(users)
                self._users = users
                self._verified.clear()
            return any(before.get(name) != grants for name, grants in after.items()) or any(
                name not in after and name in users for name in before
            )


def _find(users: Mapping[str, User], name: str) -> User:
    if name not in users:
        raise ServerError("UNKNOWN_USER", f"There is no user `{name}` in `embedded users`")
    return users[name]


def _create(users: dict[str, User], name: str, change: Change, owner: str) -> None:
    if not _NAME.fullmatch(name):
        raise ServerError("BAD_ARGUMENTS", f"User name {name!r}: only letters, digits and _ are supported here")
    if name == owner or (name in users and not change.replaces):
        if change.lenient:
            return
        raise ServerError(
            "ACCESS_ENTITY_ALREADY_EXISTS", f"user `{name}`: cannot insert because user `{name}` already exists"
        )
    salt = secrets.token_hex(16)
    users[name] = User(name, salt, _hash(change.password, salt), ())


def _alter(users: dict[str, User], name: str, change: Change, _owner: str) -> None:
    if change.lenient and name not in users:
        return
    salt = secrets.token_hex(16)
    users[name] = replace(_find(users, name), salt=salt, hash=_hash(change.password, salt))


def _drop(users: dict[str, User], name: str, change: Change, _owner: str) -> None:
    if change.lenient and name not in users:
        return
    _find(users, name)
    del users[name]


def _grant(users: dict[str, User], name: str, change: Change, _owner: str) -> None:
    user = _find(users, name)
    users[name] = replace(user, grants=tuple(dict.fromkeys((*user.grants, *change.grants))))


def _revoke(users: dict[str, User], name: str, change: Change, _owner: str) -> None:
    user = _find(users, name)
    gone = {grant.database for grant in change.grants if grant.table == ANY}
    kept = tuple(grant for grant in user.grants if grant not in change.grants and grant.database not in gone)
    users[name] = replace(user, grants=kept)


_CHANGES = {"CREATE": _create, "ALTER": _alter, "DROP": _drop, "GRANT": _grant, "REVOKE": _revoke}
