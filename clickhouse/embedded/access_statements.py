"""The SQL that changes users and grants: the few forms that Jalon uses, and a clear refusal for every other."""

from __future__ import annotations

from collections.abc import Mapping

from clickhouse.embedded.access import ANY, Change, Grant
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.statements import Token, scan, unquote


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

    def refuse(self) -> None:
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
    for verb in ("CREATE", "ALTER", "DROP"):
        if reader.take(verb, "USER"):
            return _parse_user(reader, verb)
    for verb, towards in (("GRANT", "TO"), ("REVOKE", "FROM")):
        if reader.take(verb):
            return _parse_grant(reader, verb, towards)
    for verb in ("CREATE", "ALTER", "DROP"):
        for thing in ("ROLE", "QUOTA", "ROW", "SETTINGS", "PROFILE"):
            if reader.take(verb, thing):
                reader.refuse()
    return None


def _parse_user(reader: _Words, verb: str) -> Change:
    replaces = verb == "CREATE" and reader.take("OR", "REPLACE")
    lenient = reader.take("IF", "NOT", "EXISTS") if verb == "CREATE" else reader.take("IF", "EXISTS")
    names = reader.names()
    if verb == "DROP":
        reader.end()
        return Change(verb, names, lenient=lenient)
    reader.need("IDENTIFIED")
    if reader.take("WITH") and not (reader.take("SHA256_PASSWORD") or reader.take("PLAINTEXT_PASSWORD")):
        reader.refuse()
    reader.need("BY")
    password = reader.string()
    if reader.take("HOST"):
        reader.need("ANY")
    reader.end()
    return Change(verb, names, password=password, lenient=lenient, replaces=replaces)


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
    reader.end()
    return Change(verb, names, grants=tuple(grants))
