"""The Faust application: one agent on the topic of accepted records, and nothing but driving in it.

Faust acknowledges what a handler raised on and what could not be decoded. So the topic carries raw bytes, parsing
happens inside, no exception leaves the agent, and events are acknowledged by hand, after the processor has returned.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import faust
from faust.types import EventT, Message, StreamT
from faust.types.auth import CredentialsT

from stream_processors.processing import Prepared
from stream_processors.reading import IncomingRecord
from xapi_profiles.kafka_access import ANYBODY, KafkaAccess
from xapi_profiles.record import TOPIC


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker joins the others. `instance` is stable per worker, so that after a crash it goes on at once."""

    bootstrap: str
    instance: str
    access: KafkaAccess = ANYBODY
    topic: str = TOPIC
    group: str = "jalon-processors"
    records_per_batch: int = 500
    seconds_per_batch: float = 0.01
    # A batch of fewer statements costs ClickHouse more than the statements do: while they flow, more are waited for.
    small_batch: int = 200
    longest_pause: float = 0.2


class BatchProcessor(Protocol):
    """What the agent drives (stream_processors.processing.Processor)."""

    def forget_progress(self) -> None:
        """Read the progress anew before the next batch."""
        ...

    async def prepare(self, records: list[IncomingRecord]) -> Prepared:
        """Read and check the records."""
        ...

    async def store(self, prepared: Prepared) -> None:
        """Store what was prepared; returning means that its records may be acknowledged."""
        ...


def create_app(
    settings: WorkerSettings,
    start: Callable[[], Awaitable[BatchProcessor]],
    stop: Callable[[], Awaitable[None]],
) -> faust.App:
    """Build the application; in the worker's loop `start` is awaited before the first batch and `stop` at the end."""
    app = faust.App(
        settings.group,
        broker=f"kafka://{settings.bootstrap.replace(',', ';kafka://')}",
        broker_credentials=build_credentials(settings.access),
        autodiscover=False,
        origin="stream_processors",
        web_enabled=False,
        topic_disable_leader=True,
        consumer_group_instance_id=settings.instance,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=4 * 1024 * 1024,
        # Short, so that the partitions of a worker that is gone for good are taken over soon; a restarted one goes on
        # at once under its instance id (measured: docs/performance.md).
        broker_session_timeout=10,
        broker_heartbeat_interval=2,
        # How long the others wait for a worker that does not come along; its requests must outlast that.
        broker_rebalance_timeout=20,
        broker_request_timeout=30,
        stream_buffer_maxsize=4 * settings.records_per_batch,
        stream_wait_empty=False,
        store="memory://",
    )
    topic = app.topic(settings.topic, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)
    processor: BatchProcessor | None = None

    @app.on_partitions_assigned.connect
    async def forget_progress(*_: object, **__: object) -> None:
        if processor is not None:
            processor.forget_progress()

    @app.agent(topic, name="store-statements")
    async def store_statements(stream: StreamT[Any]) -> None:
        nonlocal processor
        processor = active = await start()
        taking = cast("faust.Stream[EventT[bytes]]", stream)
        storing: asyncio.Task[float] | None = None

        async def store(events: Sequence[EventT[bytes]], prepared: Prepared) -> float:
            began = time.monotonic()
            await active.store(prepared)
            for event in events:
                await taking.ack(event)
            return time.monotonic() - began

        try:
            async for events in taking.noack_take(settings.records_per_batch, within=settings.seconds_per_batch):
                # The next batch is read and checked while the one before is on its way into ClickHouse.
                prepared = await active.prepare([to_record(event.message) for event in events])
                if storing is not None:
                    await storing
                storing = asyncio.create_task(store(events, prepared))
                if is_small(settings, len(events), prepared.statements):
                    # While small batches flow, at most a third of the time goes into writing them.
                    await asyncio.sleep(min(2 * await storing, settings.longest_pause))
        finally:
            if storing is not None:
                storing.cancel()
            await stop()

    return app


def build_credentials(access: KafkaAccess) -> CredentialsT | None:
    """Return how Faust is let in to Kafka, None where anybody is. Raises as KafkaAccess.open_context."""
    context = access.open_context()
    if access.signs_in:
        return faust.SASLCredentials(
            username=access.user, password=access.password, mechanism=access.mechanism, ssl_context=context
        )
    return None if context is None else faust.SSLCredentials(context)


def is_small(settings: WorkerSettings, records: int, statements: int) -> bool:
    """Return whether it pays to gather more before the next batch; a record alone is stored at once."""
    return records > 1 and statements < settings.small_batch


def to_record(message: Message) -> IncomingRecord:
    """Take from Faust's message what processing needs; a record without a value is one of no bytes."""
    headers = message.headers or ()
    return IncomingRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=round(message.timestamp * 1000),
        headers=tuple(headers.items() if isinstance(headers, Mapping) else headers),
        value=message.value or b"",
    )
