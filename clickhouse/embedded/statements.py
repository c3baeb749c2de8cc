"""Just enough of ClickHouse's lexis to handle a statement without understanding it.

The engine parses SQL. The server only has to see where an INSERT's text ends and its data begin, which format is
asked for, and where a clause can be put. All of it works on bytes, since the data that follow an INSERT may be binary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clickhouse.embedded.errors import ServerError

_TOKEN = re.compile(
    rb"""
    (?P<blank>\s+|--[^\n]*|\#[!\s][^\n]*|/\*.*?\*/)
  | (?P<string>'(?:[^'\\]|\\.|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
  | (?P<quoted>"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`)
  | (?P<word>[A-Za-z_\x80-\xff][\w\x80-\xff$]*)
  | (?P<number>[0-9][\w.]*)
  | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "f": "\f", "a": "\a", "v": "\v"}
READING = frozenset({"SELECT", "WITH", "SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "FROM"})
# Statements whose result can be sent into a pipe; the engine rewrites the other reading ones and forgets the pipe.
PIPED = frozenset({"SELECT", "WITH", "FROM", "EXPLAIN"})
SESSION = frozenset({"SET", "USE", "BEGIN", "COMMIT", "ROLLBACK"})
_MAX_HEAD = 1 << 20


@dataclass(frozen=True, slots=True)
class Token:
    """One word, string, quoted name, number or sign of a statement; blanks and comments are left out."""

    kind: str
    start: int
    end: int
    raw: bytes

    @property
    def word(self) -> str:
        """The word in capitals, or the sign; empty for a string, a quoted name or a number."""
        return self.raw.decode("latin-1").upper() if self.kind in {"word", "sign"} else ""


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose data come with the request: the statement without FORMAT, its format, where the data begin."""

    head: bytes
    format: str
    data_start: int


def scan(text: bytes) -> Iterator[Token]:
    """Yield the tokens of `text` in order. Never fails: what is no token of SQL comes as single signs."""
    position = 0
    while found := _TOKEN.match(text, position):
        position = found.end()
        kind = found.lastgroup or "sign"
        if kind == "tag":
            kind = "string"
        if kind != "blank":
            yield Token(kind, found.start(), position, found.group())


def first_words(text: bytes, count: int = 3) -> list[str]:
    """Return the first words of the statement in capitals, opening brackets left out."""
    words: list[str] = []
    for token in scan(text):
        if token.raw == b"(" and not words:
            continue
        words.append(token.word)
        if len(words) == count:
            break
    return words


def unquote(token: Token) -> str:
    """Return what a string or a name stands for.

    Raises ServerError (SYNTAX_ERROR) if the token is neither.
    """
    text = token.raw.decode()
    if token.kind == "word":
        return text
    if token.kind not in {"string", "quoted"} or text.startswith("$"):
        raise ServerError("SYNTAX_ERROR", f"A name or a string was expected, found {text[:20]!r}")
    quote, body = text[0], text[1:-1]
    doubled = body.replace(quote * 2, "\\" + quote)
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found.group(1), found.group(1)), doubled, flags=re.DOTALL)


def quote_string(text: str) -> str:
    """Return `text` as a string literal of SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(text: str) -> str:
    """Return `text` as a quoted identifier of SQL."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def escape_parameter(text: str) -> str:
    """Return `text` in the escaped form in which ClickHouse takes the value of a query parameter."""
    return (
        text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r").replace("\0", "\\0")
    )


def strip_end(text: bytes) -> bytes:
    """Return the statement without closing semicolons, blanks and comments behind it."""
    bare = text.strip()
    if not bare.endswith(b";") and not any(mark in bare for mark in (b"--", b"/*", b"#")):
        # Nearly every statement: no need to go through all of it, which may be a long list of values.
        return bare
    tokens = list(scan(text))
    while tokens and tokens[-1].raw == b";":
        tokens.pop()
    return text[: tokens[-1].end] if tokens else b""


def split_insert(text: bytes) -> Insert | None:
    """Find where the statement of an INSERT ends and its data begin.

    None if this is no INSERT, or one that brings no data (INSERT ... SELECT), or several statements.
    Raises ServerError for the ways of bringing data that the embedded engine does not have: FROM INFILE, input().
    """
    depth = 0
    selects = False
    before = ""
    for place, token in enumerate(scan(text[:_MAX_HEAD])):
        word = token.word
        if place == 0 and word != "INSERT":
            return None
        depth += (word == "(") - (word == ")")
        if before == "INPUT" and word == "(" and selects:
            raise ServerError(
                "NOT_IMPLEMENTED", "INSERT ... SELECT FROM input() is not supported by the embedded server"
            )
        if word == ";":
            return None
        if before == "FROM" and word == "INFILE":
            raise ServerError(
                "NOT_IMPLEMENTED", "FROM INFILE is not supported over HTTP: send the data with the request"
            )
        if depth == 0 and not selects:
            selects = word in {"SELECT", "WITH", "WATCH"}
            if before == "FORMAT" and token.kind == "word":
                return _cut(text, token)
            if word == "VALUES" and before not in {"INTO", "FORMAT"}:
                return Insert(text[: token.start].rstrip(), "Values", token.end)
        before = word
    return None


def _cut(text: bytes, name: Token) -> Insert:
    data_format = name.raw.decode()
    start = name.end if data_format.upper() == "VALUES" else _skip_line_end(text, name.end)
    head = text[: name.start].rstrip()
    return Insert(head[: -len("FORMAT")].rstrip(), data_format, start)


def _skip_line_end(text: bytes, position: int) -> int:
    while text[position : position + 1] in {b" ", b"\t"}:
        position += 1
    for line_end in (b"\r\n", b"\n"):
        if text.startswith(line_end, position):
            return position + len(line_end)
    return position


def read_from(insert: Insert, path: str) -> bytes:
    """Return the INSERT with its data taken from the file at `path`."""
    tokens = list(scan(insert.head))
    end = len(insert.head)
    for index, token in enumerate(tokens[:-2]):
        if token.word == "SETTINGS" and tokens[index + 1].kind == "word" and tokens[index + 2].raw == b"=":
            # The engine wants its settings behind the file.
            end = token.start
            break
    clause = f"\nFROM INFILE {quote_string(path)} COMPRESSION 'none' ".encode()
    return insert.head[:end] + clause + insert.head[end:] + f"\nFORMAT {insert.format}".encode()


def find_format(text: bytes) -> tuple[int, str] | None:
    """Find the FORMAT clause that ends a reading statement: where it starts, and the format's name."""
    tokens, depth, found = list(scan(text)), 0, None
    for index, token in enumerate(tokens):
        if token.raw in {b"(", b"["}:
            depth += 1
        elif token.raw in {b")", b"]"}:
            depth -= 1
        elif depth == 0 and token.word == "FORMAT" and index + 1 < len(tokens):
            name, after = tokens[index + 1], tokens[index + 2 : index + 3]
            if name.kind == "word" and (not after or after[0].word in {";", "SETTINGS"}):
                found = (token.start, name.raw.decode())
    return found


def write_to(text: bytes, path: str, default_format: str) -> tuple[bytes, str]:
    """Return the reading statement with its output sent to `path`, and the format of that output."""
    statement = strip_end(text)
    clause = f" INTO OUTFILE {quote_string(path)} APPEND COMPRESSION 'none' ".encode()
    place = find_format(statement)
    if place is None:
        return statement + b"\n" + clause + f"FORMAT {default_format}".encode(), default_format
    start, name = place
    return statement[:start] + clause + statement[start:], name
