"""The product on PostgreSQL, and what becomes of it while that is gone: nothing that was accepted is lost."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import pytest

from identity.credentials import add_credential
from tests.integration.conftest import Breakable
from tests.stack import Stack, TenantAccess
from tests.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.fault]


def make_statement(learner: str) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "actor": {"mbox": f"mailto:{learner}@example.org"},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/attended"},
        "object": {"id": "https://example.org/sessions/1"},
    }


def read(http: httpx.Client, statement: dict[str, Any]) -> httpx.Response:
    return http.get("statements", params={"statementId": statement["id"]})


@contextmanager
def connect_blind(stack: Stack, tenant: TenantAccess) -> Iterator[httpx.Client]:
    """Open a client of the tenant that sees pseudonyms only."""
    credential, secret = add_credential(stack.installation.engine, tenant.id, "pseudonyms only")
    with httpx.Client(
        base_url=stack.xapi, auth=(credential.key, secret), headers=tenant.http.headers, timeout=30, trust_env=False
    ) as http:
        yield http


def problems(stack: Stack) -> dict[str, str]:
    assert stack.instance is not None
    return {process.name: process.problem for process in stack.instance.read_status()}


def count_in_logs(stack: Stack, event: str) -> list[int]:
    """Return how often each worker has told of an event."""
    return [path.read_text().count(event) for path in sorted(stack.settings.logs.glob("worker-*.out.log"))]


def subtract(now: list[int], before: list[int]) -> list[int]:
    return [one - other for one, other in zip(now, before, strict=True)]


def test_the_product_runs_on_postgres_and_outlives_its_loss(everything: Breakable) -> None:
    stack, postgres = everything.stack, everything.postgres
    waits, goes_on = count_in_logs(stack, "processing-waits"), count_in_logs(stack, "processing-goes-on")
    with stack.add_tenant() as tenant, connect_blind(stack, tenant) as blind:
        known, unopened = make_statement("ada"), make_statement("grace")
        assert tenant.http.post("statements", json=[known, unopened]).status_code == 200
        assert read(tenant.http, known).json()["actor"] == known["actor"]
        assert read(blind, unopened).json()["actor"].keys() == {"objectType", "account"}
        assert set(problems(stack).values()) == {""}

        postgres.kill()
        assert read(blind, unopened).status_code == 200
        answer = read(tenant.http, unopened)
        assert (answer.status_code, answer.json()["code"]) == (503, "identity-unavailable")
        accepted = [make_statement(f"learner-{number}") for number in range(3)]  # of whom no process has a key
        for statement in accepted:
            assert tenant.http.post("statements", json=statement).status_code == 200
        told = problems(stack)
        workers = {"worker-1", "worker-2"}
        assert {name for name, problem in told.items() if problem} == {"lrs", "scheduler", *workers}
        assert all("processing waits" in told[name] for name in workers)
        eventually(lambda: count_in_logs(stack, "processing-waits") != waits)

        postgres.start()
        for statement in [unopened, *accepted]:
            eventually(lambda statement=statement: read(tenant.http, statement).status_code == 200)
            assert read(tenant.http, statement).json()["actor"] == statement["actor"]
        eventually(lambda: set(problems(stack).values()) == {""})
        # Each worker that had something to store has said once that it waits, and once that it goes on.
        waited = subtract(count_in_logs(stack, "processing-waits"), waits)
        went_on = [
            now - before for now, before in zip(count_in_logs(stack, "processing-goes-on"), goes_on, strict=True)
        ]
        assert waited == went_on
        assert set(waited) in ({1}, {0, 1})
        ledger = "SELECT sum(accepted), sum(stored), sum(dead) FROM ledger FINAL"
        assert tenant.reader.query(ledger).result_rows == [(5, 5, 0)]


def test_a_master_key_of_the_environment_is_on_no_disk_and_in_no_other_program(everything: Breakable) -> None:
    stack = everything.stack
    assert stack.instance is not None
    files = [path for path in stack.settings.data_dir.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if everything.master_key.encode() in path.read_bytes()]
    (kafka,) = (process for process in stack.instance.list_processes() if process.name == "kafka")
    assert everything.master_key not in psutil.Process(kafka.pid).environ().values()


def test_a_process_that_starts_anew_opens_the_vault_with_the_key_it_inherits(breakable: Stack) -> None:
    assert breakable.instance is not None
    (before,) = (process for process in breakable.instance.list_processes() if process.name == "lrs")
    psutil.Process(before.pid).kill()

    def is_back() -> bool:
        (lrs,) = (process for process in breakable.instance.read_status() if process.name == "lrs")
        return lrs.pid not in {None, before.pid} and not lrs.problem

    eventually(is_back, seconds=60)
    with breakable.add_tenant() as tenant:
        assert tenant.http.post("statements", json=make_statement("ada")).status_code == 200
