"""The topic of accepted records: created once, with what the promises rest on, and checked at every start."""

from __future__ import annotations

import socket
import struct
import time
from datetime import timedelta

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.net.compat import KafkaNetClient

from jalon.errors import StartFailed
from jalon.settings import Settings

_SEGMENT_HOURS = 24
_CLEANING = timedelta(hours=1)  # Kafka looks every five minutes, and deletes a minute after it has looked

_API_VERSIONS = 18
_CORRELATION = 1
_HEAD = struct.Struct(">iih")


def topic_configuration(settings: Settings) -> dict[str, str]:
    """Return what the topic is set to. `stored` is the broker's append time, so clients cannot choose it."""
    return {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": "delete",
        "retention.ms": str(settings.topic_retention_hours * 3_600_000),
        # A segment goes as a whole, when its newest record is that old: a long one would keep its oldest for longer.
        "segment.ms": str(_SEGMENT_HOURS * 3_600_000),
        "max.message.bytes": str(settings.message_bytes),
        "min.insync.replicas": str(max(1, settings.kafka_replication - 1)),
        "unclean.leader.election.enable": "false",
    }


def forgets_after(settings: Settings) -> timedelta:
    """Return how long after it was accepted a record is gone from the topic at the latest."""
    return timedelta(hours=settings.topic_retention_hours + _SEGMENT_HOURS) + _CLEANING


def answers(settings: Settings) -> bool:
    """Whether a broker answers the first thing that any client asks it (ApiVersions).

    Asked by hand, since it is asked again and again while Kafka starts: a client of kafka-python takes a thread and,
    for every refused connection, a socket that it never closes.
    """
    host, _, port = settings.kafka_servers.split(",")[0].rpartition(":")
    question = struct.pack(">hhih", _API_VERSIONS, 0, _CORRELATION, -1)
    try:
        with _connect(settings, host, int(port)) as connection:
            connection.sendall(struct.pack(">i", len(question)) + question)
            with connection.makefile("rb") as answer:
                head = answer.read(10)
    except OSError:
        return False
    return len(head) == _HEAD.size and _HEAD.unpack(head)[1:] == (_CORRELATION, 0)


def _connect(settings: Settings, host: str, port: int) -> socket.socket:
    """Connect as a client would, encrypted or not. Raises OSError."""
    context = settings.kafka_access.open_context()
    connection = socket.create_connection((host, port), timeout=5)
    if context is None:
        return connection
    try:
        return context.wrap_socket(connection, server_hostname=host)
    except OSError:
        connection.close()
        raise


def open_admin(settings: Settings) -> KafkaAdminClient:
    """Connect for administration; raises KafkaError while Kafka does not answer. Close it after use."""
    clients: list[KafkaNetClient] = []

    def make_client(**configuration: object) -> KafkaNetClient:
        clients.append(KafkaNetClient(**configuration))
        return clients[-1]

    try:
        return KafkaAdminClient(
            bootstrap_servers=settings.kafka_servers.split(","),
            client_id="jalon",
            bootstrap_timeout_ms=5_000,
            kafka_client=make_client,
            **settings.kafka_access.list_options(),
        )
    except KafkaError:
        # The constructor leaves its thread behind, which would try to connect for ever.
        for client in clients:
            client.close()
            client._manager._net.stop()  # noqa: SLF001 (there is no public way)
        raise


def ensure_topic(settings: Settings) -> None:
    """Create the topic, or bring its configuration up to date; safe to call at every start and from several processes.

    Raises StartFailed when a topic of that name exists with fewer partitions than asked for.
    """
    try:
        admin = open_admin(settings)
        try:
            _ensure(admin, settings)
        finally:
            admin.close()
    except KafkaError as error:
        raise StartFailed(
            f"Kafka at {settings.kafka_servers} refused to prepare the topic {settings.topic} ({type(error).__name__})."
        ) from error


def await_topic(settings: Settings) -> None:
    """Return once the topic is there; a worker that begins before would only fail and begin again.

    Raises StartFailed after `startup_seconds`.
    """
    deadline = time.monotonic() + settings.startup_seconds
    while not _exists(settings):
        if time.monotonic() > deadline:
            raise StartFailed(
                f"The topic {settings.topic} is not at {settings.kafka_servers}: is Kafka up? Then `jalon migrate`."
            )
        time.sleep(0.25)


def _exists(settings: Settings) -> bool:
    if not answers(settings):
        return False
    try:
        admin = open_admin(settings)
    except KafkaError:
        return False
    try:
        return settings.topic in admin.list_topics()
    except KafkaError:
        return False
    finally:
        admin.close()


def _ensure(admin: KafkaAdminClient, settings: Settings) -> None:
    wanted = topic_configuration(settings)
    if settings.topic not in admin.list_topics():
        try:
            admin.create_topics(
                {
                    settings.topic: {
                        "num_partitions": settings.kafka_partitions,
                        "replication_factor": settings.kafka_replication,
                        "configs": wanted,
                    }
                },
                wait_for_metadata=True,
            )
        except TopicAlreadyExistsError:
            pass  # another process was as quick
        else:
            return
    partitions = count_partitions(admin, settings.topic)
    if partitions != settings.kafka_partitions:
        raise StartFailed(
            f"The topic {settings.topic} has {partitions} partitions, not {settings.kafka_partitions}: "
            f"set JALON_KAFKA_PARTITIONS={partitions}. A topic's partitions are settled when it is created."
        )
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, settings.topic, configs=wanted)])


def count_partitions(admin: KafkaAdminClient, topic: str) -> int:
    """Return how many partitions a topic has."""
    [description] = admin.describe_topics([topic])
    return len(description["partitions"])
