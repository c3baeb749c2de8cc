"""Every Kafka client of ours is let in to a broker that wants to know who comes, encrypted or not."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from identity.tenants import add_tenant
from identity.webhooks import add_webhook
from jalon.importing.store_view import read_end_offsets
from jalon.installation import Installation
from jalon.runtime.topics import answers, count_partitions, ensure_topic, open_admin
from jalon.settings import Settings, variable
from lrs.log import KafkaLog
from producers.errors import DeliveryError
from producers.sinks import KafkaSink
from stream_processors.app import WorkerSettings, create_app
from stream_processors.reading import IncomingRecord
from tests.secured_kafka import PASSWORD, SecuredKafka, run_secured_kafka
from tests.waiting import eventually
from xapi_profiles.json_text import parse_json
from xapi_profiles.record import build_headers, build_key, encode_statements

SECRET = "the shared secret of the tests"
STATEMENT: dict[str, Any] = {"id": "0a0b0c0d-0000-4000-8000-000000000001", "verb": {"id": "x"}}


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with run_secured_kafka(tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust makes a folder where it is started."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=["SASL_SSL", "SASL_PLAINTEXT"])
def settings(kafka: SecuredKafka, tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    topic = f"accepted-{request.param.lower()}-{tmp_path.name}"
    settings = kafka.settings(tmp_path, security=request.param, topic=topic)
    ensure_topic(settings)
    return settings


def open_log(settings: Settings) -> KafkaLog:
    return KafkaLog(
        settings.kafka_servers,
        settings.topic,
        record_bytes=1_000_000,
        pending_bytes=1_000_000,
        ack_seconds=20,
        access=settings.kafka_access,
    )


async def append(log: KafkaLog, statement: dict[str, Any]) -> None:
    while log._producer is None:  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0.01)
    await log.append(build_key("acme", [statement]), encode_statements([statement]), build_headers("acme", "lrs"))


async def test_administration_producer_lrs_and_worker_are_let_in(settings: Settings) -> None:
    assert answers(settings)
    admin = open_admin(settings)
    assert count_partitions(admin, settings.topic) == 1
    admin.close()

    def produce() -> None:
        with KafkaSink(
            settings.kafka_servers, "acme", "gaia", topic=settings.topic, access=settings.kafka_access
        ) as sink:
            sink.deliver([STATEMENT])

    await asyncio.to_thread(produce)
    log = open_log(settings)
    await log.start()
    async with asyncio.timeout(30):
        await append(log, {**STATEMENT, "id": "0a0b0c0d-0000-4000-8000-000000000002"})
        assert await log.end_offsets() == {0: 2}
    await log.stop()
    assert await asyncio.to_thread(read_end_offsets, settings) == {0: 2}
    assert [record.value for record in await work_off(settings, 2)] == [
        encode_statements([STATEMENT]),
        encode_statements([{**STATEMENT, "id": "0a0b0c0d-0000-4000-8000-000000000002"}]),
    ]


async def work_off(settings: Settings, records: int) -> list[IncomingRecord]:
    """Have a worker take so many records off the topic, and return them."""
    taken: list[IncomingRecord] = []
    enough = asyncio.Event()

    class Processor:
        def forget_progress(self) -> None: ...

        async def prepare(self, records: list[IncomingRecord]) -> Any:
            taken.extend(records)
            return Prepared()

        async def store(self, _prepared: Any) -> None:
            if len(taken) >= records:
                enough.set()

    class Prepared:
        statements = 1

    async def start() -> Any:
        return Processor()

    async def stop() -> None: ...

    worker = WorkerSettings(
        settings.kafka_servers, "worker-1", settings.kafka_access, topic=settings.topic, group=settings.topic
    )
    app = create_app(worker, start, stop)
    await app.start()
    try:
        async with asyncio.timeout(60):
            await enough.wait()
    finally:
        await app.stop()
    return taken


def test_who_has_another_password_is_not_let_in_and_told_in_one_sentence(kafka: SecuredKafka, tmp_path: Path) -> None:
    settings = kafka.settings(tmp_path, kafka_password="another password")
    with pytest.raises(DeliveryError, match="what signs in to it") as caught:
        KafkaSink(settings.kafka_servers, "acme", "gaia", timeout=2, access=settings.kafka_access)
    assert "another password" not in str(caught.value)


async def test_a_broker_for_whom_nobody_vouches_is_not_spoken_to(
    kafka: SecuredKafka, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = kafka.settings(tmp_path, kafka_ca_file=None)
    assert not answers(settings)
    log = open_log(settings)
    await log.start()
    async with asyncio.timeout(30):
        while "log_unreachable" not in caplog.text:  # noqa: ASYNC110 (it tells nobody else)
            await asyncio.sleep(0.01)
    await log.stop()


def test_the_process_of_webhooks_takes_events_to_it_and_ends_when_asked(kafka: SecuredKafka, tmp_path: Path) -> None:
    settings = kafka.settings(tmp_path, topic="webhooks")
    ensure_topic(settings)
    installation = Installation(settings)
    add_tenant(installation.engine, installation.master, "acme", "Acme")
    by = {"who": "process:tests", "why": ""}
    token = add_webhook(
        installation.engine, installation.master, installation.audit, "acme", "bigbluebutton", SECRET, {}, **by
    )
    address = f"{settings.webhooks_local_url}/hooks/{token}"
    installation.close()
    names = ("data_dir", "runtime", "topic", "webhooks_port", "kafka_bootstrap", "kafka_security", "kafka_user")
    environment = {variable(name): str(getattr(settings, name)) for name in names}
    environment |= {"JALON_KAFKA_PASSWORD": PASSWORD, "JALON_KAFKA_CA_FILE": str(settings.kafka_ca_file)}
    command = [sys.executable, "-m", "jalon.commands.run", "webhooks"]
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(command, env=os.environ | environment, stdout=out, stderr=out)
    try:
        with httpx.Client(trust_env=False, timeout=30) as http:

            def is_ready() -> bool:
                try:
                    return http.get(f"{settings.webhooks_local_url}/ready").is_success
                except httpx.TransportError:
                    return False

            eventually(is_ready)
            first, again = post(http, address, SECRET), post(http, address, SECRET)
            assert (first.status_code, first.json()["statements"]) == (200, 1)
            assert again.json() == first.json()
            assert post(http, address, "another").status_code == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    log = (tmp_path / "out").read_text()
    assert token not in log
    assert PASSWORD not in log
    written = asyncio.run(work_off(settings, 2))
    assert dict(written[0].headers) == {"tenant": b"acme", "source": b"bigbluebutton", "version": b"1.0.3"}
    assert parse_json(written[0].value)[0]["actor"]["mbox"] == "mailto:zoe@example.org"
    assert written[0].value == written[1].value, "the same event is the same statement"


def post(http: httpx.Client, address: str, secret: str) -> httpx.Response:
    user = '{"internal-user-id":"w","external-user-id":"zoe@example.org","role":"VIEWER"}'
    meeting = '{"internal-meeting-id":"m","external-meeting-id":"S200"}'
    event = f'[{{"data":{{"type":"event","id":"user-joined","attributes":{{"meeting":{meeting},"user":{user}}},'
    event += '"event":{"ts":1795507200123}}}]'
    body = urlencode({"domain": "bbb.example.org", "event": event, "timestamp": 1_795_507_200_123})
    checksum = hashlib.sha1(f"{address}{body}{secret}".encode()).hexdigest()
    return http.post(f"{address}?checksum={checksum}", content=body)
