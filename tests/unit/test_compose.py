"""docker-compose.yml is valid, and says nothing that the product does not read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from jsonschema import Draft7Validator

from jalon.cli import app
from jalon.runtime.readiness import build_checks
from jalon.settings import Settings, variable

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OWN = {name: service for name, service in SERVICES.items() if service["image"].startswith("jalon:")}
_INTERPOLATION = re.compile(r"\$\{(?P<name>[A-Z_]+):-(?P<default>[^}]*)\}")


def resolve(value: Any) -> str:
    """A value as Compose sees it when nothing is set."""
    return _INTERPOLATION.sub(lambda found: found["default"], str(value))


def read_settings(service: dict[str, Any]) -> Settings:
    return Settings.load({name: resolve(value) for name, value in service["environment"].items()})


def test_file_is_valid_by_the_compose_specification() -> None:
    schema = json.loads((ROOT / "tests/contract/compose/compose-spec.json").read_text(encoding="utf-8"))
    problems = [f"{list(error.path)}: {error.message}" for error in Draft7Validator(schema).iter_errors(COMPOSE)]
    assert problems == []


def test_own_services_are_the_processes_of_an_external_runtime() -> None:
    assert set(OWN) == {"setup", "lrs", "worker", "boards", "webhooks", "scheduler"}


@pytest.mark.parametrize("name", sorted(OWN))
def test_every_variable_is_one_that_the_product_reads(name: str) -> None:
    environment = OWN[name]["environment"]
    assert set(environment) <= {variable(setting) for setting in Settings.model_fields}
    settings = read_settings(OWN[name])
    assert settings.runtime == "external"
    # None of them only repeats what the default is, apart from ports that the file names elsewhere too.
    defaults = Settings.load({})
    for setting in Settings.model_fields:
        if variable(setting) in environment and "port" not in setting and "${" not in environment[variable(setting)]:
            repeated = getattr(settings, setting) == getattr(defaults, setting)
            assert not repeated or setting in {"clickhouse_user", "grafana_user"}, setting


def test_settings_point_at_the_services_and_ports_of_the_file() -> None:
    settings = read_settings(OWN["lrs"])
    broker, _, port = settings.kafka_bootstrap.partition(":")
    advertised = SERVICES[broker]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"INTERNAL://{broker}:{port}" in advertised.split(",")
    assert settings.clickhouse_host in SERVICES
    assert settings.database_url.startswith("postgresql+psycopg://")
    database = re.search(
        r"//(?P<user>\w+):(?P<password>[^@]+)@(?P<host>\w+):5432/(?P<name>\w+)$", settings.database_url
    )
    assert database is not None
    postgres = SERVICES[database["host"]]["environment"]
    assert (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"]) == (database["user"], database["name"])
    assert resolve(postgres["POSTGRES_PASSWORD"]) == database["password"]
    clickhouse = SERVICES["clickhouse"]["environment"]
    assert clickhouse["CLICKHOUSE_USER"] == settings.clickhouse_user
    assert resolve(clickhouse["CLICKHOUSE_PASSWORD"]) == settings.clickhouse_password.get_secret_value()
    # Tenants' readers are created by Jalon.
    assert clickhouse["CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT"] == 1
    assert settings.grafana_url.startswith("http://grafana:")
    password = SERVICES["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]
    assert resolve(password) == settings.grafana_password.get_secret_value()


@pytest.mark.parametrize(
    ("name", "setting"), [("lrs", "lrs_port"), ("boards", "boards_port"), ("webhooks", "webhooks_port")]
)
def test_published_port_is_the_one_that_the_process_listens_on(name: str, setting: str) -> None:
    settings = read_settings(OWN[name])
    [published] = OWN[name]["ports"]
    host, outside, inside = resolve(published).split(":")
    assert host == "127.0.0.1"
    assert int(inside) == getattr(settings, setting)
    public = getattr(settings, setting.replace("_port", "_public_url"))
    assert public.endswith(f":{outside}")


def test_every_port_is_published_on_loopback_only_unless_asked_for() -> None:
    for service in SERVICES.values():
        for published in service.get("ports", []):
            assert resolve(published).startswith("127.0.0.1:"), published


def test_every_volume_is_a_place_where_its_owner_keeps_data() -> None:
    places = {
        "kafka": SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"],
        "clickhouse": "/var/lib/clickhouse",
        "postgres": "/var/lib/postgresql/data",
        "grafana": "/var/lib/grafana",
    } | {name: str(read_settings(service).data_dir) for name, service in OWN.items()}
    mounted = set()
    for name, service in SERVICES.items():
        [volume] = service["volumes"]
        source, _, target = volume.partition(":")
        mounted.add(source)
        assert target == places[name], name
    assert mounted == set(COMPOSE["volumes"])


def test_every_command_exists() -> None:
    root = typer.main.get_command(app)
    for name, service in OWN.items():
        command: Any = root
        for word in service["command"]:
            if word.startswith("-"):
                break
            command = command.get_command(None, word)
        assert command is not None, name
        test = service.get("healthcheck", {"test": ["CMD", "jalon", "run", "check", "lrs"]})["test"]
        assert test[:4] == ["CMD", "jalon", "run", "check"]
        assert test[4] in build_checks(read_settings(service)), name


def test_everything_waits_for_the_setup_and_the_setup_for_what_it_prepares() -> None:
    assert SERVICES["setup"]["restart"] == "no"
    assert {each["condition"] for each in SERVICES["setup"]["depends_on"].values()} == {"service_healthy"}
    for needed in SERVICES["setup"]["depends_on"]:
        assert "healthcheck" in SERVICES[needed]
    for name in ("lrs", "worker", "boards", "webhooks", "scheduler"):
        assert SERVICES[name]["depends_on"] == {"setup": {"condition": "service_completed_successfully"}}


def test_example_of_the_environment_names_every_variable_with_its_default() -> None:
    used = {found["name"]: found["default"] for found in _INTERPOLATION.finditer(TEXT)}
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    example = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(example) == set(used)
    passwords = {name for name in used if name.endswith("_PASSWORD")}
    assert {name: value for name, value in example.items() if name not in passwords} == {
        name: default for name, default in used.items() if name not in passwords
    }
    # A password that is given once and used twice is the same in both places.
    assert len({(found["name"], found["default"]) for found in _INTERPOLATION.finditer(TEXT)}) == len(used)


def test_image_runs_as_nobody_special_from_the_locked_requirements() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    final = dockerfile.rpartition("\nFROM ")[2]
    assert re.search(r"^USER jalon$", final, re.MULTILINE)
    assert "--require-hashes -r requirements/run.txt" in dockerfile
    settings = read_settings(OWN["lrs"])
    assert f"VOLUME {settings.data_dir}" in final
    assert f"EXPOSE {settings.lrs_port} {settings.boards_port} {settings.webhooks_port}" in final
