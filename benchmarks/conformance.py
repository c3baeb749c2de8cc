"""What checking conformance costs the worker: `python -m benchmarks.conformance` processes batches with and without it.

The batches are those of the LRS, attested, of the statements of benchmarks/templates.py, from learners whom the vault
knows; nothing is written anywhere, so that what is measured is the worker's own work on a statement.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from benchmarks.templates import make_statements
from clickhouse.statements import Existing, Links
from identity.attestation import attest
from identity.database import open_database, upgrade
from identity.fingerprint import fingerprint
from identity.keys import MasterKey, TenantKeys, draw_key
from identity.standing import Standing
from identity.tenants import add_tenant
from identity.vault import Vault
from stream_processors.processing import Processor
from stream_processors.reading import IncomingRecord
from xapi_profiles.profile import load_profiles
from xapi_profiles.record import ATTESTATION, TOPIC, build_headers, parse_headers
from xapi_profiles.templates import ConformanceChecker

TENANT = "bench"
RECORDS, PER_RECORD, LEARNERS = 10, 50, 100
# Short and many, the fastest counting: on a shared machine a long one never has a core to itself.
REPEATS = 60


class NoStore:
    """A store that keeps nothing."""

    async def read_progress(self, topic: str) -> dict[int, int]:
        del topic
        return {}

    async def find_ids(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Existing]:
        del tenant, ids
        return {}

    async def find_links(self, tenant: str, ids: Iterable[UUID]) -> Mapping[UUID, Links]:
        del tenant, ids
        return {}

    async def read_copied_revision(self, tenant: str) -> int:
        del tenant
        return 0

    async def insert(self, tenant: str, rows: Sequence[Any], token: str) -> None:
        """Keep nothing."""

    async def insert_shared(self, rows: Sequence[Any], token: str) -> None:
        """Keep nothing."""


def make_record(keys: TenantKeys, offset: int, forms: Sequence[dict[str, Any]]) -> IncomingRecord:
    """Return a record of new statements as the LRS writes it."""
    statements = [
        forms[number % len(forms)]
        | {"id": str(uuid.uuid4()), "actor": {"mbox": f"mailto:learner.{number % LEARNERS}@example.org"}}
        for number in range(PER_RECORD)
    ]
    value = orjson.dumps(statements)
    headers = tuple(build_headers(TENANT, "lrs"))
    prints = [fingerprint(statement, keys.fingerprint) for statement in statements]
    attestation = attest(keys, str(parse_headers(headers)), value, prints)
    return IncomingRecord(TOPIC, 0, offset, 1_795_000_000_000 + offset, (*headers, (ATTESTATION, attestation)), value)


async def time_batches(processors: Mapping[str, Processor], keys: TenantKeys) -> dict[str, float]:
    """Return the microseconds of processor time a statement, by what each processor does."""
    forms, offsets, fastest = list(make_statements().values()), itertools.count(), dict.fromkeys(processors, 1.0)
    for _ in range(REPEATS):
        for name, processor in processors.items():
            records = [make_record(keys, next(offsets), forms) for _ in range(RECORDS)]
            began = time.process_time()
            await processor.process(records)
            fastest[name] = min(fastest[name], time.process_time() - began)
    return {name: seconds / (RECORDS * PER_RECORD) * 1e6 for name, seconds in fastest.items()}


def measure() -> dict[str, float]:
    """Return the microseconds of the worker's processor time a statement, unchecked and checked."""
    shipped = ConformanceChecker(load_profiles())
    with tempfile.TemporaryDirectory(prefix="jalon-bench-") as directory:
        engine = open_database(f"sqlite:///{Path(directory)}/identity.db")
        try:
            upgrade(engine)
            master = MasterKey(draw_key())
            add_tenant(engine, master, TENANT, TENANT)
            vault = Vault(engine, master)

            def check_by(checker: ConformanceChecker) -> Processor:
                return Processor(NoStore(), vault, master, Standing(engine).find, find_checker=lambda _: checker)

            processors = {"unchecked": check_by(ConformanceChecker(())), "checked": check_by(shipped)}
            return asyncio.run(time_batches(processors, vault.tenant_keys(TENANT)))
        finally:
            engine.dispose()


def main() -> None:
    for name, microseconds in measure().items():
        print(f"{name}: {microseconds:.1f} us a statement")


if __name__ == "__main__":
    main()
