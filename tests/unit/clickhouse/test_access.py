from __future__ import annotations

from datetime import UTC, datetime

from clickhouse.access import Access, describe_access
from clickhouse.databases import is_login_of, name_analyst, name_reader
from identity.analysts import Analyst
from identity.tenants import QueryLimits

ANNE = Analyst("a-b", "anne", "ab12", "5a17", datetime(2026, 11, 26, tzinfo=UTC))


def test_a_login_belongs_to_one_tenant_only() -> None:
    tenants = ("a", "a-b", "a--b", "a-", "a--")
    names = ("b", "b_c", "c", "anne")
    logins = {name_reader(tenant): tenant for tenant in tenants}
    logins |= {name_analyst(tenant, name): tenant for tenant in tenants for name in names}
    assert len(logins) == len(tenants) * (len(names) + 1)
    for login, owner in logins.items():
        assert [tenant for tenant in tenants if is_login_of(login, tenant)] == [owner], login


def test_no_limit_can_be_lifted_by_a_query() -> None:
    statements = describe_access(Access("a-b", "word", [ANNE], QueryLimits(7, 8, 9, 10)))
    profile = next(text for text in statements if text.startswith("ALTER SETTINGS PROFILE analysts_a_b"))
    assert "readonly = 2 CONST" in profile
    assert "max_execution_time = 7 MIN 1 MAX 7" in profile
    assert "max_memory_usage = 8388608 MIN 1 MAX 8388608" in profile
    assert "max_rows_to_read = 9 MIN 1 MAX 9" in profile
    assert "max_result_rows = 10000000 MIN 1 MAX 10000000" in profile
    assert statements[-1].endswith("MAX execution_time = 10 TO analyst_a_b__anne")


def test_only_select_on_the_tenants_database_is_granted() -> None:
    statements = describe_access(Access("a-b", "word", [ANNE]))
    assert [text for text in statements if text.startswith("GRANT")] == [
        "GRANT SELECT ON tenant_a_b.* TO reader_a_b WITH REPLACE OPTION",
        "GRANT SELECT ON tenant_a_b.* TO analyst_a_b__anne WITH REPLACE OPTION",
    ]


def test_a_password_cannot_end_its_literal() -> None:
    (created,) = [text for text in describe_access(Access("a", "x' \\' y")) if text.startswith("CREATE USER")]
    assert "BY 'x\\' \\\\\\' y' HOST" in created
