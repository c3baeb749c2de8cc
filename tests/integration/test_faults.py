"""SIGKILL of each process in turn while statements flow: nothing accepted is lost, nothing is counted twice."""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from kafka.admin import KafkaAdminClient

from clickhouse.databases import SHARED, name_tenant_database
from clickhouse.terms import name_term
from tests.stack import Stack, TenantAccess
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.fault]

STATEMENTS = 5_000
PER_REQUEST = 10
SENDERS = 4
KILLED = [
    (0.1, "worker-1", "scheduler"),
    (0.25, "lrs"),
    (0.4, "clickhouse"),
    (0.55, "kafka"),
    (0.7, "worker-2", "boards", "webhooks"),
]
"""Which processes are killed when which share of the statements has been accepted."""


def find_pids(stack: Stack) -> dict[str, int | None]:
    assert stack.instance is not None
    return {process.name: process.pid for process in stack.instance.list_processes()}


def find_pid(stack: Stack, name: str) -> int:
    pid = find_pids(stack)[name]
    assert pid
    return pid


def is_ready(stack: Stack) -> bool:
    assert stack.instance is not None
    return not any(process.problem for process in stack.instance.read_status())


class Flow:
    """Sends batches until all are accepted, again and again while the LRS cannot take them."""

    def __init__(self, tenant: TenantAccess) -> None:
        self._tenant = tenant
        self.accepted = 0
        self._lock = threading.Lock()
        self.batches = [
            [
                {
                    "id": str(uuid.uuid4()),
                    "actor": {"mbox": f"mailto:learner.{number % 300}@example.org"},
                    "verb": {"id": "http://adlnet.gov/expapi/verbs/experienced"},
                    "object": {"id": f"https://example.org/activities/{number % 7}"},
                }
                for number in range(start, start + PER_REQUEST)
            ]
            for start in range(0, STATEMENTS, PER_REQUEST)
        ]

    def send(self, batch: list[dict[str, Any]]) -> None:
        deadline = time.monotonic() + 120
        while True:
            try:
                answer = self._tenant.http.post("statements", json=batch)
                if answer.status_code == 200:
                    break
                assert answer.status_code == 503, answer.text
            except httpx.TransportError as error:
                refused: Exception = error
            else:
                refused = AssertionError(answer.text)
            if time.monotonic() > deadline:
                raise refused
        with self._lock:
            self.accepted += len(batch)

    def wait_for(self, share: float) -> None:
        eventually(lambda: self.accepted >= share * STATEMENTS, seconds=180)


def test_killing_every_process_in_turn_loses_nothing_and_counts_nothing_twice(breakable: Stack) -> None:
    with breakable.add_tenant() as tenant, ThreadPoolExecutor(SENDERS) as pool:
        flow = Flow(tenant)
        sent = [pool.submit(flow.send, batch) for batch in flow.batches]
        before = find_pids(breakable)
        for share, *names in KILLED:
            flow.wait_for(share)
            for name in names:
                os.kill(find_pid(breakable, name), signal.SIGKILL)
        for one in sent:
            one.result(timeout=180)

        ids = {statement["id"] for batch in flow.batches for statement in batch}
        database = name_tenant_database(tenant.id)

        def read_counts() -> tuple[int, ...]:
            with breakable.connect_owner() as owner:
                strays = owner.query(f"SELECT count() FROM {SHARED}.dead_letters FINAL").result_rows[0]
                stored = owner.query(f"SELECT count(), uniqExact(id) FROM {database}.statements FINAL").result_rows[0]
                ledger = owner.query(
                    f"SELECT sum(accepted) - sum(stored) - sum(duplicate) - sum(dead), sum(stored), sum(dead) "
                    f"FROM {database}.ledger FINAL"
                ).result_rows[0]
            return (*stored, *ledger, *strays)

        def drained() -> bool:
            try:
                counts = read_counts()
            except Exception as error:
                raise AssertionError(repr(error)) from error
            assert counts == (STATEMENTS, STATEMENTS, 0, STATEMENTS, 0, 0)
            return True

        assert eventually(drained, seconds=240)
        with breakable.connect_owner() as owner:
            stored_ids = {str(row[0]) for row in owner.query(f"SELECT id FROM {database}.statements").result_rows}
            found = owner.query(
                f"SELECT uniqExact(id), (SELECT count() FROM {database}.current_statements) "
                f"FROM {database}.postings WHERE term = {name_term('every')}"
            ).result_rows
        assert stored_ids == ids
        # Whatever was cut short between a statement and what it is found by has been completed.
        assert found == [(STATEMENTS, STATEMENTS)]
        last = flow.batches[-1][-1]["id"]
        read = eventually(
            lambda: (
                (answer := tenant.http.get("statements", params={"statementId": last})).status_code == 200 and answer
            )
        )
        assert read.json()["id"] == last
    assert eventually(lambda: is_ready(breakable), seconds=120)
    assert {name for name, pid in find_pids(breakable).items() if pid == before[name]} == set()


def test_two_workers_share_the_partitions_and_one_takes_over_from_one_that_hangs(breakable: Stack) -> None:
    assert eventually(lambda: read_shares(breakable) == [2, 2], seconds=180)
    hanging = find_pid(breakable, "worker-2")
    with breakable.add_tenant() as tenant:
        flow = Flow(tenant)
        os.kill(hanging, signal.SIGSTOP)
        try:
            for batch in flow.batches[:200]:
                flow.send(batch)
            # Its partitions pass to the other when its session has timed out, and not before.
            eventually(lambda: count_stored(breakable, tenant) == 200 * PER_REQUEST, seconds=90)
        finally:
            os.kill(hanging, signal.SIGCONT)
        for batch in flow.batches[200:300]:
            flow.send(batch)
        eventually(lambda: count_stored(breakable, tenant) == 300 * PER_REQUEST, seconds=90)
        with breakable.connect_owner() as owner:
            database = name_tenant_database(tenant.id)
            ledger = owner.query(
                f"SELECT sum(accepted), sum(stored), sum(duplicate), sum(dead) FROM {database}.ledger FINAL"
            ).result_rows[0]
        assert ledger == (300 * PER_REQUEST, 300 * PER_REQUEST, 0, 0)


def read_shares(stack: Stack) -> list[int]:
    """Return how many partitions each member of the workers' group has."""
    group = stack.settings.worker_group
    admin = KafkaAdminClient(bootstrap_servers=stack.settings.kafka_servers)
    try:
        members = admin.describe_groups([group])[group]["members"]
    finally:
        admin.close()
    assignments = [member["member_assignment"] for member in members]
    # While the group rebalances, a member's assignment is empty bytes.
    if not all(isinstance(assignment, dict) for assignment in assignments):
        return []
    return sorted(
        sum(len(one["partitions"]) for one in assignment["assigned_partitions"]) for assignment in assignments
    )


def count_stored(stack: Stack, tenant: TenantAccess) -> int:
    with stack.connect_owner() as owner:
        result = owner.query(f"SELECT count() FROM {name_tenant_database(tenant.id)}.statements FINAL")
    return int(result.result_rows[0][0])
