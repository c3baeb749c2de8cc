"""Settings: read once, checked at start, told in one sentence."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from jalon.errors import WrongSettings
from jalon.ports import free_ports
from jalon.runtime.passwords import complete
from jalon.settings import Settings, write_table


def test_defaults_need_no_environment() -> None:
    settings = Settings.load({})
    assert (settings.lrs_port, settings.boards_port, settings.kafka_servers) == (8080, 8081, "127.0.0.1:9092")
    assert settings.identity_url == f"sqlite:///{settings.data_dir}/identity.sqlite3"
    assert settings.data_dir.is_absolute()


def test_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("JALON_LRS_PORT=9001\nJALON_WORKERS=3\n")
    settings = Settings.load({"JALON_SETTINGS": str(file), "JALON_LRS_PORT": "9002"})
    assert (settings.lrs_port, settings.workers) == (9002, 3)


def test_file_of_the_working_directory_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jalon.env").write_text("JALON_WORKERS=2\n")
    monkeypatch.chdir(tmp_path)
    assert Settings.load({}).workers == 2


def test_empty_variable_means_the_default() -> None:
    assert Settings.load({"JALON_LRS_PORT": ""}).lrs_port == 8080


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"JALON_LRS_PORT": "http"}, "JALON_LRS_PORT: .*integer"),
        ({"JALON_LRS_PORT": "70000"}, "JALON_LRS_PORT: .*65535"),
        ({"JALON_LSR_PORT": "80"}, "JALON_LSR_PORT is not a setting; did you mean JALON_LRS_PORT"),
        ({"JALON_RUNTIME": "docker"}, "JALON_RUNTIME: .*'embedded' or 'external'"),
        ({"JALON_RUNTIME": "external"}, "JALON_KAFKA_BOOTSTRAP"),
        ({"JALON_KAFKA_BOOTSTRAP": "kafka:9092"}, "JALON_RUNTIME=external"),
        ({"JALON_CLICKHOUSE_HOST": "db"}, "JALON_CLICKHOUSE_HOST"),
        ({"JALON_LRS_PORT": "9092"}, "JALON_KAFKA_PORT and JALON_LRS_PORT are the same port"),
        ({"JALON_DATA_DIR": "50% of it"}, "JALON_DATA_DIR: .*without %"),
        ({"JALON_GRAFANA_URL": "grafana"}, "JALON_GRAFANA_URL: .*https://"),
        ({"JALON_OIDC_ISSUER": "https://idp.example"}, "JALON_OIDC_AUDIENCE"),
        ({"JALON_OIDC_ISSUER": "idp.example", "JALON_OIDC_AUDIENCE": "lrs"}, "JALON_OIDC_ISSUER: .*https://"),
        ({"JALON_SIGN_IN_ISSUER": "https://idp.example"}, "JALON_SIGN_IN_CLIENT_ID"),
        ({"JALON_SIGN_IN_SCOPE": "profile openidx"}, "JALON_SIGN_IN_SCOPE"),
        ({"JALON_SIGN_IN_ROLES": "staff=acme:viewer"}, "JALON_SIGN_IN_ROLES: write a JSON object"),
        ({"JALON_SIGN_IN_ROLES": '{"staff": ["acme:viewer"]}'}, "JALON_SIGN_IN_ROLES: write a JSON object"),
        ({"JALON_SIGN_IN_ROLES": '{"staff": "acme:owner"}'}, "JALON_SIGN_IN_ROLES: a role is written TENANT:ROLE"),
        ({"JALON_LRS_CORS_ORIGINS": "https://a.example https://b.example/path"}, "b.example/path is no origin"),
        ({"JALON_LRS_RATE_PER_SECOND": "-1"}, "JALON_LRS_RATE_PER_SECOND"),
        ({"JALON_MASTER_KEY_SOURCE": "kms"}, "JALON_MASTER_KEY_SOURCE: .*'file', 'environment' or 'transit'"),
        ({"JALON_MASTER_KEY": "x"}, "JALON_MASTER_KEY is set, but JALON_MASTER_KEY_SOURCE is file"),
        (
            {"JALON_MASTER_KEY_SOURCE": "transit", "JALON_MASTER_KEY_FILE": "/key"},
            "JALON_MASTER_KEY_FILE is set, but JALON_MASTER_KEY_SOURCE is transit",
        ),
        ({"JALON_MASTER_KEY_SOURCE": "transit"}, "JALON_TRANSIT_URL"),
        ({"JALON_TRANSIT_URL": "http://vault.example:8200"}, "JALON_TRANSIT_URL: .*https://"),
        ({"JALON_TRANSIT_TOKEN": "t", "JALON_TRANSIT_TOKEN_FILE": "/t"}, "not both"),
        ({"JALON_SETTINGS": "/nowhere/jalon.env"}, "/nowhere/jalon.env does not exist"),
    ],
)
def test_wrong_value_is_told_in_one_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(WrongSettings, match=sentence) as caught:
        Settings.load(environment)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(WrongSettings) as caught:
        Settings.load({"JALON_CLICKHOUSE_PASSWORD": "s3cret", "JALON_WORKERS": "s3cret"})
    assert "s3cret" not in str(caught.value)


def test_stray_line_of_the_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("LRS_PORT=9001\n")
    with pytest.raises(WrongSettings, match="LRS_PORT is not a setting"):
        Settings.load({}, file=file)


def test_settings_survive_being_written_down(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path, clickhouse_password="é s", grafana_password="p", workers=2)
    assert Settings.restore(settings.dump()) == settings


def test_what_opens_the_vault_is_never_written_down(tmp_path: Path) -> None:
    given = {"JALON_MASTER_KEY_SOURCE": "environment", "JALON_MASTER_KEY": "s3cret", "JALON_TRANSIT_TOKEN": "t0ken"}
    settings = Settings.load(given | {"JALON_DATA_DIR": str(tmp_path)})
    assert "s3cret" not in settings.dump()
    assert "t0ken" not in settings.dump()
    assert Settings.restore(settings.dump()).with_vault_secrets(settings.vault_secrets()) == settings
    assert settings.vault_secrets() == {"JALON_MASTER_KEY": "s3cret", "JALON_TRANSIT_TOKEN": "t0ken"}


def test_words_of_a_provider_mean_one_role_or_several() -> None:
    settings = Settings.load({"JALON_SIGN_IN_ROLES": '{"Training staff": "acme:viewer acme:dpo", "ops": "operator"}'})
    assert {word: list(map(str, roles)) for word, roles in settings.known_roles.items()} == {
        "Training staff": ["acme:viewer", "acme:dpo"],
        "ops": ["operator"],
    }
    assert Settings.restore(settings.dump()) == settings
    assert Settings.load({}).known_roles == {}


def test_secrets_do_not_show() -> None:
    settings = Settings.load(
        {
            "JALON_CLICKHOUSE_PASSWORD": "s3cret",
            "JALON_DATABASE_URL": "postgresql://u:s3cret@h/d",
            "JALON_MASTER_KEY_SOURCE": "environment",
            "JALON_MASTER_KEY": "s3cret",
            "JALON_TRANSIT_TOKEN": "s3cret",
        }
    )
    assert "s3cret" not in repr(settings)


def test_free_ports_differ_and_are_free() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    # Below the range that outgoing connections take theirs from, so that no client takes one meanwhile.
    assert all(15_000 <= port < 32_768 for port in ports)


def test_passwords_are_made_once_and_kept_private(tmp_path: Path) -> None:
    first = complete(Settings.for_directory(tmp_path / "data"))
    second = complete(Settings.for_directory(tmp_path / "data"))
    assert first.clickhouse_password == second.clickhouse_password != SecretStr("")
    assert first.boards_secret == second.boards_secret != first.clickhouse_password
    kept = tmp_path / "data" / "passwords.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    other = complete(Settings.for_directory(tmp_path / "other"))
    assert other.clickhouse_password != first.clickhouse_password


def test_given_passwords_are_left_alone(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path / "data", clickhouse_password="given", boards_secret="given too")
    assert complete(settings) == settings
    assert not (tmp_path / "data").exists()


def test_external_clickhouse_gets_no_made_up_password(tmp_path: Path) -> None:
    settings = Settings.for_directory(tmp_path, runtime="external", kafka_bootstrap="kafka:9092")
    assert complete(settings).clickhouse_password == SecretStr("")


def test_damaged_passwords_are_told(tmp_path: Path) -> None:
    (tmp_path / "passwords.json").write_text("{")
    with pytest.raises(WrongSettings, match=r"passwords\.json"):
        complete(Settings.for_directory(tmp_path))


def test_table_of_the_operations_guide_is_up_to_date() -> None:
    guide = (Path(__file__).parents[3] / "docs" / "operations.md").read_text(encoding="utf-8")
    assert write_table() in guide, "paste what `python -m jalon.settings` prints"
    assert write_table().count("\n") == len(Settings.model_fields) + 2
