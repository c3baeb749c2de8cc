"""The log of accepted records as the LRS sees it, and its one real form: Kafka.

A write is accepted when, and only when, `append` has returned: acks=all, from an idempotent producer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from lrs.errors import LogUnavailable, OutcomeUnknown, Overloaded, TooLarge
from xapi_profiles.kafka_access import ANYBODY, KafkaAccess

_logger = logging.getLogger(__name__)

_RECONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a record lies; `offset` is -1 when the broker knows that it has it but no longer where."""

    partition: int
    offset: int


class AcceptedLog(Protocol):
    """What the LRS needs of the log."""

    async def start(self) -> None:
        """Begin to connect; returns at once, whether or not the log can be reached."""

    async def stop(self) -> None:
        """Wait (bounded) until what was sent is acknowledged, then disconnect."""

    async def append(self, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> Appended:
        """Return once the record is durable.

        Raises LogUnavailable or Overloaded when the record was not sent, TooLarge when it never can be, and
        OutcomeUnknown when it may be there. Must not be cancelled by who waits: until it returns, the record may
        still become durable.
        """

    async def end_offsets(self) -> dict[int, int]:
        """Return the offset after the last durable record of every partition; raises LogUnavailable."""

    def pending_since(self) -> float | None:
        """Return the wall-clock time (seconds) at which the oldest unacknowledged append began, None without one."""


class KafkaLog:
    """The log in Kafka. Connects in the background and again after a fatal error; refuses while it cannot."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        record_bytes: int,
        pending_bytes: int,
        ack_seconds: float,
        linger_ms: int = 2,
        client_id: str = "jalon-lrs",
        access: KafkaAccess = ANYBODY,
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._record_bytes = record_bytes
        self._pending_bytes = pending_bytes
        self._ack_seconds = ack_seconds
        self._linger_ms = linger_ms
        self._client_id = client_id
        self._options = access.list_options()
        self._producer: AIOKafkaProducer | None = None
        self._consumer: AIOKafkaConsumer | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._pending: dict[object, float] = {}
        self._bytes = 0

    async def start(self) -> None:
        """Begin to connect in the background."""
        self._reconnect()

    async def stop(self) -> None:
        """Flush for at most the acknowledgement's limit, then disconnect."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._disconnect()

    async def append(self, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]) -> Appended:
        """Send one record and wait for all in-sync replicas, however long it takes; see AcceptedLog."""
        producer = self._producer
        if producer is None:
            raise LogUnavailable("Kafka cannot be reached now; nothing was stored. Send the request again later.")
        size = len(key) + len(value)
        now = time.time()
        oldest = self.pending_since()
        if oldest is not None and now - oldest > self._ack_seconds:
            # An idempotent producer never gives up, so more would only pile up behind what waits already.
            raise LogUnavailable("Kafka does not acknowledge now; nothing was stored. Send the request again later.")
        if self._bytes and self._bytes + size > self._pending_bytes:
            raise Overloaded("Too many statements wait for Kafka; nothing was stored. Send the request again later.")
        token = object()
        self._pending[token] = now
        self._bytes += size
        try:
            sending = await self._hand_over(producer, key, value, headers)
            try:
                metadata = await sending
            except MessageSizeTooLargeError as error:
                raise self._too_large(size) from error
            except KafkaError as error:
                # What an idempotent producer does not retry by itself ends it; the record may be there nevertheless.
                if producer is self._producer:
                    _logger.warning("log_lost", extra={"error": type(error).__name__})
                    self._reconnect()
                raise OutcomeUnknown(
                    "Kafka ended the connection before it acknowledged: the statements may or may not be stored. "
                    "Send the same request again."
                ) from error
        finally:
            del self._pending[token]
            self._bytes -= size
        return Appended(metadata.partition, metadata.offset)

    async def end_offsets(self) -> dict[int, int]:
        """Return each partition's high watermark; see AcceptedLog."""
        producer, consumer = self._producer, self._consumer
        if producer is None or consumer is None:
            raise LogUnavailable("Kafka cannot be reached now. Send the request again later.")
        try:
            partitions = await producer.partitions_for(self._topic)
            ends = await consumer.end_offsets([TopicPartition(self._topic, number) for number in partitions])
        except KafkaError as error:
            raise LogUnavailable("Kafka does not answer now. Send the request again later.") from error
        return {place.partition: end for place, end in ends.items()}

    def pending_since(self) -> float | None:
        """Return when the oldest unacknowledged append began; see AcceptedLog."""
        return next(iter(self._pending.values()), None)

    async def _hand_over(
        self, producer: AIOKafkaProducer, key: bytes, value: bytes, headers: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        try:
            sending: asyncio.Future[Any] = await producer.send(self._topic, value=value, key=key, headers=list(headers))
        except MessageSizeTooLargeError as error:
            raise self._too_large(len(key) + len(value)) from error
        except KafkaError as error:
            raise LogUnavailable(
                "Kafka does not take records now; nothing was stored. Send the request again later."
            ) from error
        return sending

    def _too_large(self, size: int) -> TooLarge:
        return TooLarge(
            f"The statements, completed, take {size} bytes; one request may take {self._record_bytes}. "
            "Send them in smaller batches.",
            details={"limit": self._record_bytes},
        )

    def _reconnect(self) -> None:
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        await self._disconnect()
        told = False
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                linger_ms=self._linger_ms,
                max_batch_size=1024 * 1024,
                max_request_size=self._record_bytes,
                request_timeout_ms=int(self._ack_seconds * 1000),
                metadata_max_age_ms=60_000,
                **self._options,
            )
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                client_id=self._client_id,
                group_id=None,
                enable_auto_commit=False,
                request_timeout_ms=int(self._ack_seconds * 1000),
                **self._options,
            )
            try:
                await producer.start()
                await consumer.start()
                await producer.partitions_for(self._topic)
            except (KafkaError, OSError) as error:
                await _close(producer, consumer)
                if not told:
                    told = True
                    _logger.warning("log_unreachable", extra={"error": type(error).__name__})
                await asyncio.sleep(_RECONNECT_SECONDS)
            except asyncio.CancelledError:
                await _close(producer, consumer)
                raise
            else:
                self._producer, self._consumer = producer, consumer
                _logger.info("log_reached")
                return

    async def _disconnect(self) -> None:
        producer, consumer = self._producer, self._consumer
        self._producer = self._consumer = None
        if producer is None or consumer is None:
            return
        try:
            async with asyncio.timeout(self._ack_seconds):
                await asyncio.gather(producer.stop(), consumer.stop())
        except (TimeoutError, KafkaError) as error:
            _logger.warning("log_left_unflushed", extra={"error": type(error).__name__})


async def _close(*clients: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    """Close clients that never came to work, to the end even when cancelled."""
    closing = asyncio.gather(*(client.stop() for client in clients), return_exceptions=True)
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await closing
        raise
