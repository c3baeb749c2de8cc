from __future__ import annotations

from typing import Any

import pytest

from clickhouse.embedded.entities import Grant, Profile, User
from clickhouse.embedded.errors import ServerError
from clickhouse.embedded.reader import check_statement, limit_settings

READER = User("reader", "", "", (Grant("mine"),))


def select(**parts: Any) -> dict[str, Any]:
    only = {"type": "SelectQuery", "select": {"type": "ExpressionList", "children": []}, **parts}
    return {"type": "SelectWithUnionQuery", "list_of_selects": {"type": "ExpressionList", "children": [only]}}


def table(*parts: str) -> dict[str, Any]:
    named = {"type": "TableIdentifier", "name": ".".join(parts), "name_parts": list(parts)}
    return select(
        tables={"children": [{"table_expression": {"type": "TableExpression", "database_and_table_name": named}}]}
    )


def call(name: str, *arguments: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Function", "name": name, "arguments": {"type": "ExpressionList", "children": list(arguments)}}


def test_closing_clauses_are_taken_off_and_kept() -> None:
    tree = table("mine", "t") | {
        "format_ast": {"type": "Identifier", "name": "JSON"},
        "settings_ast": {"type": "SetQuery", "changes": [{"name": "max_threads", "value": {"value": 2}}]},
    }
    question = check_statement(tree, READER)
    assert question.format == "JSON"
    assert question.settings == {"max_threads": "2"}
    assert question.tree == table("mine", "t")


@pytest.mark.parametrize("parts", [("t",), ("mine", "t"), ("system", "settings"), ("INFORMATION_SCHEMA", "tables")])
def test_granted_and_harmless_tables_are_allowed(parts: tuple[str, ...]) -> None:
    assert check_statement(table(*parts), READER).format is None


@pytest.mark.parametrize(
    "tree",
    [
        table("other", "t"),
        table("no_such", "t"),
        table("system", "processes"),
        table("system", "query_log"),
        table("default", "/etc/passwd"),
        table("mine", "t", "x") | {"out_file": {"value": "/tmp/x"}},
        table(""),
        select(where=call("file")),
        select(where=call("FILE")),
        select(where=call("arrayMap", {"type": "Identifier", "name": "file"})),
        select(select={"type": "Asterisk", "transformers": [{"type": "ColumnsApplyTransformer", "func_name": "file"}]}),
        select(where=call("dictGetString")),
        select(where=call("joinGet")),
        select(where=call("aiGenerate")),
        select(
            where=call("in", {"type": "Identifier", "name": "a"}, {"type": "Identifier", "name_parts": ["other", "t"]})
        ),
        select(tables={"table_function": {"type": "Function", "name": "url"}}),
        select(tables={"table_function": {"type": "Function", "name": "merge"}}),
        select(tables={"x": {"type": "QueryParameter", "name": "t", "param_type": "Identifier"}}),
        {"type": "InsertQuery"},
        {"type": "ShowTablesQuery", "from": {"name": "other"}},
        {"type": "ShowTablesQuery", "merges": True},
        {"type": "ExplainQuery", "query": {"type": "InsertQuery"}},
    ],
)
def test_everything_else_is_denied(tree: dict[str, Any]) -> None:
    with pytest.raises(ServerError) as refused:
        check_statement(tree, READER)
    assert refused.value.number == 497


def test_what_is_forbidden_and_what_does_not_exist_are_refused_in_the_same_words() -> None:
    texts = []
    for database in ("other", "no_such"):
        with pytest.raises(ServerError) as refused:
            check_statement(table(database, "t"), READER)
        texts.append(str(refused.value).replace(database, "X"))
    assert texts[0] == texts[1]


def test_a_format_that_is_no_word_is_refused() -> None:
    tree = select() | {"format_ast": {"type": "Identifier", "name": "TSV SETTINGS readonly = 0"}}
    with pytest.raises(ServerError, match="Unknown format"):
        check_statement(tree, READER)


def test_limits_can_be_lowered_and_not_raised() -> None:
    assert limit_settings({"max_execution_time": "5"}, READER) == {"max_execution_time": "5"}
    for wish in ("0", "-1", "9999", "inf", "nan"):
        assert limit_settings({"max_execution_time": wish}, READER) == {"max_execution_time": "30"}
    for name in ("allow_ddl", "max_memory_usage", "readonly", "format_template_resultset", "use_query_cache"):
        with pytest.raises(ServerError) as refused:
            limit_settings({name: "0"}, READER)
        assert refused.value.number == 164


def test_what_clients_send_of_themselves_changes_nothing_and_is_no_reason_to_refuse() -> None:
    sent = {"async_insert": "1", "wait_for_async_insert": "1", "log_comment": "x", "readonly": "2"}
    assert limit_settings(sent, READER) == {}


def test_a_profile_lowers_and_raises_the_ceilings_of_its_logins() -> None:
    limits = Profile((), (("max_execution_time", 120), ("max_rows_to_read", 5)))
    user = User("reader", "", "", (Grant("mine"),), limits=limits)
    wishes = {"max_execution_time": "100", "max_rows_to_read": "0", "max_threads": "99"}
    assert limit_settings(wishes, user) == {"max_execution_time": "100", "max_rows_to_read": "5", "max_threads": "8"}
