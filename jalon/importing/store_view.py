"""The store as the import sees it: the tenant's table, and how far the log is stored."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import UUID

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from clickhouse.connection import Client
from clickhouse.databases import name_tenant_database
from clickhouse.progress import PROGRESS
from clickhouse.statements import IDS_PER_QUERY, list_ids
from jalon.errors import NotRunning, StillProcessing
from jalon.settings import Settings

_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 60.0


class TenantStore:
    """Counts a tenant's statements as the owner of the databases."""

    def __init__(self, settings: Settings, client: Client, tenant: str) -> None:
        """Take the running instance's settings and the owner's client."""
        self._settings, self._client = settings, client
        self._database = name_tenant_database(tenant)

    def count(self) -> int:
        """Return how many statements the tenant has stored."""
        return self._count("")

    def count_present(self, ids: Iterable[UUID]) -> int:
        """Return how many of these ids are stored."""
        asked = list(ids)
        present = 0
        for start in range(0, len(asked), IDS_PER_QUERY):
            present += self._count(f" WHERE id IN {list_ids(asked[start : start + IDS_PER_QUERY])}")
        return present

    def wait_until_stored(self) -> None:
        """Return once everything is queryable that Kafka held when this was called.

        Raises StillProcessing when nothing moves for a minute, NotRunning when Kafka does not answer.
        """
        ends = read_end_offsets(self._settings)
        behind, deadline = -1, time.monotonic() + _PATIENCE_SECONDS
        while True:
            reached = self._read_progress()
            left = sum(max(0, end - reached.get(partition, 0)) for partition, end in ends.items())
            if not left:
                return
            if left != behind:
                behind, deadline = left, time.monotonic() + _PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                raise StillProcessing(
                    f"{left} accepted records have not been stored for a minute; nothing is lost, and the command can "
                    "be run again. See `jalon status`: does the worker run?"
                )
            time.sleep(_PAUSE_SECONDS)

    def _count(self, where: str) -> int:
        result = self._client.query(
            f"SELECT count() FROM {{database:Identifier}}.statements FINAL{where}",  # noqa: S608 (UUIDs only)
            parameters={"database": self._database},
        )
        return int(result.result_rows[0][0])

    def _read_progress(self) -> dict[int, int]:
        rows = self._client.query(PROGRESS, parameters={"topic": self._settings.topic}).result_rows
        return {int(partition): int(reached) for partition, reached in rows}


def read_end_offsets(settings: Settings) -> dict[int, int]:
    """Return, per partition of the topic, the offset after its last record. Raises NotRunning."""
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=settings.kafka_servers.split(","),
            client_id="jalon-import",
            bootstrap_timeout_ms=5_000,
            **settings.kafka_access.list_options(),
        )
        try:
            partitions = consumer.partitions_for_topic(settings.topic) or set()
            ends = consumer.end_offsets([TopicPartition(settings.topic, number) for number in partitions])
        finally:
            consumer.close()
    except KafkaError as error:
        raise NotRunning(f"Kafka at {settings.kafka_servers} does not answer: start it with `jalon up`.") from error
    return {partition.partition: end for partition, end in ends.items()}
