"""The files from which the engine starts: memory and threads for a laptop, and the grants of the logins as roles.

A connection of chDB is always the user `default`, and roles and grants can be told to the engine only when it starts.
So `default` is granted every login's role, and a login's query begins with SET ROLE, after which the engine allows
what that role may and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from clickhouse.embedded.entities import User
from clickhouse.embedded.statements import quote_name

# A small pool of merges refuses to start with the defaults, which count on sixteen threads.
_MERGES = {
    "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 2,
    "number_of_free_entries_in_pool_to_execute_mutation": 2,
    "number_of_free_entries_in_pool_to_execute_optimize_entire_partition": 2,
    "max_bytes_to_merge_at_max_space_in_pool": 10 << 30,
    # Small inserts make small parts: merging ten at a time rather than five halves what merging them costs.
    "merge_selector_base": 10,
}
OWNER_ROLE = "jalon_owner"
READER_ROLE_PREFIX = "jalon_reader_"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of the machine the engine may take. Sizes in bytes, times in seconds."""

    memory: int = 3 << 30
    query_memory: int = 2 << 30
    mark_cache: int = 64 << 20
    index_cache: int = 32 << 20
    merges: int = 2
    schedules: int = 8
    queries: int = 24
    wait: float = 10.0
    drain: float = 15.0


def reader_role(user: User) -> str:
    """Return the name of the role that carries this login's grants."""
    return READER_ROLE_PREFIX + user.name


def write_configuration(directory: Path, users: Sequence[User], limits: Limits) -> Path:
    """Write the engine's configuration (0600, no secret in it) under `directory`; return the path of its main file."""
    place = directory / "configuration"
    place.mkdir(mode=0o700, exist_ok=True)
    for name in ("tmp", "user_files", "format_schemas", "user_scripts"):
        (directory / name).mkdir(mode=0o700, exist_ok=True)
    main, access = place / "config.xml", place / "users.xml"
    _write(access, _render_users(users, limits))
    _write(main, _render_main(directory, access, limits))
    return main


def _write(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _render_main(directory: Path, access: Path, limits: Limits) -> str:
    values = {
        "users_config": access,
        "tmp_path": f"{directory / 'tmp'}/",
        "user_files_path": f"{directory}/user_files/",
        "format_schema_path": f"{directory}/format_schemas/",
        "user_scripts_path": f"{directory}/user_scripts/",
        "max_server_memory_usage": limits.memory,
        "mark_cache_size": limits.mark_cache,
        "index_mark_cache_size": limits.index_cache,
        "primary_index_cache_size": limits.index_cache,
        "uncompressed_cache_size": 0,
        "index_uncompressed_cache_size": 0,
        "mmap_cache_size": 100,
        "query_condition_cache_size": limits.index_cache,
        "compiled_expression_cache_size": 16 << 20,
        "background_pool_size": limits.merges,
        "background_merges_mutations_concurrency_ratio": 2,
        "background_move_pool_size": 1,
        "background_fetches_pool_size": 1,
        "background_common_pool_size": 1,
        "background_schedule_pool_size": limits.schedules,
        "background_buffer_flush_schedule_pool_size": 1,
        "background_distributed_schedule_pool_size": 1,
        "background_message_broker_schedule_pool_size": 1,
        # Idle threads are let go early; many may exist, since each restart of the engine leaves a few behind.
        "max_thread_pool_size": 10_000,
        "max_thread_pool_free_size": 16,
        "max_io_thread_pool_size": 16,
        "database_catalog_drop_table_concurrency": 2,
        "tables_loader_foreground_pool_size": 2,
        "tables_loader_background_pool_size": 1,
    }
    lines = [f"    <{name}>{escape(str(value))}</{name}>" for name, value in values.items()]
    return "\n".join(
        [
            "<clickhouse>",
            *lines,
            "    <send_crash_reports><enabled>false</enabled></send_crash_reports>",
            "    <merge_tree>",
            *(f"        <{name}>{value}</{name}>" for name, value in _MERGES.items()),
            "    </merge_tree>",
            "</clickhouse>",
            "",
        ]
    )


def _render_grant(query: str) -> str:
    return f"<query>{escape(query)}</query>"


def _render_users(users: Sequence[User], limits: Limits) -> str:
    roles = [f"<{OWNER_ROLE}><grants>{_render_grant('GRANT ALL ON *.* WITH GRANT OPTION')}</grants></{OWNER_ROLE}>"]
    granted = [_render_grant(f"GRANT {OWNER_ROLE}")]
    for user in users:
        if not user.grants:
            continue
        queries = "".join(
            _render_grant(
                f"GRANT SELECT ON {quote_name(grant.database)}.{'*' if grant.table == '*' else quote_name(grant.table)}"
            )
            for grant in user.grants
        )
        role = reader_role(user)
        roles.append(f"<{role}><grants>{queries}</grants></{role}>")
        granted.append(_render_grant(f"GRANT {role}"))
    return f"""<clickhouse>
    <profiles><default>
        <implicit_select>0</implicit_select>
        <allow_introspection_functions>0</allow_introspection_functions>
        <storage_file_read_method>pread</storage_file_read_method>
        <log_queries>0</log_queries>
        <max_memory_usage>{limits.query_memory}</max_memory_usage>
        <max_bytes_before_external_group_by>{limits.query_memory // 2}</max_bytes_before_external_group_by>
        <max_bytes_before_external_sort>{limits.query_memory // 2}</max_bytes_before_external_sort>
    </default></profiles>
    <quotas><default/></quotas>
    <roles>{"".join(roles)}</roles>
    <users><default>
        <password></password><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
        <grants>{"".join(granted)}</grants>
    </default></users>
</clickhouse>
"""
