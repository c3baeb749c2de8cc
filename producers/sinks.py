"""Where statements go: to Kafka, as records that the stream processors read, or to any LRS over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx
from kafka import KafkaProducer
from kafka.errors import KafkaError
from kafka.net.compat import KafkaNetClient

from producers.errors import DeliveryError
from xapi_profiles.json_text import dump_json
from xapi_profiles.kafka_access import ANYBODY, KafkaAccess
from xapi_profiles.record import TOPIC, build_headers, build_key, encode_statements

RECORD: Final = 50
"""Statements per Kafka record and per HTTP request."""
_ATTEMPTS = 8
_PASSING = frozenset({429, 502, 503, 504})


class KafkaSink:
    """Statements of one tenant and source to Kafka, as records of up to 50 under one key and headers.

    The producer is idempotent with acks=all: within a connection nothing is written twice. Raises DeliveryError
    when the brokers cannot be reached or do not confirm every record within `timeout` seconds.
    """

    def __init__(
        self,
        bootstrap: str,
        tenant: str,
        source: str,
        *,
        topic: str = TOPIC,
        version: str = "1.0.3",
        timeout: float = 60,
        access: KafkaAccess = ANYBODY,
    ) -> None:
        self._tenant, self._topic, self._bootstrap = tenant, topic, bootstrap
        self._headers = build_headers(tenant, source, version)
        self._timeout = timeout
        try:
            self._producer = open_producer(bootstrap, f"jalon-produce-{source}", timeout=timeout, access=access)
        except (KafkaError, OSError, ValueError) as error:
            raise _failure(bootstrap, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.close(timeout=5)

    def deliver(self, statements: list[dict[str, Any]]) -> None:
        """Write the statements and return once the brokers have confirmed every record."""
        self.write(statements)

    def write(self, statements: Sequence[dict[str, Any]]) -> list[tuple[slice, tuple[int, int]]]:
        """Deliver the statements; returns, record by record, which of them it holds and its partition and offset."""
        parts = list(_split(len(statements)))
        try:
            futures = [self._send(statements[part]) for part in parts]
            self._producer.flush(timeout=self._timeout)
            written = [future.get(timeout=self._timeout) for future in futures]
        except KafkaError as error:
            raise _failure(self._bootstrap, error) from error
        return [(part, (record.partition, record.offset)) for part, record in zip(parts, written, strict=True)]

    def _send(self, statements: Sequence[dict[str, Any]]) -> Any:  # noqa: ANN401 - the client has no types
        return self._producer.send(
            self._topic,
            key=build_key(self._tenant, statements),
            value=encode_statements(statements),
            headers=self._headers,
        )


class RecordSink:
    """Whole records to Kafka as they are given, for what was accepted before. Raises as KafkaSink does."""

    def __init__(self, bootstrap: str, topic: str, *, timeout: float = 60, access: KafkaAccess = ANYBODY) -> None:
        self._bootstrap, self._topic, self._timeout = bootstrap, topic, timeout
        try:
            self._producer = open_producer(bootstrap, "jalon-replay", timeout=timeout, access=access)
        except (KafkaError, OSError, ValueError) as error:
            raise _failure(bootstrap, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._producer.close(timeout=5)

    def write(self, records: Iterable[tuple[bytes, bytes, list[tuple[str, bytes]]]]) -> None:
        """Write records of key, value and headers, and return once the brokers have confirmed all."""
        try:
            futures = [
                self._producer.send(self._topic, key=key, value=value, headers=headers)
                for key, value, headers in records
            ]
            self._producer.flush(timeout=self._timeout)
            for future in futures:
                future.get(timeout=self._timeout)
        except KafkaError as error:
            raise _failure(self._bootstrap, error) from error


def open_producer(bootstrap: str, name: str, *, timeout: float, access: KafkaAccess = ANYBODY) -> Any:  # noqa: ANN401 - the client has no types
    """Return an idempotent producer with acks=all. Raises KafkaError, ValueError, and OSError for its certificates."""
    milliseconds = int(timeout * 1000)
    opened: list[Any] = []

    def open_client(**config: Any) -> Any:  # noqa: ANN401 - the client has no types
        client = KafkaNetClient(**config)
        # It lets so long pass between what it asks of the cluster when it starts and of the topic when we first send:
        # 100 ms otherwise, most of a short run, and the producer's settings do not reach it.
        client.cluster.config["retry_backoff_ms"] = 20
        opened.append(client)
        return client

    try:
        return KafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=name,
            enable_idempotence=True,
            acks="all",
            # The client computes the checksum of what it sends in Python, 110 us a statement: compressed it is 8, and
            # compressing 8. gzip is what every client reads without another package.
            compression_type="gzip",
            linger_ms=5,
            batch_size=256 * 1024,
            max_request_size=8 * 1024 * 1024,
            bootstrap_timeout_ms=min(milliseconds, 15_000),
            max_block_ms=milliseconds,
            delivery_timeout_ms=milliseconds,
            request_timeout_ms=min(milliseconds // 2, 30_000),
            allow_auto_create_topics=False,
            kafka_client=open_client,
            **access.list_options(),
        )
    except (KafkaError, ValueError):
        # The producer leaves its client's sockets open when it fails to start.
        for client in opened:
            client.close()
        raise


def _failure(bootstrap: str, error: Exception) -> DeliveryError:
    return DeliveryError(
        f"Kafka at {bootstrap} did not confirm the statements ({type(error).__name__}): "
        "check that it runs, that its address and what signs in to it are right, and that the topic exists; "
        "then run again."
    )


class LrsSink:
    """Statements to an LRS over HTTP, in requests of up to 50, with Basic authentication.

    `endpoint` is the LRS's base, such as `http://127.0.0.1:8080/xAPI`. What passes by itself (a connection that
    breaks, 429, 502, 503, 504) is tried again; sending twice is safe, since every statement has its id.
    `through_proxy` heeds the environment's proxy, for an LRS elsewhere.
    Raises DeliveryError when the LRS cannot be reached or refuses a request.
    """

    def __init__(
        self,
        endpoint: str,
        key: str,
        secret: str,
        *,
        version: str = "1.0.3",
        timeout: float = 60,
        through_proxy: bool = False,
        transport: httpx.BaseTransport | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._wait = wait
        self._client = httpx.Client(
            auth=(key, secret),
            headers={"X-Experience-API-Version": version, "Content-Type": "application/json"},
            timeout=timeout,
            trust_env=through_proxy,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def deliver(self, statements: list[dict[str, Any]]) -> None:
        """Post the statements and return once the LRS has accepted all."""
        for part in _split(len(statements)):
            self._post(dump_json(statements[part]))

    def _post(self, body: bytes) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                answer = self._client.post(f"{self._endpoint}/statements", content=body)
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    raise DeliveryError(
                        f"The LRS at {self._endpoint} cannot be reached ({type(error).__name__}): "
                        "check its address and that it runs; then run again."
                    ) from error
            else:
                if answer.is_success:
                    return
                if answer.status_code not in _PASSING or attempt == _ATTEMPTS:
                    raise DeliveryError(_explain(self._endpoint, answer))
            self._wait(min(0.2 * 2**attempt, 5))


def _split(count: int) -> Iterator[slice]:
    for start in range(0, count, RECORD):
        yield slice(start, min(start + RECORD, count))


def _explain(endpoint: str, answer: httpx.Response) -> str:
    advice = {
        401: "check the credential's key and secret",
        403: "the credential lacks the right to write statements",
        404: "check the endpoint, which ends in /xAPI",
        409: "a statement is stored there under the same id with another content",
        413: "the request is too large for it",
    }.get(answer.status_code, "its answer says why: " + " ".join(answer.text.split())[:300])
    return f"The LRS at {endpoint} refused statements with {answer.status_code}: {advice}."
