"""The embedded runtime, for real, while it runs: its processes, their secrets, its topic."""

from __future__ import annotations

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from jalon.errors import AlreadyRunning, StartFailed
from jalon.runtime.instance import Instance
from jalon.runtime.topics import ensure_topic, open_admin, topic_configuration
from jalon.settings import Settings
from tests.stack import PROCESSES, Stack, TenantAccess, find_processes

pytestmark = pytest.mark.integration


def read_topic_configuration(settings: Settings) -> dict[str, str]:
    admin = open_admin(settings)
    try:
        asked = ConfigResource(ConfigResourceType.TOPIC, settings.topic)
        found = admin.describe_configs([asked], config_filter="all")
    finally:
        admin.close()
    values = found["topic"][settings.topic]
    return {name: values[name]["value"] for name in topic_configuration(settings)}


def test_status_names_every_process_with_its_memory_and_finds_all_ready(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    status = {process.name: process for process in stack.instance.read_status()}
    expected = (
        PROCESSES if stack.settings.runtime == "embedded" else ["boards", "lrs", "scheduler", "webhooks", "worker-1"]
    )
    assert sorted(status) == expected
    assert {process.problem for process in status.values()} == {""}
    assert all(process.memory_mib > 10 and process.state == "running" for process in status.values())


def test_command_line_of_no_process_holds_a_secret(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    secrets = [
        stack.settings.clickhouse_password.get_secret_value(),
        stack.settings.boards_secret.get_secret_value(),
        stack.settings.master_key_path.read_text().strip(),
    ]
    processes = find_processes(stack.settings)
    assert len(processes) >= 4
    for process in processes:
        assert not any(secret in " ".join(process.cmdline()) for secret in secrets)
    for path in stack.settings.data_dir.rglob("*.log"):
        assert not any(secret in path.read_text(errors="replace") for secret in secrets), path


def test_secrets_are_readable_by_their_owner_only(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    directory = stack.settings.data_dir
    assert directory.stat().st_mode & 0o077 == 0
    for name in ("passwords.json", "master.key", "identity.sqlite3", "run/settings.json", "run/supervisord.conf"):
        assert (directory / name).stat().st_mode & 0o077 == 0, name


def test_second_start_in_the_same_directory_is_refused(stack: Stack) -> None:
    if stack.instance is None:
        pytest.skip("the product was started elsewhere")
    with pytest.raises(AlreadyRunning, match="jalon down"):
        Instance(stack.settings).start(with_parent=True)
    assert not any(process.problem for process in stack.instance.read_status())


def test_tenant_is_sealed_into_its_own_database(tenant: TenantAccess) -> None:
    visible = {row[0] for row in tenant.reader.query("SHOW DATABASES").result_rows}
    assert {name for name in visible if name.startswith(("tenant_", "jalon"))} == {
        f"tenant_{tenant.id.replace('-', '_')}"
    }


def test_topic_is_kept_as_the_settings_say(stack: Stack) -> None:
    settings = stack.settings
    changed = settings.model_copy(update={"topic_retention_hours": settings.topic_retention_hours + 1})
    ensure_topic(changed)
    assert read_topic_configuration(settings) == topic_configuration(changed)
    ensure_topic(settings)
    assert read_topic_configuration(settings) == topic_configuration(settings)
    with pytest.raises(StartFailed, match=f"JALON_KAFKA_PARTITIONS={settings.kafka_partitions}"):
        ensure_topic(settings.model_copy(update={"kafka_partitions": settings.kafka_partitions + 1}))
