"""The Faust application: one agent on the topic of accepted records, and nothing but driving in it.

Faust acknowledges what a handler raised on and what could not be decoded. So the topic carries raw bytes, parsing
happens inside, no exception leaves the agent, and events are acknowledged by hand, after the processor has returned.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import faust
from faust.types import EventT, Message, StreamT

from stream_processors.reading import IncomingRecord
from xapi_profiles.record import TOPIC


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How a worker joins the others. `instance` is stable per worker, so that after a crash it goes on at once."""

    bootstrap: str
    instance: str
    topic: str = TOPIC
    group: str = "jalon-processors"
    records_per_batch: int = 500
    seconds_per_batch: float = 0.01


class BatchProcessor(Protocol):
    """What the agent drives (stream_processors.processing.Processor)."""

    def forget_progress(self) -> None:
        """Read the progress anew before the next batch."""
        ...

    async def process(self, records: list[IncomingRecord]) -> None:
        """Store the records; returning means that they may be acknowledged."""
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
        processor = await start()
        try:
            taking = cast("faust.Stream[EventT[bytes]]", stream)
            async for events in taking.noack_take(settings.records_per_batch, within=settings.seconds_per_batch):
                await processor.process([to_record(event.message) for event in events])
                for event in events:
                    await taking.ack(event)
        finally:
            await stop()

    return app


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
