"""What lets clients in to Kafka: checked at start, and given to every client that is made."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from jalon.errors import WrongSettings
from jalon.importing.store_view import read_end_offsets
from jalon.runtime.topics import open_admin
from jalon.settings import Settings
from lrs import log
from lrs.log import KafkaLog
from producers import sinks
from producers.sinks import KafkaSink, RecordSink
from stream_processors.app import WorkerSettings, build_credentials, create_app
from tests.secured_kafka import make_certificate
from xapi_profiles.kafka_access import ANYBODY, KafkaAccess

EXTERNAL = {"JALON_RUNTIME": "external", "JALON_KAFKA_BOOTSTRAP": "kafka:9092"}
SIGNED = {"JALON_KAFKA_USER": "jalon", "JALON_KAFKA_PASSWORD": "s3cret"}
ROOT = Path(__file__).parents[3]


class Asked(Exception):
    """Raised in place of connecting."""


@pytest.fixture
def authority(tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    path.write_text(make_certificate()[1], encoding="ascii")
    return str(path)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"JALON_KAFKA_SECURITY": "SASL_SSL"} | SIGNED, "JALON_RUNTIME is embedded"),
        ({"JALON_KAFKA_SECURITY": "TLS"} | EXTERNAL, "JALON_KAFKA_SECURITY: .*'SASL_SSL'"),
        ({"JALON_KAFKA_SASL_MECHANISM": "GSSAPI"} | EXTERNAL, "JALON_KAFKA_SASL_MECHANISM: .*'SCRAM-SHA-512'"),
        ({"JALON_KAFKA_SECURITY": "SASL_SSL", "JALON_KAFKA_USER": "jalon"} | EXTERNAL, "JALON_KAFKA_PASSWORD"),
        (EXTERNAL | SIGNED, "nobody signs in"),
        (EXTERNAL | SIGNED | {"JALON_KAFKA_SECURITY": "SSL"}, "nobody signs in"),
        (EXTERNAL | {"JALON_KAFKA_CA_FILE": "/ca.pem"}, "nothing is encrypted"),
        (EXTERNAL | {"JALON_KAFKA_SECURITY": "SSL", "JALON_KAFKA_CA_FILE": "/nowhere"}, "/nowhere cannot be read"),
        (EXTERNAL | {"JALON_KAFKA_SECURITY": "SSL", "JALON_KAFKA_CA_FILE": __file__}, "cannot be read as certificates"),
    ],
)
def test_what_cannot_let_anybody_in_is_told_in_one_sentence(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(WrongSettings, match=sentence) as caught:
        Settings.load(environment)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_settings_say_how_clients_are_let_in_and_keep_the_password_to_themselves(authority: str) -> None:
    given = EXTERNAL | SIGNED | {"JALON_KAFKA_SECURITY": "SASL_SSL", "JALON_KAFKA_CA_FILE": authority}
    settings = Settings.load(given)
    assert settings.kafka_access == KafkaAccess("SASL_SSL", "SCRAM-SHA-512", "jalon", "s3cret", authority)
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in repr(settings.kafka_access)
    assert Settings.restore(settings.dump()) == settings
    assert Settings.load({}).kafka_access == ANYBODY


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_options_are_those_of_both_libraries(mechanism: Any) -> None:
    access = KafkaAccess("SASL_PLAINTEXT", mechanism, "jalon", "s3cret")
    options = access.list_options()
    assert options == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "jalon",
        "sasl_plain_password": "s3cret",
    }
    assert credentials_to_aiokafka_auth(build_credentials(access)) == options | {"ssl_context": None}
    assert ANYBODY.list_options() == {"security_protocol": "PLAINTEXT"}


def test_encrypted_connections_verify_the_brokers_and_their_names(authority: str) -> None:
    for access in (KafkaAccess("SSL", ca_file=authority), KafkaAccess("SASL_SSL", "PLAIN", "u", "p", authority)):
        context = access.list_options()["ssl_context"]
        assert context.check_hostname
        assert [one["subject"] for one in context.get_ca_certs()] == [((("commonName", "Kafka of the tests"),),)]
        given = credentials_to_aiokafka_auth(build_credentials(access))
        assert given["security_protocol"] == access.security
        assert given["ssl_context"].check_hostname


@pytest.fixture
def settings() -> Settings:
    return Settings.load(EXTERNAL | SIGNED | {"JALON_KAFKA_SECURITY": "SASL_PLAINTEXT"})


def test_every_client_of_kafka_python_gets_them(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def refuse(**options: Any) -> None:
        asked.append(options)
        raise Asked

    monkeypatch.setattr(sinks, "KafkaProducer", refuse)
    monkeypatch.setattr("jalon.runtime.topics.KafkaAdminClient", refuse)
    monkeypatch.setattr("jalon.importing.store_view.KafkaConsumer", refuse)
    servers, access = settings.kafka_servers, settings.kafka_access
    for make in (
        lambda: KafkaSink(servers, "acme", "gaia", access=access),
        lambda: RecordSink(servers, "accepted", access=access),
        lambda: open_admin(settings),
        lambda: read_end_offsets(settings),
    ):
        with pytest.raises(Asked):
            make()
    assert len(asked) == 4
    assert all(access.list_options().items() <= options.items() for options in asked)


async def test_both_clients_of_the_lrs_get_them(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    class Client:
        def __init__(self, **options: Any) -> None:
            asked.append(options)

        async def start(self) -> None: ...

        async def stop(self) -> None: ...

        async def partitions_for(self, _topic: str) -> None: ...

    monkeypatch.setattr(log, "AIOKafkaProducer", Client)
    monkeypatch.setattr(log, "AIOKafkaConsumer", Client)
    opened = KafkaLog(
        settings.kafka_servers,
        settings.topic,
        record_bytes=1000,
        pending_bytes=1000,
        ack_seconds=1,
        access=settings.kafka_access,
    )
    await opened._connect()
    assert len(asked) == 2
    assert all(settings.kafka_access.list_options().items() <= options.items() for options in asked)


def test_the_worker_gets_them(settings: Settings) -> None:
    async def never() -> Any: ...

    app = create_app(WorkerSettings(settings.kafka_servers, "worker-1", settings.kafka_access), never, never)
    credentials = app.conf.broker_credentials
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.username, credentials.password) == ("jalon", "s3cret")


@pytest.mark.parametrize("name", ["KafkaSink", "RecordSink", "KafkaLog", "WorkerSettings"])
def test_no_client_is_made_without_them_anywhere(name: str) -> None:
    calls = [
        (path.name, {keyword.arg for keyword in node.keywords})
        for path in [*(ROOT / "jalon").rglob("*.py"), ROOT / "lrs" / "server.py"]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]
    assert calls
    assert [path for path, given in calls if "access" not in given] == []
