"""Logins, profiles and quotas as values, and what an access statement makes of them: no file, no engine, no lock."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace

from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.quotas import Quota

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
ANY = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """SELECT on one table of a database, or on all of them (`*`)."""

    database: str
    table: str = ANY


@dataclass(frozen=True, slots=True)
class Profile:
    """What holds for the queries of some logins: settings, and how high a query may set them."""

    settings: tuple[tuple[str, str], ...] = ()
    ceilings: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Secret:
    """A password, or (with `presalt`) the SHA-256 of a password and that salt, in hexadecimal."""

    word: str = field(repr=False)
    presalt: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A login that is not the owner. It may read what is granted to it and nothing else.

    `presalt` is that of a hash from which the login was made, None of one that was made from a password. A `locked`
    one may sign in from no host. `limits` are those of its profile.
    """

    name: str
    salt: str
    hash: str
    grants: tuple[Grant, ...] = ()
    presalt: str | None = None
    locked: bool = False
    database: str = ""
    profile: str = ""
    limits: Profile = Profile()

    @property
    def databases(self) -> tuple[str, ...]:
        """The databases it may read: the one that it begins in, then the others as they were granted."""
        granted = dict.fromkeys(grant.database for grant in self.grants)
        first = (self.database,) if self.database in granted else ()
        return tuple(dict.fromkeys((*first, *granted)))


@dataclass(frozen=True, slots=True)
class Change:
    """What an access statement asks for. Of a user, what is None stays as it is."""

    verb: str
    names: tuple[str, ...] = ()
    kind: str = "USER"
    secret: Secret | None = None
    locked: bool | None = None
    database: str | None = None
    profile: str | None = None
    grants: tuple[Grant, ...] = ()
    lenient: bool = False
    replaces: bool = False
    limits: Profile = Profile()
    quota: Quota | None = None
    """Of a quota: its interval, limits and logins; None of one whose logins alone change."""
    logins: tuple[str, ...] = ()


@dataclass(slots=True)
class Entities:
    """All that is known: logins, profiles, quotas, by name."""

    users: dict[str, User] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    quotas: dict[str, Quota] = field(default_factory=dict)

    def copy(self) -> Entities:
        """Return the same, to be changed."""
        return Entities(dict(self.users), dict(self.profiles), dict(self.quotas))


def hash_word(word: str, salt: str) -> str:
    """Return the hash under which a password is kept; takes some 20 ms."""
    return hashlib.scrypt(word.encode(), salt=bytes.fromhex(salt), n=2**13, r=8, p=1, maxmem=64 << 20).hex()


def apply_change(entities: Entities, change: Change, owner: str) -> Entities:
    """Return what the statement makes of what there is. Raises ServerError for a name that is taken or not there."""
    changed = entities.copy()
    for name in change.names:
        _CHANGES[change.kind, change.verb](changed, name, change, owner)
    for name, user in changed.users.items():
        changed.users[name] = replace(user, limits=changed.profiles.get(user.profile, Profile()))
    return changed


def _find(users: Mapping[str, User], name: str) -> User:
    if name not in users:
        raise ServerError("UNKNOWN_USER", f"There is no user `{name}` in `embedded users`")
    return users[name]


def _is_there(known: Container[str], name: str, change: Change) -> bool:
    """Whether a name is taken that a statement would create; refused unless the statement allows for it."""
    if name not in known or change.replaces:
        return False
    if change.lenient:
        return True
    kind = change.kind.lower()
    raise ServerError(
        "ACCESS_ENTITY_ALREADY_EXISTS", f"{kind} `{name}`: cannot insert because {kind} `{name}` already exists"
    )


def _is_absent(known: Container[str], name: str, change: Change) -> bool:
    """Whether a name is not there that a statement would change; refused unless the statement allows for it."""
    if name in known:
        return False
    if change.lenient:
        return True
    if change.kind == "USER":
        raise ServerError("UNKNOWN_USER", f"There is no user `{name}` in `embedded users`")
    raise ServerError("ACCESS_ENTITY_NOT_FOUND", f"There is no {change.kind.lower()} `{name}` in `embedded users`")


def _create_user(entities: Entities, name: str, change: Change, owner: str) -> None:
    if not _NAME.fullmatch(name):
        raise ServerError("BAD_ARGUMENTS", f"User name {name!r}: only letters, digits and _ are supported here")
    if not _is_there({*entities.users, owner}, name, replace(change, replaces=change.replaces and name != owner)):
        entities.users[name] = _with_changes(User(name, "", ""), change)


def _alter_user(entities: Entities, name: str, change: Change, _owner: str) -> None:
    if not _is_absent(entities.users, name, change):
        entities.users[name] = _with_changes(entities.users[name], change)


def _with_changes(user: User, change: Change) -> User:
    changed = {key: value for key in ("locked", "database", "profile") if (value := getattr(change, key)) is not None}
    secret = change.secret
    if secret is not None and not _is_secret_of(user, secret):
        salt = secrets.token_hex(16)
        changed |= {"salt": salt, "hash": hash_word(secret.word, salt), "presalt": secret.presalt}
    return replace(user, **changed)


def _is_secret_of(user: User, secret: Secret) -> bool:
    return bool(user.salt) and user.presalt == secret.presalt and hash_word(secret.word, user.salt) == user.hash


def _drop_user(entities: Entities, name: str, change: Change, _owner: str) -> None:
    if _is_absent(entities.users, name, change):
        return
    del entities.users[name]
    for quota in entities.quotas.values():
        left = tuple(login for login in quota.logins if login != name)
        entities.quotas[quota.name] = replace(quota, logins=left)


def _grant(entities: Entities, name: str, change: Change, _owner: str) -> None:
    user = _find(entities.users, name)
    kept = () if change.replaces else user.grants
    entities.users[name] = replace(user, grants=tuple(dict.fromkeys((*kept, *change.grants))))


def _revoke(entities: Entities, name: str, change: Change, _owner: str) -> None:
    user = _find(entities.users, name)
    gone = {grant.database for grant in change.grants if grant.table == ANY}
    kept = tuple(grant for grant in user.grants if grant not in change.grants and grant.database not in gone)
    entities.users[name] = replace(user, grants=kept)


def _create_profile(entities: Entities, name: str, change: Change, _owner: str) -> None:
    if not _is_there(entities.profiles, name, change):
        entities.profiles[name] = change.limits


def _alter_profile(entities: Entities, name: str, change: Change, _owner: str) -> None:
    if not _is_absent(entities.profiles, name, change):
        entities.profiles[name] = change.limits


def _drop_profile(entities: Entities, name: str, change: Change, _owner: str) -> None:
    if not _is_absent(entities.profiles, name, change):
        del entities.profiles[name]


def _create_quota(entities: Entities, name: str, change: Change, owner: str) -> None:
    if not _is_there(entities.quotas, name, change):
        entities.quotas[name] = Quota(name, 3600, ())
        _alter_quota(entities, name, change, owner)


def _alter_quota(entities: Entities, name: str, change: Change, _owner: str) -> None:
    if _is_absent(entities.quotas, name, change):
        return
    for login in change.logins:
        _find(entities.users, login)
    entities.quotas[name] = replace(change.quota or entities.quotas[name], name=name, logins=change.logins)


def _drop_quota(entities: Entities, name: str, change: Change, _owner: str) -> None:
    if not _is_absent(entities.quotas, name, change):
        del entities.quotas[name]


_CHANGES: Mapping[tuple[str, str], Callable[[Entities, str, Change, str], None]] = {
    ("USER", "CREATE"): _create_user,
    ("USER", "ALTER"): _alter_user,
    ("USER", "DROP"): _drop_user,
    ("USER", "GRANT"): _grant,
    ("USER", "REVOKE"): _revoke,
    ("PROFILE", "CREATE"): _create_profile,
    ("PROFILE", "ALTER"): _alter_profile,
    ("PROFILE", "DROP"): _drop_profile,
    ("QUOTA", "CREATE"): _create_quota,
    ("QUOTA", "ALTER"): _alter_quota,
    ("QUOTA", "DROP"): _drop_quota,
}
