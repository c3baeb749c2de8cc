"""A tenant's own ClickHouse users: what boards and analysts can see is ClickHouse's decision, not a filter of ours.

The same statements go to ClickHouse and to the embedded server. Sent again, they put right what has drifted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from clickhouse.connection import Client, translate_errors
from clickhouse.databases import is_login_of, name_analyst, name_reader, name_tenant_database
from identity.analysts import Analyst
from identity.tenants import QueryLimits

MAX_RESULT_ROWS = 10_000_000
_MIB = 1024 * 1024
_BOARD_SECONDS = 30
# Grafana's plug-in sends its own timeout, a minute and some seconds, as max_execution_time.
_BOARD_SECONDS_MOST = 120
_BOARD_MIB = 1024
_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Access:
    """Who may query a tenant's database: its boards, under the reader's password, and its analysts.

    Nobody is let in while it is `locked`.
    """

    tenant: str
    reader_password: str = field(repr=False)
    analysts: Sequence[Analyst] = ()
    limits: QueryLimits = field(default_factory=QueryLimits)
    locked: bool = False


def ensure_access(client: Client, access: Access) -> None:
    """Bring about that those and only those may query the tenant's database. Raises StoreUnavailable."""
    statements = describe_access(access)
    wanted = {name_reader(access.tenant), *(name_analyst(access.tenant, one.name) for one in access.analysts)}
    with translate_errors():
        strangers = [login for login in _list_logins(client, access.tenant) if login not in wanted]
        if strangers:
            client.command(f"DROP USER IF EXISTS {', '.join(strangers)}")
        for statement in statements:
            client.command(statement)


def drop_access(client: Client, tenant: str) -> None:
    """Remove the tenant's users, profiles and quota, as far as they are there. Raises StoreUnavailable."""
    boards, analysts = _name_profiles(tenant)
    with translate_errors():
        logins = _list_logins(client, tenant)
        if logins:
            client.command(f"DROP USER IF EXISTS {', '.join(logins)}")
        client.command(f"DROP QUOTA IF EXISTS {analysts}")
        for profile in (boards, analysts):
            client.command(f"DROP SETTINGS PROFILE IF EXISTS {profile}")


def lock_access(client: Client, tenant: str) -> None:
    """Let none of the tenant's users in any more, until ensure_access does. Raises StoreUnavailable."""
    with translate_errors():
        logins = _list_logins(client, tenant)
        if logins:
            client.command(f"ALTER USER IF EXISTS {', '.join(logins)} HOST NONE")


def describe_access(access: Access) -> list[str]:
    """Return the statements, in order. All names in them are made of a tenant's slug and need no quoting."""
    tenant, limits = access.tenant, access.limits
    boards, analysts = _name_profiles(tenant)
    database = name_tenant_database(tenant)
    reader = name_reader(tenant)
    logins = [name_analyst(tenant, one.name) for one in access.analysts]
    # ClickHouse takes no parameters in these statements.
    secret = access.reader_password.replace("\\", "\\\\").replace("'", "\\'")
    statements = [
        *_ensure(
            "SETTINGS PROFILE",
            boards,
            _describe_settings(
                max_execution_time=(_BOARD_SECONDS, _BOARD_SECONDS_MOST),
                max_memory_usage=(_BOARD_MIB * _MIB, _BOARD_MIB * _MIB),
                max_result_rows=(MAX_RESULT_ROWS, MAX_RESULT_ROWS),
            ),
        ),
        *_ensure(
            "SETTINGS PROFILE",
            analysts,
            _describe_settings(
                max_execution_time=(limits.query_seconds, limits.query_seconds),
                max_memory_usage=(limits.query_mib * _MIB, limits.query_mib * _MIB),
                max_rows_to_read=(limits.query_rows, limits.query_rows),
                max_result_rows=(MAX_RESULT_ROWS, MAX_RESULT_ROWS),
                max_concurrent_queries_for_user=(_AT_ONCE, _AT_ONCE),
            ),
        ),
        *_ensure_user(reader, f"sha256_password BY '{secret}'", database, boards, locked=access.locked),
    ]
    for login, one in zip(logins, access.analysts, strict=True):
        identified = f"sha256_hash BY '{one.password_hash}' SALT '{one.salt}'"
        statements += _ensure_user(login, identified, database, analysts, locked=access.locked)
    quota = f"KEYED BY user_name FOR INTERVAL 1 hour MAX execution_time = {limits.hour_seconds}"
    return statements + _ensure("QUOTA", analysts, f"{quota} TO {', '.join(logins) or 'NONE'}")


def _describe_settings(**limits: tuple[int, int]) -> str:
    # 2, not 1: clients choose formats and time zones. What is const, and that no limit may be 0, which would be none,
    # keeps a query from lifting the limits.
    settings = ["readonly = 2 CONST", "allow_ddl = 0 CONST"]
    settings += [f"{name} = {value} MIN 1 MAX {most}" for name, (value, most) in limits.items()]
    return f"SETTINGS {', '.join(settings)}"


def _ensure_user(login: str, identified: str, database: str, profile: str, *, locked: bool) -> list[str]:
    host = "NONE" if locked else "ANY"
    return [
        *_ensure(
            "USER",
            login,
            f"IDENTIFIED WITH {identified} HOST {host} DEFAULT DATABASE {database} SETTINGS PROFILE '{profile}'",
        ),
        # Whatever was granted beside it, sources such as files and addresses among it, is taken back.
        f"GRANT SELECT ON {database}.* TO {login} WITH REPLACE OPTION",
    ]


def _ensure(kind: str, name: str, description: str) -> list[str]:
    # Not OR REPLACE: that makes another thing of the same name, which what refers to the first one loses.
    return [f"CREATE {kind} IF NOT EXISTS {name} {description}", f"ALTER {kind} {name} {description}"]


def _name_profiles(tenant: str) -> tuple[str, str]:
    slug = tenant.replace("-", "_")
    return f"boards_{slug}", f"analysts_{slug}"


def _list_logins(client: Client, tenant: str) -> list[str]:
    names = str(client.command("SHOW USERS")).split("\n")
    return [name for name in names if is_login_of(name, tenant)]
