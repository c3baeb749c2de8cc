from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import orjson
import pytest
from kafka.errors import KafkaTimeoutError

from producers import sinks
from producers.errors import DeliveryError
from producers.sinks import KafkaSink, LrsSink

STATEMENTS: list[dict[str, Any]] = [{"id": str(number)} for number in range(120)]


class Lrs:
    """An LRS that gives the answers it was told to, then accepts everything."""

    def __init__(self, *answers: int | type[Exception]) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, type):
            raise answer("broken", request=request)
        return httpx.Response(answer, text="because")

    def open(self) -> LrsSink:
        transport = httpx.MockTransport(self)
        return LrsSink("http://lrs.example.org/xAPI/", "key", "secret", transport=transport, wait=lambda _seconds: None)


def test_statements_go_in_requests_of_fifty_with_credential_and_version() -> None:
    lrs = Lrs()
    with lrs.open() as sink:
        sink.deliver(STATEMENTS)
    bodies = [orjson.loads(request.content) for request in lrs.requests]
    assert [len(body) for body in bodies] == [50, 50, 20]
    assert [one for body in bodies for one in body] == STATEMENTS
    first = lrs.requests[0]
    assert str(first.url) == "http://lrs.example.org/xAPI/statements"
    assert first.headers["X-Experience-API-Version"] == "1.0.3"
    assert base64.b64decode(first.headers["Authorization"].removeprefix("Basic ")) == b"key:secret"


@pytest.mark.parametrize("passing", [503, 429, httpx.ConnectError, httpx.ReadTimeout])
def test_what_passes_by_itself_is_tried_again(passing: Any) -> None:
    lrs = Lrs(passing, passing)
    with lrs.open() as sink:
        sink.deliver(STATEMENTS[:1])
    assert len(lrs.requests) == 3
    assert len({request.content for request in lrs.requests}) == 1


@pytest.mark.parametrize(
    ("status", "advice"), [(400, "because"), (401, "key and secret"), (403, "right"), (409, "another content")]
)
def test_a_refusal_is_told_at_once(status: int, advice: str) -> None:
    lrs = Lrs(status)
    with lrs.open() as sink, pytest.raises(DeliveryError, match=advice) as raised:
        sink.deliver(STATEMENTS)
    assert len(lrs.requests) == 1
    assert raised.value.code == "delivery-failed"


def test_an_lrs_that_stays_away_is_a_clear_failure() -> None:
    lrs = Lrs(*[httpx.ConnectError] * sinks._ATTEMPTS)
    with lrs.open() as sink, pytest.raises(DeliveryError, match="cannot be reached"):
        sink.deliver(STATEMENTS)
    assert len(lrs.requests) == sinks._ATTEMPTS


_OPEN_KAFKA = """
import sys
from producers import sinks
from producers.errors import DeliveryError
from producers.sinks import KafkaSink
try:
    KafkaSink(sys.argv[1], "institut", "gaia", timeout=1)
except DeliveryError as error:
    print(error)
"""


def test_a_kafka_that_is_not_there_is_a_clear_failure(free_port: int) -> None:
    # In a process of its own: kafka-python 3.0 leaves the sockets of refused connections to the garbage collector.
    command = [sys.executable, "-c", _OPEN_KAFKA, f"127.0.0.1:{free_port}"]
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, cwd=Path(__file__).parents[3]
    )
    assert ended.stdout.startswith(f"Kafka at 127.0.0.1:{free_port} did not confirm the statements")
    assert "Traceback" not in ended.stderr


class Future:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def get(self, timeout: float) -> Any:  # noqa: ARG002 (the client's signature)
        if self.error:
            raise self.error
        return SimpleNamespace(partition=0, offset=1)


class Broker:
    """A Kafka producer whose second record is not confirmed."""

    def __init__(self, **config: Any) -> None:
        self.config, self.sent, self.flushed = config, [], False

    def send(self, topic: str, **record: Any) -> Future:
        self.sent.append((topic, record))
        return Future(KafkaTimeoutError() if len(self.sent) == 2 else None)

    def flush(self, timeout: float) -> None:  # noqa: ARG002
        self.flushed = True

    def close(self, timeout: float) -> None:
        pass


def test_one_record_that_is_not_confirmed_fails_the_delivery(monkeypatch: pytest.MonkeyPatch) -> None:
    brokers: list[Broker] = []
    monkeypatch.setattr(sinks, "KafkaProducer", lambda **config: brokers.append(Broker(**config)) or brokers[-1])
    with KafkaSink("127.0.0.1:1", "institut", "gaia") as sink:
        assert sink.write(STATEMENTS[:50]) == [(slice(0, 50), (0, 1))]
        with pytest.raises(DeliveryError, match="KafkaTimeoutError"):
            sink.deliver(STATEMENTS[50:])
    (broker,) = brokers
    assert broker.flushed
    assert (broker.config["acks"], broker.config["enable_idempotence"]) == ("all", True)
    assert broker.config["compression_type"] == "gzip"
    topic, record = broker.sent[0]
    assert topic == "jalon.accepted"
    assert orjson.loads(record["value"]) == STATEMENTS[:50]
    assert ("tenant", b"institut") in record["headers"]
    assert ("source", b"gaia") in record["headers"]
    assert record["key"].startswith(b"institut:")
