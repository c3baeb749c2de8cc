"""The SQL that changes users and grants: the few forms that Jalon uses, and a clear refusal for every other."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import NoReturn

from clickhouse.embedded.entities import ANY, Change, Grant, Profile, Secret
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.quotas import RESOURCES, Quota
from clickhouse.embedded.statements import Token, scan, unquote

_SHA256 = re.compile(r"[0-9a-f]{64}")
_UNITS = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 86_400}
# readonly and allow_ddl are held for every login, whatever its profile says.
_PROFILE_SETTINGS = frozenset({
    "readonly", "allow_ddl", "max_execution_time", "max_memory_usage", "max_rows_to_read", "max_result_rows",
    "max_concurrent_queries_for_user",
})  # fmt: skip


class _Words:
    """Goes through the tokens of an access statement."""

    def __init__(self, text: bytes, parameters: Mapping[str, str]) -> None:
        self._tokens = [token for token in scan(text) if token.raw != b";"]
        self._parameters = parameters
        self._place = 0

    def peek(self) -> Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def take(self, *words: str) -> bool:
        """Go past these words if they come next."""
        ahead = [token.word for token in self._tokens[self._place : self._place + len(words)]]
        if ahead != list(words):
            return False
        self._place += len(words)
        return True

    def need(self, *words: str) -> None:
        if not self.take(*words):
            self.refuse()

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise ServerError("SYNTAX_ERROR", "The statement ends too early")
        self._place += 1
        return token

    def name(self) -> str:
        return unquote(self.next())

    def names(self) -> tuple[str, ...]:
        found = [self.name()]
        while self.take(","):
            found.append(self.name())
        return tuple(found)

    def string(self) -> str:
        """A string literal, or a parameter {name:String}."""
        if not self.take("{"):
            return unquote(self.next())
        name = self.name()
        self.need(":", "STRING", "}")
        if name not in self._parameters:
            raise ServerError("BAD_ARGUMENTS", f"Substitution `{name}` is not set", number=456)
        return unquote(Token("string", 0, 0, b"'" + self._parameters[name].replace("'", "\\'").encode() + b"'"))

    def number(self) -> int:
        """A whole number, as a literal."""
        token = self.next()
        if token.kind != "number" or not token.raw.isdigit():
            raise ServerError(
                "SYNTAX_ERROR", f"A whole number was expected, found {token.raw[:20].decode('latin-1')!r}"
            )
        return int(token.raw)

    def refuse(self) -> NoReturn:
        token = self.peek()
        where = "at its end" if token is None else "there"
        if token is not None and token.kind == "word":
            where = f"at {token.raw[:20].decode('latin-1')!r}"
        raise ServerError(
            "NOT_IMPLEMENTED",
            f"This form of access statement is not supported ({where}); see docs/embedded-clickhouse.md",
        )

    def end(self) -> None:
        if self.peek() is not None:
            self.refuse()


def parse_change(text: bytes, parameters: Mapping[str, str]) -> Change | None:
    """Return what an access statement asks for, None if this is another kind of statement.

    Raises ServerError (NOT_IMPLEMENTED, SYNTAX_ERROR) for a form that the embedded server does not know.
    """
    reader = _Words(text, parameters)
    for verb, towards in (("GRANT", "TO"), ("REVOKE", "FROM")):
        if reader.take(verb):
            return _parse_grant(reader, verb, towards)
    for verb in ("CREATE", "ALTER", "DROP"):
        for words, parse in _KINDS.items():
            if reader.take(verb, *words):
                return parse(reader, verb)
    return None


def _refuse(reader: _Words, _verb: str) -> Change:
    reader.refuse()


def _parse_head(reader: _Words, verb: str) -> tuple[bool, bool, tuple[str, ...]]:
    """Return whether the statement replaces, whether it is lenient, and the names it is about."""
    replaces = verb == "CREATE" and reader.take("OR", "REPLACE")
    lenient = reader.take("IF", "NOT", "EXISTS") if verb == "CREATE" else reader.take("IF", "EXISTS")
    return replaces, lenient, reader.names()


def _parse_user(reader: _Words, verb: str) -> Change:
    replaces, lenient, names = _parse_head(reader, verb)
    secret, locked, database, profile = None, None, None, None
    if verb != "DROP":
        if reader.take("IDENTIFIED"):
            secret = _parse_secret(reader)
        elif verb == "CREATE":
            reader.refuse()
        if reader.take("HOST"):
            locked = reader.take("NONE")
            if not locked:
                reader.need("ANY")
        if reader.take("DEFAULT", "DATABASE"):
            database = reader.name()
        if reader.take("SETTINGS", "PROFILE"):
            profile = reader.string()
    reader.end()
    return Change(
        verb,
        names,
        secret=secret,
        locked=locked,
        database=database,
        profile=profile,
        lenient=lenient,
        replaces=replaces,
    )


def _parse_secret(reader: _Words) -> Secret:
    if reader.take("WITH", "SHA256_HASH"):
        reader.need("BY")
        digest = reader.string().lower()
        if not _SHA256.fullmatch(digest):
            raise ServerError(
                "BAD_ARGUMENTS", "Password hash for the 'SHA256_PASSWORD' authentication type has length 64"
            )
        return Secret(digest, reader.string() if reader.take("SALT") else "")
    if reader.take("WITH") and not (reader.take("SHA256_PASSWORD") or reader.take("PLAINTEXT_PASSWORD")):
        reader.refuse()
    reader.need("BY")
    return Secret(reader.string())


def _parse_profile(reader: _Words, verb: str) -> Change:
    replaces, lenient, names = _parse_head(reader, verb)
    settings: dict[str, str] = {}
    ceilings: dict[str, int] = {}
    if verb != "DROP":
        reader.need("SETTINGS")
        while True:
            name = reader.name()
            if name not in _PROFILE_SETTINGS:
                raise ServerError(
                    "NOT_IMPLEMENTED", f"Setting {name} in a profile is not supported; see docs/embedded-clickhouse.md"
                )
            reader.need("=")
            settings[name] = str(reader.number())
            if reader.take("MIN"):
                reader.number()
            if reader.take("MAX"):
                ceilings[name] = reader.number()
            reader.take("CONST")
            if not reader.take(","):
                break
    reader.end()
    limits = Profile(tuple(sorted(settings.items())), tuple(sorted(ceilings.items())))
    return Change(verb, names, kind="PROFILE", lenient=lenient, replaces=replaces, limits=limits)


def _parse_quota(reader: _Words, verb: str) -> Change:
    replaces, lenient, names = _parse_head(reader, verb)
    quota: Quota | None = None
    logins: tuple[str, ...] = ()
    if verb != "DROP":
        if reader.take("KEYED"):
            reader.need("BY", "USER_NAME")
            quota = _parse_interval(reader)
        elif verb == "CREATE":
            reader.refuse()
        reader.need("TO")
        logins = () if reader.take("NONE") else reader.names()
    reader.end()
    return Change(verb, names, kind="QUOTA", lenient=lenient, replaces=replaces, quota=quota, logins=logins)


def _parse_interval(reader: _Words) -> Quota:
    reader.need("FOR", "INTERVAL")
    count, unit = reader.number(), reader.next().word
    if unit not in _UNITS:
        reader.refuse()
    reader.need("MAX")
    limits = {}
    while True:
        name = reader.name().lower()
        if name not in RESOURCES:
            raise ServerError("NOT_IMPLEMENTED", f"A quota of {name} is not supported; see docs/embedded-clickhouse.md")
        reader.need("=")
        limits[name] = float(reader.number())
        if not reader.take(","):
            break
    return Quota("", count * _UNITS[unit], tuple(limits.items()))


def _parse_grant(reader: _Words, verb: str, towards: str) -> Change:
    reader.need("SELECT")
    reader.need("ON")
    grants = []
    while True:
        database = ANY if reader.take("*") else reader.name()
        reader.need(".")
        table = ANY if reader.take("*") else reader.name()
        if database == ANY or database.lower() in {"system", "information_schema", "default"}:
            raise ServerError(
                "NOT_IMPLEMENTED",
                "Only SELECT on a database of its own (db.* or db.table) can be granted on the embedded server",
            )
        grants.append(Grant(database, table))
        if not reader.take(","):
            break
        if reader.take("SELECT"):
            reader.need("ON")
    reader.need(towards)
    names = reader.names()
    replaces = verb == "GRANT" and reader.take("WITH", "REPLACE", "OPTION")
    reader.end()
    return Change(verb, names, grants=tuple(grants), replaces=replaces)


_KINDS: Mapping[tuple[str, ...], Callable[[_Words, str], Change]] = {
    ("USER",): _parse_user,
    ("SETTINGS", "PROFILE"): _parse_profile,
    ("PROFILE",): _parse_profile,
    ("QUOTA",): _parse_quota,
    ("ROLE",): _refuse,
    ("ROW",): _refuse,
}
