"""What a login that is not the owner may ask, decided on the engine's own parse of the statement.

The engine enforces the grants (each such query runs under the login's role, read-only). This module closes what grants
leave open in an embedded engine: the functions that read files, the system tables that show other people's queries,
statements and clauses that the engine's client part would carry out itself, and the difference between "forbidden" and
"does not exist", which would tell one tenant about another. It decides on the syntax tree, by lists of what is allowed
wherever a list can be complete.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from clickhouse.embedded.entities import User
from clickhouse.embedded.errors import ServerError

MAX_SECONDS = 30
MAX_ROWS = 10_000_000
MAX_MEMORY = 1 << 30

TABLE_FUNCTIONS = frozenset(
    {"numbers", "numbers_mt", "zeros", "zeros_mt", "values", "view", "generate_series", "generateseries"}
)
SYSTEM_TABLES = frozenset({
    "one", "numbers", "numbers_mt", "zeros", "zeros_mt", "settings", "functions", "formats",
    "data_type_families", "time_zones", "databases", "tables", "columns", "table_functions", "keywords",
})  # fmt: skip
INFORMATION_TABLES = frozenset({"tables", "columns", "schemata", "views"})

DENIED_FUNCTIONS = frozenset({
    # read or list files, configuration or network of the server's machine
    "file", "executable", "getserversetting", "getmacro", "getserverport", "tcpport", "showcertificate",
    "getmergetreesetting", "catboostevaluate", "evalmlmethod", "naivebayesclassifier",
    "naivebayesclassifierwithprob", "naivebayesclassifierwithallprobs", "getclienthttpheader",
    "currentrequesturl", "currenthandler", "logtrace", "zookeepersessionuptime", "generateserialid",
    # name every login: each has a role that the engine's one user holds
    "defaultroles",
    "addresstoline", "addresstolinewithinlines", "addresstosymbol", "demangle",
    # ask a model over the network
    "aiclassify", "aiembed", "aiextract", "aifilter", "aigenerate", "airedact", "aisimilarity", "aitranslate",
    # name a table, a database or a dictionary in a string, so that the tree does not show it
    "hascolumnintable", "getmaxtablenamelengthfordatabase", "joinget", "joingetornull", "pgtableisvisible",
})  # fmt: skip
DENIED_PREFIXES = ("dictget", "dicthas", "dictisin", "__")

SETTINGS = frozenset({
    "max_execution_time", "max_result_rows", "max_rows_to_read", "max_threads", "max_block_size", "extremes",
    "join_use_nulls", "final", "group_by_use_nulls", "transform_null_in", "session_timezone",
    "date_time_output_format", "output_format_json_quote_64bit_integers", "output_format_json_quote_decimals",
    "output_format_json_quote_denormals", "output_format_json_named_tuples_as_objects",
    "output_format_json_array_of_rows", "output_format_decimal_trailing_zeros",
    "output_format_write_statistics", "output_format_tsv_crlf_end_of_line",
    "output_format_csv_crlf_end_of_line", "output_format_pretty_color",
    "output_format_native_write_json_as_string", "output_format_native_encode_types_in_binary_format",
    "format_csv_delimiter", "bool_true_representation", "bool_false_representation", "result_overflow_mode",
    "timeout_overflow_mode", "read_overflow_mode", "output_format_binary_write_json_as_string",
    "output_format_json_validate_utf8", "output_format_json_escape_forward_slashes",
    "allow_experimental_json_type", "allow_experimental_variant_type", "allow_experimental_dynamic_type",
    "optimize_read_in_order", "optimize_aggregation_in_order", "log_comment", "readonly",
    "async_insert", "wait_for_async_insert",
})  # fmt: skip
# Sent by clients of themselves; a reader, who may not insert, is not changed by them.
_IDLE = frozenset({"readonly", "log_comment", "async_insert", "wait_for_async_insert"})
_CEILINGS = {"max_execution_time": MAX_SECONDS, "max_result_rows": MAX_ROWS, "max_threads": 8}

_STATEMENTS = frozenset(
    {"SelectWithUnionQuery", "SelectIntersectExceptQuery", "SelectQuery", "ShowTablesQuery", "ExplainQuery"}
)
_IN = frozenset({
    "in", "notin", "globalin", "globalnotin", "nullin", "notnullin", "globalnullin", "globalnotnullin",
    "inignoreset", "notinignoreset", "globalinignoreset", "globalnotinignoreset", "nullinignoreset",
    "notnullinignoreset", "globalnullinignoreset", "globalnotnullinignoreset",
})  # fmt: skip

_SHOW_KEYS = frozenset({
    "type", "databases", "from", "like", "not_like", "case_insensitive_like", "where_expression",
    "limit_length", "full", "is_outfile_append", "is_outfile_truncate", "is_into_outfile_with_stdout",
})  # fmt: skip

Node = dict[str, Any]
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")


@dataclass(frozen=True, slots=True)
class Question:
    """A reader's statement, found harmless: its tree without closing clauses, and what those clauses asked for."""

    tree: Node
    format: str | None
    settings: Mapping[str, str]
    reads_granted: bool = True


def deny(what: str) -> ServerError:
    """Return the refusal that a reader gets, whether or not the thing exists."""
    return ServerError("ACCESS_DENIED", f"Not enough privileges: {what}")


def _nodes(value: object) -> Iterator[Node]:
    stack = [value]
    while stack:
        current = stack.pop()
        if isinstance(current, dict):
            yield current
            stack.extend(current.values())
        elif isinstance(current, list):
            stack.extend(current)


def _literal(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("value")
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int | float | str):
        return str(value)
    raise ServerError("BAD_ARGUMENTS", "A setting must be a number or a string")


def check_statement(tree: Node, user: User) -> Question:
    """Return the statement with its closing FORMAT and SETTINGS taken off, if `user` may ask it.

    Raises ServerError (ACCESS_DENIED) otherwise. `tree` is the engine's syntax tree as JSON.
    """
    if tree.get("type") not in _STATEMENTS:
        raise deny("only SELECT, WITH, SHOW TABLES, SHOW DATABASES, DESCRIBE and EXPLAIN are allowed")
    settings: dict[str, str] = {}
    body = dict(tree)
    wish = body.pop("format_ast", None)
    for change in (body.pop("settings_ast", None) or {}).get("changes", []):
        settings[change["name"]] = _literal(change["value"])
    for node in _nodes(body):
        _check_node(node, user)
    selects = (body.get("list_of_selects") or {}).get("children", [])
    if len(selects) == 1 and "settings" in selects[0]:
        only = dict(selects[0])
        for change in only.pop("settings").get("changes", []):
            settings.setdefault(change["name"], _literal(change["value"]))
        body["list_of_selects"] = {**body["list_of_selects"], "children": [only]}
    reads_granted = any(_names_table(node) and not _is_open(node) for node in _nodes(body))
    return Question(body, _format_name(wish), limit_settings(settings, user), reads_granted)


def _format_name(wish: Node | None) -> str | None:
    if wish is None:
        return None
    name = str(wish.get("name", ""))
    if not _WORD.fullmatch(name):
        raise ServerError("BAD_ARGUMENTS", f"Unknown format {name}", number=73)
    return name


def _check_node(node: Node, user: User) -> None:
    if node.get("out_file") or node.get("infile"):
        raise deny("files of the server's machine cannot be read or written")
    if "func_name" in node:
        _check_function_name(str(node["func_name"]))
    called = node.get("table_function")
    if isinstance(called, dict) and str(called.get("name", "")).lower() not in TABLE_FUNCTIONS:
        raise deny(f"table function {called.get('name')} is not allowed")
    check = _CHECKS.get(str(node.get("type")))
    if check is not None:
        check(node, user)


def _check_settings(node: Node, user: User) -> None:
    limit_settings({change["name"]: _literal(change["value"]) for change in node.get("changes", [])}, user)


def _check_parameter(node: Node, _user: User) -> None:
    if str(node.get("param_type", "")).strip().lower() == "identifier":
        raise deny("an Identifier parameter is not allowed, name the table in the statement")


def _check_identifier(node: Node, _user: User) -> None:
    # A function may be named without being called: arrayMap(file, [...]).
    _check_function_name(str(node.get("name", "")))


def _check_function(node: Node, user: User) -> None:
    name = str(node.get("name", ""))
    _check_function_name(name)
    if name.lower() in _IN:
        last = ((node.get("arguments") or {}).get("children") or [{}])[-1]
        if last.get("type") == "Identifier" and len(last.get("name_parts") or [""]) > 1:
            _check_table(last, user)


def _check_explain(node: Node, _user: User) -> None:
    if (node.get("query") or {}).get("type") not in _STATEMENTS:
        raise deny("only a SELECT can be explained")


def _check_show(node: Node, user: User) -> None:
    if not node.keys() <= _SHOW_KEYS:
        raise deny("only SHOW TABLES and SHOW DATABASES are allowed")
    database = (node.get("from") or {}).get("name")
    if database is not None:
        _check_database(str(database), user)


def _check_table(node: Node, user: User) -> None:
    parts = [str(part) for part in node.get("name_parts") or [node.get("name", "")]]
    if len(parts) == 1:
        if parts[0] == "":
            raise deny("a table must be named in the statement")
        return
    database = parts[0]
    if not _is_open(node):
        _check_database(database, user)


def _names_table(node: Node) -> bool:
    kind, name = node.get("type"), str(node.get("name", "")).lower()
    return kind in {"TableIdentifier", "ShowTablesQuery"} or (kind == "Function" and name in _IN)


def _is_open(node: Node) -> bool:
    """Whether this is a table that every reader may read, whatever is granted to it."""
    parts = [str(part).lower() for part in node.get("name_parts") or []]
    if len(parts) != 2:  # noqa: PLR2004 - database and table
        return False
    database, table = parts
    return (database == "system" and table in SYSTEM_TABLES) or (
        database == "information_schema" and table in INFORMATION_TABLES
    )


def _check_database(database: str, user: User) -> None:
    if database not in user.databases:
        raise deny(f"{user.name} may not read database {database}")


def _check_function_name(name: str) -> None:
    lower = name.lower()
    if lower in DENIED_FUNCTIONS or lower.startswith(DENIED_PREFIXES):
        raise deny(f"{name} is not allowed")


_CHECKS: dict[str, Callable[[Node, User], None]] = {
    "TableIdentifier": _check_table,
    "Identifier": _check_identifier,
    "Function": _check_function,
    "QueryParameter": _check_parameter,
    "ExplainQuery": _check_explain,
    "ShowTablesQuery": _check_show,
    "SetQuery": _check_settings,
}


def limit_settings(settings: Mapping[str, str], user: User) -> dict[str, str]:
    """Return a reader's settings, held to their ceilings and to those of the reader's profile.

    Raises ServerError (READONLY) for a setting that a reader may not choose.
    """
    limited = {}
    ceilings = _CEILINGS | dict(user.limits.ceilings)
    for name, value in settings.items():
        if name not in SETTINGS:
            raise ServerError("READONLY", f"Cannot modify '{name}' setting in readonly mode")
        if name == "readonly" and value not in {"1", "2"}:
            raise ServerError("READONLY", "Cannot modify 'readonly' setting in readonly mode")
        if name in _IDLE:
            continue
        limited[name] = value
        ceiling = ceilings.get(name)
        if ceiling is not None:
            try:
                wished = float(value)
            except ValueError:
                raise ServerError("BAD_ARGUMENTS", f"Setting {name} must be a number") from None
            if not 0 < wished <= ceiling:
                limited[name] = str(ceiling)
    return limited
