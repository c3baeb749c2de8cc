"""The way in through Kafka: statements are checked here and written as records; the ledger has the verdicts."""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from typing import Any
from uuid import UUID, uuid4

from clickhouse.connection import Client
from clickhouse.databases import name_tenant_database
from jalon.importing.files import Found
from jalon.importing.verdicts import Verdicts
from producers.sinks import KafkaSink
from xapi_profiles.errors import InvalidStatement
from xapi_profiles.validation import check_statements

SOURCE = "import"


class KafkaRoute:
    """Writes each batch as one record; `settle` reads the ledger of exactly these records."""

    def __init__(self, sink: KafkaSink, client: Client, tenant: str, topic: str) -> None:
        """Take a sink for this tenant and source, and the owner's client."""
        self._sink, self._client = sink, client
        self._database, self._topic = name_tenant_database(tenant), topic
        self._sent: dict[tuple[int, int], list[Found]] = {}
        self._lock = Lock()

    def send(self, batch: list[Found]) -> Verdicts:
        """Check the batch, write the valid ones and return once Kafka has acknowledged them."""
        verdicts = Verdicts()
        valid = []
        for found in batch:
            try:
                check_statements([found.statement])
            except InvalidStatement as error:
                problem = error.problems[0]
                pointer = problem.pointer.removeprefix("/0") or "/"
                verdicts.rejected.append((found, f"{pointer}: {problem.message} [{problem.rule}]"))
            else:
                # With an id of its own, a record that Kafka got twice is still one statement.
                found.statement.setdefault("id", str(uuid4()))
                valid.append(found)
        if valid:
            with self._lock:
                for record, place in self._sink.write([found.statement for found in valid]):
                    self._sent[place] = valid[record]
        return verdicts

    def settle(self) -> Verdicts:
        """Read what the ledger says of our records, and why some statements became dead letters."""
        verdicts = Verdicts()
        dead: dict[tuple[int, int], int] = {}
        for partition, offset, stored, duplicate, died in self._read(
            "ledger", "partition, offset, stored, duplicate, dead"
        ):
            if (partition, offset) in self._sent:
                verdicts.accepted += stored
                verdicts.duplicate += duplicate
                if died:
                    dead[partition, offset] = died
        if dead:
            for partition, offset, position, detail in self._read(
                "dead_letters", "partition, offset, position, detail"
            ):
                if (partition, offset) in dead:
                    verdicts.rejected.append((self._sent[partition, offset][position], detail))
        rejected = {found.place for found, _ in verdicts.rejected}
        verdicts.ids = [
            UUID(found.statement["id"]) for sent in self._sent.values() for found in sent if found.place not in rejected
        ]
        return verdicts

    def _read(self, table: str, columns: str) -> Iterable[Any]:
        """Read the rows of the partitions and spans of offsets that we wrote; others' rows lie among them."""
        for partition in {partition for partition, _ in self._sent}:
            offsets = [offset for own, offset in self._sent if own == partition]
            yield from self._client.query(
                f"SELECT {columns} FROM {{database:Identifier}}.{table} FINAL "  # noqa: S608 (names are ours)
                "WHERE topic = {topic:String} AND partition = {partition:Int32} "
                "AND offset BETWEEN {first:Int64} AND {last:Int64}",
                parameters={
                    "database": self._database,
                    "topic": self._topic,
                    "partition": partition,
                    "first": min(offsets),
                    "last": max(offsets),
                },
            ).result_rows
