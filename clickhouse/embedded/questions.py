"""From a reader's text to the statement that is run for it, by way of the engine's own parser.

What runs is not the text but the engine's rendering of the checked tree, which is parsed and checked once more: no
difference between how the text was read here and how the engine reads it can matter. The work is kept per text, since
boards ask the same few dozen questions all day.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from clickhouse.embedded.engine import Engine
from clickhouse.embedded.entities import User
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.reader import check_statement, deny
from clickhouse.embedded.statements import first_words, quote_name, scan, strip_end, unquote

_MAX_TEXT = 256 << 10
_KEPT = 512
_NOT_IN_TREE = re.compile(r"is not supported by parseQueryToJSON|does not support JSON serialization")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement that may be run under its reader's role, without FORMAT and SETTINGS, which stand beside it."""

    statement: bytes
    format: str | None
    settings: Mapping[str, str]
    piped: bool = True
    reads_granted: bool = True

    def write_to(self, path: str, default_format: str) -> bytes:
        """Return the statement with its output sent to `path`."""
        clause = f"\n INTO OUTFILE '{path}' APPEND COMPRESSION 'none' FORMAT {self.format or default_format}"
        return self.statement + clause.encode()


class Questions:
    """Prepares readers' statements. May be used from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._kept: OrderedDict[tuple[User, bytes], Prepared] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, user: User, text: bytes) -> Prepared:
        """Return what to run for this text.

        Raises ServerError: ACCESS_DENIED for what a reader may not ask, SYNTAX_ERROR for what is not one statement.
        """
        key = (user, text)
        with self._lock:
            known = self._kept.get(key)
            if known is not None:
                self._kept.move_to_end(key)
                return known
        prepared = self._describe(user, text) or self._select(user, text)
        with self._lock:
            self._kept[key] = prepared
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return prepared

    def _select(self, user: User, text: bytes) -> Prepared:
        if len(text) > _MAX_TEXT:
            raise ServerError("QUERY_IS_TOO_LARGE", f"The statement is longer than {_MAX_TEXT} bytes")
        with self._engine.open_parser() as call:
            question = check_statement(_parse(call, strip_end(text).decode("utf-8", "replace")), user)
            rendered = call("formatQueryFromJSON", _dump(question.tree))
            again = check_statement(_parse(call, rendered), user)
        if again.format is not None or again.settings:
            raise deny("this combination of clauses is not allowed")
        piped = question.tree["type"] != "ShowTablesQuery"
        return Prepared(rendered.encode(), question.format, question.settings, piped, question.reads_granted)

    def _describe(self, user: User, text: bytes) -> Prepared | None:
        """DESCRIBE [TABLE] [database.]table, which has no syntax tree in JSON."""
        tokens = [token for token in scan(text) if token.raw != b";"]
        if not tokens or tokens[0].word not in {"DESCRIBE", "DESC"}:
            return None
        rest = tokens[2:] if len(tokens) > 1 and tokens[1].word == "TABLE" else tokens[1:]
        wish = None
        if len(rest) > 2 and rest[-2].word == "FORMAT" and rest[-1].kind == "word":  # noqa: PLR2004 - FORMAT and its name
            wish, rest = unquote(rest[-1]), rest[:-2]
        kinds = ["name" if token.kind in {"word", "quoted"} else token.word for token in rest]
        if kinds == ["name"]:
            name = quote_name(unquote(rest[0]))
        elif kinds == ["name", ".", "name"] and unquote(rest[0]) in user.databases:
            name = f"{quote_name(unquote(rest[0]))}.{quote_name(unquote(rest[2]))}"
        else:
            raise deny("DESCRIBE is allowed for a table of a database that is granted")
        return Prepared(f"DESCRIBE TABLE {name}".encode(), wish, {}, piped=False)


def _parse(call: Callable[[str, str], str], text: str) -> dict[str, Any]:
    try:
        tree = orjson.loads(call("parseQueryToJSON", text))
    except ServerError as error:
        if _NOT_IN_TREE.search(error.message):
            word = " ".join(first_words(text.encode(), 1))
            raise deny(f"{word} is not allowed, only SELECT, WITH, SHOW, DESCRIBE and EXPLAIN are") from None
        raise
    except orjson.JSONDecodeError as error:
        raise _too_deep() from error
    if not isinstance(tree, dict):
        raise deny("this statement is not allowed")
    return tree


def _dump(tree: Mapping[str, Any]) -> str:
    try:
        return json.dumps(tree, ensure_ascii=False)
    except RecursionError as error:
        raise _too_deep() from error


def _too_deep() -> ServerError:
    return ServerError("TOO_DEEP_AST", "The statement is nested too deeply")
